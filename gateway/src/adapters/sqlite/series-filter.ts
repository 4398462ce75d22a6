import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { FigureDimension, FigureFilter } from '#accounting/ledger/ports.ts';
import type { LedgerTables } from '../sql/ledger-schema.ts';

type SeriesDimension = Exclude<FigureDimension, 'outcome' | 'end-user'>;

/** What a series is called in each dimension. */
export const seriesKeys: Readonly<Record<SeriesDimension, string>> = {
  consumer: 'consumer',
  'cost-centre': 'cost_centre',
  product: 'product',
  subscription: 'subscription',
  model: 'model',
  endpoint: 'endpoint',
  deployment: "resource || '/' || deployment",
  resource: 'resource',
  'deployment-type': 'deployment_type',
  region: 'region',
  operation: 'operation',
};

type Condition = RawBuilder<unknown>;

export const allOf = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `);

export const among = (column: string, values: readonly string[]): Condition =>
  sql`${sql.raw(column)} in (select value from json_each(${JSON.stringify(values)}))`;

function seriesCondition({
  dimension,
  values,
  exact,
}: FigureFilter & { readonly dimension: SeriesDimension }): Condition {
  if (dimension !== 'cost-centre' || exact === true) return among(seriesKeys[dimension], values);
  return sql`exists (select 1 from json_each(${JSON.stringify(values)}) as centre
    where cost_centre = centre.value or substr(cost_centre, 1, length(centre.value) + 1) = centre.value || '/')`;
}

const ofSeries = (filter: FigureFilter): filter is FigureFilter & { readonly dimension: SeriesDimension } =>
  filter.dimension !== 'outcome' && filter.dimension !== 'end-user';

/** What a row calls the id of its series, its outcome and its end user. */
interface RowNames {
  readonly series?: string;
  readonly outcome?: string;
  readonly endUser: string;
}

/** What the filters ask of a row. */
export function rowConditions(filters: readonly FigureFilter[], names: RowNames): readonly Condition[] {
  const { series = 'series', outcome = 'outcome', endUser } = names;
  const ofTheSeries = filters.filter(ofSeries).map(seriesCondition);
  const conditions: Condition[] = [];
  if (ofTheSeries.length > 0)
    conditions.push(sql`${sql.raw(series)} in (select id from usage_series where ${allOf(ofTheSeries)})`);
  for (const { dimension, values } of filters) {
    if (dimension === 'outcome') conditions.push(among(outcome, values));
    if (dimension === 'end-user') conditions.push(among(`ifnull(${endUser}, '')`, values));
  }
  return conditions;
}

export async function selectValues(
  database: Kysely<LedgerTables>,
  dimension: SeriesDimension,
): Promise<readonly string[]> {
  const value = sql.raw(seriesKeys[dimension]);
  const { rows } = await sql<{ value: string }>`
    select distinct ${value} as value from usage_series order by 1`.execute(database);
  return rows.map((row) => row.value);
}
