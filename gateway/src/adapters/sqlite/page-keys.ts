import { sql, type RawBuilder } from 'kysely';
import type { PageQuery, RecordKey } from '#accounting/ledger/ports.ts';
import { rollUpOutcomes } from '#model/words.ts';
import { endUserOf } from '../sql/figure-parts.ts';
import { allOf, type Condition } from '../sql/series-filter.ts';
import { rowFilter } from './row-filter.ts';

/** A table whose rows are read page by page, in the order of (`at`, its id). */
interface Paged {
  readonly table: string;
  readonly id: string;
  /** The index that leads to the rows of one series and outcome. */
  readonly cellIndex: string;
  /** What its rows have for an end user. */
  readonly endUser: string;
  /** The index that leads to the rows of an end user, where the table has one. */
  readonly endUserIndex: string | null;
  ofEndUsers(values: readonly string[]): Condition;
}

const records: Paged = {
  table: 'usage_record',
  id: 'id',
  cellIndex: 'usage_record_cell',
  endUser: 'end_user',
  endUserIndex: 'usage_record_end_user',
  ofEndUsers: (values) => rowFilter.among('end_user', values),
};

const postings: Paged = {
  table: 'ledger_posting',
  id: 'adjustment',
  cellIndex: 'ledger_posting_cell',
  endUser: endUserOf.posting,
  endUserIndex: null,
  ofEndUsers: (values) => sql`(at, adjustment) in (
    select booked.at, booked.id from usage_record as record join ledger_adjustment as booked
      on booked.of_id is not null and booked.of_at = record.at and booked.of_id = record.id
    where ${rowFilter.among('record.end_user', values)})`,
};

function inPage(id: string, { after, period: { from, to }, instance }: PageQuery): readonly Condition[] {
  const conditions: Condition[] = [];
  if (from !== null) conditions.push(sql`at >= ${from}`);
  if (to !== null) conditions.push(sql`at < ${to}`);
  if (after !== null) conditions.push(sql`(at, ${sql.raw(id)}) > (${after.at}, ${after.id})`);
  if (instance !== undefined)
    conditions.push(sql`journal = (select ledger_journal.id from ledger_journal where instance = ${instance})`);
  return conditions;
}

/**
 * A page of the rows of many cells, in the order of all of them: of each cell its first row is looked up, then as many
 * rows as the page has of those cells that are first. So a page costs a look-up for each cell, whatever stands in them.
 */
function ofCells(paged: Paged, query: PageQuery): RawBuilder<RecordKey> {
  const { table, cellIndex } = paged;
  const id = sql.raw(paged.id);
  const rowsOfCell = (limit: number, columns: string): RawBuilder<unknown> =>
    sql`select ${sql.raw(columns)} from ${sql.raw(table)} indexed by ${sql.raw(cellIndex)}
      where ${allOf([sql`series = cell_series`, sql`outcome = cell_outcome`, ...inPage(paged.id, query)])}
      order by at, ${id} limit ${limit}`;
  const outcomes = JSON.stringify(Object.keys(rollUpOutcomes));
  const ofSeries = rowFilter.conditions(query.filter, {
    series: 'usage_series.id',
    outcome: 'outcomes.value',
    endUser: 'null',
  });
  return sql`
    select distinct page.at, page.${id} as id
    from (
      select cell_series, cell_outcome from (
        select cell_series, cell_outcome, (${rowsOfCell(1, 'at')}) as first_at, (${rowsOfCell(1, paged.id)}) as first_id
        from (
          select usage_series.id as cell_series, outcomes.value as cell_outcome
          from usage_series cross join json_each(${outcomes}) as outcomes where ${allOf(ofSeries)}
        )
      ) where first_at is not null order by first_at, first_id limit ${query.limit}
    ) cross join ${sql.raw(table)} as page
    where (page.at, page.${id}) in (${rowsOfCell(query.limit, `at, ${paged.id}`)})
    order by 1, 2 limit ${query.limit}`;
}

/** Everything that fits, in order; nearly every record may be of nobody in particular, and is found soon. */
function inOrder(paged: Paged, query: PageQuery): RawBuilder<RecordKey> {
  const known = query.filter
    .filter(({ dimension, values }) => dimension === 'end-user' && !values.includes(''))
    .map(({ values }) => paged.ofEndUsers(values));
  const index = known.length === 0 || paged.endUserIndex === null ? '' : ` indexed by ${paged.endUserIndex}`;
  const conditions = [
    ...inPage(paged.id, query),
    ...known,
    ...rowFilter.conditions(query.filter, { endUser: paged.endUser }),
  ];
  return sql`select distinct at, ${sql.raw(paged.id)} as id from ${sql.raw(paged.table + index)}
    where ${allOf(conditions)} order by 1, 2 limit ${query.limit}`;
}

function statement(paged: Paged, query: PageQuery): RawBuilder<RecordKey> {
  const asksCells = query.filter.length > 0 && query.filter.every((one) => one.dimension !== 'end-user');
  return asksCells ? ofCells(paged, query) : inOrder(paged, query);
}

/** A select of the keys of a page of records. */
export const recordPage = (query: PageQuery): RawBuilder<RecordKey> => statement(records, query);

/** The same of adjustments that have a posting which fits. */
export const adjustmentPage = (query: PageQuery): RawBuilder<RecordKey> => statement(postings, query);

/** The same of all adjustments, those without postings included. */
export const everyAdjustmentPage = (query: PageQuery): RawBuilder<RecordKey> =>
  sql`select at, id from ledger_adjustment where ${allOf(inPage('id', query))} order by at, id limit ${query.limit}`;
