import type { Command } from 'commander';
import { budgetListSchema, type BudgetList, type BudgetState } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { prettyJson } from '#output/json.ts';
import { amountText, percentText } from './amounts.ts';

type Line = readonly [name: string, value: string];

function linesOf(one: BudgetState, formulas: BudgetList['formulas']): readonly Line[] {
  const text = (amount: string): string => amountText(one.unit, amount);
  const bound = (amount: string | null): string => (amount === null ? 'a soft budget refuses nothing' : text(amount));
  const { bounds, window } = one;
  const parts = [
    `${text(one.amount)} set`,
    one.carriedOver === '0' ? '' : `${text(one.carriedOver)} carried over`,
    one.toppedUp === '0' ? '' : `${text(one.toppedUp)} topped up`,
  ].filter((part) => part !== '');
  return [
    ['kind', `${one.hard ? 'hard' : 'soft'}, ${one.layer === null ? one.unit : `USD at ${one.layer} prices`}`],
    ['declared in', one.declaredIn === 'config' ? 'the configuration file' : 'the admin API'],
    ['window', `${window.id} in ${one.timeZone}, from ${window.start}`],
    ['reset', window.end],
    ['limit', `${text(one.limit)} (${parts.join(' + ')})`],
    ['spent', `${text(one.spent)} (${percentText(one.spent, one.limit)})`],
    ['held', `${text(one.held)}: ${text(one.inFlight)} by calls under way, ${text(one.unknown)} of unknown use`],
    ['leased', `${text(one.leased)} to gateways, for calls to come`],
    ['remaining', text(one.remaining)],
    ['warns at', one.warnAt.length === 0 ? 'nothing' : one.warnAt.map((percent) => `${percent} %`).join(', ')],
    ['overshoot', one.hard ? `${bound(bounds.overshoot)} = ${formulas.overshoot}` : bound(bounds.overshoot)],
    ...(one.hard
      ? ([
          ['  if lost now', `${bound(bounds.overshootIfLost)} = ${formulas.overshootIfLost}`],
          ['stranded', `${bound(bounds.stranded)} = ${formulas.stranded}`],
          ['  largest call', bound(bounds.largestCall)],
        ] as const)
      : []),
  ];
}

function shown(one: BudgetState, formulas: BudgetList['formulas']): string {
  const lines = linesOf(one, formulas);
  const width = Math.max(...lines.map(([name]) => name.length));
  const stale = one.current ? '' : '\nLedger or counters could not be asked: this is what the gateway knew last.';
  return `${one.id}${stale}\n${lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join('')}`;
}

export function addBudgetShow(parent: Command, context: Context): void {
  const command = parent
    .command('show')
    .description(
      'Show one budget or quota: its window, what is spent, held and left, carry-over and top-ups, and by how much it can ' +
        'be missed both ways.',
    )
    .argument('<budget>', 'its id, as `budget list` has it, or of one subscription or end user of a product')
    .option('--json', 'print JSON')
    .action(async (budget: string, options: { readonly json?: boolean }) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'budgets',
        schema: budgetListSchema,
        query: { budget },
      });
      if (options.json === true) context.out.write(prettyJson(raw));
      else for (const one of value.budgets) context.out.write(shown(one, value.formulas));
    });
  withExamples(command, [
    { line: 'budget show consumer/marketing/month', says: 'a budget, or a quota such as …/tokens-per-month' },
    {
      line: 'budget show product/standard/subscription/marketing-web/day',
      says: 'what one subscription has for itself',
    },
  ]);
}
