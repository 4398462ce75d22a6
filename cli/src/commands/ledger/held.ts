import { Option, type Command } from 'commander';
import { heldPageSchema } from '@tollgate/contract/admin-api/adjustments.ts';
import { outcomes } from '@tollgate/contract/usage.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { momentSyntax, parsePeriod, type PeriodOptions } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { heldColumns, heldTotal } from './held-attempts.ts';

interface HeldOptions extends FormatOptions, PeriodOptions {
  readonly outcome?: string;
  readonly after?: string;
  readonly limit: string;
}

async function list(context: Context, options: HeldOptions): Promise<void> {
  const now = context.clock.now();
  const { value, raw } = await adminClient(context.settings).ask({
    path: 'ledger/held',
    schema: heldPageSchema,
    query: { ...parsePeriod(options, now), outcome: options.outcome, after: options.after, limit: options.limit },
  });
  const format = formatOf(options);
  context.out.write(
    listing(context.out, {
      format,
      json: raw,
      rows: value.attempts,
      columns: heldColumns(value.attempts, now),
      empty: 'Nothing is held: the usage of every attempt is known, or written off.',
    }),
  );
  if (format === 'table' && value.attempts.length > 0)
    context.out.write(`\n${value.attempts.length} attempts hold ${heldTotal(value.attempts)} USD.\n`);
  if (value.next !== null) context.err.write(`note: there are more: --after ${value.next}\n`);
}

export function addLedgerHeld(parent: Command, context: Context): void {
  const command = parent
    .command('held')
    .description('List attempts whose usage is not known: they stay debited until it is, or they are written off.')
    .option('--from <when>', `admitted from here on: ${momentSyntax}`)
    .option('--to <when>', 'admitted before: the same')
    .addOption(new Option('--outcome <outcome>', 'only attempts that ended so').choices(outcomes))
    .option('--limit <count>', 'so many at most', '100')
    .option('--after <cursor>', 'go on where the page before ended')
    .action(async (options: HeldOptions) => await list(context, options));
  withExamples(withFormat(command), [
    { line: 'ledger held', says: 'the oldest first' },
    { line: 'ledger held --outcome gateway-lost --from -7d', says: 'of the last week, lost with a gateway' },
  ]);
}
