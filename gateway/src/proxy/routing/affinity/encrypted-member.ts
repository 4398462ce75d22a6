import { isJsonObject, type Json } from '#kernel/json.ts';
import { encryptedMember } from '#model/affinity.ts';

const quote = '"'.charCodeAt(0);
const colon = ':'.charCodeAt(0);
/** Between the name and its value writers put one space at most; whoever puts more is not understood. */
const mostSpace = 64;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at - from < mostSpace && isSpace(bytes[at])) at += 1;
  return at;
}

const nameAtEnd = encryptedMember.subarray(0, -1).toString();

/**
 * Whether names that a client gave to its metadata, which replies repeat, would be taken for the member: the name itself, or
 * one that ends with it behind a quotation mark.
 */
export function looksEncrypted(metadata: Json | undefined): boolean {
  return isJsonObject(metadata) && Object.keys(metadata).some((name) => `"${name}`.endsWith(nameAtEnd));
}

/**
 * Where the text of the member begins whose name was found at `found`; -1 where it holds no text, or it is no member;
 * undefined where the bytes end before that can be told.
 */
export function textAt(bytes: Buffer, found: number): number | undefined {
  let at = afterSpace(bytes, found + encryptedMember.length);
  if (at >= bytes.length) return undefined;
  if (bytes[at] !== colon) return -1;
  at = afterSpace(bytes, at + 1);
  if (at >= bytes.length) return undefined;
  return bytes[at] === quote ? at + 1 : -1;
}
