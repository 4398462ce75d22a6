import type { DeployedResource } from '../../../tools/bicep/deploy.ts';
import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText } from '../../../tools/bicep/values.ts';
import { at, listAt, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

type Environment = Readonly<Record<string, string>>;

/** Values that are right by themselves, and wrong beside each other: Azure refuses some, the others deploy and do nothing. */
export function valuesFit(snapshot: Snapshot, environment: Environment): Problem[] {
  return [
    ...tiersTakeEndpoints(snapshot),
    ...zonesAreLinked(snapshot, environment),
    ...endpointRulesHold(snapshot),
    ...logsAreOfTheirKind(snapshot),
    ...ruleHasAnEndpoint(snapshot),
    ...alertsReachSomebody(snapshot),
    ...firewallIsOfItsProfile(snapshot),
    ...storesAreSpokenToInCipher(snapshot),
    ...appFits(snapshot),
    ...apiLeadsToTollgate(snapshot),
    ...broughtAccountsAreCalled(snapshot, environment),
  ];
}

const wrong = (resource: DeployedResource, holds: boolean, message: string): Problem[] =>
  holds ? [] : [problemAt(resource, 'fit', message)];

/** What each kind of private endpoint leads to, and the tiers of it that take one. */
const behindEndpoints: Readonly<Record<string, { readonly type: string; readonly tiers?: readonly string[] }>> = {
  account: { type: 'Microsoft.CognitiveServices/accounts' },
  vault: { type: 'Microsoft.KeyVault/vaults' },
  configurationStores: { type: 'Microsoft.AppConfiguration/configurationStores', tiers: ['standard', 'premium'] },
  registry: { type: 'Microsoft.ContainerRegistry/registries', tiers: ['Premium'] },
  file: { type: 'Microsoft.Storage/storageAccounts' },
  redisEnterprise: { type: 'Microsoft.Cache/redisEnterprise' },
  postgresqlServer: { type: 'Microsoft.DBforPostgreSQL/flexibleServers' },
  azuremonitor: { type: 'Microsoft.Insights/privateLinkScopes' },
};

function tiersTakeEndpoints(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Network/privateEndpoints').flatMap((endpoint) => {
    const connection = 'properties.privateLinkServiceConnections.0.properties';
    const group = asText(listAt(endpoint.body, `${connection}.groupIds`)[0] ?? '');
    const leadsTo = asText(at(endpoint.body, `${connection}.privateLinkServiceId`) ?? '');
    const known = behindEndpoints[group];
    if (known === undefined) return [];
    const tier = snapshot.resources.find(({ id }) => id === leadsTo)?.body['sku'];
    return [
      ...wrong(endpoint, leadsTo.includes(`/providers/${known.type}/`), `'${group}' is no part of ${leadsTo}`),
      ...(known.tiers === undefined
        ? []
        : wrong(endpoint, known.tiers.includes(asText(at(tier, 'name') ?? '')), `leads to a tier that takes none`)),
    ];
  });
}

/** A zone that no network resolves by is an address book in a drawer. */
function zonesAreLinked(snapshot: Snapshot, environment: Environment): Problem[] {
  const network =
    environment['EXISTING_VIRTUAL_NETWORK_ID'] ?? made(snapshot, 'Microsoft.Network/virtualNetworks')[0]?.id ?? '';
  const links = made(snapshot, 'Microsoft.Network/privateDnsZones/virtualNetworkLinks');
  return made(snapshot, 'Microsoft.Network/privateDnsZones').flatMap((zone) => {
    const own = links.find(({ id }) => id.startsWith(`${zone.id}/`));
    return wrong(zone, at(own?.body, 'properties.virtualNetwork.id') === network, 'is not linked to the network');
  });
}

/** Rules of a security group pass private endpoints by unless their subnet says otherwise. */
function endpointRulesHold(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap((network) => {
    const subnet = listAt(network.body, 'properties.subnets').find((one) => at(one, 'name') === 'endpoints');
    const policies = at(subnet, 'properties.privateEndpointNetworkPolicies');
    return wrong(
      network,
      ['NetworkSecurityGroupEnabled', 'Enabled'].includes(asText(policies ?? '')),
      'the rules of the subnet endpoints hold for nothing in it',
    );
  });
}

/** Categories are free text to Azure's definitions; the services refuse what is none of theirs. */
const categories: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.ApiManagement/service': ['GatewayLogs', 'WebSocketConnectionLogs', 'DeveloperPortalAuditLogs'],
  'Microsoft.CognitiveServices/accounts': ['Audit'],
  'Microsoft.ContainerRegistry/registries': ['ContainerRegistryLoginEvents', 'ContainerRegistryRepositoryEvents'],
  'Microsoft.Cdn/profiles': ['FrontDoorAccessLog', 'FrontDoorHealthProbeLog', 'FrontDoorWebApplicationFirewallLog'],
  'Microsoft.DBforPostgreSQL/flexibleServers': ['PostgreSQLLogs'],
};

const loggerOf: Readonly<Record<string, string>> = {
  applicationinsights: 'applicationInsights',
  azuremonitor: 'azureMonitor',
};

function logsAreOfTheirKind(snapshot: Snapshot): Problem[] {
  const settings = made(snapshot, 'Microsoft.Insights/diagnosticSettings').flatMap((setting) => {
    const known = Object.entries(categories).find(([type]) => setting.id.includes(`/providers/${type}/`))?.[1] ?? [];
    return listAt(setting.body, 'properties.logs')
      .map((log) => at(log, 'category'))
      .filter((category) => category !== undefined)
      .flatMap((category) =>
        wrong(setting, known.includes(asText(category)), `there is no log ${asText(category)} of what it is about`),
      );
  });
  const loggers = made(snapshot, 'Microsoft.ApiManagement/service/loggers');
  const diagnostics = made(snapshot, 'Microsoft.ApiManagement/service/diagnostics').flatMap((diagnostic) => {
    const logger = loggers.find(({ id }) => id === at(diagnostic.body, 'properties.loggerId'));
    const kind = at(logger?.body, 'properties.loggerType');
    return wrong(diagnostic, kind === loggerOf[diagnostic.name], `has a logger of the kind ${JSON.stringify(kind)}`);
  });
  return [...settings, ...diagnostics];
}

/** Either the rule takes rows itself, or it names who does. */
function ruleHasAnEndpoint(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Insights/dataCollectionRules').flatMap((rule) => {
    const endpoint = at(rule.body, 'properties.dataCollectionEndpointId') ?? null;
    const direct = rule.body['kind'] === 'Direct';
    return wrong(rule, direct === (endpoint === null), 'has no endpoint that rows could be sent to, or two');
  });
}

function alertsReachSomebody(snapshot: Snapshot): Problem[] {
  const groups = made(snapshot, 'Microsoft.Insights/actionGroups').map(({ id }) => id);
  return made(snapshot, 'Microsoft.Insights/scheduledQueryRules').flatMap((rule) => [
    ...wrong(
      rule,
      listAt(rule.body, 'properties.actions.actionGroups').some((id) => groups.includes(asText(id))),
      'tells nobody',
    ),
    ...wrong(
      rule,
      at(rule.body, 'properties.skipQueryValidation') === true,
      'would be refused where a table has no rows yet',
    ),
  ]);
}

/** A firewall policy is for the tier that it names; rules of Microsoft are for Premium. */
function firewallIsOfItsProfile(snapshot: Snapshot): Problem[] {
  const tiers = made(snapshot, 'Microsoft.Cdn/profiles').map(({ body }) => at(body, 'sku.name'));
  return made(snapshot, 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies').flatMap((policy) =>
    wrong(policy, tiers.includes(at(policy.body, 'sku.name')), 'is for another tier than the profile'),
  );
}

function variableOf(app: DeployedResource, name: string): string {
  const found = listAt(app.body, 'properties.template.containers.0.env').find((one) => at(one, 'name') === name);
  return asText(at(found, 'value') ?? '');
}

/** Tokens go over these wires: to the port of the store, and to nobody who only says that it is the store. */
function storesAreSpokenToInCipher(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app) => {
    const postgres = variableOf(app, 'TOLLGATE_POSTGRES_URL');
    const redis = variableOf(app, 'TOLLGATE_REDIS_URL');
    return [
      ...wrong(
        app,
        postgres === '' || /:5432\/\w+\?sslmode=verify-full$/.test(postgres),
        'PostgreSQL is not asked who it is, or on another port',
      ),
      ...made(snapshot, 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments').flatMap((access) =>
        wrong(
          access,
          asText(at(access.body, 'properties.user.objectId') ?? '').endsWith('.properties.principalId⟧'),
          'lets in an id that no token carries: it is the principal that is asked for',
        ),
      ),
      ...wrong(app, redis === '' || redis.startsWith('rediss://'), 'Redis is spoken to in clear'),
    ];
  });
}

function appFits(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app) => {
    const [container = ''] = listAt(app.body, 'properties.template.containers');
    const ports = [
      at(app.body, 'properties.configuration.ingress.targetPort'),
      ...listAt(container, 'probes').map((probe) => at(probe, 'httpGet.port')),
    ];
    const restarts = listAt(container, 'probes').filter((probe) => at(probe, 'type') !== 'Readiness');
    const mount = listAt(container, 'volumeMounts').find((one) => at(one, 'volumeName') === 'data');
    const given = listAt(app.body, 'properties.template.initContainers').map((one) => listAt(one, 'command').at(-1));
    const calls = Number(at(app.body, 'properties.template.scale.rules.0.http.metadata.concurrentRequests'));
    return [
      ...wrong(
        app,
        ports.every((one) => one !== undefined && asText(one) === variableOf(app, 'TOLLGATE_PORT')),
        'is asked on a port that it does not listen on',
      ),
      ...wrong(
        app,
        restarts.every((probe) => at(probe, 'httpGet.path') === '/healthz'),
        'a replica that is merely not ready, or drains, would be killed',
      ),
      ...wrong(
        app,
        given.every((folder) => folder === at(mount, 'mountPath')),
        'another folder than that of the journals is given to the user of the image',
      ),
      ...wrong(app, calls >= 1, 'scales by no calls at all'),
    ];
  });
}

/** API Management takes `openai` off, so the backend puts it back; and asks for a token that Tollgate takes. */
function apiLeadsToTollgate(snapshot: Snapshot): Problem[] {
  const [app] = made(snapshot, 'Microsoft.App/containerApps');
  const host = `⟦${app?.name ?? ''}.properties.configuration.ingress.fqdn⟧`;
  const [api] = made(snapshot, 'Microsoft.ApiManagement/service/apis');
  const path = asText(at(api?.body, 'properties.path') ?? '');
  const backends = made(snapshot, 'Microsoft.ApiManagement/service/backends').flatMap((backend) => [
    ...wrong(
      backend,
      asText(at(backend.body, 'properties.url') ?? '') === `https://${host}/${path}`,
      `does not lead to ${host}/${path}`,
    ),
    ...['validateCertificateChain', 'validateCertificateName'].flatMap((name) =>
      wrong(backend, at(backend.body, `properties.tls.${name}`) === true, 'sends its proof to whoever answers'),
    ),
  ]);
  const audiences = made(snapshot, 'Microsoft.ApiManagement/service/namedValues')
    .filter(({ name }) => name === 'tollgate-audience')
    .flatMap((audience) => {
      const wanted = app === undefined ? '' : `api://${variableOf(app, 'TOLLGATE_APP_ID')}`;
      return wrong(audience, at(audience.body, 'properties.value') === wanted, `Tollgate takes tokens for ${wanted}`);
    });
  return [...backends, ...audiences];
}

/** Accounts that are brought may stand in another subscription: the role is there, not where a group has the same name. */
function broughtAccountsAreCalled(snapshot: Snapshot, environment: Environment): Problem[] {
  const roles = made(snapshot, 'Microsoft.Authorization/roleAssignments').map(({ id }) => id.toLowerCase());
  return (environment['EXISTING_OPENAI_ACCOUNTS'] ?? '')
    .split(',')
    .map((one) => one.trim().split('@')[0]?.toLowerCase() ?? '')
    .filter((id) => id !== '' && !roles.some((role) => role.startsWith(`${id}/providers/`)))
    .map((id) => ({ rule: 'fit', file: 'resources.bicep', line: 1, message: `the gateway has no role on ${id}` }));
}
