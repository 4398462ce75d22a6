import { isJsonObject, parseJson, type Json, type JsonObject } from '#kernel/json.ts';
import type { OpenedAttempt, ServedBy, Units } from '#model/usage-record.ts';
import { entryVersion, type SegmentHeader } from './encode-entry.ts';
import type { Series, StoredRecord } from './ports.ts';
import { isWord, measuredKinds, operations, outcomes, pricings, type Words } from '#model/words.ts';

export type Entry =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'open'; readonly attempt: OpenedAttempt }
  | { readonly kind: 'settle'; readonly record: StoredRecord };

/** The journal holds what only a later version can read; nothing may be skipped, so nothing goes on. */
export class LaterVersion extends Error {
  override readonly name = 'LaterVersion';
  constructor(version: number) {
    super(`The journal holds entries of format ${version}; this version reads format ${entryVersion}.`);
  }
}

/** An entry of this version's format that is not what the format says. */
export class UnreadableEntry extends Error {
  override readonly name = 'UnreadableEntry';
}

function unreadable(member: string): never {
  throw new UnreadableEntry(`'${member}' is missing or of the wrong kind`);
}

function word<Word extends string>(from: JsonObject, member: string, words: Words<Word>): Word {
  const value = from[member];
  return isWord(words, value) ? value : unreadable(member);
}

function text(from: JsonObject, member: string): string {
  const value = from[member];
  return typeof value === 'string' ? value : unreadable(member);
}

function textOrNull(from: JsonObject, member: string): string | null {
  return from[member] === null ? null : text(from, member);
}

function integer(from: JsonObject, member: string): number {
  const value = from[member];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable(member);
}

function integerOrNull(from: JsonObject, member: string): number | null {
  return from[member] === null ? null : integer(from, member);
}

function object(from: JsonObject, member: string): JsonObject {
  const value = from[member];
  return isJsonObject(value) ? value : unreadable(member);
}

function list(from: JsonObject, member: string): readonly Json[] {
  const value = from[member];
  return Array.isArray(value) ? value : unreadable(member);
}

function nano(value: unknown, member: string): bigint {
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : unreadable(member);
}

function nanoOrNull(from: JsonObject, member: string): bigint | null {
  const value = from[member];
  return value === null ? null : nano(value, member);
}

function decodeCaller(from: JsonObject): Series['caller'] {
  return {
    subscription: text(from, 'subscription'),
    product: text(from, 'product'),
    consumer: text(from, 'consumer'),
    costCentrePath: text(from, 'costCentrePath'),
  };
}

function decodeServedBy(from: JsonObject): ServedBy {
  return {
    endpoint: text(from, 'endpoint'),
    resource: text(from, 'resource'),
    region: text(from, 'region'),
    deployment: text(from, 'deployment'),
    deploymentType: text(from, 'deploymentType'),
    model: text(from, 'model'),
    modelVersion: textOrNull(from, 'modelVersion'),
  };
}

function integerAt(from: readonly Json[], index: number, member: string): number | null {
  const value = from[index];
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable(member);
}

function decodeToolCalls(from: Json | undefined): Record<string, number> {
  if (!isJsonObject(from)) return unreadable('units');
  return Object.fromEntries(Object.keys(from).map((tool) => [tool, integer(from, tool)]));
}

function decodeUnits(from: readonly Json[]): Units {
  const at = (index: number): number | null => integerAt(from, index, 'units');
  return {
    input: at(0),
    cachedInput: at(1),
    cacheWriteInput: at(2),
    audioInput: at(3),
    imageInput: at(4),
    output: at(5),
    reasoning: at(6),
    audioOutput: at(7),
    toolCalls: decodeToolCalls(from[8]),
  };
}

function decodeSeries(from: JsonObject): Series {
  const stream = from['stream'];
  return {
    caller: decodeCaller(object(from, 'caller')),
    servedBy: decodeServedBy(object(from, 'servedBy')),
    operation: word(from, 'operation', operations),
    stream: typeof stream === 'boolean' ? stream : unreadable('stream'),
    requestedModel: text(from, 'requestedModel'),
    priceBook: text(from, 'priceBook'),
  };
}

function decodeAttempt(from: JsonObject): OpenedAttempt {
  const series = decodeSeries(from);
  return {
    id: text(from, 'id'),
    requestId: text(from, 'requestId'),
    attempt: integer(from, 'attempt'),
    at: integer(from, 'at'),
    ...series,
    caller: { ...series.caller, endUser: textOrNull(from, 'endUser') },
    reservedNano: nanoOrNull(from, 'reservedNano'),
  };
}

/** `from` holds the record's members but for its series and detail. */
function decodeRecord(from: JsonObject, series: Series, detail: string): StoredRecord {
  const [pricing, costNano, unpriced] = list(from, 'cost');
  if (!isWord(pricings, pricing) || !Array.isArray(unpriced)) return unreadable('cost');
  return {
    id: text(from, 'id'),
    requestId: text(from, 'requestId'),
    attempt: integer(from, 'attempt'),
    at: integer(from, 'at'),
    series,
    endUser: textOrNull(from, 'endUser'),
    reservedNano: nanoOrNull(from, 'reservedNano'),
    outcome: word(from, 'outcome', outcomes),
    measuredInput: word(from, 'measuredInput', measuredKinds),
    measuredOutput: word(from, 'measuredOutput', measuredKinds),
    units: decodeUnits(list(from, 'units')),
    pricing,
    costNano: costNano === null ? null : nano(costNano, 'cost'),
    unpriced: unpriced.map((one) => (typeof one === 'string' ? one : unreadable('cost'))),
    detail,
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

const settleStart = `{"v":${entryVersion},"kind":"settle",`;
const seriesStart = ',"caller":';
const resultStart = ',"outcome":';
const detailStart = ',"finishedAt":';
/** Beyond so many the memory begins anew. */
const mostSeriesKept = 1000;

function parsed(json: string): JsonObject {
  const value = parseJson(json);
  return isJsonObject(value) ? value : unreadable('kind');
}

/**
 * Decodes entries of one journal. It remembers the series that it has met, a third of an entry's text and the same from
 * call to call, and leaves the detail, another third, as it stands.
 */
export class EntryDecoder {
  readonly #series = new Map<string, Series>();

  /** Throws `LaterVersion` for another format, `UnreadableEntry` for what is no entry of this one. */
  decode(json: string): Entry {
    if (json.startsWith(settleStart)) return { kind: 'settle', record: this.#settle(json) };
    const value = parseJson(json);
    if (!isJsonObject(value)) throw new UnreadableEntry('it is no JSON object');
    const version = value['v'];
    if (typeof version === 'number' && version > entryVersion) throw new LaterVersion(version);
    if (version !== entryVersion) return unreadable('v');
    const kind = value['kind'];
    if (kind === 'open') return { kind, attempt: decodeAttempt(value) };
    return kind === 'header' ? { kind, header: decodeHeader(value) } : unreadable('kind');
  }

  #settle(json: string): StoredRecord {
    // None of these texts can stand inside a string, where quotation marks are escaped.
    const series = json.indexOf(seriesStart);
    const result = json.indexOf(resultStart, series);
    const detail = json.indexOf(detailStart, result);
    if (series < 0 || result < 0 || detail < 0) return unreadable('caller');
    const members = parsed(`${json.slice(0, series)}${json.slice(result, detail)}}`);
    return decodeRecord(members, this.#seriesOf(json.slice(series + 1, result)), `{${json.slice(detail + 1)}`);
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
