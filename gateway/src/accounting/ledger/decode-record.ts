import type { JsonCursor } from '#kernel/json-cursor.ts';
import { parseJson } from '#kernel/json.ts';
import type { OpenedAttempt, Units } from '#model/usage-record.ts';
import { isWord, measuredKinds, operations, outcomes, pricings } from '#model/words.ts';
import { countsOf, reasonsOf, unreadable } from './entry-members.ts';
import type { Series, StoredRecord } from './ports.ts';

type Judgement = Pick<StoredRecord, 'outcome' | 'measuredInput' | 'measuredOutput'>;

// None of these texts can stand inside a string, where quotation marks are escaped.
const outcomeStart = ',"outcome":';
const unitsStart = ',"units":[';
const costStart = '],"cost":[';
const linesStart = '],"lines":';
const detailStart = ',"finishedAt":';

const noCounts: Readonly<Record<string, number>> = Object.freeze({});
const noReasons: readonly string[] = Object.freeze([]);

/**
 * Reads what `attemptText` and `settleText` have written, in their order. The cost lines and the detail stay as they
 * stand; pieces that are the same from call to call are looked at once. Throws `UnexpectedText` or `UnreadableEntry`.
 */
export class RecordReader {
  readonly #seriesOf: (members: string) => Series;
  readonly #judgements = new Map<string, Judgement>();

  constructor(seriesOf: (members: string) => Series) {
    this.#seriesOf = seriesOf;
  }

  /** Of a settle, from behind its kind on. */
  record(cursor: JsonCursor): StoredRecord {
    const { id, requestId, attempt, at, reservedNano, endUser } = readName(cursor);
    const series = this.#seriesOf(cursor.upTo(outcomeStart));
    const { outcome, measuredInput, measuredOutput } = this.#judgementOf(cursor.upTo(unitsStart));
    const units = readUnits(cursor);
    cursor.pass(costStart);
    const pricing = cursor.string();
    cursor.pass(',');
    const costNano = cursor.bigintOrNull();
    cursor.pass(',');
    const listNano = cursor.bigintOrNull();
    cursor.pass(',');
    const internalNano = cursor.bigintOrNull();
    cursor.pass(',');
    const unpriced = cursor.has('[]') ? noReasons : reasonsOf(parseJson(cursor.upTo(linesStart)));
    cursor.pass(linesStart);
    const lines = cursor.upTo(detailStart);
    cursor.pass(',');
    return {
      id,
      requestId,
      attempt,
      at,
      series,
      endUser,
      reservedNano,
      outcome,
      measuredInput,
      measuredOutput,
      units,
      pricing: isWord(pricings, pricing) ? pricing : unreadable('cost'),
      costNano,
      listNano,
      internalNano,
      unpriced,
      lines,
      detail: `{${cursor.rest()}`,
    };
  }

  /** Of an open, from behind its kind on. */
  attempt(cursor: JsonCursor): OpenedAttempt {
    const { endUser, ...name } = readName(cursor);
    const { operation, caller, ...series } = this.#seriesOf(cursor.rest().slice(0, -1));
    return {
      ...name,
      ...series,
      operation: isWord(operations, operation) ? operation : unreadable('operation'),
      caller: { ...caller, endUser },
    };
  }

  #judgementOf(text: string): Judgement {
    let judgement = this.#judgements.get(text);
    if (judgement === undefined) {
      const [, outcome, measuredInput, measuredOutput] =
        /^,"outcome":"([^"]*)","measuredInput":"([^"]*)","measuredOutput":"([^"]*)"$/.exec(text) ?? [];
      judgement = {
        outcome: isWord(outcomes, outcome) ? outcome : unreadable('outcome'),
        measuredInput: isWord(measuredKinds, measuredInput) ? measuredInput : unreadable('measuredInput'),
        measuredOutput: isWord(measuredKinds, measuredOutput) ? measuredOutput : unreadable('measuredOutput'),
      };
      // There are some hundred at most.
      this.#judgements.set(text, judgement);
    }
    return judgement;
  }
}

type Name = Pick<StoredRecord, 'id' | 'requestId' | 'attempt' | 'at' | 'reservedNano' | 'endUser'>;

/** What open and settle begin with. */
function readName(cursor: JsonCursor): Name {
  cursor.pass('"id":');
  const id = cursor.string();
  cursor.pass(',"requestId":');
  const requestId = cursor.string();
  cursor.pass(',"attempt":');
  const attempt = cursor.integer();
  cursor.pass(',"at":');
  const at = cursor.integer();
  cursor.pass(',"reservedNano":');
  const reservedNano = cursor.bigintOrNull();
  cursor.pass(',"endUser":');
  const endUser = cursor.stringOrNull();
  cursor.pass(',');
  return { id, requestId, attempt, at, reservedNano, endUser };
}

function readUnit(cursor: JsonCursor): number | null {
  const units = cursor.integerOrNull();
  cursor.pass(',');
  return units;
}

function readUnits(cursor: JsonCursor): Units {
  cursor.pass(unitsStart);
  return {
    input: readUnit(cursor),
    cachedInput: readUnit(cursor),
    cacheWriteInput: readUnit(cursor),
    audioInput: readUnit(cursor),
    imageInput: readUnit(cursor),
    output: readUnit(cursor),
    reasoning: readUnit(cursor),
    audioOutput: readUnit(cursor),
    seconds: readUnit(cursor),
    characters: readUnit(cursor),
    ...readCounts(cursor),
  };
}

function readCounts(cursor: JsonCursor): Pick<Units, 'toolCalls' | 'images'> {
  if (cursor.has('{},{}')) return { toolCalls: noCounts, images: noCounts };
  const counts = parseJson(`[${cursor.upTo(costStart)}]`);
  if (!Array.isArray(counts) || counts.length !== 2) return unreadable('units');
  return { toolCalls: countsOf(counts[0]), images: countsOf(counts[1]) };
}
