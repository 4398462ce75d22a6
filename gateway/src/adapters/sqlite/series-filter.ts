import { sql, type RawBuilder } from 'kysely';
import type { FigureDimension, FigureFilter } from '#accounting/ledger/ports.ts';

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

const among = (column: string, values: readonly string[]): Condition =>
  sql`${sql.raw(column)} in (select value from json_each(${JSON.stringify(values)}))`;

function seriesCondition({ dimension, values }: FigureFilter & { readonly dimension: SeriesDimension }): Condition {
  if (dimension !== 'cost-centre') return among(seriesKeys[dimension], values);
  return sql`exists (select 1 from json_each(${JSON.stringify(values)}) as centre
    where cost_centre = centre.value or substr(cost_centre, 1, length(centre.value) + 1) = centre.value || '/')`;
}

const ofSeries = (filter: FigureFilter): filter is FigureFilter & { readonly dimension: SeriesDimension } =>
  filter.dimension !== 'outcome' && filter.dimension !== 'end-user';

/** What the filters ask of a row that has `series` and `outcome`; `endUser` is what it has for an end user. */
export function rowConditions(filters: readonly FigureFilter[], endUser: string): readonly Condition[] {
  const series = filters.filter(ofSeries);
  const conditions: Condition[] = [];
  if (series.length > 0)
    conditions.push(sql`series in (select id from usage_series where ${allOf(series.map(seriesCondition))})`);
  for (const { dimension, values } of filters) {
    if (dimension === 'outcome') conditions.push(among('outcome', values));
    if (dimension === 'end-user') conditions.push(among(`ifnull(${endUser}, '')`, values));
  }
  return conditions;
}
