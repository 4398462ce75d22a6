import { Option, type Command } from 'commander';
import { writeOffReplySchema, type HeldAttempt, type WriteOffReply } from '@tollgate/contract/admin-api/adjustments.ts';
import { outcomes } from '@tollgate/contract/usage.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { momentSyntax, parsePeriod, type PeriodOptions } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { heldColumns, heldTotal } from './held-attempts.ts';

interface WriteOffOptions extends FormatOptions, PeriodOptions {
  readonly attempt?: readonly string[];
  readonly outcome?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
}

/** The body of the request. Throws CommandFailure (usage) where it is not said what is meant. */
function chosen(options: WriteOffOptions, now: number): object {
  const { attempt, outcome, from } = options;
  const byPeriod = from !== undefined || options.to !== undefined || outcome !== undefined;
  if (attempt !== undefined && !byPeriod) return { attempts: attempt };
  if (attempt === undefined && from !== undefined && outcome !== undefined)
    return { ...parsePeriod(options, now), outcome };
  throw new CommandFailure('Say which attempts: --attempt ID …, or --from WHEN [--to WHEN] --outcome OUTCOME.', {
    exitCode: exitCodes.usage,
    hints: ['npx --no tollgate ledger held lists what can be written off.'],
  });
}

/** Page by page, so that what is booked when somebody stops it stays booked, and the rest can be written off later. */
async function writeOff(context: Context, options: WriteOffOptions): Promise<void> {
  const admin = adminClient(context.settings);
  const dryRun = options.dryRun === true;
  const said = { ...chosen(options, context.clock.now()), reason: options.reason, dryRun };
  const attempts: HeldAttempt[] = [];
  let already = 0;
  let after: string | null = null;
  do {
    const body: object = after === null ? said : { ...said, after };
    const { value }: { value: WriteOffReply } = await admin.ask({
      path: 'ledger/write-off',
      schema: writeOffReplySchema,
      method: 'POST',
      body,
    });
    attempts.push(...value.attempts);
    already += value.already;
    after = value.next;
    if (after !== null) context.err.write(`${attempts.length} …\n`);
  } while (after !== null);
  tell(context, { attempts, already, dryRun, format: formatOf(options) });
}

interface Outcome {
  readonly attempts: readonly HeldAttempt[];
  readonly already: number;
  readonly dryRun: boolean;
  readonly format: ReturnType<typeof formatOf>;
}

function tell(context: Context, { attempts, already, dryRun, format }: Outcome): void {
  context.out.write(
    listing(context.out, {
      format,
      json: { dryRun, attempts, already },
      rows: attempts,
      columns: heldColumns(attempts, context.clock.now()),
      empty: 'There is nothing to write off.',
    }),
  );
  if (format !== 'table') return;
  if (attempts.length > 0) {
    const verb = dryRun ? 'would be written off' : 'are written off';
    context.out.write(`\n${attempts.length} attempts that hold ${heldTotal(attempts)} USD ${verb}.\n`);
  }
  if (already > 0) context.out.write(`${already} had been written off before.\n`);
}

export function addLedgerWriteOff(parent: Command, context: Context): void {
  const command = parent
    .command('write-off')
    .description('Write off what attempts of unknown usage hold. An entry is added; what they used stays unknown.')
    .option('--attempt <id...>', 'these attempts')
    .option('--from <when>', `or those admitted from here on: ${momentSyntax}`)
    .option('--to <when>', 'until here: the same')
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(outcomes))
    .requiredOption('--reason <text>', 'why; it stands in the ledger and on the audit trail')
    .option('--dry-run', 'show what would be written off, and book nothing')
    .action(async (options: WriteOffOptions) => await writeOff(context, options));
  withExamples(withFormat(command), [
    {
      line: 'ledger write-off --from 2026-11-01 --to 2026-12-01 --outcome gateway-lost --reason "node 7 was lost" --dry-run',
      says: 'what it would come to',
    },
    {
      line: 'ledger write-off --attempt 01KAMZ6G00Q3V7B1N4T8XWY2ZC --reason "not on the bill of November"',
      says: 'one attempt',
    },
  ]);
}
