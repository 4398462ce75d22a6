import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const read = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());

export function partsOf(token: string): {
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
  readonly signature: string;
} {
  const [header = '', claims = '', signature = ''] = token.split('.');
  return { header: read(header), claims: read(claims), signature };
}

/** Another header or other claims under the old signature. */
export function altered(token: string, changes: { readonly header?: object; readonly claims?: object }): string {
  const { header, claims, signature } = partsOf(token);
  return `${base64({ ...header, ...changes.header })}.${base64({ ...claims, ...changes.claims })}.${signature}`;
}

/** Not signed at all. */
export function unsigned(token: string, alg = 'none'): string {
  const { header, claims } = partsOf(token);
  return `${base64({ ...header, alg })}.${base64(claims)}.`;
}

/** Signed with what everybody knows: the public key, taken for a shared secret. */
export function signedWithPublicKey(token: string, publicKey: string): string {
  const { header, claims } = partsOf(token);
  const text = `${base64({ ...header, alg: 'HS256' })}.${base64(claims)}`;
  return `${text}.${createHmac('sha256', publicKey).update(text).digest('base64url')}`;
}

const own = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Signed by a key of the forger; `header` may offer it for checking. */
export function signedByForger(
  token: string,
  changes: { readonly header?: object; readonly claims?: object } = {},
): string {
  const { header, claims } = partsOf(token);
  const text = `${base64({ ...header, ...changes.header })}.${base64({ ...claims, ...changes.claims })}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), own.privateKey).toString('base64url')}`;
}

export const forgersKey = own.publicKey.export({ format: 'jwk' });
