import { isJsonObject, parseJson, type Json, type JsonObject } from '#kernel/json.ts';
import type { Cost, CostLine } from '#model/money.ts';
import type { ChargedTo, OpenedAttempt, ServedBy, Timing, Units, UsageRecord } from '#model/usage-record.ts';
import { entryVersion, type SegmentHeader } from './encode-entry.ts';

export type Entry =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'open'; readonly attempt: OpenedAttempt }
  | { readonly kind: 'settle'; readonly record: UsageRecord };

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

// Tables, because the words are types elsewhere: a word missing here does not compile.
const outcomes: Record<UsageRecord['outcome'], true> = {
  completed: true,
  'client-left': true,
  'upstream-broke': true,
  'timed-out': true,
  'filtered-prompt': true,
  'filtered-completion': true,
  'refused-by-upstream': true,
  'hedge-lost': true,
  'gateway-lost': true,
};
const measured: Record<UsageRecord['measuredInput'], true> = {
  reported: true,
  delivered: true,
  tokenized: true,
  estimated: true,
  none: true,
  unknown: true,
};
const operations: Record<OpenedAttempt['operation'], true> = {
  'chat.completions': true,
  completions: true,
  embeddings: true,
  responses: true,
  'models.list': true,
  'models.retrieve': true,
};
const layers: Record<CostLine['layer'], true> = { list: true, contracted: true, internal: true };
const pricings: Record<Cost['pricing'], true> = { token: true, ptu: true };

function isWord<Word extends string>(words: Record<Word, true>, value: unknown): value is Word {
  return typeof value === 'string' && Object.hasOwn(words, value);
}

function unreadable(member: string): never {
  throw new UnreadableEntry(`'${member}' is missing or of the wrong kind`);
}

function word<Word extends string>(from: JsonObject, member: string, words: Record<Word, true>): Word {
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

function number(from: JsonObject, member: string): number {
  const value = from[member];
  return typeof value === 'number' ? value : unreadable(member);
}

function object(from: JsonObject, member: string): JsonObject {
  const value = from[member];
  return isJsonObject(value) ? value : unreadable(member);
}

function list(from: JsonObject, member: string): readonly Json[] {
  const value = from[member];
  return Array.isArray(value) ? value : unreadable(member);
}

function nano(from: JsonObject, member: string): bigint {
  const value = text(from, member);
  return /^-?\d{1,40}$/.test(value) ? BigInt(value) : unreadable(member);
}

function nanoOrNull(from: JsonObject, member: string): bigint | null {
  return from[member] === null ? null : nano(from, member);
}

function decodeCaller(from: JsonObject): ChargedTo {
  return {
    subscription: text(from, 'subscription'),
    product: text(from, 'product'),
    consumer: text(from, 'consumer'),
    costCentrePath: text(from, 'costCentrePath'),
    endUser: textOrNull(from, 'endUser'),
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

/** Tools by the number of their calls, from a JSON object; throws `UnreadableEntry` for anything else. */
export function decodeToolCalls(from: JsonObject): Record<string, number> {
  return Object.fromEntries(Object.keys(from).map((tool) => [tool, integer(from, tool)]));
}

function decodeUnits(from: JsonObject): Units {
  return {
    input: integerOrNull(from, 'input'),
    cachedInput: integerOrNull(from, 'cachedInput'),
    cacheWriteInput: integerOrNull(from, 'cacheWriteInput'),
    audioInput: integerOrNull(from, 'audioInput'),
    imageInput: integerOrNull(from, 'imageInput'),
    output: integerOrNull(from, 'output'),
    reasoning: integerOrNull(from, 'reasoning'),
    audioOutput: integerOrNull(from, 'audioOutput'),
    toolCalls: decodeToolCalls(object(from, 'toolCalls')),
  };
}

function decodeTiming(from: JsonObject): Timing {
  return {
    queueMs: number(from, 'queueMs'),
    firstByteMs: from['firstByteMs'] === null ? null : number(from, 'firstByteMs'),
    upstreamMs: number(from, 'upstreamMs'),
    totalMs: number(from, 'totalMs'),
  };
}

function decodeCostLine(from: Json): CostLine {
  if (!isJsonObject(from)) return unreadable('lines');
  return {
    layer: word(from, 'layer', layers),
    meter: text(from, 'meter'),
    units: integer(from, 'units'),
    priceId: text(from, 'priceId'),
    nanoUsd: nano(from, 'nanoUsd'),
  };
}

function decodeCost(from: JsonObject): Cost {
  return {
    pricing: word(from, 'pricing', pricings),
    lines: list(from, 'lines').map(decodeCostLine),
    nanoUsd: nanoOrNull(from, 'nanoUsd'),
    unpriced: list(from, 'unpriced').map((one) => (typeof one === 'string' ? one : unreadable('unpriced'))),
  };
}

function decodeAttempt(from: JsonObject): OpenedAttempt {
  const stream = from['stream'];
  return {
    id: text(from, 'id'),
    requestId: text(from, 'requestId'),
    attempt: integer(from, 'attempt'),
    at: integer(from, 'at'),
    caller: decodeCaller(object(from, 'caller')),
    servedBy: decodeServedBy(object(from, 'servedBy')),
    operation: word(from, 'operation', operations),
    stream: typeof stream === 'boolean' ? stream : unreadable('stream'),
    requestedModel: text(from, 'requestedModel'),
    reservedNano: nanoOrNull(from, 'reservedNano'),
    priceBook: text(from, 'priceBook'),
  };
}

function decodeRecord(from: JsonObject): UsageRecord {
  return {
    ...decodeAttempt(from),
    finishedAt: integer(from, 'finishedAt'),
    outcome: word(from, 'outcome', outcomes),
    httpStatus: integerOrNull(from, 'httpStatus'),
    units: decodeUnits(object(from, 'units')),
    measuredInput: word(from, 'measuredInput', measured),
    measuredOutput: word(from, 'measuredOutput', measured),
    serviceTier: textOrNull(from, 'serviceTier'),
    reportedModel: textOrNull(from, 'reportedModel'),
    spilledFrom: textOrNull(from, 'spilledFrom'),
    upstreamRequestId: textOrNull(from, 'upstreamRequestId'),
    timing: decodeTiming(object(from, 'timing')),
    cost: decodeCost(object(from, 'cost')),
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

/** Throws `LaterVersion` for another format, `UnreadableEntry` for what is no entry of this one. */
export function decodeEntry(json: string): Entry {
  const value = parseJson(json);
  if (!isJsonObject(value)) throw new UnreadableEntry('it is no JSON object');
  const version = value['v'];
  if (typeof version === 'number' && version > entryVersion) throw new LaterVersion(version);
  if (version !== entryVersion) throw new UnreadableEntry("'v' is missing or of the wrong kind");
  const kind = value['kind'];
  if (kind === 'settle') return { kind, record: decodeRecord(value) };
  if (kind === 'open') return { kind, attempt: decodeAttempt(value) };
  return kind === 'header' ? { kind, header: decodeHeader(value) } : unreadable('kind');
}
