import type { Fault } from './faults.ts';

const app = 'core/host/gateway.bicep';
const alerts = 'core/monitor/alerts.bicep';
const api = 'core/apim/api.bicep';
const frontDoor = 'core/edge/front-door.bicep';
const registry = 'core/host/registry.bicep';
const records = 'core/monitor/usage-records.bicep';
const service = 'core/apim/service.bicep';
const store = 'core/config/app-configuration.bicep';
const zones = 'core/network/private-dns.bicep';

const fault = (rule: string, what: string, change: Pick<Fault, 'file' | 'from' | 'to'>): Fault => ({
  what,
  rule,
  ...change,
});

/** Faults each of whose values may stand where it does, but not beside what else is there. */
export const faultsOfFit: readonly Fault[] = [
  // ── Tiers ──
  fault('fit', 'a registry of a tier that takes no private endpoint', {
    file: registry,
    from: "'Premium' : 'Basic'",
    to: "'Standard' : 'Basic'",
  }),
  fault('fit', 'a configuration store of a tier that takes no private endpoint', {
    file: store,
    from: "name: 'standard'",
    to: "name: 'free'",
  }),
  fault('fit', 'a firewall policy for another tier than that of its profile', {
    file: frontDoor,
    from: /(FrontDoorWebApplicationFirewallPolicies[^]*?)'Premium_AzureFrontDoor'/,
    to: "FrontDoorWebApplicationFirewallPolicies@2024-02-01' = {\n  name: firewallName\n  location: 'global'\n  tags: tags\n  sku: {\n    name: 'Standard_AzureFrontDoor'",
  }),

  // ── Roles ──
  fault('holder', 'the gateway may put another image in the place of its own', {
    file: registry,
    from: /(resource pullRole[^]*?)roleDefinitions', roles\.acrPull\.id/,
    to: "resource pullRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  scope: registry\n  name: guid(registry.id, gatewayPrincipalId, roles.acrPull.id)\n  properties: {\n    principalId: gatewayPrincipalId\n    principalType: 'ServicePrincipal'\n    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPush.id",
  }),
  fault('holder', 'the gateway may rewrite its own configuration', {
    file: store,
    from: "roleDefinitions', roles.appConfigurationDataReader.id",
    to: "roleDefinitions', roles.appConfigurationDataOwner.id",
  }),
  fault('holder', 'the right to send rows is given on the workspace, where it sends none', {
    file: records,
    from: 'scope: rule\n  name: guid(rule.id',
    to: 'scope: workspace\n  name: guid(workspace.id',
  }),
  fault('fit', 'the role on an account that is brought is given in the wrong subscription', {
    file: 'resources.bicep',
    from: 'scope: resourceGroup(account.subscriptionId, account.resourceGroup)',
    to: 'scope: resourceGroup(account.resourceGroup)',
  }),
  fault('fit', 'Redis lets in the client id, which no token carries as its object', {
    file: 'resources.bicep',
    from: 'entraPrincipals: [identity.outputs.principalId]',
    to: 'entraPrincipals: [identity.outputs.clientId]',
  }),

  // ── Network ──
  fault('fit', 'a private endpoint leads to something else', {
    file: 'core/security/key-vault.bicep',
    from: 'serviceId: vault.id',
    to: 'serviceId: workspaceId',
  }),
  fault('fit', 'one of the zones is not linked', {
    file: zones,
    from: 'for (name, at) in made: {',
    to: 'for (name, at) in made: if (at > 0) {',
  }),
  fault('fit', 'zones are linked to a network that is not this one', {
    file: zones,
    from: 'id: virtualNetworkId',
    to: "id: '${virtualNetworkId}-of-others'",
  }),
  fault('fit', 'the rules of the subnet of private endpoints hold for none of them', {
    file: 'core/network/network.bicep',
    from: "'NetworkSecurityGroupEnabled'",
    to: "'Disabled'",
  }),

  // ── The app ──
  fault('fit', 'readiness is asked on the port of the admin API', {
    file: app,
    from: /path: '\/readyz'\n(\s+)port: port/,
    to: "path: '/readyz'\n                port: 8081",
  }),
  fault('fit', 'a replica that drains is killed, since it is not ready', {
    file: app,
    from: /(type: 'Liveness'\s+httpGet: \{\s+path: )'\/healthz'/,
    to: "type: 'Liveness'\n              httpGet: {\n                path: '/readyz'",
  }),
  fault('fit', 'the user of the image is given another folder than that of the journals', {
    file: app,
    from: "['chown', imageUser, dataFolder]",
    to: "['chown', imageUser, configurationFolder]",
  }),
  fault('fit', 'replicas are started for no calls at all', {
    file: app,
    from: 'string(concurrentRequests)',
    to: 'string(concurrentRequests * 0)',
  }),
  fault('fit', 'PostgreSQL is not asked who it is', {
    file: 'resources.bicep',
    from: 'sslmode=verify-full',
    to: 'sslmode=require',
  }),
  fault('fit', 'Redis is spoken to in clear', { file: 'resources.bicep', from: "'rediss://", to: "'redis://" }),

  // ── API Management ──
  fault('fit', 'API Management calls paths that Tollgate does not have', {
    file: api,
    from: "'${gatewayUrl}/openai'",
    to: 'gatewayUrl',
  }),
  fault('fit', 'API Management asks for a token that Tollgate does not take', {
    file: api,
    from: "value: 'api://${tollgateAppId}'",
    to: "value: 'https://${tollgateAppId}'",
  }),
  fault('fit', 'API Management sends its proof to whoever answers', {
    file: api,
    from: 'validateCertificateName: true',
    to: 'validateCertificateName: false',
  }),
  fault('fit', 'the gateway log is said to the logger of Application Insights', {
    file: service,
    from: 'loggerId: gatewayLogger.id',
    to: 'loggerId: logger.id',
  }),
  fault('fit', 'a log that there is not', { file: service, from: "'GatewayLogs'", to: "'GatewayLog'" }),

  // ── Front Door ──
  fault('baseline', 'the firewall is off', {
    file: frontDoor,
    from: "enabledState: 'Enabled'\n      mode",
    to: "enabledState: 'Disabled'\n      mode",
  }),
  fault('baseline', 'the limit for each address only counts', {
    file: frontDoor,
    from: "action: 'Block'",
    to: "action: 'Log'",
  }),
  fault('baseline', 'callers may come in clear', {
    file: frontDoor,
    from: "supportedProtocols: ['Https']",
    to: "supportedProtocols: ['Http', 'Https']",
  }),

  // ── What is told, and kept ──
  fault('fit', 'rows have nowhere to be sent to', {
    file: records,
    from: "kind: isolated ? null : 'Direct'",
    to: 'kind: null',
  }),
  fault('fit', 'alerts tell nobody', { file: alerts, from: '[actionGroup.id]', to: '[]' }),
  fault('fit', 'alerts are refused until there are rows', {
    file: alerts,
    from: 'skipQueryValidation: true',
    to: 'skipQueryValidation: false',
  }),
  fault('baseline', 'a lock under which nothing can be deployed', {
    file: 'core/governance/lock.bicep',
    from: "'CanNotDelete'",
    to: "'ReadOnly'",
  }),
];
