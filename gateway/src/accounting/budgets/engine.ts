import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Budget, CallerLimits, LimitBook } from '#model/limits.ts';
import { isWord, outcomes } from '#model/words.ts';
import type { Account } from './account.ts';
import { boundsInForce, type BoundsInForce } from './bounds.ts';
import { CallSpending } from './call.ts';
import type { CallContext } from './call-context.ts';
import { Exchanger } from './exchanger.ts';
import { Gateways } from './gateways.ts';
import type { BudgetInstruments } from './instruments.ts';
import { Loader, spentOf } from './loader.ts';
import type { Adjustment, FigureChange } from '#accounting/ledger/ports.ts';
import type { CounterStore, SpendingLedger } from './ports.ts';
import type { RefusedAttempt } from './refused-calls.ts';
import { settleUnreserved, type Reservation, type SettledAttempt } from './reservation.ts';
import { readAgainMs, Statements } from './statements.ts';
import { Tracks } from './tracks.ts';

export interface EngineOptions {
  readonly store: CounterStore;
  readonly ledger: SpendingLedger;
  readonly clock: Clock;
  readonly log: Log;
  readonly instruments: BudgetInstruments;
  /** The limits in force now. */
  book(): LimitBook;
  /** For a shared store: how long grants may be used after the store was last heard, ms. */
  readonly leaseMs: number;
  /** For a shared store: how much more than it needs a gateway takes at most, in per cent of the budget. */
  readonly leasePercent: number;
  /** Told of every refusal. */
  refused?(attempt: RefusedAttempt): void;
  /** Told of accounts whose spending has changed. */
  spent?(account: Account): void;
}

const sweepMs = 60_000;
const shortestBeatMs = 100;
/** Permits and rates that are given back wait so long for company, ms. */
const gatherMs = 10;

/**
 * Limits and budgets of one gateway. Reserves the most that a call may use in every budget on its path, or in none;
 * settles what it used. What it may spend without asking, and what it has to ask for, is in `Account` and `Exchanger`.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #tracks: Tracks;
  readonly #exchanger: Exchanger;
  readonly #context: CallContext;
  readonly #statements: Statements;
  /** Whoever counts with the same store. */
  readonly gateways: Gateways;
  /** Several gateways count with one store. */
  readonly shared: boolean;
  #beat: Timer | undefined;
  #sweep: Timer | undefined;
  #gathering: Timer | undefined;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { store, ledger, clock, log, instruments, leaseMs } = options;
    this.#tracks = new Tracks(clock, store.shared);
    this.gateways = new Gateways({ store, ledger });
    this.shared = store.shared;
    const exchanger = new Exchanger({
      store,
      clock,
      log,
      leaseMs,
      leaseOf: (account) => this.#leaseOf(account),
      accounts: () => this.#tracks.accounts(),
      observe: {
        exchanged: (ms) => instruments.exchangeSeconds.observe(ms / 1000),
        failed: () => instruments.exchangeFailures.add(1),
        lost: () => instruments.lostCounters.add(1),
      },
    });
    const loader = new Loader({ ledger, store, report: (account) => exchanger.report(account) });
    this.#exchanger = exchanger;
    this.#statements = new Statements({
      tracks: this.#tracks,
      exchanger,
      loader,
      ledger,
      clock,
      log,
      shared: store.shared,
      book: () => options.book(),
    });
    this.#context = {
      clock,
      log,
      exchanger,
      store,
      instruments,
      loader,
      readByTheWay: (account) => this.#readByTheWay(account),
      ended: (reservation, record) => this.#ended(reservation, record),
      givenBack: () => this.#gather(),
      refused: (attempt) => this.refused(attempt),
    };
    store.onRecall(async (keys) => await this.#recalled(keys));
    this.#scheduleSweep();
    if (!store.shared) return;
    this.#scheduleBeat();
    void this.#statements.takeOver();
  }

  /** Accounts for one request of a caller. Costs nothing until something is reserved. */
  begin(limits: CallerLimits): CallSpending {
    return new CallSpending(this.#context, this.#tracks.pathOf(limits));
  }

  /** Notes that a call was refused, whether by a limit or because a limit cannot be judged. */
  refused(attempt: RefusedAttempt): void {
    const { instruments } = this.#options;
    instruments.refusals.with({ code: attempt.failure.code }).add(1);
    this.#options.refused?.(attempt);
  }

  /** Limits have changed: what is in use follows at once, also for calls that began before. */
  changed(budgets: readonly Budget[], version: number): void {
    this.#tracks.adopt(budgets, version);
    if (this.shared) void this.#statements.ofNewBudgets();
  }

  /** What was booked beside usage counts at once, as it does in the ledger; hours of provisioned deployments do not. */
  adjusted(adjustments: readonly Adjustment[]): void {
    for (const { account, change } of this.#moneyOf(adjustments)) {
      account.settle(0n, spentOf(account.budget, change), change.held);
      this.#options.spent?.(account);
    }
  }

  /**
   * Goes on holding what these have given back, until the result is called: another gateway may book the same where this
   * one dies before the store has it, and what both give back would be missing. Undefined where nobody counts with others.
   */
  heldStill(adjustments: readonly Adjustment[]): (() => void) | undefined {
    if (!this.shared) return undefined;
    const monotonic = this.#options.clock.monotonic();
    const holds = [...this.#moneyOf(adjustments)].filter(({ change }) => change.held < 0n);
    for (const { account, change } of holds) account.reserve(-change.held, monotonic);
    return () => {
      for (const { account, change } of holds) {
        account.settle(-change.held, 0n, 0n);
        this.#options.spent?.(account);
      }
    };
  }

  /** The budgets in use that adjustments change. */
  *#moneyOf(
    adjustments: readonly Adjustment[],
  ): Generator<{ readonly account: Account; readonly change: FigureChange }> {
    const book = this.#options.book();
    for (const { at, postings } of adjustments) {
      for (const { series, outcome, change } of postings) {
        if (!isWord(outcomes, outcome)) continue;
        const limits = book.of({ ...series.caller, endUser: null });
        for (const track of this.#tracks.pathOf(limits).budgets) {
          const account = track.known(at);
          if (account?.budget.unit === 'nano-usd') yield { account, change };
        }
      }
    }
  }

  /** Counts a record that nothing was reserved for by itself: what it cost was held by something else until now. */
  recorded(record: SettledAttempt): void {
    for (const track of this.#tracks.pathOf(this.#options.book().of(record.caller)).budgets) {
      const account = track.known(record.at);
      if (account === undefined) this.#statements.ofLateAttempt(track, record.at);
      else {
        settleUnreserved(account, record);
        this.#options.spent?.(account);
      }
    }
  }

  /** Every account in use, for whoever shows or watches them. */
  accounts(): Iterable<Account> {
    return this.#tracks.accounts();
  }

  /** The account of the window that is current, whether calls have come to it or not; see `load`. */
  accountOf(budget: Budget, version: number): Account {
    const { clock } = this.#options;
    const [track] = this.#tracks.pathOf({ version, budgets: [budget], rates: [], concurrency: [] }).budgets;
    if (track === undefined) throw new Error('A path of one budget has none.');
    return track.accountAt(clock.now(), { now: clock.now(), monotonic: clock.monotonic() });
  }

  /** Resolves when the account holds what the ledger does. */
  async load(account: Account): Promise<void> {
    await this.#context.loader.load(account);
  }

  /** Granted to gateways and not used by them. A gateway that is alone is granted everything, which means nothing. */
  leasedOf(account: Account): bigint {
    const own = this.#options.store.shared && account.free > 0n ? account.free : 0n;
    return account.leasedElsewhere + own;
  }

  /** By how much a hard budget can be missed now, as far as this gateway knows; of a soft one nothing is refused or held. */
  boundsOf(account: Account): BoundsInForce {
    const granting = this.#exchanger.granting && account.ready && account.built;
    return boundsInForce(account, granting);
  }

  /** Brings what was spent in lately into use, so that it is looked at although nobody calls. Never rejects. */
  async loadLately(): Promise<void> {
    // Where counters are shared, taking over does it.
    if (this.#options.store.shared) return;
    try {
      await this.#statements.lately();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'what budgets have spent lately cannot be read yet; calls read it');
    }
  }

  /** Gives back everything that is not in use, and tells the store. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#statements.close();
    for (const timer of [this.#beat, this.#sweep, this.#gathering]) timer?.cancel();
    for (const account of this.#tracks.accounts()) account.giveBack();
    for (const track of this.#tracks.rates.values()) track.putBack();
    this.#tell();
    await this.#exchanger.idle();
    await this.#options.store.close();
  }

  #leaseOf(account: Account): bigint {
    const { store, leasePercent } = this.#options;
    return store.shared ? (account.limit * BigInt(leasePercent)) / 100n : account.limit;
  }

  #ended(reservation: Reservation, record: SettledAttempt | undefined): void {
    for (const { account } of reservation.accounts) this.#options.spent?.(account);
    this.#gather();
    if (record === undefined) return;
    if (reservation.nano !== null && record.cost.nanoUsd !== null && record.cost.nanoUsd > reservation.nano)
      this.#options.instruments.overshoot.add(Number(record.cost.nanoUsd - reservation.nano));
    const book = this.#options.book();
    if (book.version !== reservation.version) this.#settleWhereNew(book, reservation, record);
  }

  /** Budgets that came into force while the attempt was under way count it, too. */
  #settleWhereNew(book: LimitBook, reservation: Reservation, record: SettledAttempt): void {
    for (const track of this.#tracks.pathOf(book.of(record.caller)).budgets) {
      const account = track.known(record.at);
      if (account === undefined) this.#statements.ofLateAttempt(track, record.at);
      if (account === undefined || reservation.holds(account)) continue;
      settleUnreserved(account, record);
      this.#options.spent?.(account);
    }
  }

  #readByTheWay(account: Account): void {
    const { clock, log } = this.#options;
    if (account.readAfter > clock.monotonic()) return;
    account.readAfter = clock.monotonic() + readAgainMs;
    this.#context.loader.load(account).then(
      () => this.#options.spent?.(account),
      (error: unknown) =>
        log.warn({ err: error, budget: account.budget.id }, 'a budget cannot be read from the ledger'),
    );
  }

  /** Resolves when the store has been told, so that whoever recalled asks after that. */
  async #recalled(keys: readonly string[]): Promise<void> {
    const wanted = new Set(keys);
    const accounts = [...this.#tracks.accounts()].filter(({ key, ready }) => ready && wanted.has(key));
    for (const account of accounts) account.giveBack();
    if (accounts.length === 0) return;
    const told = accounts.map((account) => ({ account, amount: 0n }));
    await this.#exchanger.ask({ accounts: told, rates: [], permits: [] });
  }

  #tell(): void {
    this.#exchanger.tell({
      accounts: [...this.#tracks.accounts()].filter((account) => account.dirty && account.ready),
      rates: [...this.#tracks.rates.values()].filter((track) => track.dirty),
      permits: [...this.#tracks.permits.values()].filter((track) => track.dirty || track.held > 0),
    });
  }

  /** What is given back is told soon: others may be waiting for it. */
  #gather(): void {
    if (!this.#options.store.shared || this.#closed) return;
    this.#gathering ??= this.#options.clock.after(gatherMs, () => {
      this.#gathering = undefined;
      const rates = [...this.#tracks.rates.values()].filter((track) => track.dirty);
      const permits = [...this.#tracks.permits.values()].filter((track) => track.dirty);
      if (rates.length + permits.length > 0) this.#exchanger.tell({ accounts: [], rates, permits });
    });
  }

  #scheduleBeat(): void {
    const { leaseMs, clock } = this.#options;
    this.#beat = clock.after(Math.max(shortestBeatMs, Math.min(1000, leaseMs / 4)), () => {
      this.#tracks.giveBackIdle(leaseMs);
      this.#tell();
      if (!this.#closed) this.#scheduleBeat();
    });
  }

  #scheduleSweep(): void {
    this.#sweep = this.#options.clock.after(sweepMs, () => {
      this.#tracks.sweep();
      if (!this.#closed) this.#scheduleSweep();
    });
  }
}
