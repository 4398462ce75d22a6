import type { Command } from 'commander';
import {
  budgetSimulationSchema,
  type BudgetSimulation,
  type SimulateBudgets,
} from '@tollgate/contract/admin-api/budgets.ts';
import { adminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { momentSyntax, parsePeriod } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped, usdFromNano } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

type Change = SimulateBudgets['changes'][number];
type Row = BudgetSimulation['rows'][number];
type One = BudgetSimulation['refused'][number];

interface SimulateOptions extends FormatOptions {
  readonly from: string;
  readonly to?: string;
  readonly change: readonly string[];
  readonly calls?: boolean;
}

const amountPattern = /^(.*\S) (hard|soft)$/;
/** Some minutes; two million calls are the most. */
const longestMs = 30 * 60_000;

/** `consumer/marketing/month=500 USD hard`, `consumer/marketing={"limits":…}`, `consumer/marketing=none`. */
function parseChange(text: string): Change {
  const at = text.indexOf('=');
  const [what, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at < 1 || value === '')
    throw new CommandFailure(`'${text}' is no change.`, {
      exitCode: exitCodes.usage,
      hints: [
        'Understood: BUDGET=AMOUNT, BUDGET=AMOUNT hard, BUDGET=AMOUNT soft, NODE={"limits": …} (JSON), NODE=none.',
        'npx --no tollgate budget list names the budgets.',
      ],
    });
  if (value === 'none') return { node: what, settings: null };
  if (value.startsWith('{')) return { node: what, settings: settingsOf(value) };
  const [, amount = value, kind] = amountPattern.exec(value) ?? [];
  return { budget: what, amount, ...(kind === undefined ? {} : { hard: kind === 'hard' }) };
}

function settingsOf(text: string): Readonly<Record<string, unknown>> {
  const parsed = parseJson(text);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw new CommandFailure(`${text} is no JSON.`, { exitCode: exitCodes.usage });
}

const money = (nano: string): string => usdFromNano(nano).replaceAll(',', '');

const columns: readonly Column<Row>[] = [
  { title: 'consumer', name: 'consumer', value: (one) => one.consumer },
  { title: 'subscription', name: 'subscription', value: (one) => one.subscription },
  { title: 'limit', name: 'limit', value: (one) => one.limit },
  { title: 'error', name: 'code', value: (one) => one.code },
  { title: 'requests', name: 'requests', align: 'right', value: (one) => one.requests },
  { title: 'calls', name: 'attempts', align: 'right', value: (one) => one.attempts },
  { title: 'first', name: 'firstAt', value: (one) => one.firstAt },
  { title: 'last', name: 'lastAt', value: (one) => one.lastAt },
  {
    title: 'cost in USD',
    name: 'usd',
    align: 'right',
    value: (one) => money(one.nanoUsd),
    text: (one) => `${one.unpriced === 0 ? '' : '≥ '}${usdFromNano(one.nanoUsd)}`,
  },
];

const callColumns: readonly Column<One>[] = [
  { title: 'at', name: 'at', value: (one) => one.at },
  { title: 'request', name: 'requestId', value: (one) => one.requestId },
  { title: 'consumer', name: 'consumer', value: (one) => one.consumer },
  { title: 'subscription', name: 'subscription', value: (one) => one.subscription },
  { title: 'limit', name: 'limit', value: (one) => one.limit },
  { title: 'error', name: 'code', value: (one) => one.code },
  {
    title: 'cost in USD',
    name: 'usd',
    align: 'right',
    value: (one) => (one.nanoUsd === null ? null : money(one.nanoUsd)),
    text: (one) => (one.nanoUsd === null ? 'not known' : usdFromNano(one.nanoUsd)),
  },
];

function summary(one: BudgetSimulation): string {
  const { requests, refusedRequests, refusedAttempts, refusedNanoUsd, costNanoUsd, reservedAtCost } = one;
  const lines = [
    `${grouped(refusedRequests)} of ${grouped(requests)} requests from ${one.from} to ${one.to} would have been refused ` +
      `(${grouped(refusedAttempts)} calls): ${usdFromNano(refusedNanoUsd)} of ${usdFromNano(costNanoUsd)} USD.`,
  ];
  if (reservedAtCost > 0)
    lines.push(
      `No budget had reserved for ${grouped(reservedAtCost)} calls when they were made: these are replayed at what they cost, ` +
        'which a hard budget would have had to exceed by their worst case, so that a little more would have been refused.',
    );
  if (!one.complete) lines.push('The store is behind the journal: the last calls are missing.');
  return `\n${lines.join('\n')}\n`;
}

async function simulate(context: Context, options: SimulateOptions): Promise<void> {
  const period = parsePeriod(options, context.clock.now());
  context.err.write('replaying …\n');
  const { value, raw } = await adminClient(context.settings).ask({
    path: 'budgets/simulate',
    schema: budgetSimulationSchema,
    method: 'POST',
    body: { ...period, changes: options.change.map(parseChange) },
    timeoutMs: longestMs,
  });
  const format = formatOf(options);
  const empty = 'Nothing would have been refused.';
  context.out.write(
    options.calls === true
      ? listing(context.out, { format, json: raw, rows: value.refused, columns: callColumns, empty })
      : listing(context.out, { format, json: raw, rows: value.rows, columns, empty }),
  );
  if (format === 'table') context.out.write(summary(value));
  if (options.calls === true && value.refused.length < value.refusedRequests)
    context.err.write(
      `note: these are the first ${grouped(value.refused.length)} of ${grouped(value.refusedRequests)}.\n`,
    );
}

export function addBudgetSimulate(parent: Command, context: Context): void {
  const command = parent
    .command('simulate')
    .description(
      'Replay the recorded traffic of a period against changed limits: who would have been refused, when, and for how ' +
        'much. Changes nothing.',
    )
    .requiredOption('--from <when>', `the beginning, inclusive: ${momentSyntax}`)
    .option('--to <when>', 'the end, exclusive: the same; default: now')
    .option(
      '--change <change>',
      'BUDGET=AMOUNT [hard|soft], NODE={"limits": …} in JSON, or NODE=none; repeat it. None: the limits in force',
      (text: string, before: readonly string[]) => [...before, text],
      [],
    )
    .option('--calls', 'the requests one by one, the first thousand')
    .action(async (options: SimulateOptions) => await simulate(context, options));
  withExamples(withFormat(command), [
    {
      line: 'budget simulate --from 2026-11-01 --change "consumer/marketing/month=500 USD hard"',
      says: 'what a smaller budget would have refused',
    },
    {
      line: `budget simulate --from -7d --change 'consumer/web={"limits":{"requestsPerMinute":60}}' --format csv`,
      says: 'a limit that there is not yet, for a spreadsheet',
    },
  ]);
}
