import { hash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonObject } from '#kernel/json.ts';
import type { TokenClaims, TokenTerms } from '#model/token-terms.ts';
import type { TokenVerifier } from '#proxy/consumers/ports.ts';
import type { SigningKeys, Tenant } from './signing-keys.ts';

/** Entra's tokens have at most 200 groups, which is less. */
const longestToken = 16 * 1024;
const longestKeyId = 256;
/** For how long a signature that was checked is not checked again: a withdrawn key is trusted that much longer. */
const believedMs = 300_000;
/** Tokens that are remembered; the oldest is forgotten for a new one. */
const mostRemembered = 5_000;

interface Believed {
  readonly claims: TokenClaims;
  /** Monotonic ms. */
  readonly until: number;
  /** UTC ms, the difference of clocks allowed for. */
  readonly expiresAt: number;
}

interface Issuer {
  readonly tenant: Tenant;
  readonly version: '1.0' | '2.0';
}

const refused = (message: string): Failure => new Failure('invalid_token', message);

/** Access tokens of Microsoft Entra, of version 1 and 2, checked with the keys that their tenant publishes. */
export class EntraTokens implements TokenVerifier {
  private readonly keys: Pick<SigningKeys, 'find'>;
  private readonly clock: Clock;
  /** What was believed under these terms; under others it is looked at again. */
  private terms: TokenTerms | undefined;
  private issuers: ReadonlyMap<string, Issuer> = new Map();
  private readonly believed = new Map<string, Believed>();

  constructor(keys: Pick<SigningKeys, 'find'>, clock: Clock) {
    this.keys = keys;
    this.clock = clock;
  }

  verify(token: string, terms: TokenTerms): TokenClaims | Promise<TokenClaims> {
    if (token.length > longestToken)
      throw refused(`The access token is longer than the ${longestToken} characters that are looked at.`);
    if (terms !== this.terms) this.takeOver(terms);
    const digest = hash('sha256', token, 'base64');
    const known = this.believed.get(digest);
    if (known !== undefined && this.clock.monotonic() < known.until && this.clock.now() < known.expiresAt)
      return known.claims;
    return this.check(token, { terms, digest, issuers: this.issuers });
  }

  private takeOver(terms: TokenTerms): void {
    this.terms = terms;
    this.believed.clear();
    this.issuers = issuersOf(terms);
  }

  private async check(
    token: string,
    under: {
      readonly terms: TokenTerms;
      readonly digest: string;
      readonly issuers: ReadonlyMap<string, Issuer>;
    },
  ): Promise<TokenClaims> {
    const { terms } = under;
    const { issuer, keyId } = namedBy(token, under.issuers);
    const key = await this.keys.find(issuer.tenant, keyId);
    const now = this.clock.now();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, key, {
        algorithms: ['RS256'],
        audience: [...terms.audiences],
        requiredClaims: ['iss', 'aud', 'exp'],
        clockTolerance: terms.clockSkewMs / 1000,
        currentDate: new Date(now),
      }));
    } catch (error) {
      throw explained(error, terms);
    }
    const claims = claimsOf(payload, issuer);
    if (terms === this.terms) this.remember(under.digest, { claims, exp: payload.exp ?? 0, terms });
    return claims;
  }

  private remember(
    digest: string,
    { claims, exp, terms }: { readonly claims: TokenClaims; readonly exp: number; readonly terms: TokenTerms },
  ): void {
    this.believed.delete(digest);
    if (this.believed.size >= mostRemembered)
      for (const oldest of this.believed.keys()) {
        this.believed.delete(oldest);
        break;
      }
    this.believed.set(digest, {
      claims,
      until: this.clock.monotonic() + believedMs,
      expiresAt: exp * 1000 + terms.clockSkewMs,
    });
  }
}

function issuersOf({ tenants, authority, firstIssuer }: TokenTerms): ReadonlyMap<string, Issuer> {
  return new Map(
    tenants.flatMap((id): (readonly [string, Issuer])[] => {
      const tenant = { authority, id };
      return [
        [`${firstIssuer}/${id}/`, { tenant, version: '1.0' }],
        [`${authority}/${id}/v2.0`, { tenant, version: '2.0' }],
      ];
    }),
  );
}

/**
 * Whose key to check with, by what the token itself says: believed only so far as it chooses among the tenants that are
 * configured. Whatever else the header offers (`jwk`, `jku`, `x5c`, …) is not looked at.
 */
function namedBy(
  token: string,
  issuers: ReadonlyMap<string, Issuer>,
): { readonly issuer: Issuer; readonly keyId: string } {
  let header: ReturnType<typeof decodeProtectedHeader>;
  let payload: JWTPayload;
  try {
    header = decodeProtectedHeader(token);
    payload = decodeJwt(token);
  } catch {
    throw refused('The access token is not a well-formed signed JSON Web Token.');
  }
  if (header.alg !== 'RS256') throw refused('The access token is not signed with RS256, as those of Entra are.');
  const issuer = typeof payload.iss === 'string' ? issuers.get(payload.iss) : undefined;
  if (issuer === undefined) throw refused('The access token was not issued by a tenant that is accepted here.');
  const { kid } = header;
  if (typeof kid !== 'string' || kid === '' || kid.length > longestKeyId)
    throw refused('The access token does not say which key signed it.');
  return { issuer, keyId: kid };
}

/** What jose has against a token, in words for its owner. */
function explained(error: unknown, { audiences }: TokenTerms): unknown {
  if (error instanceof errors.JWTExpired) return refused('The access token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud')
      return refused(`The access token is for another audience; ask for one for ${audiences.join(' or ')}.`);
    if (error.claim === 'nbf')
      return refused('The access token is not valid yet: is the clock right that it was made by, and the one here?');
    return refused(`The claim '${error.claim}' of the access token is missing or malformed.`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused('The signature of the access token is not by the key that it names.');
  return error instanceof errors.JOSEError ? refused('The access token is not one that can be checked.') : error;
}

function claimsOf(payload: JWTPayload, { tenant, version }: Issuer): TokenClaims {
  const { aud, tid, ver, cnf, roles, scp } = payload;
  if (typeof tid !== 'string' || tid.toLowerCase() !== tenant.id)
    throw refused('The tenant that the access token names is not the one that issued it.');
  if (ver !== version) throw refused('The version of the access token does not go with its issuer.');
  if (typeof aud !== 'string') throw refused('The access token is for several audiences.');
  if (cnf !== undefined) throw refused('The access token is bound to a key of its holder, which is not supported.');
  const application = version === '1.0' ? payload['appid'] : payload['azp'];
  if (typeof application !== 'string')
    throw refused('The token names no application that asked for it: it is an ID token, not an access token.');
  return {
    tenant: tenant.id,
    clientId: application.toLowerCase(),
    roles: textsOf(roles),
    scopes: typeof scp === 'string' ? scp.split(' ').filter((one) => one !== '') : [],
    groups: groupsOf(payload),
    all: payload,
  };
}

const textsOf = (claim: unknown): readonly string[] =>
  Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];

/** Null where Entra left them out because they are too many, and says where they could be asked for instead. */
function groupsOf(payload: JWTPayload): readonly string[] | null {
  const { groups, hasgroups, _claim_names: elsewhere } = payload;
  if (Array.isArray(groups)) return textsOf(groups).map((one) => one.toLowerCase());
  return hasgroups !== undefined || (isJsonObject(elsewhere) && 'groups' in elsewhere) ? null : [];
}
