import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { topUpListSchema, topUpSchema, type TopUp } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { prettyJson } from '#output/json.ts';
import { listing, type Column } from '#output/table.ts';
import { amountText, plainAmount } from './amounts.ts';

interface TopUpOptions {
  readonly reason: string;
  readonly window?: string;
  readonly id?: string;
  readonly json?: boolean;
}

export function addBudgetTopUp(parent: Command, context: Context): void {
  const command = parent
    .command('top-up')
    .description('Add to one window of a budget or quota. It counts at once, and stands on the audit trail.')
    .argument('<budget>', 'its id: consumer/marketing/month')
    .argument('<amount>', 'what to add: "500 USD", "1_000_000 tokens", "500 requests"')
    .requiredOption('--reason <text>', 'why; for the audit trail')
    .option('--window <window>', 'another one than the current: 2026-12-01/P1M')
    .option('--id <id>', 'repeat the id of a top-up whose answer was lost: it adds once')
    .option('--json', 'print JSON')
    .action(async (budget: string, amount: string, options: TopUpOptions) => {
      const { reason, window, id = randomUUID() } = options;
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'budgets/top-ups',
        schema: topUpSchema,
        method: 'POST',
        body: { id, budget, amount, reason, ...(window === undefined ? {} : { window }) },
      });
      const told = `${amountText(value.unit, value.amount)} more for ${value.budget} in ${value.window} (${value.id}).\n`;
      context.out.write(options.json === true ? prettyJson(raw) : told);
    });
  withExamples(command, [
    { line: 'budget top-up consumer/marketing/month "500 USD" --reason "the launch"', says: 'in the current window' },
    {
      line: 'budget top-up consumer/marketing/month "500 USD" --window 2026-12-01/P1M --reason "Christmas"',
      says: 'in another one',
    },
  ]);
}

const columns: readonly Column<TopUp>[] = [
  { title: 'made', name: 'at', value: (one) => one.at },
  { title: 'budget', name: 'budget', value: (one) => one.budget },
  { title: 'window', name: 'window', value: (one) => one.window },
  {
    title: 'amount',
    name: 'amount',
    align: 'right',
    value: (one) => plainAmount(one.unit, one.amount),
    text: (one) => amountText(one.unit, one.amount),
  },
  { title: 'id', name: 'id', value: (one) => one.id },
  { title: 'reason', name: 'reason', value: (one) => one.reason },
];

export function addBudgetTopUps(parent: Command, context: Context): void {
  const command = parent
    .command('top-ups')
    .description('List top-ups, the newest first.')
    .option('--budget <budget>', 'only those of this one')
    .action(async (options: FormatOptions & { readonly budget?: string }) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'budgets/top-ups',
        schema: topUpListSchema,
        query: { budget: options.budget },
      });
      const empty = 'Nothing has been topped up.';
      const format = formatOf(options);
      context.out.write(listing(context.out, { format, json: raw, rows: value.topUps, columns, empty }));
    });
  withExamples(withFormat(command), [
    { line: 'budget top-ups --budget consumer/marketing/month', says: 'of one budget' },
  ]);
}

export function addBudgetRevoke(parent: Command, context: Context): void {
  const command = parent
    .command('revoke')
    .description('Take a top-up back. Where more is spent by then, the budget refuses at once.')
    .argument('<id>', 'as `budget top-ups` has it')
    .requiredOption('--reason <text>', 'why; for the audit trail')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { readonly reason: string; readonly json?: boolean }) => {
      const { raw } = await adminClient(context.settings).ask({
        path: `budgets/top-ups/${encodeURIComponent(id)}/revoke`,
        schema: topUpListSchema,
        method: 'POST',
        body: { reason: options.reason },
      });
      context.out.write(options.json === true ? prettyJson(raw) : `The top-up ${id} is taken back.\n`);
    });
  withExamples(command, [{ line: 'budget revoke 0f3c… --reason "typed one zero too many"', says: 'by its id' }]);
}
