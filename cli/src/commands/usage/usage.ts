import type { Command } from 'commander';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { adminClient, type Reply } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { csv } from '#output/csv.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { prettyJson } from '#output/json.ts';
import { grouped } from '#output/money.ts';
import { fitted, table } from '#output/table.ts';
import { csvColumns, legend, tableColumns } from './columns.ts';
import { fetchUsage, lagNote, usagePages } from './fetch-usage.ts';
import { linesOf, totalLine } from './lines.ts';
import { waitMsOf, type Query } from '#subject.ts';
import { reportQuery, withGrouping, withReportSubject, type ReportOptions } from './question.ts';
import { addUsageRecords } from './records.ts';
import { addUsageRequest } from './request.ts';

type UsageOptions = FormatOptions & ReportOptions;

/** More is no reading matter. */
const rowsOfTable = '1000';

/** What the figures are made of, where it is not the ordinary. */
function remarks({ layer, currency, roundingDifference, timeZone }: UsageReport): string {
  const dayOf = (from: string | null): string =>
    from === null ? 'the beginning' : Temporal.Instant.from(from).toZonedDateTimeISO(timeZone).toPlainDate().toString();
  const rates = currency.rates.map(({ from, perUsd }) => `${perUsd} per USD from ${dayOf(from)}`);
  return [
    layer === 'contracted' ? '' : `Cost: at ${layer === 'list' ? 'list prices' : 'internal rates'}.\n`,
    currency.code === 'USD' ? '' : `${currency.code}: ${rates.join(', ')}; converted from exact sums.\n`,
    roundingDifference === null || roundingDifference === '0'
      ? ''
      : `The total in ${currency.code} differs from the sum of its rows by ${roundingDifference}, because each is rounded by itself.\n`,
  ].join('');
}

async function asTable(context: Context, query: Query): Promise<UsageReport> {
  const { value } = await fetchUsage(adminClient(context.settings), { ...query, limit: rowsOfTable });
  const { out, err } = context;
  const rows = linesOf(value);
  const total = totalLine(value);
  const all = [...rows, total];
  const { columns, leftOut } = fitted(tableColumns(value, all), all, out.columns);
  out.write(table(out, { columns, rows, total, empty: 'Nothing was used in this period.' }));
  if (rows.length > 0) out.write(`\n${legend(value.total)}${remarks(value)}`);
  if (leftOut.length > 0)
    err.write(`note: no room for ${leftOut.join(', ')}: make the terminal wider, or take --format csv.\n`);
  if (value.next !== null)
    err.write(
      `note: these are the first ${grouped(rows.length)} rows; the total is of all. --top names the dearest, --format csv has every row.\n`,
    );
  return value;
}

/** Rows are written page by page, so that a large report needs no memory. */
async function asCsv(context: Context, query: Query): Promise<UsageReport> {
  let first: UsageReport | undefined;
  for await (const { value } of usagePages(adminClient(context.settings), query)) {
    const columns = csvColumns(value);
    const rows = linesOf(value).map((line) => columns.map((column) => column.value(line)));
    const text = csv(
      columns.map((column) => column.name),
      rows,
    );
    // The header stands once.
    context.out.write(first === undefined ? text : text.slice(text.indexOf('\r\n') + 2));
    first ??= value;
  }
  return first ?? never();
}

function never(): never {
  throw new TypeError('A report has at least one page.');
}

const rowsOf = ({ raw }: Reply<UsageReport>): readonly unknown[] =>
  typeof raw === 'object' && raw !== null && 'rows' in raw && Array.isArray(raw.rows) ? raw.rows : [];

/** The reply of the admin API; where it takes several, their rows in one list. */
async function asJson(context: Context, query: Query): Promise<UsageReport> {
  let first: Reply<UsageReport> | undefined;
  let foot = '';
  for await (const page of usagePages(adminClient(context.settings), query)) {
    if (first === undefined && page.value.next === null) {
      context.out.write(prettyJson(page.raw));
      return page.value;
    }
    if (first === undefined) {
      const [head = '', rest = ''] = prettyJson({ ...Object(page.raw), rows: [], next: null }).split('"rows": []');
      context.out.write(`${head}"rows": [`);
      foot = `\n  ]${rest}`;
    }
    const rows = rowsOf(page).map((row) => `\n${JSON.stringify(row, null, 2).replaceAll(/^/gm, '    ')}`);
    context.out.write(`${first === undefined ? '' : ','}${rows.join(',')}`);
    first ??= page;
  }
  context.out.write(foot);
  return first?.value ?? never();
}

const ways = { table: asTable, csv: asCsv, json: asJson } as const;

export function addUsage(parent: Command, context: Context): void {
  const command = parent
    .command('usage')
    .description('Report what was used and what it cost, from the ledger.')
    .action(async (options: UsageOptions) => {
      const query = reportQuery(options, context.clock.now());
      const { lag } = await ways[formatOf(options)](context, query);
      context.err.write(lagNote(lag, waitMsOf(options)));
    });
  withExamples(withFormat(withReportSubject(withGrouping(command))), [
    { line: 'usage', says: 'every team since the beginning' },
    { line: 'usage --by cost-centre --month 2026-11', says: "November, in the organisation's time zone" },
    { line: 'usage --by consumer,model --filter cost-centre=contoso/sales', says: 'what is below a cost centre' },
    { line: 'usage --by day --from -7d', says: 'the last seven times 24 hours' },
    { line: 'usage --by consumer,month --currency EUR --top 10', says: 'the ten dearest, the rest added up' },
    { line: 'usage --by model --from today --format csv', says: 'for a spreadsheet' },
    { line: 'usage --by consumer --json', says: 'the report of the admin API as it is' },
  ]);
  addUsageRecords(command, context);
  addUsageRequest(command, context);
}
