import { parseJsonObject, type JsonObject } from '#kernel/json.ts';

/**
 * Which members of a JSON object are wanted: `true` takes a value whole, an object takes some members of an object, a list
 * of one takes the same of every element of an array. A value of another shape than wanted is left out.
 */
export type Wanted = true | { readonly [member: string]: Wanted } | readonly [Wanted];

/** What may be kept of one text, bytes; a text of which more is wanted is not read at all. */
const mostKept = 256 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** An object or array of which some is wanted; its brackets and the wanted values are kept. */
type Container = WantedObject | WantedArray;

interface WantedObject {
  readonly kind: 'object';
  readonly members: ReadonlyMap<string, Wanted>;
  /** The member whose value comes next; undefined while a key is expected. */
  key: string | undefined;
  keptAny: boolean;
}

interface WantedArray {
  readonly kind: 'array';
  readonly element: Wanted;
  keptAny: boolean;
}

/**
 * Reads a JSON object that is too large to be kept, chunk by chunk, and keeps only the wanted members, so a reply of any
 * size is read in at most `mostKept` bytes plus what is wanted of one value. Bytes are looked at once. What is left out is
 * only checked for balanced brackets and closed strings, not for being JSON.
 */
export class JsonPruner {
  readonly #wanted: Wanted;
  readonly #open: Container[] = [];
  readonly #kept: string[] = [];
  #keptBytes = 0;
  /** `structure`: between values of a wanted container; `value`: inside a value that is kept or left out as a whole. */
  #mode: 'start' | 'structure' | 'key' | 'value' | 'done' = 'start';
  #failed = false;
  /** Brackets open inside the current value; a scalar has none. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #keeping = false;
  #parts: Buffer[] = [];

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  feed(chunk: Buffer): void {
    let index = 0;
    while (index < chunk.length && !this.#failed) {
      if (this.#mode === 'value') index = this.#readValue(chunk, index);
      else if (this.#mode === 'key') index = this.#readKey(chunk, index);
      else index = this.#readStructure(chunk, index);
    }
  }

  /** The wanted members; undefined where the text was no whole JSON object, or too much of it was wanted. */
  end(): JsonObject | undefined {
    return this.#mode === 'done' && !this.#failed ? parseJsonObject(this.#kept.join('')) : undefined;
  }

  /** The wanted members that came whole, of a text that may have been cut anywhere. */
  salvage(): JsonObject | undefined {
    const closing = this.#open.toReversed().map(({ kind }) => (kind === 'object' ? '}' : ']'));
    return this.#failed ? undefined : parseJsonObject([...this.#kept, ...closing].join(''));
  }

  #readStructure(chunk: Buffer, index: number): number {
    const byte = chunk[index] ?? 0;
    if (isWhiteSpace(byte)) return index + 1;
    const container = this.#open.at(-1);
    if (container === undefined) return this.#readTop(byte, index);
    if (byte === comma) {
      if (container.kind === 'object') container.key = undefined;
      return index + 1;
    }
    if (byte === colon) return index + 1;
    if (nestingOf(byte) < 0) {
      this.#close(container, byte);
      return index + 1;
    }
    if (container.kind === 'object' && container.key === undefined) {
      if (byte === quote) this.#mode = 'key';
      else this.#failed = true;
      return index + 1;
    }
    return this.#startValue(byte, index, container);
  }

  #readTop(byte: number, index: number): number {
    if (this.#mode !== 'start' || !this.#enter(byte, this.#wanted, '')) this.#failed = true;
    return index + 1;
  }

  #startValue(byte: number, index: number, container: Container): number {
    const wanted = wantedOf(container);
    if (wanted !== undefined && this.#enter(byte, wanted, prefixOf(container))) {
      container.keptAny = true;
      return index + 1;
    }
    this.#mode = 'value';
    this.#keeping = wanted === true;
    this.#depth = 0;
    return index;
  }

  /** Goes into an object or array of which some is wanted; false where the value is not of the wanted shape. */
  #enter(byte: number, wanted: Wanted, prefix: string): boolean {
    const container = containerOf(byte, wanted);
    if (container === undefined) return false;
    this.#open.push(container);
    this.#mode = 'structure';
    this.#keep(prefix + (container.kind === 'object' ? '{' : '['));
    return true;
  }

  #close(container: Container, byte: number): void {
    if (byte !== (container.kind === 'object' ? closeBrace : closeBracket)) this.#failed = true;
    this.#keep(container.kind === 'object' ? '}' : ']');
    this.#open.pop();
    if (this.#open.length === 0) this.#mode = 'done';
  }

  #readKey(chunk: Buffer, from: number): number {
    const end = this.#stringEnd(chunk, from);
    this.#parts.push(chunk.subarray(from, end === -1 ? chunk.length : end));
    if (end === -1) {
      this.#boundParts();
      return chunk.length;
    }
    const container = this.#open.at(-1);
    if (container?.kind === 'object') container.key = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#mode = 'structure';
    return end + 1;
  }

  #readValue(chunk: Buffer, from: number): number {
    const end = this.#valueEnd(chunk, from);
    if (this.#keeping) this.#parts.push(chunk.subarray(from, end === -1 ? chunk.length : end));
    if (end === -1) {
      this.#boundParts();
      return chunk.length;
    }
    const container = this.#open.at(-1);
    if (this.#keeping && container !== undefined) {
      this.#keep(prefixOf(container) + Buffer.concat(this.#parts).toString('utf8'));
      container.keptAny = true;
    }
    this.#parts = [];
    this.#mode = 'structure';
    return end;
  }

  /** The index just after the value, or of the byte that ends a scalar; -1 where it goes on in the next chunk. */
  #valueEnd(chunk: Buffer, from: number): number {
    let index = from;
    while (index < chunk.length) {
      if (this.#inString) {
        const end = this.#stringEnd(chunk, index);
        if (end === -1) return -1;
        this.#inString = false;
        index = end + 1;
      } else {
        index = nextMark(chunk, index, this.#depth === 0);
        const byte = chunk[index];
        if (byte === undefined) return -1;
        const nesting = nestingOf(byte);
        if (this.#depth === 0 && (byte === comma || nesting < 0)) return index;
        this.#inString = byte === quote;
        this.#depth += nesting;
        index += 1;
      }
      if (this.#depth === 0 && !this.#inString) return index;
    }
    return -1;
  }

  /** The index of the quotation mark that ends the string which `from` is in; -1 where it goes on in the next chunk. */
  #stringEnd(chunk: Buffer, from: number): number {
    let index = from;
    if (this.#escaped) {
      this.#escaped = false;
      index += 1;
    }
    while (index < chunk.length) {
      const byte = chunk[index];
      if (byte === quote) return index;
      if (byte === backslash) {
        if (index + 1 === chunk.length) this.#escaped = true;
        index += 2;
      } else index += 1;
    }
    return -1;
  }

  /** What goes on in the next chunk is copied, so that no chunk is kept alive for a few bytes of it. */
  #boundParts(): void {
    const last = this.#parts.pop();
    if (last !== undefined) this.#parts.push(Buffer.from(last));
    const bytes = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes > mostKept) this.#failed = true;
  }

  #keep(text: string): void {
    this.#keptBytes += text.length;
    this.#kept.push(text);
    if (this.#keptBytes > mostKept) this.#failed = true;
  }
}

/** The wanted members of a text that may be malformed after them. */
export function pruneJson(text: string, wanted: Wanted): JsonObject | undefined {
  const pruner = new JsonPruner(wanted);
  pruner.feed(Buffer.from(text));
  return pruner.salvage();
}

function containerOf(byte: number, wanted: Wanted): Container | undefined {
  if (wanted === true) return undefined;
  if (isList(wanted)) {
    return byte === openBracket ? { kind: 'array', element: wanted[0], keptAny: false } : undefined;
  }
  if (byte !== openBrace) return undefined;
  return { kind: 'object', members: new Map(Object.entries(wanted)), key: undefined, keptAny: false };
}

function isList(wanted: Exclude<Wanted, true>): wanted is readonly [Wanted] {
  return Array.isArray(wanted);
}

function wantedOf(container: Container): Wanted | undefined {
  if (container.kind === 'array') return container.element;
  return container.key === undefined ? undefined : container.members.get(container.key);
}

/** What stands before a value that is kept: the comma and, in an object, the key. */
function prefixOf(container: Container): string {
  const separator = container.keptAny ? ',' : '';
  return container.kind === 'object' ? `${separator}${JSON.stringify(container.key)}:` : separator;
}

/** The index of the next byte that means something to a value: most bytes of a large reply are numbers, skipped here. */
function nextMark(chunk: Buffer, from: number, commaToo: boolean): number {
  for (let index = from; index < chunk.length; index++) {
    const byte = chunk[index] ?? 0;
    if (byte === quote || nestingOf(byte) !== 0 || (commaToo && byte === comma)) return index;
  }
  return chunk.length;
}

/** 1 for an opening bracket, -1 for a closing one. */
function nestingOf(byte: number): number {
  if (byte === openBrace || byte === openBracket) return 1;
  return byte === closeBrace || byte === closeBracket ? -1 : 0;
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
