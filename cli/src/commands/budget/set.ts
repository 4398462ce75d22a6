import { Option, type Command } from 'commander';
import { limitListSchema } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';

interface SetOptions {
  readonly amount?: string;
  readonly every?: string;
  readonly hard?: boolean;
  readonly settings?: string;
  readonly remove?: boolean;
  readonly reason: string;
  readonly json?: boolean;
}

function wrong(message: string): CommandFailure {
  return new CommandFailure(message, { exitCode: exitCodes.usage });
}

/** What is to stand at the node; null: nothing any more. */
function settingsOf({ amount, every, hard, settings, remove }: SetOptions): object | null {
  const ways = [amount !== undefined, settings !== undefined, remove === true].filter(Boolean).length;
  if (ways !== 1) throw wrong('Say what to set: --amount with --every, or --settings, or --remove.');
  if (remove === true) return null;
  if (settings === undefined) {
    if (every === undefined) throw wrong('--amount needs --every: day, week, month, quarter or year.');
    return { budget: { amount, every, hard: hard === true } };
  }
  const parsed = parseJson(settings);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw wrong('--settings takes a JSON object: {"limits": {"requestsPerMinute": 60}}.');
}

export function addBudgetSet(parent: Command, context: Context): void {
  const command = parent
    .command('set')
    .description(
      'Set the limits and budgets of a node through the admin API, in the place of what was set there so. Counts at once.',
    )
    .argument('<node>', 'consumer/marketing, cost-centre/sales, product/standard, product/standard/per-end-user, …')
    .option('--amount <amount>', 'one budget of money: "2000 USD"')
    .addOption(new Option('--every <window>', 'its window').choices(['day', 'week', 'month', 'quarter', 'year']))
    .option('--hard', 'it refuses what could pass the amount; otherwise it only counts and warns')
    .option(
      '--settings <json>',
      'anything else: limits, budget and budgets as the configuration file has them, in JSON',
    )
    .option('--remove', 'nothing is set there any more')
    .requiredOption('--reason <text>', 'why; for the audit trail')
    .option('--json', 'print JSON')
    .action(async (node: string, options: SetOptions) => {
      const settings = settingsOf(options);
      const { raw } = await adminClient(context.settings).ask({
        path: 'limits',
        schema: limitListSchema,
        method: 'POST',
        body: { changes: { [node]: settings }, reason: options.reason },
      });
      const told = settings === null ? `Nothing is set at ${node} any more.\n` : `The limits of ${node} are set.\n`;
      context.out.write(options.json === true ? prettyJson(raw) : told);
    });
  withExamples(command, [
    {
      line: 'budget set consumer/marketing --amount "2000 USD" --every month --hard --reason "agreed"',
      says: 'one budget',
    },
    {
      line: `budget set product/trial/per-subscription --settings '{"limits":{"requestsPerMinute":60}}' --reason trial`,
      says: 'anything else',
    },
    { line: 'budget set consumer/marketing --remove --reason "is in the file now"', says: 'no limits any more' },
  ]);
}
