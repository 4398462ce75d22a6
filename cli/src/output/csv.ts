import { csvLine, type CsvCell } from '@tollgate/contract/csv.ts';

export type Cell = string | number | boolean | null;

/** Amounts that a number cannot hold come as text, and corrections are below 0: no spreadsheet runs them. */
const decimalNumber = /^-?\d+(\.\d+)?$/;

const cellOf = (value: Cell): CsvCell =>
  typeof value === 'string' && decimalNumber.test(value) ? { number: value } : value;

/** RFC 4180: comma, CRLF, quotes where they are needed. Unknown (null) is an empty cell, never 0. */
export function csv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => csvLine(row.map(cellOf))).join('');
}
