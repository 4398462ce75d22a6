import type { Clock } from '#kernel/clock.ts';
import type { Budget, CallerLimits } from '#model/limits.ts';
import { BudgetTrack, trackKey, type Account } from './account.ts';
import type { CallerPath } from './reservation.ts';
import { PermitTrack, RateTrack } from './rate-track.ts';

/** What lies idle for so long is forgotten, and read from the ledger when it is wanted again. */
const idleMs = 15 * 60_000;
/** What is taken of a rate in advance lies here for so long at most, ms. */
const rateLeaseMs = 1000;

function obtain<Track>(all: Map<string, Track>, key: string, make: () => Track): Track {
  let track = all.get(key);
  if (track === undefined) all.set(key, (track = make()));
  return track;
}

/** Everything that this gateway counts, through the changes of the configuration. */
export class Tracks {
  readonly #clock: Clock;
  /** Others count with the same store: they must know what is forgotten here. */
  readonly #shared: boolean;
  readonly budgets = new Map<string, BudgetTrack>();
  readonly rates = new Map<string, RateTrack>();
  readonly permits = new Map<string, PermitTrack>();
  #paths = new WeakMap<CallerLimits, CallerPath>();

  constructor(clock: Clock, shared: boolean) {
    this.#clock = clock;
    this.#shared = shared;
  }

  pathOf(limits: CallerLimits): CallerPath {
    const known = this.#paths.get(limits);
    if (known !== undefined) return known;
    const { version } = limits;
    const path: CallerPath = {
      version,
      budgets: limits.budgets.map((budget) => {
        const made = (): BudgetTrack => new BudgetTrack(budget, version, this.#clock.monotonic());
        const track = obtain(this.budgets, trackKey(budget), made);
        track.adopt(budget, version);
        return track;
      }),
      rates: limits.rates.map((rate) => {
        const track = obtain(this.rates, rate.id, () => new RateTrack(rate, version, this.#shared ? rateLeaseMs : 0));
        track.adopt(rate, version);
        return track;
      }),
      permits: limits.concurrency.map((limit) => {
        const track = obtain(this.permits, limit.id, () => new PermitTrack(limit, version));
        track.adopt(limit, version);
        return track;
      }),
    };
    this.#paths.set(limits, path);
    return path;
  }

  adopt(budgets: readonly Budget[], version: number): void {
    for (const budget of budgets) this.budgets.get(trackKey(budget))?.adopt(budget, version);
  }

  *accounts(): Generator<Account> {
    for (const track of this.budgets.values()) yield* track.accounts.values();
  }

  /** Gives back what has lain idle for `ms`. */
  giveBackIdle(ms: number): void {
    const before = this.#clock.monotonic() - ms;
    for (const account of this.accounts()) if (account.usedAt < before) account.giveBack();
  }

  /** Forgets what nobody needs: windows that have ended, callers that have not come for long. */
  sweep(): void {
    const [now, monotonic] = [this.#clock.now(), this.#clock.monotonic()];
    for (const [key, track] of this.budgets) {
      for (const account of track.accounts.values()) {
        const over = account.window.end < now || account.usedAt + idleMs < monotonic;
        if (over && this.#isForgettable(account)) track.forget(account);
      }
      // Of end users there is no end; everything else is as many as the configuration says.
      if (track.budget.node.kind === 'end-user' && track.accounts.size === 0 && track.usedAt + idleMs < monotonic) {
        this.budgets.delete(key);
        // A path that is kept would go on counting on the track that nobody looks after any more.
        this.#paths = new WeakMap();
      }
    }
  }

  #isForgettable({ inFlight, dirty, free, unknown, budget }: Account): boolean {
    if (inFlight > 0n || (this.#shared && (dirty || free > 0n))) return false;
    // Tokens that nobody could count stand here alone, not in the ledger.
    return unknown === 0n || budget.unit === 'nano-usd';
  }
}
