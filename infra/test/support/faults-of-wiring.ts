import type { Fault } from './faults.ts';

const app = 'core/host/gateway.bicep';
const environment = 'core/host/environment.bicep';
const frontDoor = 'core/edge/front-door.bicep';
const network = 'core/network/network.bicep';
const share = 'core/host/journal-share.bicep';

const fault = (rule: string, what: string, change: Pick<Fault, 'file' | 'from' | 'to'>): Fault => ({
  what,
  rule,
  ...change,
});

/** Faults with which everything is deployed without an error, and does not work, or is open to whom it should not be. */
export const faultsOfWiring: readonly Fault[] = [
  // ── Who reaches whom ──
  fault('path', 'PostgreSQL is not let out to', {
    file: network,
    from: "destinationAddressPrefix: endpointsPrefix\n          destinationPortRanges: ['443', '445', '2049', '5432', '10000']",
    to: "destinationAddressPrefix: endpointsPrefix\n          destinationPortRanges: ['443', '445', '2049', '10000']",
  }),
  fault('path', 'Container Apps are let out to the share on one of the two ports that they ask for', {
    file: network,
    from: "['443', '445', '2049', '5432', '10000']",
    to: "['443', '2049', '5432', '10000']",
  }),
  fault('path', 'Entra is not let out to', {
    file: network,
    from: "destinationAddressPrefix: 'AzureActiveDirectory'",
    to: "destinationAddressPrefix: 'AzureMonitor'",
  }),
  fault('path', 'API Management does not reach its cache', {
    file: network,
    from: "['443', '10000']",
    to: "['443', '6380']",
  }),
  fault('path', 'what is denied is denied before what is allowed', {
    file: network,
    from: 'priority: 4096',
    to: 'priority: 99',
  }),
  fault('path', 'a gateway that is taken over may talk to the world', {
    file: network,
    from: /(name: 'DenyOutbound'[^]*?)access: 'Deny'/,
    to: "name: 'DenyOutbound'\n        properties: {\n          priority: 4096\n          direction: 'Outbound'\n          access: 'Allow'",
  }),
  fault('path', 'the whole network reaches the services past the gateway', {
    file: network,
    from: /sourceAddressPrefix: apiManagementPrefix\n([^\n]*\n)([^\n]*endpointsPrefix)/,
    to: "sourceAddressPrefix: '*'\n          sourcePortRange: '*'\n          destinationAddressPrefix: endpointsPrefix",
  }),
  fault('wiring', 'the private link scope leaves out the data collection endpoint', {
    file: 'resources.bicep',
    from: /\{\n {8}name: 'data-collection-endpoint'[^]*?\n {6}\}\n/,
    to: '',
  }),
  fault('wiring', 'nothing in the network finds the gateway by name', {
    file: 'core/host/internal-domain.bicep',
    from: "name: '*'",
    to: "name: '@'",
  }),
  fault('wiring', 'the environment has an address on the internet', {
    file: environment,
    from: 'internal: true',
    to: 'internal: false',
  }),
  fault('wiring', 'a subnet is delegated to the other kind of API Management', {
    file: network,
    from: "apiManagementNetwork == 'injection'",
    to: "apiManagementNetwork == 'integration'",
  }),
  fault('baseline', 'the cache of API Management, once full, takes nothing more', {
    file: 'resources.bicep',
    from: 'holdsCounters: false',
    to: 'holdsCounters: true',
  }),
  fault('baseline', 'counters make room for others, and go with a restart', {
    file: 'resources.bicep',
    from: 'holdsCounters: true',
    to: 'holdsCounters: false',
  }),
  fault('wiring', 'nobody sees who pulled and pushed images', {
    file: 'core/host/registry.bicep',
    from: /resource audit [^]*?\n\}\n\n/,
    to: '',
  }),
  fault('baseline', 'Redis listens where the network lets nobody through', {
    file: 'core/cache/redis.bicep',
    from: 'port: 10000',
    to: 'port: 6380',
  }),

  // ── Who is who ──
  fault('wiring', 'the image is pulled as nobody', { file: app, from: '          identity: identity.id\n', to: '' }),
  fault('wiring', 'libraries are told the principal for the client', {
    file: 'resources.bicep',
    from: 'clientId: identity.outputs.clientId',
    to: 'clientId: identity.outputs.principalId',
  }),
  fault('wiring', 'the gateway signs in to PostgreSQL as somebody else', {
    file: 'resources.bicep',
    from: "value: 'postgres://${abbreviations.managedIdentity}${token}@",
    to: "value: 'postgres://${abbreviations.containerApp}${token}@",
  }),
  fault('baseline', 'the administrator of PostgreSQL is taken for a user', {
    file: 'core/database/postgres.bicep',
    from: "principalType: 'ServicePrincipal'",
    to: "principalType: 'User'",
  }),

  // ── Journals ──
  fault('wiring', 'journals go with the replica', {
    file: 'resources.bicep',
    from: 'useJournalShare: networkIsolation && usePostgres',
    to: 'useJournalShare: !networkIsolation && usePostgres',
  }),
  fault('baseline', 'a share that the user of the image cannot be given', {
    file: share,
    from: "'NoRootSquash'",
    to: "'RootSquash'",
  }),
  fault('baseline', 'a share that is not mounted', {
    file: share,
    from: 'supportsHttpsTrafficOnly: false',
    to: 'supportsHttpsTrafficOnly: true',
  }),

  // ── What holds only on paper ──
  fault('wiring', 'the firewall guards no domain', {
    file: frontDoor,
    from: /domains: \[[^]*?\n {10}\]/,
    to: 'domains: []',
  }),
  fault('wiring', 'the firewall guards some paths', {
    file: frontDoor,
    from: "          patternsToMatch: ['/*']\n",
    to: "          patternsToMatch: ['/openai/*']\n",
  }),
  fault('baseline', 'the firewall only looks', { file: frontDoor, from: "'Prevention'", to: "'Detection'" }),
  fault('baseline', 'policies are not enforced', {
    file: 'core/governance/policies.bicep',
    from: "enforcementMode: 'Default'",
    to: "enforcementMode: 'DoNotEnforce'",
  }),
  fault('baseline', 'nodes talk to each other in clear', {
    file: environment,
    from: /(peerTrafficConfiguration: \{\s+encryption: \{\s+)enabled: true/,
    to: 'peerTrafficConfiguration: {\n      encryption: {\n        enabled: false',
  }),
  fault('wiring', 'Azure OpenAI logs requests and replies', {
    file: 'core/ai/account.bicep',
    from: "category: 'Audit'",
    to: "category: 'RequestResponse'",
  }),
  fault('keys-in-urls', 'API Management logs the keys that callers send in the query string', {
    file: 'core/apim/service.bicep',
    from: /dataMasking: \{[^]*?\n {4}\}\n/,
    to: '',
  }),
  fault('policy', 'the key that a caller sent in the query string goes on to Tollgate', {
    file: 'policies/api.xml',
    from: '    <set-query-parameter name="subscription-key" exists-action="delete" />\n',
    to: '',
  }),
  fault('wiring', 'API Management logs the keys of callers', {
    file: 'core/apim/service.bicep',
    from: 'headers: []',
    to: "headers: ['api-key']",
  }),
  fault('baseline', 'addresses of callers are kept', {
    file: 'core/monitor/application-insights.bicep',
    from: 'DisableIpMasking: false',
    to: 'DisableIpMasking: true',
  }),
  fault('wiring', 'a probe that Container Apps refuse', {
    file: app,
    from: 'failureThreshold: 30',
    to: 'failureThreshold: 48',
  }),
  fault('wiring', 'an alert over a time that there is not', {
    file: 'core/monitor/alerts.bicep',
    from: "'PT1H'",
    to: "'PT7M'",
  }),
];
