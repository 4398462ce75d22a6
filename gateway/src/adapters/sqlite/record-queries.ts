import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { PageQuery, Period, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import { recordOf, type RecordRow } from '../sql/ledger-rows.ts';
import { recordColumns, seriesColumns, type LedgerTables } from '../sql/ledger-schema.ts';
import { allOf, rowConditions } from './series-filter.ts';

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

type Condition = RawBuilder<unknown>;

export function during({ from, to }: Period): readonly Condition[] {
  const conditions: Condition[] = [];
  if (from !== null) conditions.push(sql`at >= ${from}`);
  if (to !== null) conditions.push(sql`at < ${to}`);
  return conditions;
}

/** With more cells than this, what is looked for is so common that reading everything in order finds it soon. */
const mostCells = 64;

/** Series and outcome are what an index leads to; which pairs occur in the period, the days' roll-ups know. */
async function cellsOf(database: Database, query: PageQuery): Promise<readonly { series: number; outcome: string }[]> {
  const conditions = rowConditions(
    query.filter.filter((one) => one.dimension !== 'end-user'),
    'null',
  );
  const { from, to } = query.period;
  const { rows } = await sql<{ series: number; outcome: string }>`
    select distinct series, outcome from usage_day
    where ${allOf([
      ...(from === null ? [] : [sql`day >= ${Math.floor(from / 86_400_000)}`]),
      ...(to === null ? [] : [sql`day < ${Math.ceil(to / 86_400_000)}`]),
      ...conditions,
    ])} limit ${mostCells + 1}`.execute(database);
  return rows;
}

function ordinaryConditions(query: PageQuery): readonly Condition[] {
  const { after, period, instance } = query;
  const conditions = [...during(period)];
  if (after !== null) conditions.push(sql`(at, id) > (${after.at}, ${after.id})`);
  if (instance !== undefined)
    conditions.push(sql`journal = (select ledger_journal.id from ledger_journal where instance = ${instance})`);
  return conditions;
}

/** The keys of the page. A filtered one reads the next records of each cell, and takes the first of all of them. */
export async function pageStatement(database: Database, query: PageQuery): Promise<RawBuilder<RecordKey>> {
  const conditions = ordinaryConditions(query);
  const cells = query.filter.length === 0 ? [] : await cellsOf(database, query);
  if (query.filter.length > 0 && cells.length === 0) return sql`select at, id from usage_record where false`;
  if (query.filter.length === 0 || cells.length > mostCells)
    return sql`select at, id from usage_record
      where ${allOf([...conditions, ...rowConditions(query.filter, 'end_user')])} order by at, id limit ${query.limit}`;
  const endUsers = rowConditions(
    query.filter.filter((one) => one.dimension === 'end-user'),
    'end_user',
  );
  const each = cells.map(
    ({ series, outcome }) => sql`select * from (
      select at, id from usage_record indexed by usage_record_cell
      where ${allOf([sql`series = ${series}`, sql`outcome = ${outcome}`, ...conditions, ...endUsers])}
      order by at, id limit ${query.limit})`,
  );
  return sql`select at, id from (${sql.join(each, sql` union all `)}) order by at, id limit ${query.limit}`;
}

export async function pageOfRecords(database: Database, query: PageQuery): Promise<readonly StoredRecord[]> {
  const statement = await pageStatement(database, query);
  const { rows } = await sql<RecordRow>`
    select ${columns} from (${statement}) as page
    join usage_record as record on record.at = page.at and record.id = page.id
    join usage_series on usage_series.id = record.series
    order by record.at, record.id`.execute(database);
  return rows.map(recordOf);
}
