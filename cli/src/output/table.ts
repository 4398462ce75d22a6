import type { Terminal } from '#context.ts';
import { csv, type Cell } from './csv.ts';
import type { Format } from './format.ts';
import { styled } from './style.ts';
import { prettyJson } from './json.ts';

/** One column, for people (`text`) and for machines (`name`, `value`). */
export interface Column<Row> {
  /** The heading of the table. */
  readonly title: string;
  /** The heading in CSV: the field's name in JSON. */
  readonly name: string;
  readonly align?: 'right';
  readonly value: (row: Row) => Cell;
  /** What the table shows; by default the value, and `–` for null. */
  readonly text?: (row: Row) => string;
  /** Where lines get too long, columns are left out: the highest first, those without never. */
  readonly leaveOut?: number;
}

/** A value of the outside must not move the cursor or ring the bell. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '\u{FFFD}');

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const widthOf = (text: string): number => Array.from(graphemes.segment(text)).length;

function shown<Row>(column: Column<Row>, row: Row): string {
  if (column.text !== undefined) return printable(column.text(row));
  const value = column.value(row);
  return value === null ? '–' : printable(String(value));
}

/** The columns that fit so many characters, and the titles of those that do not. */
export function fitted<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): { readonly columns: readonly Column<Row>[]; readonly leftOut: readonly string[] } {
  const widths = new Map(columns.map((column) => [column, widthOfColumn(column, rows)]));
  let kept = columns;
  const isTooWide = (): boolean =>
    width !== undefined && kept.reduce((sum, one) => sum + (widths.get(one) ?? 0) + 2, -2) > width;
  while (isTooWide()) {
    const most = Math.max(...kept.map((one) => one.leaveOut ?? 0));
    if (most === 0) break;
    kept = kept.filter((one) => (one.leaveOut ?? 0) !== most);
  }
  return { columns: kept, leftOut: columns.filter((one) => !kept.includes(one)).map((one) => one.title) };
}

function widthOfColumn<Row>(column: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce((most, row) => Math.max(most, widthOf(shown(column, row))), widthOf(column.title));
}

export interface TableOptions<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** A last row under a line. */
  readonly total?: Row;
  /** What stands there instead of a table without rows. */
  readonly empty?: string;
}

export function table<Row>(terminal: Pick<Terminal, 'colour'>, options: TableOptions<Row>): string {
  const { columns, rows, total } = options;
  if (rows.length === 0 && options.empty !== undefined) return `${options.empty}\n`;
  const body = rows.map((row) => columns.map((column) => shown(column, row)));
  const foot = total === undefined ? [] : [columns.map((column) => shown(column, total))];
  const widths = columns.map((column, at) =>
    [...body, ...foot].reduce((most, line) => Math.max(most, widthOf(line[at] ?? '')), column.title.length),
  );
  const render = (cells: readonly string[]): string =>
    columns
      .map((column, at) => {
        const cell = cells[at] ?? '';
        const gap = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)));
        return column.align === 'right' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [
    styled(terminal, 'bold', render(columns.map((column) => column.title))),
    ...body.map(render),
    ...foot.flatMap((cells) => [styled(terminal, 'dim', rule), styled(terminal, 'bold', render(cells))]),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

export interface Listing<Row> extends TableOptions<Row> {
  readonly format: Format;
  /** The reply of the admin API, as it came. */
  readonly json: unknown;
}

/** The same rows as a table, as JSON (the reply itself) or as CSV (without a total: a spreadsheet would add it in). */
export function listing<Row>(terminal: Pick<Terminal, 'colour'>, options: Listing<Row>): string {
  if (options.format === 'json') return prettyJson(options.json);
  if (options.format === 'table') return table(terminal, options);
  return csv(
    options.columns.map((column) => column.name),
    options.rows.map((row) => options.columns.map((column) => column.value(row))),
  );
}
