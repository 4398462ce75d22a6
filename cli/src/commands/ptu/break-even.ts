import type { Command } from 'commander';
import { breakEvenSchema, type BreakEven, type BreakEvenRow } from '@tollgate/contract/admin-api/ptu.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { momentSyntax, parsePeriod, type PeriodOptions } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped, usdFromNano } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

interface BreakEvenOptions extends FormatOptions, PeriodOptions {
  readonly month?: string;
  readonly endpoint?: string;
  readonly byHour?: boolean;
}

/** Every record of a busy month is read. */
const timeoutMs = 15 * 60_000;
const monthPattern = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** The month that was asked for, the period, or the month of now; RFC 3339. Throws CommandFailure (usage). */
function periodOf(options: BreakEvenOptions, now: number): { readonly from: string; readonly to: string } {
  const { month } = options;
  if (month === undefined && options.from !== undefined) {
    const { from = '', to } = parsePeriod(options, now);
    return { from, to: to ?? new Date(now).toISOString() };
  }
  if (options.from !== undefined || options.to !== undefined) {
    throw new CommandFailure('Say a month, or --from and --to.', { exitCode: exitCodes.usage });
  }
  const [, year, monthOfYear] = monthPattern.exec(month ?? new Date(now).toISOString().slice(0, 7)) ?? [];
  if (year === undefined || monthOfYear === undefined) {
    throw new CommandFailure(`'${month}' is no month.`, {
      exitCode: exitCodes.usage,
      hints: ['Understood: 2026-11. Months are UTC months.'],
    });
  }
  const [begins, ends] = [Number(monthOfYear) - 1, Number(monthOfYear)];
  return {
    from: new Date(Date.UTC(Number(year), begins)).toISOString(),
    to: new Date(Date.UTC(Number(year), ends)).toISOString(),
  };
}

type Amount = 'paidNanoUsd' | 'idleNanoUsd' | 'payAsYouGoNanoUsd' | 'payAsYouGoListNanoUsd' | 'spilledNanoUsd';
type Count = 'hours' | 'attempts' | 'unknownAttempts' | 'inputTokens' | 'cachedInputTokens' | 'outputTokens';
type Plain = Count | 'spilledAttempts';

const cents = 10_000_000n;

/** USD to the cent, for people: `~` where there is more to it. Programs get the nano-USD. */
function usd(nano: string): string {
  const amount = BigInt(nano);
  return amount % cents === 0n ? usdFromNano(amount) : `~ ${usdFromNano(((amount + cents / 2n) / cents) * cents)}`;
}

const count = (title: string, name: Plain): Column<BreakEvenRow> => ({
  title,
  name,
  align: 'right',
  value: (row) => row[name],
  text: (row) => grouped(row[name]),
});

const amount = (title: string, name: Amount): Column<BreakEvenRow> => ({
  title,
  name,
  align: 'right',
  value: (row) => row[name],
  text(row) {
    const nano = row[name];
    return nano === null ? 'unpriced' : usd(nano);
  },
});

const share = (title: string, name: 'utilization' | 'breakEvenUtilization'): Column<BreakEvenRow> => ({
  title,
  name,
  align: 'right',
  value: (row) => row[name],
  text: (row) => (row[name] === null ? 'not known' : `${row[name]} %`),
});

const columns: readonly Column<BreakEvenRow>[] = [
  { title: 'endpoint', name: 'endpoint', value: (row) => row.endpoint },
  { title: 'deployment', name: 'deployment', value: (row) => row.deployment },
  { title: 'model', name: 'model', value: (row) => row.model },
  { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
  { title: 'from', name: 'from', value: (row) => row.from },
  count('hours', 'hours'),
  amount('paid, USD', 'paidNanoUsd'),
  amount('idle', 'idleNanoUsd'),
  count('calls', 'attempts'),
  count('of unknown usage', 'unknownAttempts'),
  count('input', 'inputTokens'),
  count('cached', 'cachedInputTokens'),
  count('output', 'outputTokens'),
  share('used', 'utilization'),
  amount('by the token, USD', 'payAsYouGoNanoUsd'),
  amount('at list prices', 'payAsYouGoListNanoUsd'),
  {
    title: 'missing prices',
    name: 'missingPrices',
    value: (row) => row.missingPrices.join(' '),
  },
  {
    title: 'breaks even at',
    name: 'breakEvenFactor',
    align: 'right',
    value: (row) => row.breakEvenFactor,
    text: (row) => (row.breakEvenFactor === null ? 'not known' : `${row.breakEvenFactor} × the tokens`),
  },
  share('that is', 'breakEvenUtilization'),
  count('spilled', 'spilledAttempts'),
  amount('spilled, USD', 'spilledNanoUsd'),
];

const forPrograms = new Set(['deployment', 'deploymentType', 'unknownAttempts', 'cachedInputTokens', 'missingPrices']);

function notes({ rows }: BreakEven): string {
  const unknown = rows.reduce((sum, row) => sum + row.unknownAttempts, 0);
  const missing = rows.filter((row) => row.missingPrices.length > 0);
  return [
    ...missing.map(
      (row) =>
        `${row.endpoint} ${row.from}: no pay-as-you-go price for ${row.missingPrices.join(', ')}, so nothing is compared.`,
    ),
    ...(rows.some((row) => row.utilization === null)
      ? ['How far a deployment was used is known only with `ptu.capacity` in the configuration.']
      : []),
    ...(unknown === 0 ? [] : [`${grouped(unknown)} calls of unknown usage are in no amount.`]),
  ]
    .map((line) => `note: ${line}\n`)
    .join('');
}

async function compare(context: Context, options: BreakEvenOptions): Promise<void> {
  const { from, to } = periodOf(options, context.clock.now());
  const { value, raw } = await adminClient(context.settings).ask({
    path: 'ptu/break-even',
    schema: breakEvenSchema,
    query: { from, to, endpoint: options.endpoint, byHour: options.byHour === true ? 'true' : undefined },
    timeoutMs,
  });
  const format = formatOf(options);
  context.out.write(
    listing(context.out, {
      format,
      json: raw,
      rows: value.rows,
      columns: format === 'table' ? columns.filter(({ name }) => !forPrograms.has(name)) : columns,
      empty:
        'No hour of a provisioned deployment is booked in this period: no endpoint has `ptu` in the configuration.',
    }),
  );
  if (format === 'table') context.err.write(notes(value));
}

export function addPtuBreakEven(parent: Command, context: Context): void {
  const command = parent
    .command('break-even')
    .description('Compare what provisioned deployments cost by the hour with what their calls would cost by the token.')
    .option('--month <month>', 'a month in UTC, 2026-11 (default: the month of now)')
    .option('--from <when>', `or from here on: ${momentSyntax}`)
    .option('--to <when>', 'until here: the same; default: now')
    .option('--endpoint <name>', 'only this deployment')
    .option('--by-hour', 'one row an hour')
    .action(async (options: BreakEvenOptions) => await compare(context, options));
  withExamples(withFormat(command), [
    { line: 'ptu break-even --month 2026-11', says: 'was it worth it in November?' },
    { line: 'ptu break-even --from -1d --by-hour --endpoint ptu-weu', says: 'hour by hour' },
    { line: 'ptu break-even --month 2026-11 --format csv', says: 'to the nano-USD, for a spreadsheet' },
  ]);
}
