import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { recordColumns, type RecordColumns } from '../sql/ledger-schema.ts';
import { recordValues, type RecordKeys } from '../sql/record-values.ts';
import type { CountedRecord } from '../sql/roll-up-sums.ts';

type Value = string | number | bigint | null;

/** What nearly every record has in these columns. Words hold no quotation marks. */
const usual: Partial<Record<keyof RecordColumns, string | number | null>> = {
  attempt: 1,
  outcome: 'completed',
  measured_input: 'reported',
  measured_output: 'reported',
  seconds: 0,
  characters: 0,
  tool_calls: null,
  tool_call_count: 0,
  images: null,
  image_count: 0,
  pricing: 'token',
  internal_nano: null,
  unpriced: null,
  qualifies: 1,
  counts: 1,
};

const usualValues = recordColumns.map((column) => usual[column]);
const literal = (value: string | number | null): string =>
  typeof value === 'string' ? `'${value}'` : String(value ?? 'null');

/**
 * Inserts records that are not there. Handing a value over costs as much as storing it, so what nearly every record has
 * stands in the text of a statement of its own.
 */
export class RecordInserts {
  readonly #any: StatementSync;
  readonly #usual: StatementSync;

  constructor(connection: DatabaseSync) {
    const insert = (values: readonly string[]): StatementSync =>
      connection.prepare(
        `insert into usage_record (${recordColumns.join(', ')}) values (${values.join(', ')}) on conflict do nothing`,
      );
    this.#any = insert(recordColumns.map(() => '?'));
    this.#usual = insert(usualValues.map((value) => (value === undefined ? '?' : literal(value))));
  }

  /** False where it is there already. */
  insert(record: CountedRecord, keys: RecordKeys): boolean {
    const values = recordValues(record, keys);
    const others = othersOf(values);
    const { changes } = others === undefined ? this.#any.run(...values) : this.#usual.run(...others);
    return changes !== 0;
  }
}

/** What is left besides the usual; undefined where something is unusual. */
function othersOf(values: readonly Value[]): Value[] | undefined {
  const others: Value[] = [];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? null;
    const expected = usualValues[at];
    if (expected === undefined) others.push(value);
    else if (expected !== value) return undefined;
  }
  return others;
}
