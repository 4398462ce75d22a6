import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { LimitBook } from '#model/limits.ts';
import type { Account, BudgetTrack } from './account.ts';
import type { Exchanger } from './exchanger.ts';
import type { Loader } from './loader.ts';
import type { AccountClaim, SpendingLedger } from './ports.ts';
import type { Tracks } from './tracks.ts';
import { windowAt } from './windows.ts';

/** What could not be read or told is tried again after so long, ms. */
export const readAgainMs = 5_000;
/** So many accounts of an earlier process are taken over at a time. */
const mostTakenOver = 100;

export interface StatementsOptions {
  readonly tracks: Tracks;
  readonly exchanger: Exchanger;
  readonly loader: Loader;
  readonly ledger: SpendingLedger;
  readonly clock: Clock;
  readonly log: Log;
  /** Several gateways count with one store. */
  readonly shared: boolean;
  /** The limits in force now. */
  book(): LimitBook;
}

/**
 * What this gateway's journal holds in accounts that nobody calls here now: it is stated all the same, because others that
 * count on those accounts cannot know it. Nothing is tried again once it is closed.
 */
export class Statements {
  readonly #options: StatementsOptions;
  #closed = false;

  constructor(options: StatementsOptions) {
    this.#options = options;
  }

  close(): void {
    this.#closed = true;
  }

  /** Nobody calls here any more, but others count on the account and cannot know of the attempt. */
  ofLateAttempt(track: BudgetTrack, at: number): void {
    const { clock, shared } = this.#options;
    const time = { now: clock.now(), monotonic: clock.monotonic() };
    if (shared && windowAt(track.budget.calendar, at).end > time.now) this.#state(track.accountAt(at, time));
  }

  #state(account: Account): void {
    const { clock, log } = this.#options;
    this.#options.loader.load(account).catch((error: unknown) => {
      if (this.#closed) return;
      log.warn({ err: error, budget: account.budget.id }, 'what was spent in a budget cannot be told to others yet');
      clock.after(readAgainMs, () => this.#state(account));
    });
  }

  /**
   * Of a budget that is new, others know only what was shipped of this journal. What stands in it is stated, whether
   * anybody calls here or not.
   */
  async ofNewBudgets(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.lately();
    } catch (error) {
      if (this.#closed) return;
      log.warn({ err: error }, 'what was spent in budgets that are new cannot be told to others yet');
      clock.after(readAgainMs, () => void this.ofNewBudgets());
    }
  }

  /**
   * What an earlier process of this journal has left: its grants are of no use to anybody, and what it spent last may not
   * have been told. Now the journal says it.
   */
  async takeOver(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.lately();
      let claims: readonly AccountClaim[] = [];
      do claims = await this.#takeOverSome(claims);
      while (claims.length > 0 && !this.#closed);
    } catch (error) {
      if (this.#closed) return;
      log.warn({ err: error }, 'what an earlier process has left in the shared counters cannot be taken over yet');
      clock.after(readAgainMs, () => void this.takeOver());
    }
  }

  /** What an account was built from may not have had the last of this journal yet; windows that are over do not matter. */
  async lately(): Promise<void> {
    const { ledger, clock } = this.#options;
    for (const caller of await ledger.callersLately()) {
      const time = { now: clock.now(), monotonic: clock.monotonic() };
      for (const track of this.#options.tracks.pathOf(this.#options.book().of(caller)).budgets) {
        const account = track.accountAt(time.now, time);
        if (!account.ready || !account.built) await this.#options.loader.load(account);
      }
    }
  }

  /** States some of it, and resolves with what there is to be stated next. */
  async #takeOverSome(claims: readonly AccountClaim[]): Promise<readonly AccountClaim[]> {
    const counted = (): Map<string, Account> =>
      new Map([...this.#options.tracks.accounts()].map((account) => [account.key, account]));
    const left = await this.#options.exchanger.state(() => {
      // Meanwhile a call may have brought one of them into use: then its account speaks for it.
      const known = counted();
      return claims.filter(({ key }) => !known.has(key));
    }, mostTakenOver);
    const known = counted();
    const { loader } = this.#options;
    const found = await Promise.all(
      left.map(async (key) => {
        const account = known.get(key);
        if (account === undefined) return await loader.claimFor(key);
        await loader.load(account);
        return undefined;
      }),
    );
    return found.filter((one) => one !== undefined);
  }
}
