import type { Command } from 'commander';
import { budgetEventPageSchema, type BudgetEvent } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';
import { amountText, plainAmount } from './amounts.ts';

const deliveriesText = ({ deliveries }: BudgetEvent): string =>
  deliveries
    .map(({ receiver, state, error }) => `${receiver} ${state}${error === null ? '' : ` (${error})`}`)
    .join(', ');

const columns: readonly Column<BudgetEvent>[] = [
  { title: 'decided', name: 'timestamp', value: (one) => one.timestamp },
  { title: 'budget', name: 'budget', value: (one) => one.data.budget },
  {
    title: 'what',
    name: 'threshold',
    value: (one) => one.data.threshold ?? null,
    text: (one) => (one.data.threshold === undefined ? 'refuses' : `${one.data.threshold} %`),
  },
  { title: 'window', name: 'window', value: (one) => one.data.window.id },
  {
    title: 'spent',
    name: 'spent',
    align: 'right',
    value: (one) => plainAmount(one.data.unit, one.data.spent),
    text: (one) => amountText(one.data.unit, one.data.spent),
  },
  {
    title: 'limit',
    name: 'limit',
    align: 'right',
    value: (one) => plainAmount(one.data.unit, one.data.limit),
    text: (one) => amountText(one.data.unit, one.data.limit),
  },
  { title: 'delivered', name: 'deliveries', value: deliveriesText },
  { title: 'id', name: 'id', value: (one) => one.id },
];

export function addBudgetEvents(parent: Command, context: Context): void {
  const command = parent
    .command('events')
    .description('List what was told of budgets that run out, the newest first, and which webhooks have taken it.')
    .option('--before <id>', 'only what was decided before this event: the next page')
    .action(async (options: FormatOptions & { readonly before?: string }) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'budgets/events',
        schema: budgetEventPageSchema,
        query: { before: options.before },
      });
      const format = formatOf(options);
      const empty = 'No budget has reached anything of its `warnAt`.';
      context.out.write(listing(context.out, { format, json: raw, rows: value.events, columns, empty }));
      if (format !== 'json' && value.next !== null) context.err.write(`note: there are more: --before ${value.next}\n`);
    });
  withExamples(withFormat(command), [{ line: 'budget events', says: 'the last hundred' }]);
}
