import type { Account } from '#accounting/budgets/account.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { alertOf, type Happening } from './alert-of.ts';
import type { Alert, AddResult } from './ports.ts';

export interface WatchOptions {
  /** Every account in use. */
  accounts(): Iterable<Account>;
  /** Keeps an alert; rejects where that cannot be done now. */
  keep(alert: Alert): Promise<AddResult>;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEveryMs = 1000;

/**
 * Looks every second what budgets have reached. Nothing is asked of calls for it, and what other gateways have spent is
 * seen as soon as the shared counters tell it. What has been decided here is not decided again while the process lives;
 * across restarts and gateways the event's id sees to that.
 */
export class BudgetWatch {
  readonly #options: WatchOptions;
  readonly #decided = new WeakMap<Account, Set<Happening>>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Resolves when everything that has been reached is kept, or could not be. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Looks a last time. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
    await this.#look();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      void this.look().finally(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    const found: { readonly account: Account; readonly happening: Happening }[] = [];
    for (const account of this.#options.accounts())
      for (const happening of reachedBy(account))
        if (this.#decided.get(account)?.has(happening) !== true) found.push({ account, happening });
    try {
      for (const { account, happening } of found) {
        await this.#options.keep(alertOf(account, happening, clock.now()));
        this.#remember(account, happening);
      }
      this.#failing = false;
    } catch (error) {
      // Once, however long it lasts; what was not kept is looked at again.
      if (!this.#failing) log.error({ err: error }, 'events of budgets cannot be kept at present');
      this.#failing = true;
    }
  }

  #remember(account: Account, happening: Happening): void {
    const known = this.#decided.get(account);
    if (known === undefined) this.#decided.set(account, new Set([happening]));
    else known.add(happening);
  }
}

/** What is debited for good counts: known cost, and what calls that are over may have cost. */
function reachedBy(account: Account): readonly Happening[] {
  // Before it has been read from the ledger, nobody knows how far it is.
  if (!account.ready) return [];
  const { budget, exhausted, limit, total } = account;
  const debited = total.spent + total.unknown;
  const reached: Happening[] = [];
  if (debited > 0n)
    for (const percent of budget.warnAt) if (debited * 100n >= limit * BigInt(percent)) reached.push(percent);
  if (exhausted) reached.push('exhausted');
  return reached;
}
