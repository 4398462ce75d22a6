import {
  boundFormulas,
  budgetEventSchema,
  type BudgetEvent,
  type BudgetEventPage,
  type BudgetEventQuery,
  type BudgetList,
  type BudgetQuery,
  type BudgetRefusals,
  type BudgetState,
  type TopUp,
} from '@tollgate/contract/admin-api/budgets.ts';
import type { OpenLedger } from '#compose/ledger/ledger.ts';
import { findBudget } from './find-budget.ts';
import { limitsChange } from './limit-changes.ts';
import { limitList } from './limit-list.ts';
import type { Snapshots } from '#compose/snapshots.ts';
import { simulateBudgets } from '#compose/simulation.ts';
import { revokeChange, topUpChange } from './top-ups.ts';
import type { AlertStore, ListedAlert } from '#accounting/alerts/ports.ts';
import type { Account } from '#accounting/budgets/account.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import type { Refusal } from '#accounting/budgets/refusal.ts';
import type { RefusedCall, RefusedCalls } from '#accounting/budgets/refused-calls.ts';
import type { AdminBudgets } from '#admin/ports.ts';
import type { Directory } from '#directory/directory.ts';
import type { StoredTopUp } from '#directory/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { Log } from '#kernel/log.ts';
import { nodeText, type Budget } from '#model/limits.ts';

export interface BudgetParts {
  readonly ledger: Pick<OpenLedger, 'alertStore' | 'replay'>;
  readonly engine: Engine;
  readonly refusedCalls: RefusedCalls;
  readonly snapshots: Snapshots;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
}

const timeText = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** Limits and budgets, as the admin API shows and changes them. */
export function adminBudgets(parts: BudgetParts): AdminBudgets {
  const { snapshots, directory, clock } = parts;
  const list = (): ReturnType<AdminBudgets['limits']> => limitList(snapshots.mergedLimits(), directory.limits());
  return {
    list: async (query) => await budgetList(parts, query),
    refusals: (requestId) => ({ refusals: parts.refusedCalls.of(requestId).map(shownRefusal) }),
    events: async (query) => await eventPage(parts.ledger.alertStore, query),
    topUps: ({ budget }) => ({
      topUps: directory
        .limits()
        .topUps.filter((one) => budget === undefined || one.budget === budget)
        .toSorted((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1))
        .map((one) => shownTopUp(one, snapshots)),
    }),
    async topUp(asked) {
      await directory.changeLimits((limits) =>
        topUpChange(limits, { asked, budget: findBudget(asked.budget, snapshots), now: clock.now() }),
      );
      const made = directory.limits().topUps.find(({ id }) => id === asked.id);
      if (made === undefined) throw new Failure('admin_conflict', 'The top-up was revoked in the same moment.');
      return shownTopUp(made, snapshots);
    },
    revokeTopUp: async (id, reason) => await directory.changeLimits((limits) => revokeChange(limits, id, reason)),
    simulate: async (asked) => await simulateBudgets(parts, asked),
    limits: list,
    async changeLimits(asked) {
      await directory.changeLimits(() => {
        const config = snapshots.currentConfig();
        const { declared } = snapshots.mergedLimits();
        return limitsChange(asked, { config, directory: directory.current(), declared });
      });
      return list();
    },
  };
}

function shownTopUp(topUp: StoredTopUp, snapshots: Snapshots): TopUp {
  const unit = findBudget(topUp.budget, snapshots)?.unit ?? null;
  return { ...topUp, unit, at: new Date(topUp.at).toISOString() };
}

async function budgetList(parts: BudgetParts, query: BudgetQuery): Promise<BudgetList> {
  const { snapshots } = parts;
  const found = budgetsAsked(snapshots, query);
  const page = found.slice(0, query.limit);
  const budgets: BudgetState[] = [];
  // One after the other: what is in nobody's use is read from the ledger, which serves others meanwhile.
  for (const budget of page) budgets.push(await stateOf(parts, budget));
  return { budgets, next: found.length > page.length ? (page.at(-1)?.id ?? null) : null, formulas: boundFormulas };
}

function budgetsAsked(snapshots: Snapshots, { budget: id, node, after }: BudgetQuery): readonly Budget[] {
  if (id !== undefined) {
    const named = findBudget(id, snapshots);
    if (named === undefined) throw new Failure('admin_not_found', `There is no budget or quota '${id}'.`);
    return [named];
  }
  return snapshots
    .limitBook()
    .budgets.filter(
      (one) => (node === undefined || nodeText(one.node) === node) && (after === undefined || one.id > after),
    )
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

async function stateOf(parts: BudgetParts, budget: Budget): Promise<BudgetState> {
  const { engine, snapshots, log } = parts;
  const account = engine.accountOf(budget, snapshots.limitBook().version);
  try {
    await engine.load(account);
  } catch (error) {
    log.warn({ err: error, budget: budget.id }, 'a budget is shown as this gateway knew it last');
    return shownAccount(parts, account, false);
  }
  return shownAccount(parts, account, true);
}

function declaredIn({ node }: Budget, snapshots: Snapshots): 'config' | 'admin' {
  const where = node.product === null ? nodeText(node) : `product/${node.product}/per-${node.kind}`;
  return snapshots.mergedLimits().declared.has(where) ? 'config' : 'admin';
}

function shownAccount({ engine, snapshots }: BudgetParts, account: Account, current: boolean): BudgetState {
  const { budget, window, limit, carried, total } = account;
  const held = total.inFlight + total.unknown;
  const left = limit - total.spent - held;
  const bounds = engine.boundsOf(account);
  const bound = (amount: bigint): string | null => (budget.hard ? String(amount) : null);
  return {
    id: budget.id,
    node: nodeText(budget.node),
    name: budget.name,
    declaredIn: declaredIn(budget, snapshots),
    unit: budget.unit,
    layer: budget.unit === 'nano-usd' ? budget.layer : null,
    hard: budget.hard,
    every: budget.calendar.every,
    timeZone: budget.calendar.timeZone,
    warnAt: [...budget.warnAt],
    window: {
      id: window.id,
      start: new Date(window.start).toISOString(),
      end: new Date(window.end).toISOString(),
    },
    amount: String(budget.amount),
    carriedOver: String(carried),
    toppedUp: String(budget.topUps.get(window.id) ?? 0n),
    limit: String(limit),
    spent: String(total.spent),
    held: String(held),
    inFlight: String(total.inFlight),
    unknown: String(total.unknown),
    leased: String(engine.leasedOf(account)),
    remaining: String(left > 0n ? left : 0n),
    current,
    bounds: {
      overshoot: bound(bounds.overshoot),
      overshootIfLost: bound(bounds.overshootIfLost),
      stranded: bound(bounds.stranded),
      largestCall: bound(bounds.largestCall),
    },
  };
}

function shownRefusal({ at, failure, limits, ...call }: RefusedCall): BudgetRefusals['refusals'][number] {
  return {
    ...call,
    at: new Date(at).toISOString(),
    code: failure.code,
    status: failure.status,
    message: failure.message,
    retryAfterSeconds: failure.options.retryAfterSeconds ?? null,
    limits: limits.map(shownLimit),
  };
}

function shownLimit(one: Refusal): BudgetRefusals['refusals'][number]['limits'][number] {
  return {
    limit: one.limitId,
    node: one.node,
    unit: one.unit,
    needed: String(one.needed),
    allowed: String(one.limit),
    spent: String(one.spent),
    held: String(one.inFlight + one.unknown),
    inFlight: String(one.inFlight),
    unknown: String(one.unknown),
    leasedElsewhere: String(one.leasedElsewhere),
    resetAt: new Date(one.resetAt).toISOString(),
  };
}

async function eventPage(
  alerts: Pick<AlertStore, 'page'>,
  { before, limit }: BudgetEventQuery,
): Promise<BudgetEventPage> {
  // One more than asked for tells whether a page follows.
  const found = await alerts.page({ before: before ?? null, limit: limit + 1 });
  const shown = found.slice(0, limit);
  return { events: shown.map(eventOf), next: found.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

function eventOf({ id, body, deliveries }: ListedAlert): BudgetEvent {
  return budgetEventSchema.parse({
    ...parseJsonObject(body),
    id,
    deliveries: deliveries.map((one) => ({ ...one, nextAt: timeText(one.nextAt) })),
  });
}
