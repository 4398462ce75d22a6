import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Adjustment, PageQuery, RecordKey } from '#accounting/ledger/ports.ts';
import { adjustmentOf, postingOf, type AdjustmentRow, type PostingRow } from '../sql/adjustment-rows.ts';
import { seriesColumns, type LedgerTables } from '../sql/ledger-schema.ts';
import { adjustmentPage, everyAdjustmentPage } from './page-keys.ts';

type Database = Kysely<LedgerTables>;

/** The adjustments that a select of `ledger_adjustment` gives, with their postings, in its order. */
async function read(database: Database, select: RawBuilder<AdjustmentRow>): Promise<readonly Adjustment[]> {
  const { rows } = await select.execute(database);
  if (rows.length === 0) return [];
  const keys = sql.join(rows.map((row) => sql`(${row.at}, ${row.id})`));
  const postings = await sql<PostingRow>`
    select adjustment, outcome, lines, priced_attempts, list_priced_attempts, internal_priced_attempts,
      cast(cost as text) as cost, cast(list_cost as text) as list_cost, cast(internal_cost as text) as internal_cost,
      cast(held as text) as held, ${sql.raw(seriesColumns.map((one) => `usage_series.${one}`).join(', '))}
    from ledger_posting join usage_series on usage_series.id = series
    where (at, adjustment) in (values ${keys}) order by position`.execute(database);
  const byAdjustment = Map.groupBy(postings.rows, (row) => row.adjustment);
  return rows.map((row) => adjustmentOf(row, (byAdjustment.get(row.id) ?? []).map(postingOf)));
}

const columns = sql.raw('id, kind, at, booked_at, of_at, of_id, qualifies, detail');

export async function findAdjustments(
  database: Database,
  ids: readonly string[],
): Promise<readonly (Adjustment | null)[]> {
  if (ids.length === 0) return [];
  const found = await read(
    database,
    sql`select ${columns} from ledger_adjustment where id in (select value from json_each(${JSON.stringify(ids)}))`,
  );
  const byId = new Map(found.map((one) => [one.id, one]));
  return ids.map((id) => byId.get(id) ?? null);
}

export async function adjustmentsOf(database: Database, keys: readonly RecordKey[]): Promise<readonly Adjustment[]> {
  if (keys.length === 0) return [];
  const tuples = sql.join(keys.map((key) => sql`(${key.at}, ${key.id})`));
  return await read(
    database,
    sql`select ${columns} from ledger_adjustment
      where of_id is not null and (of_at, of_id) in (values ${tuples}) order by booked_at, id`,
  );
}

/** One without postings is found where nothing is filtered. */
export async function pageOfAdjustments(database: Database, query: PageQuery): Promise<readonly Adjustment[]> {
  const keys = query.filter.length === 0 ? everyAdjustmentPage(query) : adjustmentPage(query);
  return await read(
    database,
    sql`select ${columns} from ledger_adjustment where (at, id) in (${keys}) order by at, id`,
  );
}
