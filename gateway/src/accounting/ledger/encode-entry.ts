import { ledgerLinesText } from '#model/cost-lines.ts';
import { ledgerLines } from '#model/ledger-lines.ts';
import { lineStanding, type Cost, type CostLine } from '#model/money.ts';
import type { OpenedAttempt, Timing, Units, UsageRecord } from '#model/usage-record.ts';
import type { Adjustment, Posting, StoredRecord } from './ports.ts';

/** The version of the entries' shape; a reader refuses entries of a version it does not know. */
export const entryVersion = 2;

// Entries are put together from text by hand: it is half the price of JSON.stringify, and what repeats from call to
// call (who is charged, where it goes) is turned into text once. `kind` stands at a fixed place and `id` follows it,
// so that a reader can tell opens from settles without parsing them.
const openStart = `{"v":${entryVersion},"kind":"open",`;
const settleStart = `{"v":${entryVersion},"kind":"settle",`;

const quote = (value: string): string => JSON.stringify(value);
const quotedWords = new Map<string, string>();
const mostWordsKept = 1000;

/** For names that come again and again: looking one up costs a quarter of quoting it. */
function quoteWord(word: string): string {
  let quoted = quotedWords.get(word);
  if (quoted === undefined) {
    quoted = JSON.stringify(word);
    if (quotedWords.size >= mostWordsKept) quotedWords.clear();
    quotedWords.set(word, quoted);
  }
  return quoted;
}

const quoteWordOrNull = (word: string | null): string => (word === null ? 'null' : quoteWord(word));
const quoteOrNull = (value: string | null): string => (value === null ? 'null' : JSON.stringify(value));

/** Throws for what JSON would silently turn into null or round. */
function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no integer, so it cannot be recorded.`);
  return value;
}

const mostNano = 2n ** 63n - 1n;

/** Stores hold amounts of money in 64 bits (9.2 thousand million USD). */
function nano(value: bigint): string {
  if (value > mostNano || value < -mostNano) throw new RangeError(`${value} nano-USD is too much to be recorded.`);
  return `"${value}"`;
}

function nanoOrNull(value: bigint | null): string {
  return value === null ? 'null' : nano(value);
}

function amount(value: number | null): string {
  if (value === null) return 'null';
  if (value < 0) throw new RangeError(`${value} is no amount, so it cannot be recorded.`);
  return String(integer(value));
}

/** In whole microseconds: integers are shorter, and cheaper to write and read. */
function microseconds(milliseconds: number | null): string {
  return milliseconds === null ? 'null' : String(integer(Math.round(milliseconds * 1000)));
}

interface SeriesText {
  readonly of: OpenedAttempt;
  readonly text: string;
}

/** The latest text of each pair of caller and endpoint: their next call is nearly always of the same kind. */
const latestSeries = new WeakMap<object, WeakMap<object, SeriesText>>();

function sameSeries(one: OpenedAttempt, other: OpenedAttempt): boolean {
  return (
    one.operation === other.operation &&
    one.stream === other.stream &&
    one.requestedModel === other.requestedModel &&
    one.priceBook === other.priceBook
  );
}

/** What the calls of a caller to an endpoint have in common, in one piece: readers decode such a piece only once. */
function seriesText(attempt: OpenedAttempt): string {
  let ofCaller = latestSeries.get(attempt.caller);
  if (ofCaller === undefined) {
    ofCaller = new WeakMap();
    latestSeries.set(attempt.caller, ofCaller);
  }
  const latest = ofCaller.get(attempt.servedBy);
  if (latest !== undefined && sameSeries(latest.of, attempt)) return latest.text;
  const { endUser: _apart, ...caller } = attempt.caller;
  const text =
    `"caller":${JSON.stringify(caller)},"servedBy":${JSON.stringify(attempt.servedBy)}` +
    `,"operation":"${attempt.operation}","stream":${attempt.stream}` +
    `,"requestedModel":${quote(attempt.requestedModel)},"priceBook":${quote(attempt.priceBook)}`;
  ofCaller.set(attempt.servedBy, { of: attempt, text });
  return text;
}

/** The members that open and settle share, without braces. */
export function attemptText(attempt: OpenedAttempt): string {
  return (
    `"id":${quote(attempt.id)},"requestId":${quote(attempt.requestId)},"attempt":${integer(attempt.attempt)}` +
    `,"at":${integer(attempt.at)},"reservedNano":${nanoOrNull(attempt.reservedNano)}` +
    `,"endUser":${quoteOrNull(attempt.caller.endUser)},${seriesText(attempt)}`
  );
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts);
  return all.length === 0 ? '{}' : `{${all.map(([name, count]) => `${quote(name)}:${amount(count)}`).join(',')}}`;
}

// Units, timing, cost and its lines are lists, because their members are always the same: names would double an entry's
// length and its reader's work.

function unitsText(units: Units): string {
  return (
    `[${amount(units.input)},${amount(units.cachedInput)},${amount(units.cacheWriteInput)}` +
    `,${amount(units.audioInput)},${amount(units.imageInput)},${amount(units.output)},${amount(units.reasoning)}` +
    `,${amount(units.audioOutput)},${amount(units.seconds)},${amount(units.characters)}` +
    `,${countsText(units.toolCalls)},${countsText(units.images)}]`
  );
}

function timingText(timing: Timing): string {
  return (
    `[${microseconds(timing.queueMs)},${microseconds(timing.firstByteMs)},${microseconds(timing.upstreamMs)}` +
    `,${microseconds(timing.totalMs)}]`
  );
}

function lineText(line: CostLine, standing: number): string {
  return `["${line.layer}",${quoteWord(line.meter)},${integer(line.units)},${quoteWord(line.priceId)},${nano(line.nanoUsd)},${standing}]`;
}

/** All lines of an ordinary cost, at list prices only, are part of all that there is to be part of. */
function isOrdinary({ pricing, nanoUsd, listNanoUsd, lines }: Cost): boolean {
  if (pricing === 'ptu' || nanoUsd === null || listNanoUsd === null) return false;
  for (const line of lines) if (line.layer !== 'list') return false;
  return true;
}

/** The record's `ledgerLines`. */
function linesText({ cost, units }: UsageRecord): string {
  let text = '';
  const add = (line: CostLine, standing: number): void => {
    text += text === '' ? lineText(line, standing) : `,${lineText(line, standing)}`;
  };
  if (isOrdinary(cost)) for (const line of cost.lines) add(line, lineStanding.cost | lineStanding.layer);
  else {
    const valued = {
      ...cost,
      costNano: cost.nanoUsd,
      listNano: cost.listNanoUsd,
      internalNano: cost.internalNanoUsd,
    };
    for (const line of ledgerLines(valued, units)) add(line, line.standing);
  }
  return `[${text}]`;
}

function costText(cost: Cost): string {
  const unpriced = cost.unpriced.length === 0 ? '[]' : JSON.stringify(cost.unpriced);
  const amounts = `${nanoOrNull(cost.nanoUsd)},${nanoOrNull(cost.listNanoUsd)},${nanoOrNull(cost.internalNanoUsd)}`;
  return `["${cost.pricing}",${amounts},${unpriced}]`;
}

/** `attempt` is the attempt's own text, as `attemptText` makes it. */
export function openText(attempt: string): string {
  return `${openStart}${attempt}}`;
}

/**
 * In this order: what names the attempt, its series, what is added up; the cost lines, and from `finishedAt` on the
 * detail, which stores keep as they stand. `attempt` is the text of the record's own attempt members. Throws a TypeError or RangeError for an
 * amount that is none.
 */
export function settleText(record: UsageRecord, attempt: string = attemptText(record)): string {
  return (
    `${settleStart}${attempt},"outcome":"${record.outcome}","measuredInput":"${record.measuredInput}"` +
    `,"measuredOutput":"${record.measuredOutput}","units":${unitsText(record.units)},"cost":${costText(record.cost)}` +
    `,"lines":${linesText(record)},"finishedAt":${integer(record.finishedAt)},"httpStatus":${amount(record.httpStatus)}` +
    `,"serviceTier":${quoteWordOrNull(record.serviceTier)},"reportedModel":${quoteWordOrNull(record.reportedModel)}` +
    `,"spilledFrom":${quoteWordOrNull(record.spilledFrom)},"upstreamRequestId":${quoteOrNull(record.upstreamRequestId)}` +
    `,"timingUs":${timingText(record.timing)}}`
  );
}

/** The settle that a store has kept, as `decodeRecord` reads it. Throws as `settleText` does. */
export function storedSettleText(record: StoredRecord): string {
  const { id, requestId, attempt, at, reservedNano, endUser, series, outcome, measuredInput, measuredOutput } = record;
  const amounts = [record.costNano, record.listNano, record.internalNano].map(nanoOrNull).join(',');
  return (
    `${settleStart}"id":${quote(id)},"requestId":${quote(requestId)},"attempt":${integer(attempt)},"at":${integer(at)}` +
    `,"reservedNano":${nanoOrNull(reservedNano)},"endUser":${quoteOrNull(endUser)}` +
    `,"caller":${JSON.stringify(series.caller)},"servedBy":${JSON.stringify(series.servedBy)}` +
    `,"operation":"${series.operation}","stream":${series.stream}` +
    `,"requestedModel":${quote(series.requestedModel)},"priceBook":${quote(series.priceBook)}` +
    `,"outcome":"${outcome}","measuredInput":"${measuredInput}","measuredOutput":"${measuredOutput}"` +
    `,"units":${unitsText(record.units)},"cost":["${record.pricing}",${amounts},${JSON.stringify(record.unpriced)}]` +
    `,"lines":${record.lines},${record.detail.slice(1)}`
  );
}

function postingText({ series, outcome, change, lines }: Posting): string {
  const amounts = [change.cost, change.listCost, change.internalCost, change.held].map(nano);
  const counts = [change.pricedAttempts, change.listPricedAttempts, change.internalPricedAttempts].map(integer);
  for (const line of lines) {
    integer(line.units);
    nano(line.nanoUsd);
  }
  return (
    `{"series":${JSON.stringify(series)},"outcome":${quote(outcome)}` +
    `,"change":[${[...amounts, ...counts].join(',')}],"lines":${ledgerLinesText(lines)}}`
  );
}

/** Throws a TypeError or RangeError for an amount that is none. */
export function adjustmentText(adjustment: Adjustment): string {
  const { id, kind, at, bookedAt, of, postings, qualifies, detail } = adjustment;
  return (
    `{"v":${entryVersion},"kind":"adjustment","id":${quote(id)},"what":"${kind}","at":${integer(at)}` +
    `,"bookedAt":${integer(bookedAt)},"of":${of === null ? 'null' : `[${integer(of.at)},${quote(of.id)}]`}` +
    `,"qualifies":${amount(qualifies)},"postings":[${postings.map(postingText).join(',')}],"detail":${detail}}`
  );
}

export interface SegmentHeader {
  readonly segment: number;
  /** The segment before it, so that a lost one is noticed; null for the first. */
  readonly follows: number | null;
  /** The journal's id, the same in all of its segments. */
  readonly instance: string;
  /** UTC ms. */
  readonly createdAt: number;
}

/** The first record of every segment. */
export function headerText(header: SegmentHeader): string {
  return (
    `{"v":${entryVersion},"kind":"header","segment":${integer(header.segment)}` +
    `,"follows":${amount(header.follows)}` +
    `,"instance":${quote(header.instance)},"createdAt":${integer(header.createdAt)}}`
  );
}
