import { Option, type Command } from 'commander';
import { reportDimensions, type ReportDimension } from '@tollgate/contract/usage.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { momentSyntax, parsePeriod } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { legend, tableColumns, usageColumns } from './columns.ts';
import { fetchUsage, lagNote } from './fetch-usage.ts';

interface UsageOptions extends FormatOptions {
  readonly by: ReportDimension;
  readonly from?: string;
  readonly to?: string;
  readonly wait: number;
}

const longestWaitSeconds = 60;

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= longestWaitSeconds)) {
    throw new CommandFailure(`--wait takes 0 to ${longestWaitSeconds} seconds, not '${text}'.`, {
      exitCode: exitCodes.usage,
    });
  }
  return value;
}

async function report(context: Context, options: UsageOptions): Promise<void> {
  const waitMs = Math.round(options.wait * 1000);
  const question = { by: options.by, ...parsePeriod(options, context.clock.now()), waitMs };
  const { value, raw } = await fetchUsage(adminClient(context.settings), question);
  const format = formatOf(options);
  const columns = usageColumns(options.by, value.rows);
  context.out.write(
    listing(context.out, {
      format,
      json: raw,
      rows: value.rows,
      columns: format === 'table' ? tableColumns(columns) : columns,
      total: { key: 'total', ...value.total },
      empty: 'Nothing was used in this period.',
    }),
  );
  if (format === 'table' && value.rows.length > 0) context.out.write(`\n${legend(value.total)}`);
  context.err.write(lagNote(value.lag, waitMs));
}

export function addUsage(parent: Command, context: Context): void {
  const command = parent
    .command('usage')
    .description('Report what was used and what it cost, from the ledger.')
    .addOption(new Option('--by <dimension>', 'what each row stands for').choices(reportDimensions).default('consumer'))
    .addOption(new Option('--from <when>', `the beginning, inclusive: ${momentSyntax}`))
    .addOption(new Option('--to <when>', 'the end, exclusive: the same'))
    .addOption(
      new Option('--wait <seconds>', 'how long to wait until the store has caught up with the journal')
        .default(5)
        .argParser(seconds),
    )
    .action(async (options: UsageOptions) => await report(context, options));
  withExamples(withFormat(command), [
    { line: 'usage', says: 'every team since the beginning' },
    { line: 'usage --by cost-centre --from 2026-11-01 --to 2026-12-01', says: 'November, in UTC' },
    { line: 'usage --by day --from -7d', says: 'the last seven times 24 hours' },
    { line: 'usage --by model --from today --format csv', says: 'for a spreadsheet' },
    { line: 'usage --by consumer --json', says: 'the report of the admin API as it is' },
  ]);
}
