import type { Command } from 'commander';
import { rerateReplySchema, type RerateReply } from '@tollgate/contract/admin-api/adjustments.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { momentSyntax, parsePeriod, type PeriodOptions } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped } from '#output/money.ts';
import { listing } from '#output/table.ts';
import { addReplies, inOrder, rerateColumns, summary, tableColumns } from './rerated.ts';

interface RerateOptions extends FormatOptions, PeriodOptions {
  readonly from: string;
  readonly filter?: readonly string[];
  readonly reason: string;
  readonly dryRun?: boolean;
}

const timeoutMs = 120_000;

/** Page by page: whoever stops it keeps what was booked, and giving the command again does the rest. */
async function rerateAll(context: Context, options: RerateOptions): Promise<RerateReply> {
  const admin = adminClient(context.settings);
  const said = {
    ...parsePeriod(options, context.clock.now()),
    filter: options.filter ?? [],
    reason: options.reason,
    dryRun: options.dryRun === true,
  };
  let total: RerateReply | undefined;
  for (let after: string | null | undefined; after !== null; after = total.next) {
    const { value }: { value: RerateReply } = await admin.ask({
      path: 'ledger/rerate',
      schema: rerateReplySchema,
      method: 'POST',
      body: after === undefined ? said : { ...said, after },
      timeoutMs,
    });
    total = total === undefined ? value : addReplies(total, value);
    if (value.next !== null)
      context.err.write(
        `${grouped(total.looked)} attempts looked at, ${grouped(total.changed)} to correct, at ${total.reached} …\n`,
      );
  }
  if (total === undefined) throw new Error('The gateway was asked nothing.');
  return { ...total, rows: [...inOrder(total.rows)] };
}

async function rerate(context: Context, options: RerateOptions): Promise<void> {
  const total = await rerateAll(context, options);
  const format = formatOf(options);
  const columns = rerateColumns(total.rows);
  context.out.write(
    listing(context.out, {
      format,
      json: total,
      rows: total.rows,
      columns: format === 'table' ? tableColumns(columns, total.rows) : columns,
      empty: 'Every attempt costs what the prices of now say.',
    }),
  );
  if (format === 'table') context.out.write(`\n${summary(total)}`);
}

export function addRerate(parent: Command, context: Context): void {
  const command = parent
    .command('rerate')
    .description('Price past attempts anew, by the prices in force. Corrections are added, nothing is edited.')
    .requiredOption('--from <when>', `attempts admitted from here on: ${momentSyntax}`)
    .option('--to <when>', 'until here: the same; default: all')
    .option('--filter <dimension=value...>', 'only those: model=gpt-5.4-mini, cost-centre=contoso/sales, …')
    .requiredOption('--reason <text>', 'why; it stands in each correction and on the audit trail')
    .option('--dry-run', 'show what would change, and book nothing')
    .action(async (options: RerateOptions) => await rerate(context, options));
  withExamples(withFormat(command), [
    {
      line: 'rerate --from 2026-11-01 --reason "the contract of November" --dry-run',
      says: 'what would change, price by price',
    },
    {
      line: 'rerate --from 2026-11-01 --to 2026-12-01 --filter model=gpt-5.4-mini --reason "the contract of November"',
      says: 'one model, one month; stopped and given again, it does the rest',
    },
  ]);
}
