export type Cell = string | number | boolean | null;

/**
 * Spreadsheets take a text that begins like this for a formula, and run it. An apostrophe in front makes it a text.
 * Source: OWASP, "CSV Injection".
 */
const formulaStart = /^[=+\-@\t\r]/;
/** Amounts that a number cannot hold come as text, and corrections are below 0: they run nothing. */
const decimalNumber = /^-?\d+(\.\d+)?$/;

function csvCell(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = formulaStart.test(value) && !decimalNumber.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180: comma, CRLF, quotes where they are needed. Unknown (null) is an empty cell, never 0. */
export function csv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}
