import type { DeployedResource } from '../../../tools/bicep/deploy.ts';
import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, isObject, type Value } from '../../../tools/bicep/values.ts';
import { at, listAt, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** That the parts find each other: each of these deploys without an error, and does not work when it is wrong. */
export function partsAreWired(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  return [
    ...appIsWired(snapshot),
    ...ledgerIsWired(snapshot),
    ...scopeHoldsEverything(snapshot),
    ...firewallStandsInFront(snapshot),
    ...nothingIsToldOfPrompts(snapshot),
    ...whoDidWhatIsKept(snapshot),
    ...alertsLookBackAsAzureDoes(snapshot),
    ...(environment['NETWORK_ISOLATION'] === 'true' ? gatewayIsFound(snapshot) : []),
  ];
}

const wrong = (resource: DeployedResource, holds: boolean, message: string): Problem[] =>
  holds ? [] : [problemAt(resource, 'wiring', message)];

function variableOf(app: DeployedResource, name: string): string {
  const found = listAt(app.body, 'properties.template.containers.0.env').find((one) => at(one, 'name') === name);
  return asText(at(found ?? '', 'value') ?? '');
}

function appIsWired(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app) => {
    const identities = at(app.body, 'identity.userAssignedIdentities') ?? {};
    const own = isObject(identities) ? Object.keys(identities) : [];
    const registry = asText(at(app.body, 'properties.configuration.registries.0.identity') ?? '');
    const client = own.map((id) => `⟦${id.split('/').at(-1) ?? ''}.properties.clientId⟧`);
    return [
      ...wrong(app, own.includes(registry), 'pulls its image as nobody'),
      ...wrong(app, client.includes(variableOf(app, 'AZURE_CLIENT_ID')), 'AZURE_CLIENT_ID is no client id of its own'),
      ...listAt(app.body, 'properties.template.containers.0.probes').flatMap((probe) => probeIsTaken(app, probe)),
    ];
  });
}

/** Bounds that Container Apps refuses to go beyond. */
function probeIsTaken(app: DeployedResource, probe: Value): Problem[] {
  return (
    [
      ['failureThreshold', 30],
      ['periodSeconds', 240],
      ['timeoutSeconds', 240],
      ['initialDelaySeconds', 60],
    ] as const
  ).flatMap(([name, most]) => {
    const value = Number(at(probe, name) ?? 1);
    return wrong(app, value >= 1 && value <= most, `${name} of a probe is ${value}: from 1 to ${most}`);
  });
}

/** With PostgreSQL: its role is the one that is signed in with, and the journals are on the share. */
function ledgerIsWired(snapshot: Snapshot): Problem[] {
  const [administrator] = made(snapshot, 'Microsoft.DBforPostgreSQL/flexibleServers/administrators');
  const storages = made(snapshot, 'Microsoft.App/managedEnvironments/storages').map(({ name }) => name);
  if (administrator === undefined) return [];
  const role = asText(at(administrator.body, 'properties.principalName') ?? '');
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app) => {
    const volume = listAt(app.body, 'properties.template.volumes').find((one) => at(one, 'name') === 'data') ?? '';
    return [
      ...wrong(
        app,
        variableOf(app, 'TOLLGATE_POSTGRES_URL').startsWith(`postgres://${role}@`),
        `signs in to PostgreSQL as another than its administrator ${role}`,
      ),
      ...wrong(
        app,
        at(volume, 'storageType') === 'NfsAzureFile' && storages.includes(asText(at(volume, 'storageName') ?? '')),
        'its journals are not on the share: they go with the replica',
      ),
    ];
  });
}

/** What takes nothing from outside takes it through the scope. */
function scopeHoldsEverything(snapshot: Snapshot): Problem[] {
  const scopes = made(snapshot, 'Microsoft.Insights/privateLinkScopes');
  const held = new Set(
    made(snapshot, 'Microsoft.Insights/privateLinkScopes/scopedResources').map(({ body }) =>
      asText(at(body, 'properties.linkedResourceId') ?? ''),
    ),
  );
  const inside = [
    'Microsoft.OperationalInsights/workspaces',
    'Microsoft.Insights/components',
    'Microsoft.Insights/dataCollectionEndpoints',
  ].flatMap((type) => made(snapshot, type));
  return scopes.flatMap((scope) => inside.flatMap(({ id, name }) => wrong(scope, held.has(id), `leaves out ${name}`)));
}

function firewallStandsInFront(snapshot: Snapshot): Problem[] {
  const guarded = made(snapshot, 'Microsoft.Cdn/profiles/securityPolicies').flatMap(({ body }) =>
    listAt(body, 'properties.parameters.associations')
      .filter((one) => listAt(one, 'patternsToMatch').includes('/*'))
      .flatMap((one) => listAt(one, 'domains').map((domain) => asText(at(domain, 'id') ?? ''))),
  );
  return made(snapshot, 'Microsoft.Cdn/profiles/afdEndpoints').flatMap((endpoint) =>
    wrong(endpoint, guarded.includes(endpoint.id), 'no firewall guards all of its paths'),
  );
}

/** What somebody signs in to tells the workspace who did. */
const audited = [
  'Microsoft.ApiManagement/service',
  'Microsoft.App/managedEnvironments',
  'Microsoft.AppConfiguration/configurationStores',
  'Microsoft.Cache/redisEnterprise/databases',
  'Microsoft.Cdn/profiles',
  'Microsoft.CognitiveServices/accounts',
  'Microsoft.ContainerRegistry/registries',
  'Microsoft.DBforPostgreSQL/flexibleServers',
  'Microsoft.KeyVault/vaults',
];

function whoDidWhatIsKept(snapshot: Snapshot): Problem[] {
  const settings = made(snapshot, 'Microsoft.Insights/diagnosticSettings')
    .filter(({ body }) => listAt(body, 'properties.logs').some((log) => at(log, 'enabled') === true))
    .map(({ id }) => id.slice(0, id.lastIndexOf('/providers/')));
  return audited
    .flatMap((type) => made(snapshot, type))
    .flatMap((resource) => wrong(resource, settings.includes(resource.id), 'logs nothing into the workspace'));
}

/** Categories with the texts of requests, and headers with keys, are not switched on. */
function nothingIsToldOfPrompts(snapshot: Snapshot): Problem[] {
  const settings = made(snapshot, 'Microsoft.Insights/diagnosticSettings').filter(({ file }) => file.includes('/ai/'));
  const logs = settings.flatMap((setting) =>
    listAt(setting.body, 'properties.logs').flatMap((log) =>
      wrong(setting, at(log, 'category') === 'Audit', 'logs more than who changed what: prompts may be among it'),
    ),
  );
  const headers = made(snapshot, 'Microsoft.ApiManagement/service/diagnostics').flatMap((diagnostic) =>
    ['frontend.request', 'frontend.response', 'backend.request', 'backend.response'].flatMap((part) =>
      wrong(diagnostic, listAt(diagnostic.body, `properties.${part}.headers`).length === 0, `${part} logs headers`),
    ),
  );
  return [...logs, ...headers];
}

const minutes = [1, 5, 10, 15, 30, 45];
const hours = [1, 2, 3, 4, 5, 6, 24, 48];
const windows = new Set([...minutes.map((one) => `PT${one}M`), ...hours.map((one) => `PT${one}H`), 'P1D', 'P2D']);

function alertsLookBackAsAzureDoes(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Insights/scheduledQueryRules').flatMap((rule) => {
    const window = asText(at(rule.body, 'properties.windowSize') ?? '');
    return wrong(rule, windows.has(window), `looks back ${window}, which Azure does not`);
  });
}

/** Under isolation: reached from the network, by its name; and API Management by a subnet of the right kind. */
function gatewayIsFound(snapshot: Snapshot): Problem[] {
  const environments = made(snapshot, 'Microsoft.App/managedEnvironments').flatMap((environment) => {
    const records = made(snapshot, 'Microsoft.Network/privateDnsZones/A');
    const domain = `⟦${environment.name}.properties.defaultDomain⟧`;
    const found = records.some(({ id, name }) => name === '*' && id.includes(`/privateDnsZones/${domain}/`));
    return [
      ...wrong(environment, at(environment.body, 'properties.vnetConfiguration.internal') === true, 'is no inner one'),
      ...wrong(environment, found, 'nothing in the network finds what runs in it by name'),
    ];
  });
  const kinds: Readonly<Record<string, string>> = {
    External: 'Microsoft.Web/serverFarms',
    Internal: 'Microsoft.Web/hostingEnvironments',
  };
  const subnets = made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap(({ body }) =>
    listAt(body, 'properties.subnets').filter((one) => at(one, 'name') === 'api-management'),
  );
  const services = made(snapshot, 'Microsoft.ApiManagement/service').flatMap((service) => {
    const kind = kinds[asText(at(service.body, 'properties.virtualNetworkType') ?? '')];
    return subnets.flatMap((one) =>
      wrong(service, at(one, 'properties.delegations.0.properties.serviceName') === kind, `needs a subnet of ${kind}`),
    );
  });
  return [...environments, ...services];
}
