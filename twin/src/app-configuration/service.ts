import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '#kernel/clock.ts';
import { parseJson } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBody } from '#wire/body.ts';
import type { JsonReply } from '#wire/json-reply.ts';
import { KeyValues, keyValueSchema, type KeyValue, type KeyValueInput } from './key-values.ts';

export const appConfigurationSchema = z
  .strictObject({ keyValues: z.array(keyValueSchema).default([]).describe('What the store holds at the start.') })
  .describe('The App Configuration store: it answers under every name that leads to the twin.');
export type AppConfigurationSettings = z.output<typeof appConfigurationSchema>;

const putSchema = z.object({
  value: z.string().nullish(),
  content_type: z.string().nullish(),
  tags: z.record(z.string(), z.string()).nullish(),
});

export interface AppConfigurationParts {
  readonly settings: AppConfigurationSettings;
  readonly faults: ServiceFaults;
  readonly clock: Clock;
  readonly takesToken: (token: string, audiences: readonly string[]) => boolean;
}

const audiences = ['https://appconfig.azure.com', 'https://azconfig.io'];
const path = /^\/(kv|labels)(?:\/(.+))?$/;
const mediaType = 'application/vnd.microsoft.appconfig';
const pageLength = 100;

interface Reply extends Omit<JsonReply, 'body'> {
  readonly body?: object;
  /** Of the media type: `kv`, `kvset`, `labelset`; problems have their own. */
  readonly kind?: 'kv' | 'kvset' | 'labelset';
}

/** How the service puts a problem. */
function problem(status: number, title: string, detail?: string): Reply {
  const type = `https://azconfig.io/errors/${title.toLowerCase().replaceAll(' ', '-')}`;
  return { status, body: { type, title, status, ...(detail === undefined ? {} : { detail }) } };
}

function words(status: number): object {
  const title = status === 429 ? 'Too many requests' : 'Internal server error';
  return problem(status, title, 'On request.').body ?? {};
}

interface Asked {
  readonly method: string;
  readonly key: string | undefined;
  /** By its name in lower case. */
  readonly query: ReadonlyMap<string, string>;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly text: string;
}

/** Key values of Azure App Configuration: lists with pages and ETags, labels, feature flags. */
export class AppConfiguration {
  readonly #parts: AppConfigurationParts;
  readonly #values = new KeyValues();
  /** Answers to lists and single key values, ever: by status. */
  readonly reads: Record<number, number> = {};

  constructor(parts: AppConfigurationParts) {
    this.#parts = parts;
    this.reset();
  }

  /** What the settings say alone. */
  reset(): void {
    this.#values.clear();
    for (const one of this.#parts.settings.keyValues) this.set(one);
  }

  /** Throws where the service would refuse it. */
  set(given: KeyValueInput): void {
    if (this.#values.put(given, this.#parts.clock.now()) === undefined)
      throw new Error(`'${given.key}' is larger than the 10 KB that a key value may have.`);
  }

  /** Whether it was there. */
  remove(key: string, label: string | null = null): boolean {
    return this.#values.delete(key, label) !== undefined;
  }

  /** The value of a key; undefined where there is none. */
  valueOf(key: string, label: string | null = null): string | undefined {
    return this.#values.find(key, label)?.value;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://store');
    const [, collection, key] = path.exec(url.pathname) ?? [];
    if (collection === undefined) return false;
    const { method = 'GET', headers } = request;
    const operation = operationOf(method, key);
    if (
      await this.#parts.faults.strike(
        { service: 'app-configuration', operation, words },
        response,
        new Set<ServiceFault['kind']>(),
      )
    )
      return true;
    const text = (await readBody(request)) ?? '';
    const query = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
    const asked: Asked = {
      method,
      key: key === undefined ? undefined : decodeURIComponent(key),
      query,
      ifMatch: tagIn(headers['if-match']),
      ifNoneMatch: tagIn(headers['if-none-match']),
      text,
    };
    const reply = this.#refusal(request, query) ?? this.#answer(collection, asked);
    if (method === 'GET' || method === 'HEAD') this.reads[reply.status] = (this.reads[reply.status] ?? 0) + 1;
    send(response, reply, {
      isHead: method === 'HEAD',
      syncToken: `twin=${btoa(String(this.#values.changes))};sn=${this.#values.changes}`,
    });
    return true;
  }

  #refusal(request: IncomingMessage, query: ReadonlyMap<string, string>): Reply | undefined {
    const token = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    if (!this.#parts.takesToken(token, [...audiences, `https://${host}`]))
      return {
        status: 401,
        headers: { 'www-authenticate': 'HMAC-SHA256, Bearer error="invalid_token"' },
        ...(token === ''
          ? {}
          : { body: problem(401, 'Unauthorized', 'The audience of the token is not this store.').body ?? {} }),
      };
    return query.get('api-version') === undefined
      ? problem(400, 'API version is not specified', 'An API version is required, but was not specified.')
      : undefined;
  }

  #answer(collection: string, asked: Asked): Reply {
    if (collection === 'labels') return this.#labels();
    if (asked.key === undefined) return this.#list(asked);
    const label = labelIn(asked.query.get('label'));
    const found = this.#values.find(asked.key, label);
    if (asked.method === 'GET' || asked.method === 'HEAD') return read(found, asked);
    if (isOff(asked, found?.etag)) return { status: 412 };
    if (asked.method === 'PUT') return this.#put({ ...asked, key: asked.key }, label);
    if (asked.method !== 'DELETE') return problem(405, 'Method not allowed');
    const deleted = this.#values.delete(asked.key, label);
    return deleted === undefined ? { status: 204 } : single(deleted);
  }

  #put({ key, text }: Asked & { readonly key: string }, label: string | null): Reply {
    const parsed = putSchema.safeParse(parseJson(text));
    if (!parsed.success) return problem(400, 'Invalid request', z.prettifyError(parsed.error));
    const { value, content_type: contentType, tags } = parsed.data;
    const stored = this.#values.put(
      { key, label, value: value ?? '', contentType: contentType ?? '', tags: tags ?? {} },
      this.#parts.clock.now(),
    );
    return stored === undefined
      ? problem(413, 'Key value too large', 'A key value has at most 10 KB.')
      : single(stored);
  }

  #list({ query, ifNoneMatch }: Asked): Reply {
    const all = this.#values.list({ key: query.get('key') ?? null, label: query.get('label') ?? null });
    const after = Number((query.get('after') ?? 'p0').slice(1)) || 0;
    const page = all.slice(after, after + pageLength);
    const etag = createHash('sha256')
      .update(page.map((each) => each.etag).join(','))
      .digest('base64url');
    const next = after + pageLength < all.length ? nextLink(query, after + pageLength) : undefined;
    const headers = { etag: quoted(etag), ...(next === undefined ? {} : { link: `<${next}>; rel="next"` }) };
    if (ifNoneMatch === etag) return { status: 304, headers };
    const items = page.map((each) => shown(each, query.get('$select')));
    return {
      status: 200,
      kind: 'kvset',
      headers,
      body: { items, etag, ...(next === undefined ? {} : { '@nextLink': next }) },
    };
  }

  #labels(): Reply {
    const names = new Set(this.#values.list({ key: null, label: null }).map(({ label }) => label));
    return { status: 200, kind: 'labelset', body: { items: [...names].map((name) => ({ name })) } };
  }
}

function read(found: KeyValue | undefined, { ifNoneMatch, query }: Asked): Reply {
  if (found === undefined) return { status: 404 };
  if (ifNoneMatch === found.etag) return { status: 304, headers: { etag: quoted(found.etag) } };
  return single(found, query.get('$select'));
}

/** Whether a condition of a write does not hold. */
function isOff({ ifMatch, ifNoneMatch }: Asked, etag: string | undefined): boolean {
  if (ifNoneMatch === '*' && etag !== undefined) return true;
  if (ifMatch === undefined) return false;
  return ifMatch === '*' ? etag === undefined : ifMatch !== etag;
}

function operationOf(method: string, key: string | undefined): string {
  if (method === 'PUT' || method === 'DELETE') return 'set';
  return key === undefined ? 'list' : 'get';
}

const quoted = (etag: string): string => `"${etag}"`;

const tagIn = (header: string | undefined): string | undefined => header?.replace(/^(?:W\/)?"(.*)"$/, '$1');

const labelIn = (label: string | undefined): string | null =>
  label === undefined || label === '' || label === '\0' ? null : label;

function nextLink(query: ReadonlyMap<string, string>, after: number): string {
  const rest = new URLSearchParams([...query].filter(([name]) => name !== 'after'));
  rest.set('after', `p${after}`);
  return `/kv?${rest.toString()}`;
}

function single(value: KeyValue, select?: string): Reply {
  return {
    status: 200,
    kind: 'kv',
    headers: { etag: quoted(value.etag), 'last-modified': new Date(value.changedAt).toUTCString() },
    body: shown(value, select),
  };
}

function shown({ key, label, value, contentType, tags, etag, changedAt }: KeyValue, select?: string): object {
  const whole: Record<string, unknown> = {
    etag,
    key,
    label,
    content_type: contentType,
    value,
    last_modified: new Date(changedAt).toISOString(),
    locked: false,
    tags,
  };
  if (select === undefined || select === '') return whole;
  const wanted = new Set(select.split(','));
  return Object.fromEntries(Object.entries(whole).filter(([name]) => wanted.has(name)));
}

function send(
  response: ServerResponse,
  { status, body, kind, headers }: Reply,
  given: { readonly isHead: boolean; readonly syncToken: string },
): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = kind === undefined ? 'application/problem+json' : `${mediaType}.${kind}+json`;
  const described =
    text === '' ? {} : { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, { 'sync-token': given.syncToken, ...described, ...headers });
  response.end(given.isHead ? '' : text);
}
