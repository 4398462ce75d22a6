import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AffinityRules, SigningKey } from '#model/affinity.ts';

/** Bytes of a signature. */
export const signatureBytes = 16;
/** Bytes of a resource's tag. */
export const tagBytes = 6;

const tags = new Map<string, string>();

/** A short name of a resource: 48 bits of the SHA-256 of its base URL, in hexadecimal. */
export function resourceTag(resource: string): string {
  let tag = tags.get(resource);
  if (tag === undefined) {
    tag = createHash('sha256').update(resource.toLowerCase()).digest().subarray(0, tagBytes).toString('hex');
    tags.set(resource, tag);
  }
  return tag;
}

export function signingKey(secret: string): SigningKey {
  const digest = createHash('sha256').update(secret).digest();
  return { id: digest[0] ?? 0, secret: Buffer.from(secret, 'utf8') };
}

/** What is signed. */
export interface Signed {
  /** What kind of thing it is, so that the signature of one is none of another; holds no NUL. */
  readonly kind: string;
  /** Whose it is. Holds no NUL. */
  readonly owner: string;
  readonly content: Buffer;
}

function signature(key: SigningKey, { kind, owner, content }: Signed): Buffer {
  return createHmac('sha256', key.secret)
    .update(`${kind}\0${owner}\0`)
    .update(content)
    .digest()
    .subarray(0, signatureBytes);
}

/** The key that signs now. */
export function currentKey({ keys }: AffinityRules): SigningKey {
  const [key] = keys;
  if (key === undefined) throw new Error('There is no key to sign ids with.');
  return key;
}

export const sign = (rules: AffinityRules, signed: Signed): Buffer => signature(currentKey(rules), signed);

/** Whether one of our keys made this signature; `keyId` tells which are worth trying. */
export function isSigned(
  { keys }: AffinityRules,
  signed: Signed,
  given: { readonly keyId: number | undefined; readonly signature: Buffer },
): boolean {
  return keys.some((key) => key.id === given.keyId && timingSafeEqual(signature(key, signed), given.signature));
}
