import { sql, type Kysely, type RawBuilder } from 'kysely';
import {
  figuresWith,
  measures,
  quarterHourMs,
  type Figures,
  type FiguresQuery,
  type FiguresRow,
} from '#model/figures.ts';
import { amountOf, columnOf } from '../sql/figure-columns.ts';
import { endUserOf, keyOf, usedParts, usesEndUser, type Part } from '../sql/figure-parts.ts';
import { allOf } from '../sql/series-filter.ts';
import { rowFilter } from './row-filter.ts';
import { inSpan, spanTable } from './spans.ts';
import { fromStored, toStored } from './text.ts';

type Database = Kysely<unknown>;

/** The sums of one part, by bucket, series and outcome: the server walks the spans and looks each up by key. */
function partSums(part: Part, query: FiguresQuery, asksEndUser: boolean): RawBuilder<unknown> {
  const endUser = asksEndUser ? endUserOf[part.kind] : 'null';
  const sums = measures.map((one) => `sum(${amountOf(part.kind, one)}) as ${columnOf(one)}`).join(', ');
  const conditions = [inSpan(part, query.spans), ...rowFilter.conditions(query.filter, { endUser })];
  if (query.instance !== undefined)
    conditions.push(sql`journal = (select id from ledger_journal where instance = ${toStored(query.instance)})`);
  return sql`
    select span.bucket, part.* from ${spanTable(part, query.spans)} cross join lateral (
      select series, outcome, ${sql.raw(`${endUser}::text as end_user_key, ${sums}`)} from ${sql.raw(part.table)}
      where ${allOf(conditions)} group by 1, 2, 3
    ) as part`;
}

/** The one statement that answers a query. */
function figuresStatement(query: FiguresQuery): RawBuilder<Record<string, string | number>> {
  const asksEndUser = usesEndUser(query);
  const recordsOnly = asksEndUser || query.instance !== undefined;
  const all = usedParts(query, recordsOnly).map((part) => partSums(part, query, asksEndUser));
  // Compared byte by byte, whatever language the database speaks.
  const keys = query.by.map((one, index) => `(${keyOf(one)}) collate "C" as key_${index}`);
  const sums = measures.map((one) => `sum(${columnOf(one)})::text as ${columnOf(one)}`);
  const groups = Array.from({ length: keys.length + 1 }, (_one, index) => index + 1).join(', ');
  const rows = sql<Record<string, string | number>>`
    select ${sql.raw(['bucket', ...keys, ...sums].join(', '))}
    from (${sql.join(all, sql` union all `)}) as part join usage_series on usage_series.id = part.series
    group by ${sql.raw(groups)}`;
  if (query.page === undefined) return rows;
  const { after, limit } = query.page;
  const columns = sql.raw(['bucket', ...query.by.map((_one, index) => `key_${index}`)].join(', '));
  const following =
    after === null
      ? sql`true`
      : sql`(${columns}) > (${sql.join([sql`${after.bucket}::integer`, ...after.keys.map((one) => sql`${toStored(one)}`)])})`;
  return sql`select * from (${rows}) as row where ${following} order by ${sql.raw(groups)} limit ${limit}`;
}

function figuresOf(row: Readonly<Record<string, string | number>>): Figures {
  return figuresWith((measure) => BigInt(row[columnOf(measure)] ?? 0));
}

export async function selectFigures(database: Database, query: FiguresQuery): Promise<readonly FiguresRow[]> {
  if (query.spans.length === 0) return [];
  const { rows } = await figuresStatement(query).execute(database);
  return rows.map((row) => ({
    keys: query.by.map((_one, index) => fromStored(String(row[`key_${index}`]))),
    bucket: Number(row['bucket']),
    figures: figuresOf(row),
  }));
}

export async function selectExtent(database: Database): Promise<{ readonly from: number; readonly to: number } | null> {
  const { rows } = await sql<{ first: number | null; last: number | null }>`
    select min(quarter) as first, max(quarter) as last from usage_quarter`.execute(database);
  const { first, last } = rows[0] ?? { first: null, last: null };
  if (first === null || last === null) return null;
  return { from: first * quarterHourMs, to: (last + 1) * quarterHourMs };
}
