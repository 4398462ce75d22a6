import { sql, type RawBuilder } from 'kysely';
import type { PageQuery, RecordKey } from '#accounting/ledger/ports.ts';
import { dayMs, type FigureFilter } from '#model/figures.ts';
import { rollUpOutcomes } from '#model/words.ts';
import { endUserOf } from '../sql/figure-parts.ts';
import { allOf, type Condition } from '../sql/series-filter.ts';
import { rowFilter } from './row-filter.ts';
import { arrayText, toStored } from './text.ts';

/** A table whose rows are read page by page, in the order of (`at`, its id). */
interface Paged {
  readonly table: string;
  readonly id: string;
  /** What its rows have for an end user. */
  readonly endUser: string;
}

const records: Paged = { table: 'usage_record', id: 'id', endUser: 'end_user' };
const postings: Paged = { table: 'ledger_posting', id: 'adjustment', endUser: endUserOf.posting };

const bigint = (value: number): RawBuilder<unknown> => sql`${value}::bigint`;

function inPage(id: string, { after, period: { from, to }, instance }: PageQuery): readonly Condition[] {
  const conditions: Condition[] = [];
  if (from !== null) conditions.push(sql`at >= ${bigint(from)}`);
  if (to !== null) conditions.push(sql`at < ${bigint(to)}`);
  if (after !== null) {
    conditions.push(sql`(at, ${sql.raw(id)}) > (${bigint(after.at)}, ${toStored(after.id)})`);
    // By `at` alone the server knows which partitions it can leave out.
    conditions.push(sql`at >= ${bigint(after.at)}`);
  }
  if (instance !== undefined)
    conditions.push(
      sql`journal = (select ledger_journal.id from ledger_journal where instance = ${toStored(instance)})`,
    );
  return conditions;
}

/** The days on which rows of the page can stand. */
function daysOf({ after, period: { from, to } }: PageQuery): readonly Condition[] {
  const conditions: Condition[] = [];
  const first = after === null ? from : Math.max(from ?? after.at, after.at);
  if (first !== null) conditions.push(sql`day >= ${bigint(Math.floor(first / dayMs))}`);
  if (to !== null) conditions.push(sql`day < ${bigint(Math.ceil(to / dayMs))}`);
  return conditions;
}

/**
 * A page of the rows of many cells, in the order of all of them. The days' roll-ups say on which day each cell has its
 * first row, which is looked up there; then as many rows as the page has are read of those cells that are first. So a
 * page costs a look-up or two for each cell, whatever stands in them.
 */
function ofCells({ table, id }: Paged, query: PageQuery): RawBuilder<RecordKey> {
  const rowsOfCell = (limit: number): RawBuilder<unknown> =>
    sql`select at, ${sql.raw(id)} as id from ${sql.raw(table)}
      where ${allOf([
        sql`series = cell.series and outcome = cell.outcome and at >= cell.since`,
        ...inPage(id, query),
      ])} order by 1, 2 limit ${limit}`;
  const ofSeries = rowFilter.conditions(query.filter, {
    series: 'usage_series.id',
    outcome: 'known.outcome',
    endUser: 'null',
  });
  return sql`
    select distinct page.at, page.id
    from (
      select cell.* from (
        select usage_series.id as series, known.outcome, first_day.day * ${sql.lit(dayMs)} as since
        from usage_series cross join unnest(${arrayText(Object.keys(rollUpOutcomes))}::text[]) as known (outcome)
        cross join lateral (
          select day from usage_day
          where ${allOf([sql`series = usage_series.id and outcome = known.outcome`, ...daysOf(query)])}
          order by day limit 1
        ) as first_day
        where ${allOf(ofSeries)}
      ) as cell cross join lateral (${rowsOfCell(1)}) as first
      order by first.at, first.id limit ${query.limit}
    ) as cell cross join lateral (${rowsOfCell(query.limit)}) as page
    order by 1, 2 limit ${query.limit}`;
}

/** The next records of each end user. */
function ofEndUsers(query: PageQuery, values: readonly string[]): RawBuilder<RecordKey> {
  const conditions = [
    sql`end_user = asked.end_user_key`,
    ...inPage('id', query),
    ...rowFilter.conditions(query.filter, { endUser: 'end_user' }),
  ];
  return sql`
    select page.at, page.id from unnest(${arrayText(values.map(toStored))}::text[]) as asked (end_user_key)
    cross join lateral (
      select at, id from usage_record where ${allOf(conditions)} order by 1, 2 limit ${query.limit}
    ) as page order by 1, 2 limit ${query.limit}`;
}

/** Everything that fits, in order; nearly every record may be of nobody in particular, and is found soon. */
function inOrder(paged: Paged, query: PageQuery): RawBuilder<RecordKey> {
  const conditions = [...inPage(paged.id, query), ...rowFilter.conditions(query.filter, { endUser: paged.endUser })];
  return sql`select distinct at, ${sql.raw(paged.id)} as id from ${sql.raw(paged.table)}
    where ${allOf(conditions)} order by 1, 2 limit ${query.limit}`;
}

const asksEndUser = ({ dimension }: FigureFilter): boolean => dimension === 'end-user';

/** A select of the keys of a page of records. */
export function recordPage(query: PageQuery): RawBuilder<RecordKey> {
  const endUsers = query.filter.find(asksEndUser);
  if (endUsers !== undefined)
    return endUsers.values.includes('') ? inOrder(records, query) : ofEndUsers(query, [...new Set(endUsers.values)]);
  return query.filter.length === 0 ? inOrder(records, query) : ofCells(records, query);
}

/** The same of adjustments that have a posting which fits. */
export function adjustmentPage(query: PageQuery): RawBuilder<RecordKey> {
  return query.filter.some(asksEndUser) ? inOrder(postings, query) : ofCells(postings, query);
}

/** The same of all adjustments, those without postings included. */
export const everyAdjustmentPage = (query: PageQuery): RawBuilder<RecordKey> =>
  sql`select at, id from ledger_adjustment where ${allOf(inPage('id', query))} order by at, id limit ${query.limit}`;
