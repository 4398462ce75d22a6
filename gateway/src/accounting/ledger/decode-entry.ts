import { JsonCursor, UnexpectedText } from '#kernel/json-cursor.ts';
import { isJsonObject, parseJson, type JsonObject } from '#kernel/json.ts';
import type { OpenedAttempt } from '#model/usage-record.ts';
import { decodeAdjustment } from './decode-adjustment.ts';
import { decodeFirstFormat } from './decode-first-format.ts';
import { RecordReader } from './decode-record.ts';
import { entryVersion, type SegmentHeader } from './encode-entry.ts';
import { decodeSeries, integer, integerOrNull, text, unreadable, UnreadableEntry } from './entry-members.ts';
import type { Adjustment, Series, StoredRecord } from './ports.ts';

export type Entry =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'open'; readonly attempt: OpenedAttempt }
  | { readonly kind: 'settle'; readonly record: StoredRecord }
  | { readonly kind: 'adjustment'; readonly adjustment: Adjustment };

/** The journal holds what only a later version can read; nothing may be skipped, so nothing goes on. */
export class LaterVersion extends Error {
  override readonly name = 'LaterVersion';
  constructor(version: number) {
    super(`The journal holds entries of format ${version}; this version reads formats up to ${entryVersion}.`);
  }
}

function decodeHeader(from: JsonObject): SegmentHeader {
  return {
    segment: integer(from, 'segment'),
    follows: integerOrNull(from, 'follows'),
    instance: text(from, 'instance'),
    createdAt: integer(from, 'createdAt'),
  };
}

const start = (version: number, kind: string): string => `{"v":${version},"kind":"${kind}",`;
const firstFormat = 1;
const settleStart = start(entryVersion, 'settle');
const openStarts = [start(entryVersion, 'open'), start(firstFormat, 'open')];
const adjustmentStart = start(entryVersion, 'adjustment');
const firstSettleStart = start(firstFormat, 'settle');
/** Beyond so many the memory begins anew. */
const mostSeriesKept = 1000;

/**
 * Decodes entries of one journal, of this format and of the ones before it. It remembers the series that it has met, a
 * third of an entry's text and the same from call to call, and leaves the detail as it stands.
 */
export class EntryDecoder {
  readonly #series = new Map<string, Series>();
  readonly #cursor = new JsonCursor();
  readonly #reader = new RecordReader((members) => this.#seriesOf(members));

  /** Throws `LaterVersion` for a later format, `UnreadableEntry` for what is no entry of a known one. */
  decode(json: string): Entry {
    try {
      return this.#decode(json);
    } catch (error) {
      if (error instanceof UnexpectedText) throw new UnreadableEntry(error.message);
      throw error;
    }
  }

  #decode(json: string): Entry {
    const cursor = this.#cursor;
    cursor.begin(json);
    if (cursor.has(settleStart)) return { kind: 'settle', record: this.#reader.record(cursor) };
    if (openStarts.some((one) => cursor.has(one))) return { kind: 'open', attempt: this.#reader.attempt(cursor) };
    if (json.startsWith(adjustmentStart)) return { kind: 'adjustment', adjustment: decodeAdjustment(json) };
    if (json.startsWith(firstSettleStart))
      return { kind: 'settle', record: decodeFirstFormat(json, (members) => this.#seriesOf(members)) };
    const value = parseJson(json);
    if (!isJsonObject(value)) throw new UnreadableEntry('it is no JSON object');
    const version = value['v'];
    if (typeof version === 'number' && version > entryVersion) throw new LaterVersion(version);
    if (version !== entryVersion && version !== firstFormat) return unreadable('v');
    return value['kind'] === 'header' ? { kind: 'header', header: decodeHeader(value) } : unreadable('kind');
  }

  #seriesOf(members: string): Series {
    let series = this.#series.get(members);
    if (series === undefined) {
      const value = parseJson(`{${members}}`);
      series = decodeSeries(isJsonObject(value) ? value : unreadable('caller'));
      if (this.#series.size >= mostSeriesKept) this.#series.clear();
      this.#series.set(members, series);
    }
    return series;
  }
}
