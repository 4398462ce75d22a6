import { isJsonObject, parseJson, type Json } from '#kernel/json.ts';
import { parseLedgerLines } from '#model/cost-lines.ts';
import { isWord, rollUpOutcomes, type Words } from '#model/words.ts';
import { decodeSeries, integer, integerOrNull, list, nano, object, text, unreadable, word } from './entry-members.ts';
import type { Adjustment, FigureChange, Posting, RecordKey } from './ports.ts';

const kinds: Words<Adjustment['kind']> = { correction: true, allocation: true, 'write-off': true };
const detailStart = ',"detail":';

/** The adjustment of an entry's text. Throws `UnreadableEntry`. */
export function decodeAdjustment(json: string): Adjustment {
  const from = parseJson(json);
  // The first one: what comes before holds no member of that name, and quotation marks in strings are escaped.
  const detail = json.indexOf(detailStart);
  if (!isJsonObject(from) || detail < 0) return unreadable('detail');
  const { of } = from;
  return {
    id: text(from, 'id'),
    kind: word(from, 'what', kinds),
    at: integer(from, 'at'),
    bookedAt: integer(from, 'bookedAt'),
    of: of === null ? null : keyOf(of),
    postings: list(from, 'postings').map(decodePosting),
    qualifies: integerOrNull(from, 'qualifies'),
    detail: json.slice(detail + detailStart.length, -1),
  };
}

function keyOf(from: Json | undefined): RecordKey {
  const [at, id] = Array.isArray(from) ? from : [];
  return typeof at === 'number' && Number.isSafeInteger(at) && typeof id === 'string' ? { at, id } : unreadable('of');
}

function decodeChange(from: readonly Json[]): FigureChange {
  const count = (index: number): number => {
    const value = from[index];
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable('change');
  };
  return {
    cost: nano(from[0], 'change'),
    listCost: nano(from[1], 'change'),
    internalCost: nano(from[2], 'change'),
    held: nano(from[3], 'change'),
    pricedAttempts: count(4),
    listPricedAttempts: count(5),
    internalPricedAttempts: count(6),
  };
}

function decodePosting(from: Json): Posting {
  if (!isJsonObject(from)) return unreadable('postings');
  const outcome = from['outcome'];
  return {
    series: decodeSeries(object(from, 'series')),
    outcome: isWord(rollUpOutcomes, outcome) ? outcome : unreadable('outcome'),
    change: decodeChange(list(from, 'change')),
    lines: parseLedgerLines(from['lines']) ?? unreadable('lines'),
  };
}
