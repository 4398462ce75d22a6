import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { parseJson } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBody } from '#wire/body.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';

const secretName = z.string().regex(/^[0-9A-Za-z-]{1,127}$/);

const attributesSchema = z.object({
  enabled: z.boolean().default(true),
  nbf: z.number().int().optional(),
  exp: z.number().int().optional(),
});

/** What a caller puts, as the service takes it. */
const putSchema = z.object({
  value: z.string().max(25_600),
  contentType: z.string().optional(),
  attributes: attributesSchema.prefault({}),
  tags: z.record(z.string(), z.string()).default({}),
});
const patchSchema = putSchema
  .omit({ value: true })
  .partial()
  .extend({ attributes: attributesSchema.partial().optional() });

export const keyVaultSchema = z
  .strictObject({
    secrets: z.record(secretName, z.string()).default({}).describe('Secrets that are there at the start.'),
  })
  .describe('The key vault: it answers under every name that leads to the twin.');
export type KeyVaultSettings = z.output<typeof keyVaultSchema>;

/** `POST /_twin/key-vault/secrets`: a new version, without a token. */
export const storedSecretSchema = z.strictObject({
  name: secretName,
  value: z.string(),
  enabled: z.boolean().default(true),
  expiresInSeconds: z.number().int().optional().describe('From now; below 0: it has expired.'),
});

interface Version {
  readonly id: string;
  readonly value: string;
  readonly created: number;
  contentType: string | undefined;
  attributes: z.output<typeof attributesSchema>;
  tags: Readonly<Record<string, string>>;
}

export interface KeyVaultParts {
  readonly settings: KeyVaultSettings;
  readonly faults: ServiceFaults;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly takesToken: (token: string, audiences: readonly string[]) => boolean;
  /** Where callers get their tokens: named in the challenge. */
  readonly signInAt: () => string;
}

const resource = 'https://vault.azure.net';
const path = /^\/secrets(?:\/([^/]+))?(?:\/([^/]*))?$/;
const operations: Readonly<Record<string, string>> = { GET: 'get', PUT: 'set', PATCH: 'update', DELETE: 'delete' };

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly inner?: string;
}

const refused = (status: number, { code, message, inner }: Refusal): JsonReply => ({
  status,
  body: { error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } },
});

/** How the service puts an error that is asked for. */
function words(status: number): object {
  return refused(
    status,
    wordsFor.get(status) ?? { code: 'InternalServerError', message: 'An error occurred on request.' },
  ).body;
}

const wordsFor: ReadonlyMap<number, Refusal> = new Map([
  [
    403,
    {
      code: 'Forbidden',
      message: 'Caller is not authorized to perform action on resource.',
      inner: 'ForbiddenByRbac',
    },
  ],
  [429, { code: 'Throttled', message: 'Request was not processed because too many requests were received.' }],
]);

const badParameter = (message: string): Refusal => ({ code: 'BadParameter', message });
const disabled: Refusal = {
  code: 'Forbidden',
  message: 'Operation get is not allowed on a disabled secret.',
  inner: 'SecretDisabled',
};

interface Asked {
  readonly method: string;
  readonly name: string | undefined;
  readonly version: string;
  readonly text: string;
  /** `https://host`. */
  readonly base: string;
}

/** Secrets of Azure Key Vault. */
export class KeyVault {
  readonly #parts: KeyVaultParts;
  /** The newest version last. */
  readonly #secrets = new Map<string, Version[]>();

  constructor(parts: KeyVaultParts) {
    this.#parts = parts;
    this.reset();
  }

  /** Those of the settings alone. */
  reset(): void {
    this.#secrets.clear();
    for (const [name, value] of Object.entries(this.#parts.settings.secrets)) this.set({ name, value });
  }

  /** A new version of a secret; its id. */
  set(secret: z.input<typeof storedSecretSchema>): string {
    const { name, value, enabled, expiresInSeconds } = storedSecretSchema.parse(secret);
    const exp = expiresInSeconds === undefined ? {} : { exp: this.#now() + expiresInSeconds };
    return this.#add(name, { value, contentType: undefined, attributes: { enabled, ...exp }, tags: {} }).id;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { host = 'vault' } = request.headers;
    const url = new URL(request.url ?? '/', `https://${host}`);
    const found = path.exec(url.pathname);
    if (found === null) return false;
    const { method = 'GET' } = request;
    const operation = operations[method] ?? 'get';
    if (
      await this.#parts.faults.strike(
        { service: 'key-vault', operation, words },
        response,
        new Set<ServiceFault['kind']>(),
      )
    )
      return true;
    const text = (await readBody(request)) ?? '';
    const refusal = this.#refusal(request, url);
    const [, name, version = ''] = found;
    sendJson(response, refusal ?? this.#answer({ method, name, version, text, base: url.origin }));
    return true;
  }

  /** Who shows no token is told where to get one, and for whom. */
  #refusal(request: IncomingMessage, url: URL): JsonReply | undefined {
    const token = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !this.#parts.takesToken(token, [resource])) {
      const message =
        token === undefined
          ? 'AKV10000: Request is missing a Bearer or PoP token.'
          : `AKV10022: Invalid audience. Expected ${resource}.`;
      return {
        ...refused(401, { code: 'Unauthorized', message }),
        headers: { 'www-authenticate': `Bearer authorization="${this.#parts.signInAt()}", resource="${resource}"` },
      };
    }
    return url.searchParams.get('api-version') === null
      ? refused(400, badParameter('api-version must be specified'))
      : undefined;
  }

  #answer(asked: Asked): JsonReply {
    const { method, name, version, text } = asked;
    if (name === undefined) return this.#list(asked.base);
    if (!secretName.safeParse(name).success)
      return refused(400, badParameter(`The request URI contains an invalid name: ${name}`));
    if (method === 'PUT') return this.#put(name, text, asked.base);
    const versions = this.#secrets.get(name) ?? [];
    const found = version === '' ? versions.at(-1) : versions.find(({ id }) => id === version);
    if (found === undefined)
      return refused(404, {
        code: 'SecretNotFound',
        message: `A secret with (name/id) ${name}${version === '' ? '' : `/${version}`} was not found in this key vault.`,
      });
    if (method === 'PATCH') return patched(found, { name, text, base: asked.base });
    if (method === 'DELETE') {
      this.#secrets.delete(name);
      return { status: 200, body: { ...shown(found, { name, base: asked.base }), value: undefined } };
    }
    if (!found.attributes.enabled) return refused(403, disabled);
    // One that has expired is given out all the same, as the service does.
    return { status: 200, body: shown(found, { name, base: asked.base }) };
  }

  #list(base: string): JsonReply {
    const value = [...this.#secrets].flatMap(([name, versions]) => {
      const last = versions.at(-1);
      return last === undefined
        ? []
        : [{ ...shown(last, { name, base }), value: undefined, id: `${base}/secrets/${name}` }];
    });
    return { status: 200, body: { value, nextLink: null } };
  }

  #put(name: string, text: string, base: string): JsonReply {
    const parsed = putSchema.safeParse(parseJson(text));
    if (!parsed.success) return refused(400, badParameter(z.prettifyError(parsed.error)));
    const { contentType, ...rest } = parsed.data;
    return { status: 200, body: shown(this.#add(name, { ...rest, contentType }), { name, base }) };
  }

  #add(name: string, content: Omit<Version, 'id' | 'created'>): Version {
    const versions = this.#secrets.get(name) ?? [];
    const version = { id: this.#parts.ids.uuid().replaceAll('-', ''), created: this.#now(), ...content };
    versions.push(version);
    this.#secrets.set(name, versions);
    return version;
  }

  #now(): number {
    return Math.floor(this.#parts.clock.now() / 1000);
  }
}

function patched(
  version: Version,
  given: { readonly name: string; readonly text: string; readonly base: string },
): JsonReply {
  const parsed = patchSchema.safeParse(parseJson(given.text));
  if (!parsed.success) return refused(400, badParameter(z.prettifyError(parsed.error)));
  const { attributes = {}, tags = version.tags, contentType = version.contentType } = parsed.data;
  const changed = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
  Object.assign(version, { attributes: { ...version.attributes, ...changed }, tags, contentType });
  return { status: 200, body: { ...shown(version, given), value: undefined } };
}

function shown(
  { id, value, created, contentType, attributes, tags }: Version,
  { name, base }: { readonly name: string; readonly base: string },
): object {
  return {
    value,
    contentType,
    id: `${base}/secrets/${name}/${id}`,
    attributes: {
      ...attributes,
      created,
      updated: created,
      recoveryLevel: 'Recoverable+Purgeable',
      recoverableDays: 90,
    },
    tags,
  };
}
