import { noSums, plus } from '#accounting/budgets/ledger-sums.ts';
import type { LedgerSums, SpendingLedger } from '#accounting/budgets/ports.ts';
import type { SettledAttempt } from '#accounting/budgets/reservation.ts';
import { WindowClock } from '#accounting/budgets/windows.ts';
import { heldOf } from '#model/held.ts';
import { nodeText, type Budget, type LimitNode } from '#model/limits.ts';
import type { RecordedTraffic } from './ports.ts';

function sumsOf(record: SettledAttempt): LedgerSums {
  const { cost, units, attempt } = record;
  return {
    cost: cost.nanoUsd ?? 0n,
    listCost: cost.listNanoUsd ?? 0n,
    internalCost: cost.internalNanoUsd ?? 0n,
    held: heldOf({ ...record, costNano: cost.nanoUsd }),
    tokens: BigInt((units.input ?? 0) + (units.output ?? 0)),
    requests: attempt === 1 ? 1n : 0n,
  };
}

const keyOf = (node: LimitNode, from: number, to: number): string => `${nodeText(node)} ${from} ${to}`;

/** The ledger as it would stand: really until the replay begins, and from there what it has let through. */
export class SimulatedLedger implements SpendingLedger {
  readonly journal = 'replay';
  readonly #traffic: Pick<RecordedTraffic, 'before'>;
  /** Where the replay begins, UTC ms. */
  readonly #start: number;
  readonly #before = new Map<string, Promise<LedgerSums>>();
  readonly #since = new Map<string, LedgerSums>();
  readonly #windows = new WeakMap<Budget, WindowClock>();

  constructor(traffic: Pick<RecordedTraffic, 'before'>, start: number) {
    this.#traffic = traffic;
    this.#start = start;
  }

  /** A call was let through and has ended. `budgets`: those that it passes. */
  settle(record: SettledAttempt, budgets: readonly Budget[]): void {
    const sums = sumsOf(record);
    const keys = new Set(budgets.map((budget) => this.#keyAt(budget, record.at)));
    for (const key of keys) this.#since.set(key, plus(this.#since.get(key) ?? noSums, sums));
  }

  async spending(asked: { readonly node: LimitNode; readonly from: number; readonly to: number }): Promise<{
    readonly own: LedgerSums;
    readonly others: ReadonlyMap<string, LedgerSums>;
  }> {
    const { node, from, to } = asked;
    const before = await this.#read(node, from, Math.min(to, this.#start));
    const since = this.#since.get(keyOf(node, from, to)) ?? noSums;
    return { own: plus(before, since), others: new Map() };
  }

  async callersLately(): Promise<readonly []> {
    return await Promise.resolve([]);
  }

  #keyAt(budget: Budget, at: number): string {
    let windows = this.#windows.get(budget);
    if (windows === undefined) this.#windows.set(budget, (windows = new WindowClock(budget.calendar)));
    const { start, end } = windows.at(at);
    return keyOf(budget.node, start, end);
  }

  /** Windows are left and come back to; what was before the replay does not change meanwhile. */
  async #read(node: LimitNode, from: number, to: number): Promise<LedgerSums> {
    if (from >= to) return noSums;
    const key = keyOf(node, from, to);
    let reading = this.#before.get(key);
    if (reading === undefined) this.#before.set(key, (reading = this.#traffic.before({ node, from, to })));
    return await reading;
  }
}
