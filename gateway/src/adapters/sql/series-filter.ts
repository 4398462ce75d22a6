import { sql, type RawBuilder } from 'kysely';
import type { FigureDimension, FigureFilter } from '#model/figures.ts';

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

/** What filters ask of a row, in the SQL of a store. */
export abstract class RowFilter {
  /** The values as a table with the column `value`. */
  protected abstract list(values: readonly string[]): RawBuilder<unknown>;
  abstract among(column: string, values: readonly string[]): Condition;
  /** Whether the series is one of those selected: read once, however many rows are asked. */
  protected abstract amongSeries(column: string, select: RawBuilder<unknown>): Condition;

  conditions(filters: readonly FigureFilter[], names: RowNames): readonly Condition[] {
    const { series = 'series', outcome = 'outcome', endUser } = names;
    const ofSeries = filters.filter(isOfSeries).map((one) => this.#ofSeries(one));
    const conditions: Condition[] = [];
    if (ofSeries.length > 0)
      conditions.push(this.amongSeries(series, sql`select id from usage_series where ${allOf(ofSeries)}`));
    for (const { dimension, values } of filters) {
      if (dimension === 'outcome') conditions.push(this.among(outcome, values));
      if (dimension === 'end-user') conditions.push(this.among(`coalesce(${endUser}, '')`, values));
    }
    return conditions;
  }

  #ofSeries({ dimension, values, exact }: SeriesFilter): Condition {
    if (dimension !== 'cost-centre' || exact === true) return this.among(seriesKeys[dimension], values);
    return sql`exists (select 1 from ${this.list(values)}
      where replace('/' || cost_centre || '/', '/' || value || '/', '') <> '/' || cost_centre || '/')`;
  }
}
