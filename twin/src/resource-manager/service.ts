import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseJsonObject } from '#kernel/json.ts';
import { readBody } from '#wire/body.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';
import type { ResourceManagerSettings } from './config.ts';

interface Asked {
  readonly method: string;
  /** Below the subscription, without a slash at its beginning. */
  readonly path: string;
  readonly text: string;
}

/**
 * What a deployment asks of Azure Resource Manager before it begins: regions, models, quota, permissions, what is
 * deleted and can be restored. And resources that can be read and patched. Nothing is deployed here.
 */
export class ResourceManager {
  readonly #settings: ResourceManagerSettings;
  readonly #resources: Map<string, Record<string, unknown>>;

  constructor(settings: ResourceManagerSettings) {
    this.#settings = settings;
    this.#resources = new Map(Object.entries(settings.resources).map(([id, body]) => [id.toLowerCase(), body]));
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://management');
    const [, subscription, path = ''] = /^\/subscriptions\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    if (subscription === undefined) return false;
    const text = (await readBody(request)) ?? '';
    const asked = { method: request.method ?? 'GET', path: decodeURIComponent(path), text };
    const reply = this.#answer(asked, { subscription, url, authorization: request.headers.authorization });
    const next = new URL(url.pathname + url.search, `http://${request.headers.host ?? 'management'}`);
    sendJson(response, paged(reply, next, this.#settings.pageLength));
    return true;
  }

  #answer(
    asked: Asked,
    from: { readonly subscription: string; readonly url: URL; readonly authorization: string | undefined },
  ): JsonReply {
    if (!/^Bearer .+/.test(from.authorization ?? ''))
      return failed(
        401,
        'AuthenticationFailed',
        'Authentication failed. The Authorization header is missing or invalid.',
      );
    if (!from.url.searchParams.has('api-version'))
      return failed(
        400,
        'MissingApiVersionParameter',
        'The api-version query parameter (?api-version=) is required for all requests.',
      );
    if (from.subscription !== this.#settings.subscription)
      return failed(404, 'SubscriptionNotFound', `The subscription '${from.subscription}' could not be found.`);
    const [, namespace = ''] = /(?:^|\/)providers\/([^/]+)\/[^]+$/.exec(asked.path) ?? [];
    if (this.#settings.notRegistered.includes(namespace))
      return failed(
        409,
        'MissingSubscriptionRegistration',
        `The subscription is not registered to use namespace '${namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions.`,
      );
    return asked.path.startsWith('resourceGroups/') ? this.#resource(asked, from.url.pathname) : this.#read(asked);
  }

  #read({ path }: Asked): JsonReply {
    const { regions, permissions, deletedAccounts, deleted, subscription } = this.#settings;
    if (path === '') return { status: 200, body: { subscriptionId: subscription, state: 'Enabled' } };
    if (path === 'locations')
      return list(
        Object.entries(regions).map(([name, { zones }]) => ({
          name,
          availabilityZoneMappings: zones ? ['1', '2', '3'].map((logicalZone) => ({ logicalZone })) : [],
        })),
      );
    if (path === 'providers/Microsoft.Authorization/permissions') return list(permissions);
    if (path === 'providers/Microsoft.CognitiveServices/deletedAccounts')
      return list(deletedAccounts.map(({ name, location, tags }) => ({ name, location, tags })));
    const [, namespace] = /^providers\/([A-Za-z.]+)$/.exec(path) ?? [];
    if (namespace !== undefined) return this.#provider(namespace);
    const [, gone] = /^providers\/([^/]+\/deleted[A-Za-z]+)$/.exec(path) ?? [];
    return gone === undefined ? this.#region(path) : list(deleted[gone] ?? []);
  }

  #provider(namespace: string): JsonReply {
    const registrationState = this.#settings.notRegistered.includes(namespace) ? 'NotRegistered' : 'Registered';
    return { status: 200, body: { namespace, registrationState } };
  }

  #region(path: string): JsonReply {
    const { regions } = this.#settings;
    const [, region = '', what] =
      /^providers\/Microsoft\.CognitiveServices\/locations\/([^/]+)\/(models|usages)$/.exec(path) ?? [];
    const found = regions[region];
    if (what === undefined || found === undefined)
      return failed(404, 'NoRegisteredProviderFound', `Nothing is known of '${path}'.`);
    return what === 'models' ? list(found.models.map(modelEntry)) : list(Object.entries(found.quota).map(usageEntry));
  }

  #resource({ method, text }: Asked, pathname: string): JsonReply {
    const id = decodeURIComponent(pathname).toLowerCase();
    const known = this.#resources.get(id);
    if (known === undefined) return failed(404, 'ResourceNotFound', `The Resource '${pathname}' was not found.`);
    if (method === 'GET') return { status: 200, body: known };
    if (method !== 'PATCH') return failed(405, 'MethodNotAllowed', `${method} is not played here.`);
    const patched = merged(known, parseJsonObject(text) ?? {});
    this.#resources.set(id, patched);
    return { status: 200, body: patched };
  }
}

/** As a JSON merge patch. */
function merged(before: Record<string, unknown>, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const made = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    const old = made[key];
    made[key] = isRecord(old) && isRecord(value) ? merged(old, value) : value;
  }
  return made;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Region = ResourceManagerSettings['regions'][string];

const modelEntry = ({ name, version, types }: Region['models'][number]): object => ({
  kind: 'OpenAI',
  skuName: 'S0',
  model: { format: 'OpenAI', name, version, skus: types.map((type) => skuEntry(type, name)) },
});

/** What is paid by the token has a quota for each model; provisioned units have one for all, and are sold in steps. */
const skuEntry = (type: string, model: string): object =>
  type.includes('Provisioned')
    ? { name: type, usageName: `OpenAI.${type}`, capacity: { minimum: 15, step: 5, maximum: 100_000 } }
    : { name: type, usageName: `OpenAI.${type}.${model}`, capacity: { minimum: 1, step: 1, maximum: 30_000 } };

const usageEntry = ([name, { used, limit }]: [string, Region['quota'][string]]): object => ({
  name: { value: name },
  currentValue: used,
  limit,
});

/** One page of a list that is longer, and where the next one is. */
function paged(reply: JsonReply, url: URL, length: number): JsonReply {
  const body: unknown = reply.body;
  if (!isRecord(body) || !Array.isArray(body['value']) || body['value'].length <= length) return reply;
  const from = Number(url.searchParams.get('$skiptoken') ?? 0);
  const value: readonly unknown[] = body['value'].slice(from, from + length);
  if (from + length >= body['value'].length) return { ...reply, body: { ...body, value } };
  url.searchParams.set('$skiptoken', String(from + length));
  return { ...reply, body: { ...body, value, nextLink: url.href } };
}

const list = (value: readonly object[]): JsonReply => ({ status: 200, body: { value } });
const failed = (status: number, code: string, message: string): JsonReply => ({
  status,
  body: { error: { code, message } },
});
