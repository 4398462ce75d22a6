import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AffinityRules, SigningKey } from '#model/affinity.ts';

/**
 * An id of something that lives in one resource, as clients see it. It says where the thing lives, so that any replica with
 * the same key can bring a call back to it without a table, and is signed together with its owner, so that nobody can make
 * one, change one, or use another caller's.
 *
 *   prefix + base64url( version · key id · resource tag (6) · upstream's id without its prefix · signature (16) )
 *
 * The owner is in the signature only: an id tells nobody whose it is.
 */
const version = 1;
const tagBytes = 6;
const signatureBytes = 16;
const headBytes = 2 + tagBytes;

/** What things there are, by the prefix that their ids have. */
export type IdPrefix = 'resp_' | 'conv_';

export interface OpenedId {
  /** The upstream's own id. */
  readonly raw: string;
  /** Of the resource where it lives. */
  readonly tag: string;
}

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

function signature(
  key: SigningKey,
  given: { readonly prefix: IdPrefix; readonly owner: string; readonly content: Buffer },
): Buffer {
  return createHmac('sha256', key.secret)
    .update(`${given.prefix}\0${given.owner}\0`)
    .update(given.content)
    .digest()
    .subarray(0, signatureBytes);
}

export interface Sealing {
  readonly prefix: IdPrefix;
  readonly owner: string;
  readonly resource: string;
}

/** The id that a client gets for the upstream's. */
export function sealId(rules: AffinityRules, raw: string, { prefix, owner, resource }: Sealing): string {
  const [key] = rules.keys;
  if (key === undefined) throw new Error('There is no key to sign ids with.');
  const content = Buffer.concat([
    Buffer.from([version, key.id]),
    Buffer.from(resourceTag(resource), 'hex'),
    Buffer.from(raw.slice(prefix.length), 'utf8'),
  ]);
  return prefix + Buffer.concat([content, signature(key, { prefix, owner, content })]).toString('base64url');
}

/** No id of an upstream is nearly as long; what is longer is not looked at. */
const longestId = 1024;
/** What decoders let pass beside it would come back to the client in the middle of a reply. */
const madeOf = /^[\w-]+$/;

/** Undefined where the text is no id of ours, was changed, or belongs to somebody else: which of them, nobody learns. */
export function openId(
  rules: AffinityRules,
  text: string,
  { prefix, owner }: Omit<Sealing, 'resource'>,
): OpenedId | undefined {
  if (!text.startsWith(prefix) || text.length > longestId || !madeOf.test(text)) return undefined;
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  if (bytes.length <= headBytes + signatureBytes || bytes[0] !== version) return undefined;
  const content = bytes.subarray(0, -signatureBytes);
  const given = bytes.subarray(-signatureBytes);
  const signed = rules.keys.some(
    (key) => key.id === bytes[1] && timingSafeEqual(signature(key, { prefix, owner, content }), given),
  );
  if (!signed) return undefined;
  return {
    raw: prefix + content.subarray(headBytes).toString('utf8'),
    tag: content.subarray(2, headBytes).toString('hex'),
  };
}
