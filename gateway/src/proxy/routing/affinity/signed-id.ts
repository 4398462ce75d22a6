import type { AffinityRules } from '#model/affinity.ts';
import { currentKey, isSigned, resourceTag, sign, signatureBytes, tagBytes } from './signature.ts';

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
const headBytes = 2 + tagBytes;

/** What things there are, by the prefix that their ids have. */
export type IdPrefix = 'resp_' | 'conv_' | 'file-' | 'batch_';

export interface OpenedId {
  /** The upstream's own id. */
  readonly raw: string;
  /** Of the resource where it lives. */
  readonly tag: string;
}

export interface Sealing {
  readonly prefix: IdPrefix;
  readonly owner: string;
  readonly resource: string;
}

/** The id that a client gets for the upstream's. */
export function sealId(rules: AffinityRules, raw: string, { prefix, owner, resource }: Sealing): string {
  const content = Buffer.concat([
    Buffer.from([version, currentKey(rules).id]),
    Buffer.from(resourceTag(resource), 'hex'),
    Buffer.from(raw.slice(prefix.length), 'utf8'),
  ]);
  return prefix + Buffer.concat([content, sign(rules, { kind: prefix, owner, content })]).toString('base64url');
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
  const given = { keyId: bytes[1], signature: bytes.subarray(-signatureBytes) };
  if (!isSigned(rules, { kind: prefix, owner, content }, given)) return undefined;
  return {
    raw: prefix + content.subarray(headBytes).toString('utf8'),
    tag: content.subarray(2, headBytes).toString('hex'),
  };
}
