import type { AffinityRules } from '#model/affinity.ts';
import { currentKey, isSigned, resourceTag, sign, signatureBytes, tagBytes } from './signature.ts';

/**
 * What stands in front of an `encrypted_content` in the hands of a client: reasoning and compactions of earlier turns, which
 * only the resource that encrypted them can read. It says which one that is, and is signed together with its owner and the
 * beginning of the content, so that it can be made by nobody and moved to no other content.
 *
 *   tg1_ + base64url( key id · resource tag (6) · signature (16) ) + .
 */
const mark = 'tg1_';
const sealedBytes = 1 + tagBytes + signatureBytes;
const sealedLength = Math.ceil((sealedBytes * 4) / 3);
const end = '.'.charCodeAt(0);

/** Bytes of a tag, of which all are ASCII. */
export const contentTagLength = mark.length + sealedLength + 1;

/** So much of a content's beginning is signed: it holds the random value that makes a content unlike all others. */
export const longestHead = 64;

/** What every JSON writer writes as it is: `+`, `/` and all else are escaped by some, and then look otherwise here and there. */
const plain = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.')
  plain[character.charCodeAt(0)] = 1;

/** The part of a content that is signed, where its text begins at `from`, as it stands in JSON. Shorter where it ends early. */
export function headOf(bytes: Buffer, from: number): Buffer {
  let at = from;
  while (at - from < longestHead && plain[bytes[at] ?? 0] === 1) at += 1;
  return bytes.subarray(from, at);
}

const kind = 'encrypted_content';

export function contentTag(
  rules: AffinityRules,
  head: Buffer,
  { owner, resource }: { readonly owner: string; readonly resource: string },
): Buffer {
  const where = Buffer.concat([Buffer.from([currentKey(rules).id]), Buffer.from(resourceTag(resource), 'hex')]);
  const signature = sign(rules, { kind, owner, content: Buffer.concat([where, head]) });
  return Buffer.from(`${mark}${Buffer.concat([where, signature]).toString('base64url')}.`);
}

/** Whether a tag, or what is meant to pass for one, begins at `from`. */
export function isTagged(bytes: Buffer, from: number): boolean {
  return bytes.subarray(from, from + mark.length).equals(Buffer.from(mark));
}

/** Bytes from the beginning of a tag that decide on it: itself, and what of the content it signs. */
const decisiveLength = contentTagLength + longestHead;

/**
 * The tags of one caller in one request. Each is verified once, however often a client repeats it: a body has room for
 * tens of thousands.
 */
export class TagsOfCaller {
  readonly #rules: AffinityRules;
  readonly #owner: string;
  readonly #known = new Map<string, string | undefined>();

  constructor(rules: AffinityRules, owner: string) {
    this.#rules = rules;
    this.#owner = owner;
  }

  /** As `openContentTag`. */
  open(bytes: Buffer, from: number): string | undefined {
    if (!isTagged(bytes, from)) return undefined;
    const text = bytes.toString('latin1', from, from + decisiveLength);
    if (!this.#known.has(text)) this.#known.set(text, openContentTag(this.#rules, bytes, { from, owner: this.#owner }));
    return this.#known.get(text);
  }
}

/**
 * The resource of the tag that begins at `from`, by its own tag. Undefined where it was changed, moved, or belongs to somebody
 * else: which of them, nobody learns.
 */
export function openContentTag(
  rules: AffinityRules,
  bytes: Buffer,
  { from, owner }: { readonly from: number; readonly owner: string },
): string | undefined {
  if (!isTagged(bytes, from) || bytes[from + contentTagLength - 1] !== end) return undefined;
  const text = bytes.toString('latin1', from + mark.length, from + mark.length + sealedLength);
  const sealed = Buffer.from(text, 'base64url');
  if (sealed.length !== sealedBytes) return undefined;
  const where = sealed.subarray(0, 1 + tagBytes);
  const signed = { kind, owner, content: Buffer.concat([where, headOf(bytes, from + contentTagLength)]) };
  if (!isSigned(rules, signed, { keyId: where[0], signature: sealed.subarray(1 + tagBytes) })) return undefined;
  return where.subarray(1).toString('hex');
}
