import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { LineRow, LinesQuery } from '#accounting/ledger/ports.ts';
import {
  dayMs,
  figuresWith,
  measures,
  quarterHourMs,
  type Figures,
  type FiguresQuery,
  type FiguresRow,
  type FigureSpan,
} from '#model/figures.ts';
import { isWord, layers, rollUpOutcomes } from '#model/words.ts';
import { amountOf, columnOf, countMeasures, isMoney, moneyMeasures } from '../sql/figure-columns.ts';
import { freshLines, freshSums } from './fresh-roll-ups.ts';
import { endUserOf, keyOf, usedParts, usesEndUser, type Part } from '../sql/figure-parts.ts';
import { seriesOf } from '../sql/ledger-rows.ts';
import { seriesColumns, type LedgerTables, type SeriesColumns } from '../sql/ledger-schema.ts';
import { allOf } from '../sql/series-filter.ts';
import { rowFilter } from './row-filter.ts';

type Database = Kysely<LedgerTables>;

const nanoPerDollar = 1_000_000_000n;

/** Spans as JSON `[from, to, bucket]`, in units of a part's time column; SQLite walks them and looks each up by key. */
function spansText(spans: readonly FigureSpan[], unit: number): string {
  const end = (time: number | null, unbounded: number): number => (time === null ? unbounded : Math.ceil(time / unit));
  return JSON.stringify(
    spans.map(({ from, to, bucket }) => [end(from, Number.MIN_SAFE_INTEGER), end(to, Number.MAX_SAFE_INTEGER), bucket]),
  );
}

/** Sums of money may exceed 64 bits: dollars and the rest are added up apart. */
const exactSums = [
  ...countMeasures.map((one) => `cast(sum(${columnOf(one)}) as text) as ${columnOf(one)}`),
  ...moneyMeasures.flatMap((one) => [
    `cast(sum(${columnOf(one)} / ${nanoPerDollar}) as text) as ${columnOf(one)}_dollars`,
    `cast(sum(${columnOf(one)} % ${nanoPerDollar}) as text) as ${columnOf(one)}_rest`,
  ]),
];

/** The rows of one part, each with its bucket and what it adds to every measure. */
function partRows(part: Part, query: FiguresQuery, asksEndUser: boolean): RawBuilder<unknown> {
  const spans = query.spans.filter((one) => one.source === part.source);
  const conditions = [...rowFilter.conditions(query.filter, { endUser: 'end_user_key' })];
  if (query.instance !== undefined)
    conditions.push(sql`journal = (select id from ledger_journal where instance = ${query.instance})`);
  const endUser = sql.raw(asksEndUser ? endUserOf[part.kind] : 'null');
  const columns = sql.raw(`${part.table}.*`);
  const amounts = measures.map((one) => `${amountOf(part.kind, one)} as ${columnOf(one)}`).join(', ');
  // `cross join` makes SQLite walk the spans first and look each of them up in the table's key.
  return sql`
    select bucket, series, outcome, end_user_key, ${sql.raw(amounts)} from (
      select span.value ->> 2 as bucket, ${endUser} as end_user_key, ${columns}
      from json_each(${spansText(spans, part.unit)}) as span cross join ${sql.raw(part.table)}
      where ${sql.raw(part.time)} >= span.value ->> 0 and ${sql.raw(part.time)} < span.value ->> 1
    ) where ${allOf(conditions)}`;
}

/** The one statement that answers a query. */
function figuresStatement(query: FiguresQuery): RawBuilder<Record<string, string | number>> {
  const asksEndUser = usesEndUser(query);
  const recordsOnly = asksEndUser || query.instance !== undefined;
  const all = usedParts(query, recordsOnly).map((part) => partRows(part, query, asksEndUser));
  const keys = query.by.map((one, index) => `${keyOf(one)} as key_${index}`);
  const groups = Array.from({ length: keys.length + 1 }, (_one, index) => index + 1).join(', ');
  const rows = sql<Record<string, string | number>>`
    select ${sql.raw(['bucket', ...keys, ...exactSums].join(', '))}
    from (${sql.join(all, sql` union all `)}) join usage_series on usage_series.id = series
    group by ${sql.raw(groups)}`;
  if (query.page === undefined) return rows;
  const { after, limit } = query.page;
  const columns = sql.raw(['bucket', ...query.by.map((_one, index) => `key_${index}`)].join(', '));
  const following =
    after === null
      ? sql`true`
      : sql`(${columns}) > (${sql.join([after.bucket, ...after.keys].map((one) => sql`${one}`))})`;
  return sql`select * from (${rows}) where ${following} order by ${sql.raw(groups)} limit ${limit}`;
}

function figuresOf(row: Readonly<Record<string, string | number>>): Figures {
  const amount = (column: string): bigint => BigInt(row[column] ?? 0);
  return figuresWith((measure) => {
    const column = columnOf(measure);
    return isMoney(measure) ? amount(`${column}_dollars`) * nanoPerDollar + amount(`${column}_rest`) : amount(column);
  });
}

export async function selectFigures(database: Database, query: FiguresQuery): Promise<readonly FiguresRow[]> {
  if (query.spans.length === 0) return [];
  const { rows } = await figuresStatement(query).execute(database);
  return rows.map((row) => ({
    keys: query.by.map((_one, index) => String(row[`key_${index}`])),
    bucket: Number(row['bucket']),
    figures: figuresOf(row),
  }));
}

interface LineParts {
  readonly day: number;
  readonly outcome: string;
  readonly layer: string;
  readonly meter: string;
  readonly price_id: string;
  readonly standing: number;
  readonly units: string;
  readonly dollars: string;
  readonly rest: string;
}

const lineTables = {
  records: (table: string) => ({
    from: `${table}, json_each(${table}.lines) as line`,
    columns: `at / ${dayMs} as day, series, outcome, line.value ->> 0 as layer, line.value ->> 1 as meter,
      line.value ->> 3 as price_id, line.value ->> 5 as standing, line.value ->> 2 as units,
      cast(line.value ->> 4 as integer) as nano_usd`,
  }),
  days: () => ({
    from: 'usage_line',
    columns: 'day, series, outcome, layer, meter, price_id, standing, units, nano_usd',
  }),
};

function partLines(part: Part, query: LinesQuery): RawBuilder<unknown> {
  const source = part.source === 'days' ? lineTables.days() : lineTables.records(part.table);
  const spans = query.spans.filter((one) => one.source === part.source);
  return sql`
    select ${sql.raw(source.columns)}
    from json_each(${spansText(spans, part.unit)}) as span cross join ${sql.raw(source.from)}
    where ${sql.raw(part.time)} >= span.value ->> 0 and ${sql.raw(part.time)} < span.value ->> 1
      and ${allOf(rowFilter.conditions(query.filter, { endUser: endUserOf[part.kind] }))}`;
}

/** The one statement that answers a query of lines. */
function linesStatement(query: LinesQuery): RawBuilder<LineParts & SeriesColumns> {
  const recordsOnly = query.filter.some((one) => one.dimension === 'end-user');
  const all = usedParts(query, recordsOnly).map((part) => partLines(part, query));
  return sql`
    select day, outcome, layer, meter, price_id, standing, cast(units as text) as units, cast(dollars as text) as dollars,
      cast(rest as text) as rest, ${sql.raw(seriesColumns.join(', '))}
    from (
      select day, series, outcome, layer, meter, price_id, standing, sum(units) as units,
        sum(nano_usd / ${sql.raw(String(nanoPerDollar))}) as dollars, sum(nano_usd % ${sql.raw(String(nanoPerDollar))}) as rest
      from (${sql.join(all, sql` union all `)}) group by 1, 2, 3, 4, 5, 6, 7
    ) join usage_series on usage_series.id = series`;
}

export async function selectLines(database: Database, query: LinesQuery): Promise<readonly LineRow[]> {
  if (query.spans.length === 0) return [];
  const { rows } = await linesStatement(query).execute(database);
  return rows.map((row) => {
    if (!isWord(layers, row.layer) || !isWord(rollUpOutcomes, row.outcome))
      throw new TypeError('The store holds a cost line that was never written to it.');
    return {
      day: row.day * dayMs,
      series: seriesOf(row),
      outcome: row.outcome,
      layer: row.layer,
      meter: row.meter,
      priceId: row.price_id,
      standing: row.standing,
      units: BigInt(row.units),
      nanoUsd: BigInt(row.dollars) * nanoPerDollar + BigInt(row.rest),
    };
  });
}

export async function selectExtent(database: Database): Promise<{ readonly from: number; readonly to: number } | null> {
  // Each by itself is looked up at an end of the key; asked for at once, SQLite reads everything in between.
  const { rows } = await sql<{ first: number | null; last: number | null }>`
    select (select min(quarter) from usage_quarter) as first, (select max(quarter) from usage_quarter) as last`.execute(
    database,
  );
  const [row] = rows;
  if (row === undefined || row.first === null || row.last === null) return null;
  return { from: row.first * quarterHourMs, to: (row.last + 1) * quarterHourMs };
}

/** How many roll-ups differ from the sums of what stands in the store. */
export async function countWrongRollUps(database: Database): Promise<number> {
  const sums = measures.map(columnOf).join(', ');
  const checks = [
    { fresh: freshSums(quarterHourMs), kept: `select quarter, series, outcome, ${sums} from usage_quarter`, keys: 3 },
    { fresh: freshSums(dayMs), kept: `select day, series, outcome, ${sums} from usage_day`, keys: 3 },
    {
      fresh: freshLines,
      kept: 'select day, series, outcome, layer, meter, price_id, standing, units, nano_usd from usage_line',
      keys: 7,
    },
  ];
  let wrong = 0;
  for (const { fresh, kept, keys } of checks) {
    const width = keys === 3 ? keys + measures.length : keys + 2;
    const columns = Array.from({ length: width }, (_one, index) => `c${index}`).join(', ');
    const key = Array.from({ length: keys }, (_one, index) => `c${index}`).join(', ');
    const { rows } = await sql<{ wrong: number }>`
      with fresh (${sql.raw(columns)}) as (${sql.raw(fresh)}), kept (${sql.raw(columns)}) as (${sql.raw(kept)})
      select count(*) as wrong from (
        select ${sql.raw(key)} from (select * from fresh except select * from kept)
        union select ${sql.raw(key)} from (select * from kept except select * from fresh)
      )`.execute(database);
    wrong += rows[0]?.wrong ?? 0;
  }
  return wrong;
}
