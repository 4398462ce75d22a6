import { isJsonObject, parseJson, type Json, type JsonObject } from '#kernel/json.ts';
import { ledgerLinesText, parseCostLines } from '#model/cost-lines.ts';
import { withStanding } from '#model/ledger-lines.ts';
import type { CostLine, NanoUsd } from '#model/money.ts';
import type { Units } from '#model/usage-record.ts';
import { isWord, measuredKinds, outcomes, pricings } from '#model/words.ts';
import {
  countsOf,
  integer,
  list,
  nano,
  nanoOrNull,
  reasonsOf,
  text,
  textOrNull,
  unreadable,
  word,
} from './entry-members.ts';
import type { Series, StoredRecord } from './ports.ts';

const seriesStart = ',"caller":';
const resultStart = ',"outcome":';
const detailStart = ',"finishedAt":';
/** A quotation mark inside a string is escaped, so this is the member and nothing else. */
const linesStart = ',"costLines":';

/**
 * Format 1 counted no seconds, characters or images (there was no operation that has them), and its cost lines stood at
 * the end of the detail. Throws `UnreadableEntry`.
 */
export function decodeFirstFormat(json: string, seriesOf: (members: string) => Series): StoredRecord {
  // None of these texts can stand inside a string, where quotation marks are escaped.
  const seriesAt = json.indexOf(seriesStart);
  const resultAt = json.indexOf(resultStart, seriesAt);
  const detailAt = json.indexOf(detailStart, resultAt);
  const linesAt = json.indexOf(linesStart, detailAt);
  if (seriesAt < 0 || resultAt < 0 || detailAt < 0 || linesAt < 0) return unreadable('caller');
  const members = parsed(`${json.slice(0, seriesAt)}${json.slice(resultAt, detailAt)}}`);
  const lines = parseCostLines(json.slice(linesAt + linesStart.length, -1));
  if (lines === undefined) return unreadable('costLines');
  const [pricing, costNano, reasons] = list(members, 'cost');
  const cost = costNano === null ? null : nano(costNano, 'cost');
  const listNano = cost === null ? null : listTotal(lines);
  return {
    ...attemptOf(members),
    series: seriesOf(json.slice(seriesAt + 1, resultAt)),
    units: unitsOf(members),
    pricing: isWord(pricings, pricing) ? pricing : unreadable('cost'),
    costNano: cost,
    listNano,
    internalNano: null,
    unpriced: reasonsOf(reasons),
    lines: ledgerLinesText(withStanding({ lines, costNano: cost, listNano, internalNano: null })),
    detail: `{${json.slice(detailAt + 1, linesAt)}}`,
  };
}

function parsed(json: string): JsonObject {
  const value = parseJson(json);
  return isJsonObject(value) ? value : unreadable('kind');
}

/** What the lines cost at list prices; null where a meter has none. */
function listTotal(lines: readonly CostLine[]): NanoUsd | null {
  const listed = new Map(lines.filter((one) => one.layer === 'list').map((one) => [one.meter, one.nanoUsd]));
  if (lines.some((one) => !listed.has(one.meter))) return null;
  return [...listed.values()].reduce((total, one) => total + one, 0n);
}

function attemptOf(from: JsonObject) {
  return {
    id: text(from, 'id'),
    requestId: text(from, 'requestId'),
    attempt: integer(from, 'attempt'),
    at: integer(from, 'at'),
    endUser: textOrNull(from, 'endUser'),
    reservedNano: nanoOrNull(from, 'reservedNano'),
    outcome: word(from, 'outcome', outcomes),
    measuredInput: word(from, 'measuredInput', measuredKinds),
    measuredOutput: word(from, 'measuredOutput', measuredKinds),
  };
}

function unitsOf(members: JsonObject): Units {
  const units = list(members, 'units');
  const nothing = members['measuredInput'] === 'unknown' && members['measuredOutput'] === 'unknown' ? null : 0;
  return {
    input: integerAt(units, 0),
    cachedInput: integerAt(units, 1),
    cacheWriteInput: integerAt(units, 2),
    audioInput: integerAt(units, 3),
    imageInput: integerAt(units, 4),
    output: integerAt(units, 5),
    reasoning: integerAt(units, 6),
    audioOutput: integerAt(units, 7),
    seconds: nothing,
    characters: nothing,
    toolCalls: countsOf(units[8]),
    images: {},
  };
}

function integerAt(from: readonly Json[], index: number): number | null {
  const value = from[index];
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable('units');
}
