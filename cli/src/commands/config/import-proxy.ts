import type { ProxyEndpoint, ProxyFile, ProxyRoute } from './proxy-file.ts';

export interface ImportChoices {
  readonly organisation: string;
  /** Regions by the first label of a resource's host; `*` is for all others. */
  readonly regions: ReadonlyMap<string, string>;
  /** Base models by the name of a route. */
  readonly models: ReadonlyMap<string, string>;
  /** The deployment type, by endpoint name or `*`. */
  readonly types: ReadonlyMap<string, string>;
}

export interface Imported {
  /** In the order in which it is written. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What of the old file is not in the new one, and why. */
  readonly notCarried: readonly string[];
  /** What the old file does not say, and was assumed. */
  readonly assumed: readonly string[];
  /** Variables that the configuration refers to, which have to be set. */
  readonly variables: readonly string[];
  /** Resources of which nobody has said where they are. */
  readonly withoutRegion: readonly string[];
}

/** What is known of settings of the old store beside the routes. */
const settings: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /^azuremonitor:/i,
    "the table of usage records has other columns here: `ledger.logAnalytics` (docs/azure/services.md, 'Log Analytics')",
  ],
  [/^entraid:tenantid$/i, '`entra` says whose tokens callers may show, and for which application (docs/callers.md)'],
  [/^azureopenai:endpoints$/i, 'the routes name their endpoints themselves'],
];

interface Work {
  readonly choices: ImportChoices;
  readonly endpoints: Record<string, Record<string, unknown>>;
  readonly models: Record<string, unknown>;
  readonly notCarried: string[];
  readonly assumed: string[];
  readonly variables: Set<string>;
  readonly withoutRegion: Set<string>;
}

const azureName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The configuration that does what the routes of enterprise-azureai's proxy do. */
export function importProxy(file: ProxyFile, choices: ImportChoices): Imported {
  const work: Work = {
    choices,
    endpoints: {},
    models: {},
    notCarried: file.others.map((name) => `${name}: ${reasonFor(name)}`),
    assumed: [],
    variables: new Set(),
    withoutRegion: new Set(),
  };
  file.routes.forEach((route, at) => addRoute(route, `routes[${at}]`, work));
  const { endpoints, models, notCarried, assumed, variables, withoutRegion } = work;
  notCarried.push(
    'X-Consumer: the proxy believed that header of everybody. Say who may call under `subscriptions`, and who may say whose ' +
      'call it is under `front` (docs/callers.md)',
  );
  const names = Object.keys(models);
  return {
    config: {
      organisation: choices.organisation,
      ...(names.length === 0 ? {} : { products: { standard: { models: names } } }),
      endpoints,
      models,
    },
    notCarried,
    assumed,
    variables: [...variables],
    withoutRegion: [...withoutRegion],
  };
}

const reasonFor = (name: string): string =>
  settings.find(([pattern]) => pattern.test(name))?.[1] ?? 'nothing here does what this does';

function addRoute({ name, type, endpoints }: ProxyRoute, at: string, work: Work): void {
  const { notCarried, models } = work;
  if (name === undefined) return void notCarried.push(`${at}: it has no name; the proxy passes it over, too`);
  const named = `${at} (${name})`;
  if (type !== undefined && type.toLowerCase() !== 'openai')
    return void notCarried.push(
      `${named}: type '${type}' is no Azure OpenAI; what cannot be metered is not served here`,
    );
  if (!azureName.test(name)) return void notCarried.push(`${named}: no deployment of Azure OpenAI has such a name`);
  if (Object.hasOwn(models, name)) return void notCarried.push(`${named}: a route of this name came before`);
  const tiers = new Map<number, string[]>();
  endpoints.forEach((endpoint, index) => {
    const added = addEndpoint(endpoint, { route: name, at: `${named}.endpoints[${index}]` }, work);
    if (added === undefined) return;
    const tier = tiers.get(endpoint.priority) ?? [];
    // The proxy knows an address once in a route.
    if (![...tiers.values()].flat().includes(added)) tiers.set(endpoint.priority, [...tier, added]);
  });
  if (tiers.size === 0) return void notCarried.push(`${named}: it has no endpoint that can be used`);
  const inOrder = [...tiers].toSorted(([a], [b]) => a - b).map(([, names]) => names);
  models[name] = { tiers: inOrder };
  return undefined;
}

/** The base address of a resource; undefined where it is none. */
function resourceOf(address: string | undefined): URL | undefined {
  const url = address === undefined ? null : URL.parse(address);
  const isBase = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
  return isBase ? url : undefined;
}

function addEndpoint(
  { address, hasKey }: ProxyEndpoint,
  { route, at }: { readonly route: string; readonly at: string },
  work: Work,
): string | undefined {
  const url = resourceOf(address);
  if (url === undefined) {
    work.notCarried.push(`${at}: it has no address of a resource`);
    return undefined;
  }
  const resource = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  const host = url.hostname.split('.')[0] ?? url.hostname;
  const name = freeName(`${host}-${route}`, resource, work.endpoints);
  if (Object.hasOwn(work.endpoints, name)) return name;
  work.endpoints[name] = {
    resource,
    region: regionOf(host, work),
    deployment: route,
    model: modelOf(route, name, work),
    type: typeOf(name, work),
    auth: hasKey ? { key: keyOf(host, work) } : 'managed-identity',
  };
  return name;
}

/** The same name for the same resource, another where two begin alike. */
function freeName(wanted: string, resource: string, taken: Work['endpoints']): string {
  for (let count = 1; ; count += 1) {
    const ending = count === 1 ? '' : `-${count}`;
    const name = `${wanted.slice(0, 64 - ending.length)}${ending}`;
    if (taken[name] === undefined || taken[name]['resource'] === resource) return name;
  }
}

function regionOf(host: string, { choices, withoutRegion }: Work): string {
  const region = choices.regions.get(host) ?? choices.regions.get('*');
  if (region === undefined) withoutRegion.add(host);
  return region ?? '';
}

function modelOf(route: string, endpoint: string, { choices, assumed }: Work): string {
  const model = choices.models.get(route);
  if (model === undefined)
    assumed.push(`${endpoint}: its model is '${route}', as the route is called (--model ${route}=MODEL)`);
  return model ?? route;
}

function typeOf(endpoint: string, { choices, assumed }: Work): string {
  const type = choices.types.get(endpoint) ?? choices.types.get('*');
  if (type === undefined)
    assumed.push(`${endpoint}: its type is Standard, as enterprise-azureai deploys it; it decides the price (--type)`);
  return type ?? 'Standard';
}

/** A reference: the key itself stands nowhere. */
function keyOf(host: string, { variables, notCarried }: Work): string {
  const name = `${host.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_KEY`;
  if (!variables.has(name))
    notCarried.push(`the key of ${host}: a configuration holds none. Set ${name}, or write { keyVault: address }`);
  variables.add(name);
  return `\${${name}}`;
}
