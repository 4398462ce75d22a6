import { z } from 'zod';

/** One destination of a route, as enterprise-azureai's proxy knows it. */
export interface ProxyEndpoint {
  readonly address: string | undefined;
  /** The lowest is asked first. */
  readonly priority: number;
  /** Where it holds a key, which is never shown. */
  readonly hasKey: boolean;
}

export interface ProxyRoute {
  /** Also the name of the deployments behind it: the proxy passes the path on as it is. */
  readonly name: string | undefined;
  /** `openai`, `maas`; undefined in older files, which know Azure OpenAI alone. */
  readonly type: string | undefined;
  readonly endpoints: readonly ProxyEndpoint[];
}

export interface ProxyFile {
  readonly routes: readonly ProxyRoute[];
  /** Settings of the store beside the routes, and members that nothing is known of: by their names alone. */
  readonly others: readonly string[];
}

const routesKey = 'azureaiproxy:proxyconfig';
const object = z.record(z.string(), z.unknown());
const entries = z.array(z.looseObject({ key: z.string(), value: z.string().nullish() }));

type Members = ReadonlyMap<string, unknown>;

/** By their names in lower case: the proxy does not look at case. */
function membersOf(value: unknown): Members | undefined {
  const parsed = object.safeParse(value);
  return parsed.success
    ? new Map(Object.entries(parsed.data).map(([name, member]) => [name.toLowerCase(), member]))
    : undefined;
}

function json(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/**
 * Reads the JSON of the proxy's routes, or an export of the App Configuration store that holds it under
 * `AzureAIProxy:ProxyConfig` (flat, nested, or as a list of key values); undefined where it is neither.
 */
export function readProxyFile(text: string): ProxyFile | undefined {
  const value = json(text);
  const direct = routesIn(value);
  if (direct !== undefined) return direct;
  const store = settingsOf(value);
  const found = [...store].find(([key]) => key.toLowerCase() === routesKey)?.[1];
  const routes = routesIn(typeof found === 'string' ? json(found) : found);
  if (routes === undefined) return undefined;
  const beside = [...store.keys()].filter((key) => key.toLowerCase() !== routesKey);
  return { ...routes, others: [...beside, ...routes.others] };
}

function settingsOf(value: unknown): ReadonlyMap<string, unknown> {
  const list = entries.safeParse(value);
  if (list.success) return new Map(list.data.map((one) => [one.key, one.value]));
  const settings = new Map<string, unknown>();
  const visit = (inner: unknown, path: readonly string[]): void => {
    const members = object.safeParse(inner);
    const isRoutes = path.join(':').toLowerCase() === routesKey;
    if (!members.success || isRoutes) settings.set(path.join(':'), inner);
    else for (const [name, member] of Object.entries(members.data)) visit(member, [...path, name]);
  };
  visit(value, []);
  return settings;
}

function routesIn(value: unknown): ProxyFile | undefined {
  const members = membersOf(value);
  const routes = members?.get('routes');
  if (members === undefined || !Array.isArray(routes)) return undefined;
  const others = unknown(value, ['routes'], '');
  const read = routes.map((one: unknown, at): ProxyRoute => {
    const route: Members = membersOf(one) ?? new Map();
    others.push(...unknown(one, ['name', 'type', 'endpoints'], `routes[${at}].`));
    const endpoints = route.get('endpoints');
    return {
      name: textIn(route, 'name'),
      type: textIn(route, 'type'),
      endpoints: (Array.isArray(endpoints) ? endpoints : []).map((inner: unknown, index) => {
        const endpoint: Members = membersOf(inner) ?? new Map();
        others.push(...unknown(inner, ['address', 'priority', ...keyNames], `routes[${at}].endpoints[${index}].`));
        return endpointOf(endpoint);
      }),
    };
  });
  return { routes: read, others };
}

const keyNames = ['key', 'apikey', 'api-key', 'api_key'];

function endpointOf(endpoint: Members): ProxyEndpoint {
  const priority = endpoint.get('priority');
  return {
    address: textIn(endpoint, 'address'),
    priority: typeof priority === 'number' ? priority : 0,
    hasKey: keyNames.some((name) => endpoint.has(name)),
  };
}

function textIn(members: Members, name: string): string | undefined {
  const value = members.get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** Names as they stand there. */
function unknown(value: unknown, known: readonly string[], at: string): string[] {
  const names = Object.keys(object.safeParse(value).data ?? {});
  return names.filter((name) => !known.includes(name.toLowerCase())).map((name) => `${at}${name}`);
}
