import { sql, type RawBuilder } from 'kysely';
import { RowFilter, type Condition } from '../sql/series-filter.ts';
import { arrayText, toStored } from './text.ts';

class PostgresRowFilter extends RowFilter {
  protected override list(values: readonly string[]): RawBuilder<unknown> {
    return sql`unnest(${arrayText(values.map(toStored))}::text[]) as listed (value)`;
  }

  override among(column: string, values: readonly string[]): Condition {
    return sql`${sql.raw(column)} = any(${arrayText(values.map(toStored))}::text[])`;
  }

  /** `is true` keeps the server from making a join of it, which it may do row by row, and badly: it hashes the ids. */
  protected override amongSeries(column: string, select: RawBuilder<unknown>): Condition {
    return sql`(${sql.raw(column)} in (${select})) is true`;
  }
}

export const rowFilter = new PostgresRowFilter();
