import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, isList, isObject, type Value } from '../../../tools/bicep/values.ts';
import { at, listAt, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** Under isolation these are reached through a private endpoint, and through nothing else. */
const closed: readonly { readonly type: string; readonly path: string; readonly opens?: 'allowed-addresses' }[] = [
  { type: 'Microsoft.CognitiveServices/accounts', path: 'properties.publicNetworkAccess' },
  { type: 'Microsoft.AppConfiguration/configurationStores', path: 'properties.publicNetworkAccess' },
  { type: 'Microsoft.KeyVault/vaults', path: 'properties.publicNetworkAccess', opens: 'allowed-addresses' },
  {
    type: 'Microsoft.ContainerRegistry/registries',
    path: 'properties.publicNetworkAccess',
    opens: 'allowed-addresses',
  },
  { type: 'Microsoft.DBforPostgreSQL/flexibleServers', path: 'properties.network.publicNetworkAccess' },
  { type: 'Microsoft.Cache/redisEnterprise', path: 'properties.publicNetworkAccess' },
  { type: 'Microsoft.Storage/storageAccounts', path: 'properties.publicNetworkAccess' },
  { type: 'Microsoft.App/managedEnvironments', path: 'properties.publicNetworkAccess' },
  { type: 'Microsoft.OperationalInsights/workspaces', path: 'properties.publicNetworkAccessForIngestion' },
  { type: 'Microsoft.Insights/components', path: 'properties.publicNetworkAccessForIngestion' },
  { type: 'Microsoft.Insights/dataCollectionEndpoints', path: 'properties.networkAcls.publicNetworkAccess' },
];

export function isolationHolds(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  if (environment['NETWORK_ISOLATION'] !== 'true') return [];
  const addresses = `${environment['ALLOWED_IP_RANGES'] ?? ''}${environment['DEPLOYER_IP'] ?? ''}` !== '';
  return closed.flatMap(({ type, path, opens }) =>
    made(snapshot, type).flatMap((resource): Problem[] => {
      const wanted = opens !== undefined && addresses ? 'Enabled' : 'Disabled';
      const found = at(resource.body, path);
      if (found !== wanted)
        return [problemAt(resource, 'isolation', `${path} must be ${wanted}, is ${JSON.stringify(found)}`)];
      return opens === undefined ? [] : deniesByDefault(resource);
    }),
  );
}

function deniesByDefault(resource: Parameters<typeof problemAt>[0]): Problem[] {
  const action =
    at(resource.body, 'properties.networkAcls.defaultAction') ??
    at(resource.body, 'properties.networkRuleSet.defaultAction');
  return action === 'Deny' ? [] : [problemAt(resource, 'isolation', 'whatever is not allowed must be denied')];
}

/** An empty address is no rule: Azure refuses it. */
export function addressesAreReal(snapshot: Snapshot): Problem[] {
  return snapshot.resources.flatMap((resource): Problem[] => {
    const rules = [
      ...listAt(resource.body, 'properties.networkAcls.ipRules'),
      ...listAt(resource.body, 'properties.networkRuleSet.ipRules'),
    ];
    const bad = rules.filter((rule) => !/^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(asText(at(rule, 'value') ?? '')));
    return bad.map((rule) => problemAt(resource, 'address', `${JSON.stringify(rule)} allows no address`));
  });
}

/** Each private endpoint has the zones of what it leads to; each of those is linked, or given. */
export function zonesFit(snapshot: Snapshot, zones: Value): Problem[] {
  const records = made(snapshot, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups');
  return made(snapshot, 'Microsoft.Network/privateEndpoints').flatMap((endpoint): Problem[] => {
    const group = asText(
      listAt(endpoint.body, 'properties.privateLinkServiceConnections.0.properties.groupIds')[0] ?? '',
    );
    const wanted = listAt(zones, group).map(asText).toSorted();
    const record = records.find((one) => one.id.startsWith(`${endpoint.id}/`));
    const found = listAt(record?.body, 'properties.privateDnsZoneConfigs')
      .map(
        (one) =>
          asText(at(one, 'properties.privateDnsZoneId') ?? '')
            .split('/')
            .at(-1) ?? '',
      )
      .toSorted();
    if (wanted.length === 0) return [problemAt(endpoint, 'zones', `nothing is known of the group '${group}'`)];
    if (JSON.stringify(wanted) === JSON.stringify(found)) return [];
    return [problemAt(endpoint, 'zones', `the group '${group}' needs ${wanted.join(', ')}, has ${found.join(', ')}`)];
  });
}

/** Every subnet is guarded, every group of rules denies something or is of a kind that may not. */
export function subnetsAreGuarded(snapshot: Snapshot): Problem[] {
  const networks = made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap((network) =>
    listAt(network.body, 'properties.subnets').flatMap((subnet): Problem[] => {
      const guarded = at(subnet, 'properties.networkSecurityGroup.id') !== undefined;
      return guarded
        ? []
        : [problemAt(network, 'subnet', `the subnet ${asText(at(subnet, 'name') ?? '')} has no security group`)];
    }),
  );
  const groups = made(snapshot, 'Microsoft.Network/networkSecurityGroups').flatMap((group): Problem[] => {
    const rules = listAt(group.body, 'properties.securityRules');
    const denies = rules.some(
      (rule) => at(rule, 'properties.access') === 'Deny' && at(rule, 'properties.direction') === 'Inbound',
    );
    const problems: Problem[] = [];
    if (!denies && !group.name.endsWith('api-management')) problems.push(problemAt(group, 'subnet', 'denies nothing'));
    for (const direction of ['Inbound', 'Outbound']) {
      const priorities = rules
        .filter((rule) => at(rule, 'properties.direction') === direction)
        .map((rule) => at(rule, 'properties.priority'));
      if (new Set(priorities).size < priorities.length)
        problems.push(problemAt(group, 'subnet', `two ${direction} rules have one priority`));
    }
    return problems;
  });
  return [...networks, ...groups];
}

/** A network that is put without a subnet in which something still stands is refused: all of them, whatever is wanted. */
export function subnetsStay(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap((network): Problem[] => {
    const names = listAt(network.body, 'properties.subnets').map((subnet) => asText(at(subnet, 'name') ?? ''));
    const missing = ['gateway', 'endpoints', 'api-management'].filter((name) => !names.includes(name));
    return missing.map((name) =>
      problemAt(network, 'subnet', `the subnet ${name} would be taken away from what uses it`),
    );
  });
}

/** Subnets lie in the network, and not in each other. */
export function subnetsDoNotOverlap(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap((network): Problem[] => {
    const ranges = listAt(network.body, 'properties.subnets').map((subnet) =>
      rangeOf(asText(at(subnet, 'properties.addressPrefix') ?? '')),
    );
    const whole = rangeOf(asText(listAt(network.body, 'properties.addressSpace.addressPrefixes')[0] ?? ''));
    const problems: Problem[] = [];
    for (const [n, one] of ranges.entries()) {
      if (one.first < whole.first || one.last > whole.last)
        problems.push(problemAt(network, 'subnet', `${one.text} is outside of ${whole.text}`));
      for (const other of ranges.slice(n + 1))
        if (one.first <= other.last && other.first <= one.last)
          problems.push(problemAt(network, 'subnet', `${one.text} and ${other.text} overlap`));
    }
    return problems;
  });
}

function rangeOf(text: string): { text: string; first: number; last: number } {
  const [address = '', bits = '32'] = text.split('/');
  const first = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return { text, first, last: first + 2 ** (32 - Number(bits)) - 1 };
}

/** Zones of availability are asked for by a parameter, never by a literal: some regions have none. */
export function zonesAreAParameter(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  if (environment['ZONE_REDUNDANT'] === 'true') return [];
  return snapshot.resources.flatMap((resource): Problem[] => {
    const zones = resource.body['zones'];
    const redundant = at(resource.body, 'properties.zoneRedundant') === true;
    const fixed = zones !== undefined && isList(zones) && zones.length > 0;
    return fixed || redundant
      ? [problemAt(resource, 'zones-fixed', 'asks for zones that the region may not have')]
      : [];
  });
}

/** Where replicas stand in several zones, what they cannot do without does, too. */
export function zonesAreShared(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  if (environment['ZONE_REDUNDANT'] !== 'true') return [];
  const shares = made(snapshot, 'Microsoft.Storage/storageAccounts').flatMap((account): Problem[] =>
    at(account.body, 'sku.name') === 'Premium_ZRS' ? [] : [problemAt(account, 'one-zone', 'is kept in one zone')],
  );
  const servers = made(snapshot, 'Microsoft.DBforPostgreSQL/flexibleServers').flatMap((server): Problem[] =>
    at(server.body, 'properties.highAvailability.mode') === 'SameZone'
      ? [problemAt(server, 'one-zone', 'has its standby in the same zone')]
      : [],
  );
  return [...shares, ...servers];
}

export function isTagged(snapshot: Snapshot): Problem[] {
  return snapshot.resources.flatMap((resource): Problem[] => {
    const tags = resource.body['tags'];
    const service = tags !== undefined && isObject(tags) ? tags['azd-service-name'] : undefined;
    const host = resource.type === 'Microsoft.App/containerApps';
    if (host && !resource.existing && service !== 'gateway')
      return [problemAt(resource, 'azd-tag', 'azd finds where to deploy by the tag azd-service-name')];
    if (!host && service !== undefined)
      return [problemAt(resource, 'azd-tag', 'azd-service-name is for what is deployed to')];
    const group = resource.type === 'Microsoft.Resources/resourceGroups';
    if (group && at(resource.body, 'tags.azd-env-name') === undefined)
      return [problemAt(resource, 'azd-tag', 'the group needs azd-env-name')];
    return [];
  });
}
