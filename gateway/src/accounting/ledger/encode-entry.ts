import type { Cost, CostLine } from '#model/money.ts';
import type { OpenedAttempt, Timing, Units, UsageRecord } from '#model/usage-record.ts';

/** The version of the entries' shape; a reader refuses entries of a version it does not know. */
export const entryVersion = 1;

// Entries are put together from text by hand: it is half the price of JSON.stringify, and what repeats from call to
// call (who is charged, where it goes) is turned into text once. `kind` stands at a fixed place and `id` follows it,
// so that a reader can tell opens from settles without parsing them.
const openStart = `{"v":${entryVersion},"kind":"open",`;
const settleStart = `{"v":${entryVersion},"kind":"settle",`;

const quote = (value: string): string => JSON.stringify(value);
const quoteOrNull = (value: string | null): string => (value === null ? 'null' : JSON.stringify(value));

/** Throws for what JSON would silently turn into null or round. */
function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no integer, so it cannot be recorded.`);
  return value;
}

/** Stores hold amounts of money in 64 bits (9.2 thousand million USD). */
function nano(value: bigint): string {
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} nano-USD is too much to be recorded.`);
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

function milliseconds(value: number | null): string {
  if (value === null) return 'null';
  if (!Number.isFinite(value)) throw new TypeError(`${value} is no duration, so it cannot be recorded.`);
  return String(value);
}

const textOfObject = new WeakMap<object, string>();

function keptText(value: object): string {
  let text = textOfObject.get(value);
  if (text === undefined) {
    text = JSON.stringify(value);
    textOfObject.set(value, text);
  }
  return text;
}

/** The members that open and settle share, without braces. */
export function attemptText(attempt: OpenedAttempt): string {
  return (
    `"id":${quote(attempt.id)},"requestId":${quote(attempt.requestId)},"attempt":${integer(attempt.attempt)}` +
    `,"at":${integer(attempt.at)},"caller":${keptText(attempt.caller)},"servedBy":${keptText(attempt.servedBy)}` +
    `,"operation":"${attempt.operation}","stream":${attempt.stream},"requestedModel":${quote(attempt.requestedModel)}` +
    `,"reservedNano":${nanoOrNull(attempt.reservedNano)},"priceBook":${quote(attempt.priceBook)}`
  );
}

function toolCallsText(toolCalls: Units['toolCalls']): string {
  const tools = Object.entries(toolCalls);
  return tools.length === 0 ? '{}' : `{${tools.map(([tool, calls]) => `${quote(tool)}:${amount(calls)}`).join(',')}}`;
}

function unitsText(units: Units): string {
  return (
    `{"input":${amount(units.input)},"cachedInput":${amount(units.cachedInput)}` +
    `,"cacheWriteInput":${amount(units.cacheWriteInput)},"audioInput":${amount(units.audioInput)}` +
    `,"imageInput":${amount(units.imageInput)},"output":${amount(units.output)},"reasoning":${amount(units.reasoning)}` +
    `,"audioOutput":${amount(units.audioOutput)},"toolCalls":${toolCallsText(units.toolCalls)}}`
  );
}

function timingText(timing: Timing): string {
  return (
    `{"queueMs":${milliseconds(timing.queueMs)},"firstByteMs":${milliseconds(timing.firstByteMs)}` +
    `,"upstreamMs":${milliseconds(timing.upstreamMs)},"totalMs":${milliseconds(timing.totalMs)}}`
  );
}

function lineText(line: CostLine): string {
  return (
    `{"layer":"${line.layer}","meter":${quote(line.meter)},"units":${amount(line.units)}` +
    `,"priceId":${quote(line.priceId)},"nanoUsd":${nano(line.nanoUsd)}}`
  );
}

function costLinesText(lines: readonly CostLine[]): string {
  let text = '';
  for (const line of lines) text += text === '' ? lineText(line) : `,${lineText(line)}`;
  return `[${text}]`;
}

function costText(cost: Cost): string {
  const unpriced = cost.unpriced.length === 0 ? '[]' : JSON.stringify(cost.unpriced);
  return (
    `{"pricing":"${cost.pricing}","lines":${costLinesText(cost.lines)},"nanoUsd":${nanoOrNull(cost.nanoUsd)}` +
    `,"unpriced":${unpriced}}`
  );
}

/** `attempt` is the attempt's own text, as `attemptText` makes it. */
export function openText(attempt: string): string {
  return `${openStart}${attempt}}`;
}

/** `attempt` is the text of the record's own attempt members. Throws a TypeError or RangeError for an amount that is none. */
export function settleText(record: UsageRecord, attempt: string = attemptText(record)): string {
  return (
    `${settleStart}${attempt},"finishedAt":${integer(record.finishedAt)},"outcome":"${record.outcome}"` +
    `,"httpStatus":${amount(record.httpStatus)},"units":${unitsText(record.units)}` +
    `,"measuredInput":"${record.measuredInput}","measuredOutput":"${record.measuredOutput}"` +
    `,"serviceTier":${quoteOrNull(record.serviceTier)},"reportedModel":${quoteOrNull(record.reportedModel)}` +
    `,"spilledFrom":${quoteOrNull(record.spilledFrom)},"upstreamRequestId":${quoteOrNull(record.upstreamRequestId)}` +
    `,"timing":${timingText(record.timing)},"cost":${costText(record.cost)}}`
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
