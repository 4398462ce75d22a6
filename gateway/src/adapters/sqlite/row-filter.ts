import { sql, type RawBuilder } from 'kysely';
import { RowFilter, type Condition } from '../sql/series-filter.ts';

class SqliteRowFilter extends RowFilter {
  protected override list(values: readonly string[]): RawBuilder<unknown> {
    return sql`json_each(${JSON.stringify(values)})`;
  }

  override among(column: string, values: readonly string[]): Condition {
    return sql`${sql.raw(column)} in (select value from ${this.list(values)})`;
  }

  protected override amongSeries(column: string, select: RawBuilder<unknown>): Condition {
    return sql`${sql.raw(column)} in (${select})`;
  }
}

export const rowFilter = new SqliteRowFilter();
