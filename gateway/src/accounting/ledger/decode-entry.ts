import { isJsonObject, parseJson, type JsonObject } from '#kernel/json.ts';
import type { OpenedAttempt } from '#model/usage-record.ts';
import { isWord, operations } from '#model/words.ts';
import { decodeAdjustment } from './decode-adjustment.ts';
import { decodeFirstFormat, decodeRecord, type SettleParts } from './decode-record.ts';
import { entryVersion, type SegmentHeader } from './encode-entry.ts';
import {
  decodeSeries,
  integer,
  integerOrNull,
  nanoOrNull,
  text,
  textOrNull,
  unreadable,
  UnreadableEntry,
} from './entry-members.ts';
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

function decodeAttempt(from: JsonObject): OpenedAttempt {
  const { operation, ...series } = decodeSeries(from);
  return {
    id: text(from, 'id'),
    requestId: text(from, 'requestId'),
    attempt: integer(from, 'attempt'),
    at: integer(from, 'at'),
    ...series,
    operation: isWord(operations, operation) ? operation : unreadable('operation'),
    caller: { ...series.caller, endUser: textOrNull(from, 'endUser') },
    reservedNano: nanoOrNull(from, 'reservedNano'),
  };
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
const settleStart = start(entryVersion, 'settle');
const adjustmentStart = start(entryVersion, 'adjustment');
const firstFormat = 1;
const firstSettleStart = start(firstFormat, 'settle');
const seriesStart = ',"caller":';
const resultStart = ',"outcome":';
const linesStart = ',"lines":';
const detailStart = ',"finishedAt":';
/** Beyond so many the memory begins anew. */
const mostSeriesKept = 1000;

function parsed(json: string): JsonObject {
  const value = parseJson(json);
  return isJsonObject(value) ? value : unreadable('kind');
}

/**
 * Decodes entries of one journal, of this format and of the ones before it. It remembers the series that it has met, a
 * third of an entry's text and the same from call to call, and leaves the detail as it stands.
 */
export class EntryDecoder {
  readonly #series = new Map<string, Series>();

  /** Throws `LaterVersion` for a later format, `UnreadableEntry` for what is no entry of a known one. */
  decode(json: string): Entry {
    if (json.startsWith(settleStart)) return { kind: 'settle', record: decodeRecord(this.#parts(json)) };
    if (json.startsWith(adjustmentStart)) return { kind: 'adjustment', adjustment: decodeAdjustment(json) };
    if (json.startsWith(firstSettleStart)) return { kind: 'settle', record: decodeFirstFormat(this.#parts(json)) };
    const value = parseJson(json);
    if (!isJsonObject(value)) throw new UnreadableEntry('it is no JSON object');
    const version = value['v'];
    if (typeof version === 'number' && version > entryVersion) throw new LaterVersion(version);
    if (version !== entryVersion && version !== firstFormat) return unreadable('v');
    const kind = value['kind'];
    if (kind === 'open') return { kind, attempt: decodeAttempt(value) };
    return kind === 'header' ? { kind, header: decodeHeader(value) } : unreadable('kind');
  }

  #parts(json: string): SettleParts {
    // None of these texts can stand inside a string, where quotation marks are escaped.
    const series = json.indexOf(seriesStart);
    const result = json.indexOf(resultStart, series);
    const detail = json.indexOf(detailStart, result);
    if (series < 0 || result < 0 || detail < 0) return unreadable('caller');
    const linesAt = json.indexOf(linesStart, result);
    const hasLines = linesAt >= 0 && linesAt < detail;
    return {
      members: parsed(`${json.slice(0, series)}${json.slice(result, hasLines ? linesAt : detail)}}`),
      lines: hasLines ? json.slice(linesAt + linesStart.length, detail) : undefined,
      series: this.#seriesOf(json.slice(series + 1, result)),
      detail: `{${json.slice(detail + 1)}`,
    };
  }

  #seriesOf(members: string): Series {
    let series = this.#series.get(members);
    if (series === undefined) {
      series = decodeSeries(parsed(`{${members}}`));
      if (this.#series.size >= mostSeriesKept) this.#series.clear();
      this.#series.set(members, series);
    }
    return series;
  }
}
