import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { PageQuery, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import type { UnendedQuery } from '#model/batch.ts';
import { recordOf, type RecordRow } from '../sql/ledger-rows.ts';
import { recordColumns, seriesColumns } from '../sql/ledger-schema.ts';
import { seriesKeys, type SeriesDimension } from '../sql/series-filter.ts';
import { recordPage } from './page-keys.ts';
import { recordFromStored } from './stored-rows.ts';
import { arrayText, fromStored, toStored } from './text.ts';

type Database = Kysely<unknown>;

const moneyColumns = ['reserved_nano', 'cost_nano', 'list_nano', 'internal_nano'] as const;
const kept: readonly string[] = [...moneyColumns, 'series', 'qualifies', 'counts', 'journal'];

/** Of a record that is called `record`, joined with its series. */
const columns = sql.raw(
  [
    ...recordColumns.filter((one) => !kept.includes(one)).map((one) => `record.${one}`),
    ...moneyColumns.map((one) => `record.${one}::text as ${one}`),
    ...seriesColumns.map((one) => `usage_series.${one}`),
  ].join(', '),
);

const nameOf = (key: RecordKey): string => `${key.at} ${key.id}`;

/** Keys as a table `wanted`: (at, id). */
export function keyTable(keys: readonly RecordKey[]): RawBuilder<unknown> {
  const ids = arrayText(keys.map(({ id }) => toStored(id)));
  return sql`unnest(${arrayText(keys.map(({ at }) => at))}::bigint[], ${ids}::text[]) as wanted (at, id)`;
}

/** The records of keys, found by their key one by one: without `offset 0` the server may prefer to read them all. */
const recordsOf = (keys: string): RawBuilder<unknown> =>
  sql.raw(`
  cross join lateral (
    select * from usage_record where at = ${keys}.at and id = ${keys}.id offset 0
  ) as record
  join usage_series on usage_series.id = record.series`);

export async function findRecords(
  database: Database,
  keys: readonly RecordKey[],
): Promise<readonly (StoredRecord | null)[]> {
  if (keys.length === 0) return [];
  const { rows } = await sql<RecordRow>`
    select ${columns} from ${keyTable(keys)} ${recordsOf('wanted')}`.execute(database);
  const byName = new Map(rows.map((row) => recordOf(recordFromStored(row))).map((one) => [nameOf(one), one]));
  return keys.map((key) => byName.get(nameOf(key)) ?? null);
}

export async function pageOfRecords(database: Database, query: PageQuery): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from (${recordPage(query)}) as page ${recordsOf('page')}
    order by record.at, record.id`.execute(database);
  return rows.map((row) => recordOf(recordFromStored(row)));
}

export async function attemptsOf(database: Database, requestId: string): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from usage_record as record join usage_series on usage_series.id = record.series
    where record.request_id = ${toStored(requestId)} order by record.attempt, record.at, record.id`.execute(database);
  return rows.map((row) => recordOf(recordFromStored(row)));
}

/** Series by series, through the index of cells: other records are not looked at, however many there are. */
export async function unendedRecords(
  database: Database,
  { operation, from, ends }: UnendedQuery,
): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from usage_series cross join lateral (
      select * from usage_record
      where series = usage_series.id and at >= ${from}::bigint and cost_nano is null offset 0
    ) as record
    where usage_series.operation = ${toStored(operation)}
      and not exists (select 1 from ledger_adjustment as ended where ended.id = ${toStored(ends)} || record.id)
    order by record.at, record.id`.execute(database);
  return rows.map((row) => recordOf(recordFromStored(row)));
}

export async function selectValues(database: Database, dimension: SeriesDimension): Promise<readonly string[]> {
  const { rows } = await sql<{ value: string }>`
    select distinct (${sql.raw(seriesKeys[dimension])}) collate "C" as value from usage_series
    order by 1`.execute(database);
  return rows.map((row) => fromStored(row.value));
}
