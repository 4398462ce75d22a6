import { importJWK, type CryptoKey } from 'jose';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { Log } from '#kernel/log.ts';

export interface Tenant {
  readonly authority: string;
  readonly id: string;
}

export interface SigningKeysOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** Entra publishes a key long before it signs with it: keys that are older than this are read again, in passing. */
const freshMs = 3_600_000;
/** How long keys are trusted that could not be read again. A key that Entra has withdrawn is trusted no longer. */
const trustedMs = 24 * 3_600_000;
/** Between two readings that a token with an unknown key asks for: whoever makes up key ids reaches Entra no oftener. */
const pauseMs = 60_000;
/** The same while there are no keys at all. */
const pauseWithoutKeysMs = 2_000;
const longestAnswerMs = 5_000;
const largestAnswer = 1024 * 1024;

/** The public keys of one tenant. Read when they are needed, never in the background of an idle gateway. */
class TenantKeys {
  private readonly tenant: Tenant;
  private readonly options: SigningKeysOptions;
  private keys: ReadonlyMap<string, CryptoKey> = new Map();
  /** Monotonic ms of the last reading that succeeded, and of the last one that was begun. */
  private readAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  private failing = false;

  constructor(tenant: Tenant, options: SigningKeysOptions) {
    this.tenant = tenant;
    this.options = options;
  }

  async find(keyId: string): Promise<CryptoKey> {
    const age = this.options.clock.monotonic() - this.readAt;
    const known = age <= trustedMs ? this.keys.get(keyId) : undefined;
    if (known !== undefined) {
      if (age > freshMs && this.mayRead()) void this.read();
      return known;
    }
    if (this.reading !== undefined || this.mayRead()) await this.read();
    const trusted = this.options.clock.monotonic() - this.readAt <= trustedMs;
    const found = trusted ? this.keys.get(keyId) : undefined;
    if (found !== undefined) return found;
    if (this.failing || !trusted)
      throw new Failure('token_keys_unavailable', "The keys of the token's tenant cannot be read from Entra now.", {
        retryAfterSeconds: Math.ceil(this.pause() / 1000),
      });
    throw new Failure('invalid_token', 'The access token is signed with a key that its tenant does not publish.');
  }

  private pause(): number {
    return this.keys.size === 0 ? pauseWithoutKeysMs : pauseMs;
  }

  private mayRead(): boolean {
    return this.reading === undefined && this.options.clock.monotonic() - this.triedAt >= this.pause();
  }

  /** One at a time; never rejects: what was known before stays. */
  private read(): Promise<void> {
    if (this.reading !== undefined) return this.reading;
    this.triedAt = this.options.clock.monotonic();
    this.reading = this.readNow().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async readNow(): Promise<void> {
    const { log } = this.options;
    try {
      this.keys = await readKeys(this.tenant, this.options.clock);
      this.readAt = this.options.clock.monotonic();
      if (this.failing) log.info({ tenant: this.tenant.id }, 'the keys of the tenant can be read again');
      this.failing = false;
    } catch (error) {
      // Once, however long it lasts.
      if (!this.failing) log.warn({ err: error, tenant: this.tenant.id }, 'the keys of the tenant cannot be read');
      this.failing = true;
    }
  }
}

/** The signing keys of every tenant that tokens are taken from. */
export class SigningKeys {
  private readonly options: SigningKeysOptions;
  private readonly tenants = new Map<string, TenantKeys>();

  constructor(options: SigningKeysOptions) {
    this.options = options;
  }

  /** Rejects with a Failure where the tenant has no such key, or its keys cannot be read. */
  find(tenant: Tenant, keyId: string): Promise<CryptoKey> {
    const name = `${tenant.authority}/${tenant.id}`;
    let keys = this.tenants.get(name);
    if (keys === undefined) {
      keys = new TenantKeys(tenant, this.options);
      this.tenants.set(name, keys);
    }
    return keys.find(keyId);
  }
}

async function readKeys(tenant: Tenant, clock: Clock): Promise<ReadonlyMap<string, CryptoKey>> {
  const document = parseJsonObject(await readText(`${tenant.authority}/${tenant.id}/discovery/v2.0/keys`, clock));
  const listed = document?.['keys'];
  const usable = (Array.isArray(listed) ? listed : []).filter((one: Json) => isJsonObject(one) && signs(one, tenant));
  const keys = new Map<string, CryptoKey>();
  for (const one of usable as readonly JsonObject[]) {
    const { kid, n, e } = one;
    if (typeof kid !== 'string' || typeof n !== 'string' || typeof e !== 'string') continue;
    const key = await importJWK({ kty: 'RSA', n, e }, 'RS256');
    if (!(key instanceof Uint8Array) && isLongEnough(key)) keys.set(kid, key);
  }
  if (keys.size === 0) throw new Error('The answer holds no key that signs tokens.');
  return keys;
}

/** What is malformed is imported as a key of no bits; RS256 takes none below 2048. */
const isLongEnough = ({ algorithm }: CryptoKey): boolean =>
  'modulusLength' in algorithm && Number(algorithm.modulusLength) >= 2048;

/** Whether a published key may sign tokens of the tenant: some are for one issuer alone. */
function signs(key: JsonObject, { authority, id }: Tenant): boolean {
  const { kty, use = 'sig', alg = 'RS256', issuer } = key;
  if (kty !== 'RSA' || use !== 'sig' || alg !== 'RS256') return false;
  return typeof issuer !== 'string' || issuer.replace('{tenantid}', id) === `${authority}/${id}/v2.0`;
}

async function readText(address: string, clock: Clock): Promise<string> {
  const given = new AbortController();
  const timer = clock.after(longestAnswerMs, () => given.abort(new Error('No answer in time.')));
  try {
    const response = await fetch(address, { signal: given.signal, redirect: 'error' });
    if (!response.ok) throw new Error(`Entra answered with status ${response.status}.`);
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.length > largestAnswer) throw new Error('The answer is too large.');
    }
    return text;
  } finally {
    timer.cancel();
  }
}
