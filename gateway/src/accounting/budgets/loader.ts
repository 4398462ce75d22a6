import type { Budget } from '#model/limits.ts';
import { readAccountKey, type Account } from './account.ts';
import type { AccountClaim, CounterStore, LedgerSpending, LedgerSums, SpendingLedger, Sums } from './ports.ts';
import { windowAt, windowBefore, type CalendarWindow } from './windows.ts';
import { nextTurn } from '#kernel/turn.ts';

type Settled = Omit<Sums, 'inFlight'>;

/** What a budget counts of the ledger's sums. */
export function settledOf({ unit, layer }: Pick<Budget, 'unit' | 'layer'>, sums: LedgerSums): Settled {
  if (unit === 'requests') return { spent: sums.requests, unknown: 0n };
  if (unit === 'tokens') return { spent: sums.tokens, unknown: 0n };
  return { spent: spentOf({ layer }, sums), unknown: sums.held };
}

/** Money at the prices that a budget is kept at. */
export function spentOf(
  { layer }: Pick<Budget, 'layer'>,
  sums: Pick<LedgerSums, 'cost' | 'listCost' | 'internalCost'>,
): bigint {
  return { contracted: sums.cost, list: sums.listCost, internal: sums.internalCost }[layer];
}

export interface LoaderOptions {
  readonly ledger: SpendingLedger;
  readonly store: CounterStore;
  /** Tells the store of an account, and resolves with its answer applied. */
  report(account: Account): Promise<void>;
}

/** Fills accounts from the ledger: when they are new here, and when the store does not know them whole. */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #loading = new Map<Account, Promise<void>>();
  /** What a window left for the one after it, by budget and window; a window that is over hardly changes any more. */
  readonly #left = new WeakMap<Budget, Map<number, bigint>>();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Resolves when the account is ready and built. Rejects where the ledger or the store cannot be read. */
  load(account: Account): Promise<void> {
    let loading = this.#loading.get(account);
    if (loading === undefined) {
      loading = this.#load(account).finally(() => this.#loading.delete(account));
      this.#loading.set(account, loading);
    }
    return loading;
  }

  async #load(account: Account): Promise<void> {
    if (!account.ready && account.budget.carryOver !== null) account.carried = await this.#carriedInto(account);
    if (account.fresh) account.ready = true;
    let found: LedgerSpending | undefined;
    if (!account.ready) {
      // What the journal counts and what has been settled here agree between two turns of the event loop, not within one.
      await nextTurn();
      // All of it is in the ledger by now.
      account.settle(0n, -account.spent, -account.unknown);
      // Who counts alone has nobody beside it, and does not look twice.
      const read = await this.#spending(account, this.#options.store.shared ? 'own' : 'all');
      if (!this.#options.store.shared) found = read;
      const own = settledOf(account.budget, read.own);
      account.settle(0n, own.spent, own.unknown);
      account.ready = true;
    }
    await this.#options.report(account);
    if (account.built) return;
    found ??= await this.#spending(account, 'all');
    const others = [...found.others].map(([journal, sums]) => [journal, settledOf(account.budget, sums)] as const);
    await this.#options.store.build(account.key, new Map(others));
    await this.#options.report(account);
  }

  /** What this gateway's journal has in an account that it does not count; undefined where the key is no key. */
  async claimFor(key: string): Promise<AccountClaim | undefined> {
    const read = readAccountKey(key);
    if (read === undefined) return undefined;
    const { budget, start, end } = read;
    const { own } = await this.#options.ledger.spending({ node: budget.node, from: start, to: end, whose: 'own' });
    const { spent, unknown } = settledOf(budget, own);
    const sums = { spent, unknown, inFlight: 0n };
    return {
      key,
      endsAt: end,
      own: sums,
      kept: budget.unit === 'tokens' ? 0n : null,
      granted: spent + unknown,
      limit: null,
      lease: 0n,
      fresh: false,
    };
  }

  async #spending({ budget, window }: Account, whose: 'own' | 'all'): Promise<LedgerSpending> {
    return await this.#options.ledger.spending({ node: budget.node, from: window.start, to: window.end, whose });
  }

  /** What all windows from the first one on have left, each limited by `atMost`. */
  async #carriedInto({ budget, window }: Account): Promise<bigint> {
    const { calendar, carryOver } = budget;
    if (carryOver === null || window.start <= carryOver.since) return 0n;
    let known = this.#left.get(budget);
    if (known === undefined) this.#left.set(budget, (known = new Map()));
    const unknown: CalendarWindow[] = [];
    let before = windowBefore(calendar, window);
    const first = windowAt(calendar, carryOver.since).start;
    while (before.start >= first && !known.has(before.start)) {
      unknown.unshift(before);
      before = windowBefore(calendar, before);
    }
    let left = known.get(before.start) ?? 0n;
    for (const one of unknown) {
      left = await this.#leftOf(budget, one, left);
      known.set(one.start, left);
    }
    return left;
  }

  async #leftOf(budget: Budget, window: CalendarWindow, carried: bigint): Promise<bigint> {
    const { own, others } = await this.#options.ledger.spending({
      node: budget.node,
      from: window.start,
      to: window.end,
      whose: 'all',
    });
    let left = budget.amount + carried + (budget.topUps.get(window.id) ?? 0n);
    for (const sums of [own, ...others.values()]) {
      const { spent, unknown } = settledOf(budget, sums);
      left -= spent + unknown;
    }
    if (left < 0n) return 0n;
    const atMost = budget.carryOver?.atMost ?? null;
    return atMost !== null && left > atMost ? atMost : left;
  }
}
