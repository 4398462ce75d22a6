import type { Json, JsonObject } from '#kernel/json.ts';
import { isJsonObject } from '#kernel/json.ts';
import { ledgerLinesText, parseCostLines } from '#model/cost-lines.ts';
import { withStanding } from '#model/ledger-lines.ts';
import type { CostLine, NanoUsd } from '#model/money.ts';
import type { Units } from '#model/usage-record.ts';
import { isWord, measuredKinds, outcomes, pricings } from '#model/words.ts';
import { integer, list, nano, nanoOrNull, text, textOrNull, unreadable, word } from './entry-members.ts';
import type { Series, StoredRecord } from './ports.ts';

/** A settle's text, taken apart without being parsed. */
export interface SettleParts {
  /** What names the attempt, and what is added up. */
  readonly members: JsonObject;
  readonly series: Series;
  /** The cost lines, as JSON text; undefined in the first format, where they stand in the detail. */
  readonly lines: string | undefined;
  /** What is only shown, as JSON text. */
  readonly detail: string;
}

type Valuation = Pick<StoredRecord, 'pricing' | 'costNano' | 'listNano' | 'internalNano' | 'unpriced'>;

export function decodeRecord({ members, series, lines = unreadable('lines'), detail }: SettleParts): StoredRecord {
  const [pricing, cost, listCost, internalCost, reasons] = list(members, 'cost');
  return {
    id: text(members, 'id'),
    requestId: text(members, 'requestId'),
    attempt: integer(members, 'attempt'),
    at: integer(members, 'at'),
    series,
    endUser: textOrNull(members, 'endUser'),
    reservedNano: nanoOrNull(members, 'reservedNano'),
    outcome: word(members, 'outcome', outcomes),
    measuredInput: word(members, 'measuredInput', measuredKinds),
    measuredOutput: word(members, 'measuredOutput', measuredKinds),
    units: decodeUnits(members),
    pricing: isWord(pricings, pricing) ? pricing : unreadable('cost'),
    costNano: nanoAt(cost),
    listNano: nanoAt(listCost),
    internalNano: nanoAt(internalCost),
    unpriced: reasonsOf(reasons),
    lines,
    detail,
  };
}

/**
 * Format 1 counted no seconds, characters or images (there was no operation that has them), and its cost lines stood at
 * the end of the detail.
 */
export function decodeFirstFormat({ members, series, detail }: SettleParts): StoredRecord {
  const common = decodeCommon(members, series);
  const linesAt = detail.indexOf(firstFormatLines);
  if (linesAt < 0) return unreadable('costLines');
  const lines = parseCostLines(detail.slice(linesAt + firstFormatLines.length, -1));
  if (lines === undefined) return unreadable('costLines');
  const [pricing, costNano, reasons] = list(members, 'cost');
  const cost = nanoAt(costNano);
  const listNano = cost === null ? null : listTotal(lines);
  const units = list(members, 'units');
  const nothing = common.measuredInput === 'unknown' && common.measuredOutput === 'unknown' ? null : 0;
  return {
    ...common,
    units: {
      ...tokensOf(units),
      seconds: nothing,
      characters: nothing,
      toolCalls: countsOf(units[8]),
      images: {},
    },
    pricing: isWord(pricings, pricing) ? pricing : unreadable('cost'),
    costNano: cost,
    listNano,
    internalNano: null,
    unpriced: reasonsOf(reasons),
    lines: ledgerLinesText(withStanding({ lines, costNano: cost, listNano, internalNano: null })),
    detail: `${detail.slice(0, linesAt)}}`,
  };
}

/** A quotation mark inside a string is escaped, so this is the member and nothing else. */
const firstFormatLines = ',"costLines":';

/** What the lines cost at list prices; null where a meter has none. */
function listTotal(lines: readonly CostLine[]): NanoUsd | null {
  const listed = new Map(lines.filter((one) => one.layer === 'list').map((one) => [one.meter, one.nanoUsd]));
  if (lines.some((one) => !listed.has(one.meter))) return null;
  return [...listed.values()].reduce((total, one) => total + one, 0n);
}

function decodeCommon(
  from: JsonObject,
  series: Series,
): Omit<StoredRecord, keyof Valuation | 'units' | 'lines' | 'detail'> {
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
  };
}

function integerAt(from: readonly Json[], index: number): number | null {
  const value = from[index];
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable('units');
}

function countsOf(from: Json | undefined): Record<string, number> {
  if (!isJsonObject(from)) return unreadable('units');
  return Object.fromEntries(Object.keys(from).map((name) => [name, integer(from, name)]));
}

type Tokens = Omit<Units, 'seconds' | 'characters' | 'toolCalls' | 'images'>;

function tokensOf(from: readonly Json[]): Tokens {
  return {
    input: integerAt(from, 0),
    cachedInput: integerAt(from, 1),
    cacheWriteInput: integerAt(from, 2),
    audioInput: integerAt(from, 3),
    imageInput: integerAt(from, 4),
    output: integerAt(from, 5),
    reasoning: integerAt(from, 6),
    audioOutput: integerAt(from, 7),
  };
}

function decodeUnits(members: JsonObject): Units {
  const from = list(members, 'units');
  return {
    ...tokensOf(from),
    seconds: integerAt(from, 8),
    characters: integerAt(from, 9),
    toolCalls: countsOf(from[10]),
    images: countsOf(from[11]),
  };
}

const nanoAt = (value: Json | undefined): NanoUsd | null => (value === null ? null : nano(value, 'cost'));

function reasonsOf(from: Json | undefined): readonly string[] {
  if (!Array.isArray(from)) return unreadable('cost');
  return from.map((one) => (typeof one === 'string' ? one : unreadable('cost')));
}
