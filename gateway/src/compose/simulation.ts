import type { BudgetSimulation, SimulateBudgets } from '@tollgate/contract/admin-api/budgets.ts';
import { findBudget } from '#compose/limits/find-budget.ts';
import { declarationsOf, topUpsOf } from '#compose/limits/limit-book.ts';
import { limitsOf, nodeProblems, Names, settingProblems } from '#compose/limits/limit-changes.ts';
import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import { budgetAmountOf } from '#compose/limits/top-ups.ts';
import type { Directory } from '#directory/directory.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { noSettings, quotaName, type LimitSettings } from '#model/limit-settings.ts';
import { nodeText, type Budget } from '#model/limits.ts';

export interface SimulationParts {
  readonly ledger: Pick<OpenLedger, 'replay'>;
  readonly snapshots: Snapshots;
  readonly directory: Directory;
  readonly clock: Clock;
}

type Change = SimulateBudgets['changes'][number];
type Nodes = Map<string, LimitSettings>;

const timeText = (at: number): string => new Date(at).toISOString();

/** Replays recorded traffic against the limits in force with some changed; rejects with everything that is wrong. */
export async function simulateBudgets(parts: SimulationParts, asked: SimulateBudgets): Promise<BudgetSimulation> {
  const { ledger, snapshots, directory, clock } = parts;
  const [from, to] = [Date.parse(asked.from), asked.to === undefined ? clock.now() : Date.parse(asked.to)];
  const { declared, made } = snapshots.mergedLimits();
  const nodes: Nodes = new Map([...declared, ...made]);
  const names = new Names({ config: snapshots.currentConfig(), directory: directory.current(), declared });
  const problems = asked.changes.flatMap((change, at) =>
    applied(change, { nodes, names, snapshots }).map((problem) => `changes[${at}]: ${problem}`),
  );
  if (from >= to) problems.unshift(`from: the period is empty: it ends at ${timeText(to)}`);
  if (problems.length > 0) throw new Failure('admin_invalid', 'This cannot be simulated.', { details: problems });
  const topUps = topUpsOf(directory.limits().topUps);
  const declarations = declarationsOf(snapshots.currentConfig(), { nodes, topUps, version: 1 });
  const { caughtUp, rows, refused, cost, refusedCost, ...counts } = await ledger.replay({ declarations, from, to });
  return {
    from: timeText(from),
    to: timeText(to),
    complete: caughtUp,
    ...counts,
    costNanoUsd: String(cost),
    refusedNanoUsd: String(refusedCost),
    rows: rows.map(({ firstAt, lastAt, cost: nano, ...row }) => ({
      ...row,
      firstAt: timeText(firstAt),
      lastAt: timeText(lastAt),
      nanoUsd: String(nano),
    })),
    refused: refused.map(({ at, cost: nano, ...one }) => ({
      ...one,
      at: timeText(at),
      nanoUsd: nano === null ? null : String(nano),
    })),
  };
}

interface World {
  /** Changed. */
  readonly nodes: Nodes;
  readonly names: Names;
  readonly snapshots: Snapshots;
}

/** Makes the change in `nodes`, or says what is wrong with it. */
function applied(change: Change, world: World): readonly string[] {
  if ('node' in change) {
    const { node, settings } = change;
    const problems = [...nodeProblems(node, world.names), ...(settings === null ? [] : settingProblems(settings))];
    if (problems.length === 0) world.nodes.set(node, settings === null ? noSettings : limitsOf(settings));
    return problems;
  }
  const budget = findBudget(change.budget, world.snapshots);
  if (budget === undefined) return [`there is no budget or quota '${change.budget}'`];
  const amount = budgetAmountOf(change.amount, budget.unit);
  if (typeof amount === 'string') return [amount];
  const { kind, product } = budget.node;
  const node = product === null ? nodeText(budget.node) : `product/${product}/per-${kind}`;
  world.nodes.set(node, withAmount(world.nodes.get(node) ?? noSettings, budget, { ...change, count: amount }));
  return [];
}

interface NewAmount {
  readonly amount: string;
  readonly count: bigint;
  readonly hard?: boolean | undefined;
}

function withAmount(
  settings: LimitSettings,
  budget: Budget,
  { amount, count, hard = budget.hard }: NewAmount,
): LimitSettings {
  if (budget.unit !== 'nano-usd') {
    const quotas = settings.limits.quotas.map((one) =>
      quotaName(one) === budget.name ? { ...one, [budget.unit]: Number(count), hard } : one,
    );
    return { ...settings, limits: { ...settings.limits, quotas } };
  }
  const named = settings.budgets[budget.name];
  if (named !== undefined)
    return { ...settings, budgets: { ...settings.budgets, [budget.name]: { ...named, amount, hard } } };
  const { budget: single } = settings;
  return single === undefined ? settings : { ...settings, budget: { ...single, amount, hard } };
}
