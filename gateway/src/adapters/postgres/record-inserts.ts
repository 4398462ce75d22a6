import type { RecordKey } from '#accounting/ledger/ports.ts';
import { recordColumns } from '../sql/ledger-schema.ts';
import { recordValues, type RecordKeys } from '../sql/record-values.ts';
import type { CountedRecord } from '../sql/roll-up-sums.ts';
import { namesOf, unnested, type Column, type Value } from './columns.ts';
import type { Transaction } from './open.ts';
import { arrayText, fromStored, linesToStored, toStored } from './text.ts';

export interface NewRecord {
  readonly counted: CountedRecord;
  readonly keys: RecordKeys;
}

type ColumnName = (typeof recordColumns)[number];

const types: Readonly<Record<ColumnName, Column<never>['type']>> = {
  at: 'bigint',
  id: 'text',
  request_id: 'text',
  attempt: 'integer',
  series: 'integer',
  end_user: 'text',
  reserved_nano: 'bigint',
  outcome: 'text',
  measured_input: 'text',
  measured_output: 'text',
  input: 'bigint',
  cached_input: 'bigint',
  cache_write_input: 'bigint',
  audio_input: 'bigint',
  image_input: 'bigint',
  output: 'bigint',
  reasoning: 'bigint',
  audio_output: 'bigint',
  seconds: 'bigint',
  characters: 'bigint',
  tool_calls: 'text',
  tool_call_count: 'bigint',
  images: 'text',
  image_count: 'bigint',
  pricing: 'text',
  cost_nano: 'bigint',
  list_nano: 'bigint',
  internal_nano: 'bigint',
  unpriced: 'text',
  lines: 'text',
  detail: 'text',
  qualifies: 'smallint',
  counts: 'smallint',
  journal: 'integer',
};
const columns = recordColumns.map((name) => ({ name, type: types[name] }));

const insert = {
  name: 'insert-records',
  text: `insert into usage_record (${namesOf(columns)}) select * from ${unnested(columns)}
    on conflict (at, id) do nothing`,
};
const find = {
  name: 'find-record-keys',
  text: `select record.at, record.id from ${unnested(columns.slice(0, 2))}
    join usage_record as record on record.at = batch.at and record.id = batch.id`,
};

/** Columns whose words Tollgate chooses itself, or that are JSON, which has no character that cannot be stored. */
const plain: ReadonlySet<ColumnName> = new Set([
  'outcome',
  'measured_input',
  'measured_output',
  'tool_calls',
  'images',
  'pricing',
  'unpriced',
  'detail',
]);
const linesAt = recordColumns.indexOf('lines');

function stored(value: Value, at: number): Value {
  if (typeof value !== 'string') return value;
  if (at === linesAt) return linesToStored(value);
  const name = recordColumns[at];
  return name !== undefined && plain.has(name) ? value : toStored(value);
}

/** By their keys: whoever writes takes them in the same order. */
export const keysInOrder = (one: RecordKey, other: RecordKey): number =>
  one.at - other.at || (one.id < other.id ? -1 : Number(one.id > other.id));

/** Stores those that are not there yet; returns how many those were. In the order of their keys. */
export async function insertRecords(transaction: Transaction, records: readonly NewRecord[]): Promise<number> {
  if (records.length === 0) return 0;
  const rows = records.map(({ counted, keys }) => recordValues(counted, keys));
  const arrays = columns.map((_column, at) => arrayText(rows.map((row) => stored(row[at] ?? null, at))));
  const { count } = await transaction.run(insert, arrays);
  return count;
}

/** Which of these keys are stored. */
export async function storedKeys(transaction: Transaction, keys: readonly RecordKey[]): Promise<readonly RecordKey[]> {
  if (keys.length === 0) return [];
  const arrays = [arrayText(keys.map(({ at }) => at)), arrayText(keys.map(({ id }) => toStored(id)))];
  const { rows } = await transaction.run<RecordKey>(find, arrays);
  return rows.map(({ at, id }) => ({ at, id: fromStored(id) }));
}
