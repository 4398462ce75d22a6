import { framingBytes, isIntact, lineFeed, longestFrameBytes, prefixBytes, recordSeparator } from './framing.ts';
import type { JournalFiles, Position } from './ports.ts';

interface ScannedRecord {
  readonly kind: 'record';
  readonly at: Position;
  /** The entry's JSON in UTF-8; valid until the next call of `next`. */
  readonly json: Buffer;
}

export interface Damage {
  /** `torn`: the end of a segment without a line feed, as a write leaves it that was cut short. */
  readonly kind: 'damage' | 'torn';
  readonly at: Position;
  readonly bytes: number;
}

export type Scanned = ScannedRecord | Damage;

const chunkBytes = 256 * 1024;

/** Reads the journal's segments in order, from a position on, and starts again behind whatever is damaged. */
export class JournalReader {
  readonly #files: JournalFiles;
  #segment: number;
  /** Where in the segment `#start` lies. */
  #offset: number;
  #buffer = Buffer.allocUnsafeSlow(chunkBytes);
  /** The bytes that have been read and not been taken yet. */
  #start = 0;
  #end = 0;
  /** What stands behind the damage that was just told. */
  #behind: Scanned | undefined;

  constructor(files: JournalFiles, from: Position) {
    this.#files = files;
    this.#segment = from.segment;
    this.#offset = from.offset;
  }

  /** Everything before it has been told. */
  get position(): Position {
    return this.#behind === undefined ? { segment: this.#segment, offset: this.#offset } : this.#behind.at;
  }

  /** The next record or damage that ends before `until`; undefined when there is none. */
  next(until: Position): Scanned | undefined {
    const behind = this.#behind;
    this.#behind = undefined;
    if (behind !== undefined && behind.kind !== 'damage') return behind;
    let damage = behind;
    for (;;) {
      const scanned = this.#step(until);
      if (scanned === undefined) return damage;
      if (damage === undefined && scanned.kind !== 'damage') return scanned;
      if (damage === undefined) damage = scanned.kind === 'damage' ? scanned : undefined;
      else if (scanned.kind === 'damage' && scanned.at.segment === damage.at.segment)
        damage = { ...damage, bytes: damage.bytes + scanned.bytes };
      else {
        this.#behind = scanned;
        return damage;
      }
    }
  }

  #step(until: Position): Scanned | undefined {
    for (;;) {
      if (this.#segment > until.segment) return undefined;
      const limit = this.#segment === until.segment ? until.offset : Number.POSITIVE_INFINITY;
      const scanned = this.#scan(limit);
      if (scanned !== undefined) return scanned;
      if (this.#segment === until.segment) return undefined;
      const next = this.#files.list().find((one) => one.segment > this.#segment);
      if (next === undefined) return undefined;
      this.#segment = next.segment;
      this.#offset = 0;
      this.#start = 0;
      this.#end = 0;
    }
  }

  /** The next record or damage of the segment before the offset `limit`. */
  #scan(limit: number): Scanned | undefined {
    const found = this.#findLineFeed(limit);
    const available = this.#end - this.#start;
    if (found < 0) {
      if (available === 0) return undefined;
      return available < longestFrameBytes
        ? this.#damage('torn', available)
        : this.#damage('damage', this.#gap(available));
    }
    const length = found + 1 - this.#start;
    if (length < framingBytes) return this.#damage('damage', this.#gap(length));
    const json = this.#buffer.subarray(this.#start + prefixBytes, found);
    if (!isIntact(this.#buffer, this.#start, json)) return this.#damage('damage', this.#gap(length));
    const at = { segment: this.#segment, offset: this.#offset };
    this.#take(length);
    return { kind: 'record', at, json };
  }

  /** Bytes from here to the next separator, which begins a record; at most `length`. */
  #gap(length: number): number {
    const next = this.#buffer.subarray(this.#start + 1, this.#start + length).indexOf(recordSeparator);
    return next < 0 ? length : next + 1;
  }

  #damage(kind: Damage['kind'], bytes: number): Damage {
    const at = { segment: this.#segment, offset: this.#offset };
    this.#take(bytes);
    return { kind, at, bytes };
  }

  #take(bytes: number): void {
    this.#start += bytes;
    this.#offset += bytes;
  }

  /** The index of the first line feed that has not been taken, reading on as far as `limit`; -1 where there is none. */
  #findLineFeed(limit: number): number {
    let searched = this.#start;
    for (;;) {
      // What lies behind the end is left over from before.
      const found = this.#buffer.indexOf(lineFeed, searched);
      if (found >= 0 && found < this.#end) return found;
      const length = this.#end - this.#start;
      if (length >= longestFrameBytes || this.#fill(limit) === 0) return -1;
      searched = this.#start + length;
    }
  }

  /** Reads on; returns how many bytes came. */
  #fill(limit: number): number {
    const length = this.#end - this.#start;
    if (length === this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(length * 2);
      this.#buffer.copy(larger, 0, this.#start, this.#end);
      this.#buffer = larger;
    } else if (this.#start > 0) this.#buffer.copy(this.#buffer, 0, this.#start, this.#end);
    this.#start = 0;
    this.#end = length;
    const from = { segment: this.#segment, offset: this.#offset + length };
    const room = Math.min(this.#buffer.length - length, limit - from.offset);
    if (room <= 0) return 0;
    const read = this.#files.read(from, this.#buffer.subarray(length, length + room));
    this.#end += read;
    return read;
  }
}

const openStart = Buffer.from('{"v":2,"kind":"open","id":"');
const versionAt = 5;
const versions = Buffer.from('12');

/** Whether the entry is an open of a known format, without parsing it: the store has no use for opens. */
export function isOpen(json: Buffer): boolean {
  for (let at = 0; at < openStart.length; at += 1) if (json[at] !== openStart[at] && at !== versionAt) return false;
  return versions.includes(json[versionAt] ?? 0);
}
