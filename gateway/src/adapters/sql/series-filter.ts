import { sql, type RawBuilder } from 'kysely';
import type { FigureDimension, FigureFilter } from '#accounting/ledger/ports.ts';

export type SeriesDimension = Exclude<FigureDimension, 'outcome' | 'end-user'>;

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

export type Condition = RawBuilder<unknown>;

export const allOf = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `);

type SeriesFilter = FigureFilter & { readonly dimension: SeriesDimension };

const isOfSeries = (filter: FigureFilter): filter is SeriesFilter =>
  filter.dimension !== 'outcome' && filter.dimension !== 'end-user';

/** What a row calls the id of its series, its outcome and its end user. */
interface RowNames {
  readonly series?: string;
  readonly outcome?: string;
  readonly endUser: string;
}

/** What filters ask of a row, in the SQL of a store: each reads a list in its own way. */
export class RowFilter {
  readonly #list: (values: readonly string[]) => RawBuilder<unknown>;

  /** `list`: the values as a table with the column `value`. */
  constructor(list: (values: readonly string[]) => RawBuilder<unknown>) {
    this.#list = list;
  }

  among(column: string, values: readonly string[]): Condition {
    return sql`${sql.raw(column)} in (select value from ${this.#list(values)})`;
  }

  conditions(filters: readonly FigureFilter[], names: RowNames): readonly Condition[] {
    const { series = 'series', outcome = 'outcome', endUser } = names;
    const ofSeries = filters.filter(isOfSeries).map((one) => this.#ofSeries(one));
    const conditions: Condition[] = [];
    if (ofSeries.length > 0)
      conditions.push(sql`${sql.raw(series)} in (select id from usage_series where ${allOf(ofSeries)})`);
    for (const { dimension, values } of filters) {
      if (dimension === 'outcome') conditions.push(this.among(outcome, values));
      if (dimension === 'end-user') conditions.push(this.among(`coalesce(${endUser}, '')`, values));
    }
    return conditions;
  }

  #ofSeries({ dimension, values, exact }: SeriesFilter): Condition {
    if (dimension !== 'cost-centre' || exact === true) return this.among(seriesKeys[dimension], values);
    return sql`exists (select 1 from ${this.#list(values)}
      where replace('/' || cost_centre || '/', '/' || value || '/', '') <> '/' || cost_centre || '/')`;
  }
}
