import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Adjustment, PageQuery, Posting, RecordKey } from '#accounting/ledger/ports.ts';
import { adjustmentOf, postingOf, type AdjustmentRow, type PostingRow } from '../sql/adjustment-rows.ts';
import { seriesColumns } from '../sql/ledger-schema.ts';
import { adjustmentPage, everyAdjustmentPage } from './page-keys.ts';
import { keyTable } from './record-queries.ts';
import { seriesFromStored } from './stored-rows.ts';
import { arrayText, fromStored, linesFromStored, toStored } from './text.ts';

type Database = Kysely<unknown>;

const columns = sql.raw('id, kind, at, booked_at, of_at, of_id, qualifies, detail');

function fromRow(row: AdjustmentRow, postings: readonly Posting[]): Adjustment {
  const { of_id: ofId } = row;
  return adjustmentOf(
    {
      ...row,
      id: fromStored(row.id),
      of_id: ofId === null ? null : fromStored(ofId),
      detail: fromStored(row.detail),
    },
    postings,
  );
}

const postingFromRow = (row: PostingRow): Posting =>
  postingOf({ ...seriesFromStored(row), lines: linesFromStored(row.lines) });

/** The adjustments that a select of `ledger_adjustment` gives, with their postings, in its order. */
async function read(database: Database, select: RawBuilder<AdjustmentRow>): Promise<readonly Adjustment[]> {
  const { rows } = await select.execute(database);
  if (rows.length === 0) return [];
  const ids = arrayText(rows.map((row) => row.id));
  const postings = await sql<PostingRow>`
    select adjustment, outcome, lines, priced_attempts, list_priced_attempts, internal_priced_attempts,
      cost::text, list_cost::text, internal_cost::text, held::text,
      ${sql.raw(seriesColumns.map((one) => `usage_series.${one}`).join(', '))}
    from unnest(${arrayText(rows.map((row) => row.at))}::bigint[], ${ids}::text[]) as wanted (at, id)
    join ledger_posting on ledger_posting.at = wanted.at and adjustment = wanted.id
    join usage_series on usage_series.id = series order by position`.execute(database);
  const byAdjustment = Map.groupBy(postings.rows, (row) => row.adjustment);
  return rows.map((row) => fromRow(row, (byAdjustment.get(row.id) ?? []).map(postingFromRow)));
}

export async function findAdjustments(
  database: Database,
  ids: readonly string[],
): Promise<readonly (Adjustment | null)[]> {
  if (ids.length === 0) return [];
  const found = await read(
    database,
    sql`select ${columns} from ledger_adjustment where id = any(${arrayText(ids.map(toStored))}::text[])`,
  );
  const byId = new Map(found.map((one) => [one.id, one]));
  return ids.map((id) => byId.get(id) ?? null);
}

export async function adjustmentsOf(database: Database, keys: readonly RecordKey[]): Promise<readonly Adjustment[]> {
  if (keys.length === 0) return [];
  return await read(
    database,
    sql`select ${columns} from ledger_adjustment
      where of_id is not null and (of_at, of_id) in (select at, id from ${keyTable(keys)}) order by booked_at, id`,
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
