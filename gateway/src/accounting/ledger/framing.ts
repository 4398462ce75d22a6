import { crc32 } from 'node:zlib';

/**
 * A record of the journal is one line of text: the byte 0x1E, the CRC-32 of the JSON as 8 lower-case hex digits, a
 * space, the JSON in UTF-8, a line feed. It is a JSON text sequence (RFC 7464) with a checksum. Neither 0x1E nor a line
 * feed can stand inside JSON, where they are escaped: so 0x1E is where reading starts again behind damage, and a record
 * without its line feed was torn.
 */
export const recordSeparator = 0x1e;
export const lineFeed = 0x0a;
/** Separator, checksum and space. */
export const prefixBytes = 10;
export const framingBytes = prefixBytes + 1;

/** A record without its line feed for so long is damage: nothing longer may be written. */
export const longestFrameBytes = 16 * 1024 * 1024;

/** Throws a RangeError for an entry that no reader would take for one. */
export function refuseTooLong(json: string): void {
  // One UTF-16 unit is at most three bytes of UTF-8.
  if (json.length * 3 + framingBytes < longestFrameBytes) return;
  if (Buffer.byteLength(json) + framingBytes >= longestFrameBytes)
    throw new RangeError(`An entry of ${json.length} characters is too long to be recorded.`);
}

const space = 0x20;
const hexDigits = Buffer.from('0123456789abcdef');

function digitOf(value: number): number {
  return hexDigits[value & 15] ?? 0;
}

/** A buffer that a burst has grown beyond this is not kept. */
const largestKeptBytes = 4 * 1024 * 1024;

/** Framed records one after the other in a buffer that is used again and again. */
export class FrameBuffer {
  #bytes: Buffer;
  #length = 0;

  constructor(initialBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Valid until the next call that changes the buffer. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Throws, nothing added, for what is too long. */
  add(json: string): void {
    refuseTooLong(json);
    this.#ensure(json.length * 3 + framingBytes);
    const start = this.#length;
    const bytes = this.#bytes;
    const end = start + prefixBytes + bytes.write(json, start + prefixBytes);
    const checksum = crc32(bytes.subarray(start + prefixBytes, end));
    bytes[start] = recordSeparator;
    for (let digit = 0; digit < 8; digit += 1) bytes[start + 1 + digit] = digitOf(checksum >>> (28 - digit * 4));
    bytes[start + 9] = space;
    bytes[end] = lineFeed;
    this.#length = end + 1;
  }

  addAll(other: FrameBuffer): void {
    this.#ensure(other.#length);
    other.#bytes.copy(this.#bytes, this.#length, 0, other.#length);
    this.#length += other.#length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > largestKeptBytes) this.#bytes = Buffer.allocUnsafeSlow(largestKeptBytes);
  }

  #ensure(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

function digitValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

/** Whether the JSON's checksum is what stands in the prefix that begins at `start`. */
export function isIntact(bytes: Uint8Array, start: number, json: Uint8Array): boolean {
  if (bytes[start] !== recordSeparator || bytes[start + 9] !== space) return false;
  let stated = 0;
  for (let at = start + 1; at <= start + 8; at += 1) {
    const value = digitValue(bytes[at] ?? 0);
    if (value < 0) return false;
    stated = stated * 16 + value;
  }
  return stated === crc32(json);
}
