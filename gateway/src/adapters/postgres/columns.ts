import { arrayText } from './text.ts';

export type Value = string | number | bigint | null;

/** A column of a table, and what stands in it for one row of a batch. */
export interface Column<Row> {
  readonly name: string;
  readonly type: 'bigint' | 'integer' | 'numeric' | 'smallint' | 'text';
  readonly value: (row: Row) => Value;
}

/** `unnest($1::bigint[], $2::text[]) as batch (at, id)`: the rows of a batch as the server sees them, column by column. */
export function unnested(columns: readonly Pick<Column<never>, 'name' | 'type'>[]): string {
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return `unnest(${arrays}) as batch (${columns.map(({ name }) => name).join(', ')})`;
}

/** The batch's values for `unnested`. */
export function arraysOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return columns.map(({ value }) => arrayText(rows.map(value)));
}

export const namesOf = (columns: readonly { readonly name: string }[]): string =>
  columns.map(({ name }) => name).join(', ');
