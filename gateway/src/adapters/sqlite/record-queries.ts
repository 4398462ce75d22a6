import { sql, type Kysely } from 'kysely';
import type { PageQuery, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import type { UnendedQuery } from '#model/batch.ts';
import { recordOf, type RecordRow } from '../sql/ledger-rows.ts';
import { recordColumns, seriesColumns, type LedgerTables } from '../sql/ledger-schema.ts';
import { seriesKeys, type SeriesDimension } from '../sql/series-filter.ts';
import { recordPage } from './page-keys.ts';

type Database = Kysely<LedgerTables>;

const moneyColumns = ['reserved_nano', 'cost_nano', 'list_nano', 'internal_nano'] as const;
const kept: readonly string[] = [...moneyColumns, 'series', 'qualifies', 'counts', 'journal'];

/** Of a record that is called `record`, joined with its series. */
const columns = sql.raw(
  [
    ...recordColumns.filter((one) => !kept.includes(one)).map((one) => `record.${one}`),
    ...moneyColumns.map((one) => `cast(record.${one} as text) as ${one}`),
    ...seriesColumns.map((one) => `usage_series.${one}`),
  ].join(', '),
);

const nameOf = (key: RecordKey): string => `${key.at} ${key.id}`;

export async function findRecords(
  database: Database,
  keys: readonly RecordKey[],
): Promise<readonly (StoredRecord | null)[]> {
  if (keys.length === 0) return [];
  const tuples = sql.join(keys.map((key) => sql`(${key.at}, ${key.id})`));
  const { rows } = await sql<RecordRow>`
    select ${columns} from usage_record as record join usage_series on usage_series.id = record.series
    where (record.at, record.id) in (values ${tuples})`.execute(database);
  const byName = new Map(rows.map((row) => [nameOf(row), recordOf(row)]));
  return keys.map((key) => byName.get(nameOf(key)) ?? null);
}

export async function attemptsOf(database: Database, requestId: string): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from usage_record as record join usage_series on usage_series.id = record.series
    where record.request_id = ${requestId} order by record.attempt, record.at, record.id`.execute(database);
  return rows.map(recordOf);
}

export async function pageOfRecords(database: Database, query: PageQuery): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from (${recordPage(query)}) as page
    join usage_record as record on record.at = page.at and record.id = page.id
    join usage_series on usage_series.id = record.series
    order by record.at, record.id`.execute(database);
  return rows.map(recordOf);
}

/** Through the index of cells: other records are not looked at, however many there are. */
export async function unendedRecords(
  database: Database,
  { operation, from, ends }: UnendedQuery,
): Promise<readonly StoredRecord[]> {
  const { rows } = await sql<RecordRow>`
    select ${columns} from usage_series
    cross join usage_record as record indexed by usage_record_cell on record.series = usage_series.id
    where usage_series.operation = ${operation} and record.at >= ${from} and record.cost_nano is null
      and not exists (select 1 from ledger_adjustment as ended where ended.id = ${ends} || record.id)
    order by record.at, record.id`.execute(database);
  return rows.map(recordOf);
}

export async function selectValues(database: Database, dimension: SeriesDimension): Promise<readonly string[]> {
  const value = sql.raw(seriesKeys[dimension]);
  const { rows } = await sql<{ value: string }>`
    select distinct ${value} as value from usage_series order by 1`.execute(database);
  return rows.map((row) => row.value);
}
