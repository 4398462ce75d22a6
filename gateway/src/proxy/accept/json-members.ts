import { parseJson } from '#kernel/json.ts';
import type { MemberSpan } from '#model/request-body.ts';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;
/** Up to here a loop finds the end of a string faster than a native search can be called. */
const shortString = 48;

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at])
    at += 1;
  return at;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let back = at - 1;
  while (bytes[back] === backslash) back -= 1;
  return (at - back) % 2 === 0;
}

/** `from` is the opening quote; returns the index after the closing one. */
function skipString(bytes: Buffer, from: number): number {
  let at = from + 1;
  const limit = Math.min(bytes.length, at + shortString);
  while (at < limit) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    at += byte === backslash ? 2 : 1;
  }
  let found = bytes.indexOf(quote, at);
  while (found !== -1 && isEscaped(bytes, found)) found = bytes.indexOf(quote, found + 1);
  return found === -1 ? bytes.length : found + 1;
}

function skipNested(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === quote) {
      at = skipString(bytes, at);
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  return at;
}

function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === quote) return skipString(bytes, from);
  if (first === openBrace || first === openBracket) return skipNested(bytes, from);
  let at = from;
  while (at < bytes.length && bytes[at] !== comma && bytes[at] !== closeBrace) at += 1;
  return at;
}

function nameOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start + 1, end - 1);
  if (!text.includes('\\')) return text;
  // An escaped spelling ("mod\u0065l") is the same member to whoever parses it; so the parser itself decides.
  const name = parseJson(bytes.toString('utf8', start, end));
  return typeof name === 'string' ? name : text;
}

/**
 * Where each top-level member of a JSON object stands. The text must be known to be valid JSON (it has been parsed).
 * `duplicate` names a member that stands twice: our parser takes the last of them, the upstream's might take the first,
 * so what we checked would not be what is served.
 */
export function topLevelMembers(bytes: Buffer): {
  readonly spans: ReadonlyMap<string, MemberSpan>;
  readonly duplicate: string | undefined;
} {
  const spans = new Map<string, MemberSpan>();
  let duplicate: string | undefined;
  let at = skipSpace(bytes, 0) + 1;
  for (;;) {
    at = skipSpace(bytes, at);
    if (bytes[at] !== quote) break;
    const nameEnd = skipString(bytes, at);
    const name = nameOf(bytes, at, nameEnd);
    at = skipSpace(bytes, nameEnd);
    if (bytes[at] !== colon) break;
    const start = skipSpace(bytes, at + 1);
    const end = skipValue(bytes, start);
    if (spans.has(name)) duplicate ??= name;
    spans.set(name, { start, end });
    at = skipSpace(bytes, end);
    if (bytes[at] !== comma) break;
    at += 1;
  }
  return { spans, duplicate };
}
