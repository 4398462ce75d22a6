import type { Command } from 'commander';
import { budgetRefusalsSchema, type BudgetRefusals } from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';
import { amountText, plainAmount } from './amounts.ts';

type Refusal = BudgetRefusals['refusals'][number];
type Limit = Refusal['limits'][number];

const amountColumn = (
  name: 'needed' | 'allowed' | 'spent' | 'inFlight' | 'unknown' | 'leasedElsewhere',
  title: string,
) =>
  ({
    title,
    name,
    align: 'right',
    value: (one: Limit) => plainAmount(one.unit, one[name]),
    text: (one: Limit) => amountText(one.unit, one[name]),
  }) as const;

const columns: readonly Column<Limit>[] = [
  { title: 'limit', name: 'limit', value: (one) => one.limit },
  amountColumn('needed', 'needed'),
  amountColumn('allowed', 'allowed'),
  amountColumn('spent', 'spent'),
  amountColumn('inFlight', 'held under way'),
  amountColumn('unknown', 'held, use unknown'),
  amountColumn('leasedElsewhere', 'leased elsewhere'),
  { title: 'reset', name: 'resetAt', value: (one) => one.resetAt },
];

function headline(one: Refusal): string {
  const { at, model, subscription, consumer, product, status, code, message, retryAfterSeconds } = one;
  const wait = retryAfterSeconds === null ? '' : ` It was told to wait ${retryAfterSeconds} s.`;
  return (
    `${at}  ${model ?? 'a stored thing'} for ${subscription} (consumer ${consumer}, product ${product})\n` +
    `${status} ${code}: ${message}${wait}\n\n`
  );
}

function checkedId(text: string): string {
  if (/^[\w-]{1,128}$/.test(text)) return text;
  throw new CommandFailure(`'${text}' is no request id: it stands in the reply's header x-request-id.`, {
    exitCode: exitCodes.usage,
  });
}

export function addBudgetExplain(parent: Command, context: Context): void {
  const command = parent
    .command('explain')
    .description('Say which limits refused a request, with spent, held, leased and reset as they were at that moment.')
    .argument('<request-id>', "as in the reply's header x-request-id, and in the error's message")
    .action(async (id: string, options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: `budgets/refusals/${checkedId(id)}`,
        schema: budgetRefusalsSchema,
      });
      const format = formatOf(options);
      if (format !== 'table') {
        const rows = value.refusals.flatMap(({ limits }) => limits);
        context.out.write(listing(context.out, { format, json: raw, rows, columns }));
        return;
      }
      for (const one of value.refusals) {
        context.out.write(headline(one));
        const empty = 'No limit had too little room: the call itself cannot be judged.';
        context.out.write(listing(context.out, { format, json: raw, rows: one.limits, columns, empty }));
      }
    });
  withExamples(withFormat(command), [
    { line: 'budget explain 01JNK3…', says: 'for as long as the gateway remembers it' },
  ]);
}
