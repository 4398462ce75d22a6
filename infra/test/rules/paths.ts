import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, type Value } from '../../../tools/bicep/values.ts';
import { at, listAt, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** A connection that somebody opens: from and to are address ranges or service tags, as rules name them. */
interface Connection {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly allowed: boolean;
}

type Direction = 'Inbound' | 'Outbound';

/** The ports of each kind of private endpoint. Of a share both: Microsoft's page on mounts in Container Apps asks for them. */
const ports: Readonly<Record<string, readonly number[]>> = {
  postgresqlServer: [5432],
  redisEnterprise: [10_000],
  file: [445, 2049],
};

const tagsOfGateway = [
  'MicrosoftContainerRegistry',
  'AzureFrontDoor.FirstParty',
  'AzureActiveDirectory',
  'AzureMonitor',
] as const;

/** What docs/azure/architecture.md says goes on the network does, rule by rule in the order of Azure; and nothing else. */
export function pathsAreOpen(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Network/virtualNetworks').flatMap((network): Problem[] => {
    const subnets = listAt(network.body, 'properties.subnets');
    const prefix = (name: string): string =>
      asText(at(subnets.find((one) => at(one, 'name') === name) ?? '', 'properties.addressPrefix') ?? '');
    const places = {
      gateway: prefix('gateway'),
      endpoints: prefix('endpoints'),
      apiManagement: prefix('api-management'),
      all: [prefix('gateway'), prefix('endpoints'), prefix('api-management')],
    };
    const needed = connections(snapshot, places);
    return made(snapshot, 'Microsoft.Network/networkSecurityGroups').flatMap((group): Problem[] => {
      const own = prefix(subnetOf(group.name));
      const rules = listAt(group.body, 'properties.securityRules');
      return needed.flatMap((one) =>
        directions(one, own)
          .filter((direction) => decides(rules, { ...one, direction }, places.all) !== one.allowed)
          .map((direction) =>
            problemAt(
              group,
              'path',
              `${direction}: ${one.from} to ${one.to}, port ${one.port} must be ${one.allowed ? 'allowed' : 'denied'}`,
            ),
          ),
      );
    });
  });
}

const subnetOf = (group: string): string =>
  ['api-management', 'endpoints', 'gateway'].find((name) => group.endsWith(`-${name}`)) ?? '';

function directions({ from, to }: Connection, own: string): Direction[] {
  return [...(from === own ? (['Outbound'] as const) : []), ...(to === own ? (['Inbound'] as const) : [])];
}

const allowed = (from: string, to: string, port: number): Connection => ({ from, to, port, allowed: true });
const denied = (from: string, to: string, port: number): Connection => ({ from, to, port, allowed: false });

function connections(
  snapshot: Snapshot,
  { gateway, endpoints, apiManagement }: Readonly<Record<'gateway' | 'endpoints' | 'apiManagement', string>>,
): Connection[] {
  const reached = made(snapshot, 'Microsoft.Network/privateEndpoints').flatMap(
    ({ body }) =>
      ports[asText(listAt(body, 'properties.privateLinkServiceConnections.0.properties.groupIds')[0] ?? '')] ?? 443,
  );
  const cached = made(snapshot, 'Microsoft.ApiManagement/service/caches').length > 0;
  return [
    ...[...new Set(reached)].map((port) => allowed(gateway, endpoints, port)),
    ...tagsOfGateway.map((tag) => allowed(gateway, tag, 443)),
    allowed(gateway, '168.63.129.16/32', 53),
    allowed(gateway, gateway, 8080),
    allowed('AzureLoadBalancer', gateway, 31_000),
    allowed(apiManagement, gateway, 443),
    allowed(apiManagement, 'Storage', 443),
    allowed(apiManagement, endpoints, 443),
    ...(cached ? [allowed(apiManagement, endpoints, 10_000)] : []),
    denied(gateway, 'Internet', 443),
    denied(gateway, endpoints, 22),
    denied('Internet', gateway, 443),
    denied('192.0.2.0/24', endpoints, 443),
    denied('192.0.2.0/24', endpoints, 5432),
  ];
}

/** Whether a connection is let through: by the rule of the lowest number that fits, else as Azure's own rules say. */
function decides(
  rules: readonly Value[],
  connection: Connection & { readonly direction: Direction },
  network: readonly string[],
): boolean {
  const names = (place: string, one: string): boolean =>
    one === '*' || one === place || (one === 'VirtualNetwork' && network.includes(place));
  const fits = (rule: Value): boolean =>
    at(rule, 'properties.direction') === connection.direction &&
    names(connection.from, asText(at(rule, 'properties.sourceAddressPrefix') ?? '')) &&
    names(connection.to, asText(at(rule, 'properties.destinationAddressPrefix') ?? '')) &&
    [at(rule, 'properties.destinationPortRange') ?? '', ...listAt(rule, 'properties.destinationPortRanges')].some(
      (range) => holds(asText(range), connection.port),
    );
  const [first] = rules
    .filter(fits)
    .toSorted((one, other) => Number(at(one, 'properties.priority')) - Number(at(other, 'properties.priority')));
  if (first !== undefined) return at(first, 'properties.access') === 'Allow';
  const inside = network.includes(connection.from) && network.includes(connection.to);
  return inside || connection.direction === 'Outbound' || connection.from === 'AzureLoadBalancer';
}

function holds(range: string, port: number): boolean {
  const [low = '', high = low] = range.split('-');
  return range === '*' || (range !== '' && port >= Number(low) && port <= Number(high));
}
