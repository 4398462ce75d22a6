import type { Command } from 'commander';
import { budgetListSchema, type BudgetList, type BudgetState } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { fitted, listing, type Column } from '#output/table.ts';
import { amountText, percentText, plainAmount } from './amounts.ts';

type Amount = 'limit' | 'spent' | 'held' | 'leased' | 'remaining' | 'amount' | 'carriedOver' | 'toppedUp';

const amountColumn = (name: Amount, title: string, leaveOut?: number): Column<BudgetState> => ({
  title,
  name,
  align: 'right',
  value: (one) => plainAmount(one.unit, one[name]),
  text: (one) => amountText(one.unit, one[name]),
  ...(leaveOut === undefined ? {} : { leaveOut }),
});

const columns: readonly Column<BudgetState>[] = [
  { title: 'budget', name: 'id', value: (one) => one.id, text: (one) => (one.current ? one.id : `${one.id} (*)`) },
  { title: 'kind', name: 'hard', value: (one) => String(one.hard), text: (one) => (one.hard ? 'hard' : 'soft') },
  { title: 'window', name: 'window', value: (one) => one.window.id },
  amountColumn('spent', 'spent'),
  amountColumn('held', 'held'),
  amountColumn('leased', 'leased', 1),
  amountColumn('remaining', 'remaining'),
  amountColumn('limit', 'limit'),
  {
    title: 'used',
    name: 'unit',
    align: 'right',
    value: (one) => one.unit,
    text: (one) => percentText(String(BigInt(one.spent) + BigInt(one.held)), one.limit),
  },
  { title: 'reset', name: 'resetAt', value: (one) => one.window.end, leaveOut: 2 },
  { title: 'from', name: 'declaredIn', value: (one) => one.declaredIn, leaveOut: 3 },
];

interface ListOptions extends FormatOptions {
  readonly node?: string;
}

/** Page by page. */
async function fetchAll(context: Context, node: string | undefined): Promise<BudgetList> {
  const budgets: BudgetState[] = [];
  let after: string | undefined;
  for (;;) {
    const { value }: { value: BudgetList } = await adminClient(context.settings).ask({
      path: 'budgets',
      schema: budgetListSchema,
      query: { node, after, limit: '200' },
      timeoutMs: 120_000,
    });
    budgets.push(...value.budgets);
    if (value.next === null) return { ...value, budgets };
    after = value.next;
    context.err.write(`${budgets.length} …\n`);
  }
}

export function addBudgetList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List budgets and quotas in their current windows: what is spent, held, leased to gateways, and left.')
    .option('--node <node>', 'only those of this node: consumer/marketing, cost-centre/sales, organisation/contoso, …')
    .action(async (options: ListOptions) => {
      const all = await fetchAll(context, options.node);
      const format = formatOf(options);
      const rows = all.budgets;
      const shown = format === 'table' ? fitted(columns, rows, context.out.columns) : { columns, leftOut: [] };
      const empty = 'There is no budget and no quota. docs/limits-and-budgets.md says how to set one.';
      context.out.write(listing(context.out, { format, json: all, rows, columns: shown.columns, empty }));
      if (format === 'table' && rows.some(({ current }) => !current))
        context.err.write('(*): ledger or counters could not be asked; it is what this gateway knew last.\n');
    });
  withExamples(withFormat(command), [
    { line: 'budget list', says: 'all of them' },
    { line: 'budget list --node consumer/marketing', says: 'of one team' },
    { line: 'budget list --format csv', says: 'for a spreadsheet; money in USD' },
  ]);
}
