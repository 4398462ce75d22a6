import { createHash, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';

/** What a token is to say; the rest is as Entra fills it in. */
export interface TokenContent {
  readonly tenant: string;
  /** The application that asks. */
  readonly clientId: string;
  readonly audience: string;
  readonly version: 1 | 2;
  /** App roles. */
  readonly roles?: readonly string[];
  /** Delegated permissions: a person is signed in. */
  readonly scopes?: readonly string[];
  readonly groups?: readonly string[];
  /** From now; the token began 5 minutes ago, as Entra's do. Default: an hour. Below 0: it has expired. */
  readonly lifetimeSeconds?: number;
  /** Claims beside these, or in their place; null leaves one out. */
  readonly claims?: Readonly<Record<string, Json>>;
}

interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const firstIssuer = 'https://sts.windows.net';

/** Issues access tokens as Microsoft Entra does, signed with keys that it publishes. */
export class TokenIssuer {
  readonly #clock: Clock;
  readonly #ids: IdSource;
  #keys: readonly SigningKey[] = [];

  constructor(clock: Clock, ids: IdSource) {
    this.#clock = clock;
    this.#ids = ids;
  }

  /** Signs with a new key from now on; the one before stays published until `withdraw`. Returns the new key's id. */
  rotate(): string {
    // Made when first asked for: most twins never issue a token.
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const der = pair.publicKey.export({ type: 'spki', format: 'der' });
    const key = { id: createHash('sha1').update(der).digest('base64url'), ...pair };
    this.#keys = [key, ...this.#keys.slice(0, 1)];
    return key.id;
  }

  /** Takes all keys but the one that signs out of what is published. */
  withdraw(): void {
    this.#keys = this.#keys.slice(0, 1);
  }

  /** The keys that are published, as a JSON Web Key Set. */
  keySet(issuer: string): JsonObject {
    this.#current();
    return {
      keys: this.#keys.map(({ id, publicKey }) => {
        const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
        return { kty: 'RSA', use: 'sig', kid: id, x5t: id, n, e, issuer };
      }),
    };
  }

  /** The public key that tokens are signed with now, PEM. */
  publicKey(): string {
    return this.#current().publicKey.export({ type: 'spki', format: 'pem' });
  }

  /** `authority`: the address of the login service, which tokens of version 2 name as their issuer. */
  issue(content: TokenContent, authority: string): string {
    const key = this.#current();
    return signedWith(key.privateKey, {
      header: { typ: 'JWT', alg: 'RS256', kid: key.id, ...(content.version === 1 ? { x5t: key.id } : {}) },
      claims: this.#claims(content, authority),
    });
  }

  /** Whether a token is one of this issuer's that is in force, and what it says. */
  read(token: string): JsonObject | undefined {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const { kid } = parsed(header);
    const key = this.#keys.find(({ id }) => id === kid);
    const signed = Buffer.from(`${header}.${payload}`);
    if (key === undefined || !verify('RSA-SHA256', signed, key.publicKey, Buffer.from(signature, 'base64url')))
      return undefined;
    const claims = parsed(payload);
    const now = Math.floor(this.#clock.now() / 1000);
    return typeof claims['exp'] === 'number' && claims['exp'] > now ? claims : undefined;
  }

  #current(): SigningKey {
    if (this.#keys.length === 0) this.rotate();
    const [key] = this.#keys;
    if (key === undefined) throw new Error('A key was made just now.');
    return key;
  }

  #claims(content: TokenContent, authority: string): JsonObject {
    const {
      tenant,
      clientId,
      audience,
      version,
      roles = [],
      scopes = [],
      groups = [],
      lifetimeSeconds = 3600,
    } = content;
    const now = Math.floor(this.#clock.now() / 1000);
    const began = Math.min(now, now + lifetimeSeconds) - 300;
    const claims: Record<string, Json> = {
      aud: audience,
      iss: version === 1 ? `${firstIssuer}/${tenant}/` : `${authority}/${tenant}/v2.0`,
      iat: began,
      nbf: began,
      exp: now + lifetimeSeconds,
      ...(version === 1 ? { appid: clientId, appidacr: '1' } : { azp: clientId, azpacr: '1' }),
      ...(scopes.length > 0 ? { scp: scopes.join(' '), name: 'Adele Vance' } : { idtyp: 'app' }),
      ...(roles.length > 0 ? { roles } : {}),
      ...(groups.length > 0 ? { groups } : {}),
      oid: objectIdOf(`${tenant}/${clientId}`),
      sub: objectIdOf(`${tenant}/${clientId}/${audience}`),
      tid: tenant,
      uti: this.#ids.named('', 22),
      ver: version === 1 ? '1.0' : '2.0',
      ...content.claims,
    };
    return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
  }
}

/** The same id for the same thing, in the form of a UUID. */
function objectIdOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function signedWith(
  key: KeyObject,
  { header, claims }: { readonly header: JsonObject; readonly claims: JsonObject },
): string {
  const unsigned = `${base64(header)}.${base64(claims)}`;
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url')}`;
}

const base64 = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const parsed = (part: string): JsonObject => parseJsonObject(Buffer.from(part, 'base64url').toString()) ?? {};
