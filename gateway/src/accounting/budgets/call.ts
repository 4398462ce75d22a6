import { Failure } from '#kernel/errors.ts';
import type { Account } from './account.ts';
import type { CallContext } from './call-context.ts';
import type { Got, Lack, Wanted } from './exchanger.ts';
import { CountersFenced, CountersUnavailable } from './ports.ts';
import { countersUnavailable, isExhausted, refusalsFor } from './refusal.ts';
import type { CallerPath, Reservation } from './reservation.ts';
import { Reserving, type AttemptAsk } from './reserving.ts';

/** However a store answers: nobody waits longer than so many rounds. */
const mostRounds = 10;
const mostAnew = 3;
const retryMs = 1000;

/** What has been tried before a refusal. */
interface Tried {
  /** How often something has come back here while the store was asked. */
  anew: number;
  exact: boolean;
  recalled: boolean;
}

interface Waiting {
  readonly reserving: Reserving;
  readonly attempt: AttemptAsk;
}

/**
 * The spending of one request: what its attempts reserve, and what it is counted by itself. Ends with `end`, whatever
 * became of its attempts.
 */
export class CallSpending {
  readonly #context: CallContext;
  readonly path: CallerPath;
  /** Permits are held from the first attempt to the end. */
  #permitted = false;
  /** They could not be asked for. */
  #permitsWaived = false;
  /** What counts the request where requests are; a call that waited for its place has given that back, and counts anew. */
  #counting: Reservation | undefined;

  constructor(context: CallContext, path: CallerPath) {
    this.#context = context;
    this.path = path;
  }

  /** Whether a hard budget is among the limits: then what a call may use must be bounded. */
  get hard(): boolean {
    return this.path.budgets.some(({ budget }) => budget.hard);
  }

  /**
   * Reserves for one attempt in everything on the path, or in nothing. Not a promise where nobody has to be waited for.
   * Throws or rejects with the Failure to tell.
   */
  reserve(attempt: AttemptAsk): Reservation | Promise<Reservation> {
    const reserving = new Reserving(this.#context, this.path, { attempt, first: this.#uncounted });
    if (reserving.unread().length > 0) return this.#reserveWaiting({ reserving, attempt });
    const wanted = this.#wanted(reserving);
    if (wanted === undefined) return this.#hold(reserving);
    const got = this.#ask(wanted);
    if (got instanceof Promise) return this.#reserveWaiting({ reserving, attempt }, { wanted, got });
    if (got?.granted === true) {
      this.#obtain(reserving, wanted, got);
      if (this.#wanted(reserving) === undefined) return this.#hold(reserving);
    }
    return this.#reserveWaiting({ reserving, attempt });
  }

  /** The request is over. */
  end(): void {
    if (!this.#permitted) return;
    this.#permitted = false;
    for (const track of this.path.permits) track.release();
    this.#context.givenBack();
  }

  get #uncounted(): boolean {
    return this.#counting === undefined || this.#counting.released;
  }

  #hold(reserving: Reserving): Reservation {
    const uncounted = this.#uncounted;
    const reservation = reserving.hold();
    if (uncounted) this.#counting = reservation;
    return reservation;
  }

  #wanted(reserving: Reserving): Wanted | undefined {
    return reserving.wanted(!this.#permitted && !this.#permitsWaived);
  }

  #obtain(reserving: Reserving, wanted: Wanted, got: Extract<Got, { granted: true }>): void {
    reserving.obtained(wanted, got.portions);
    if (wanted.permits.length > 0) this.#permitted = true;
  }

  /** Undefined where the store failed at once. */
  #ask(wanted: Wanted): Got | Promise<Got> | undefined {
    try {
      return this.#context.exchanger.ask(wanted);
    } catch (error) {
      if (error instanceof CountersUnavailable || error instanceof CountersFenced) return undefined;
      throw error;
    }
  }

  /** In the order in which a call is helped: the bound by bytes, the exact count, more of the grant, idle grants of others. */
  async #reserveWaiting(
    what: Waiting,
    asked?: { readonly wanted: Wanted; readonly got: Promise<Got> },
  ): Promise<Reservation> {
    const { reserving } = what;
    const tried: Tried = { anew: 0, exact: false, recalled: false };
    try {
      let pending = asked;
      for (let round = 0; round < mostRounds; round += 1) {
        const unread = reserving.unread();
        if (unread.length > 0) await this.#read(unread);
        // From here to the holding in one turn: what is free now may be another call's in the next.
        const wanted = pending?.wanted ?? this.#wanted(reserving);
        if (wanted === undefined) return this.#hold(reserving);
        const got = await this.#answer({ ...what, wanted, pending: pending?.got }, tried);
        pending = undefined;
        if (got === undefined) continue;
        if (got.granted) this.#obtain(reserving, wanted, got);
        else if (!(await this.#tryMore(got.lacking, what, tried))) throw this.#refusal(what, got.lacking);
      }
      throw countersUnavailable(retryMs);
    } catch (error) {
      this.#noteUnavailable(what, error);
      reserving.giveBack();
      throw error;
    }
  }

  /** Undefined where it makes sense to look again without an answer. */
  async #answer(
    asked: Waiting & { readonly wanted: Wanted; readonly pending: Promise<Got> | undefined },
    tried: Tried,
  ): Promise<Got | undefined> {
    const { wanted } = asked;
    try {
      return await (asked.pending ?? this.#context.exchanger.ask(wanted));
    } catch (error) {
      if (!(error instanceof CountersUnavailable || error instanceof CountersFenced)) throw error;
      if (wanted.accounts.length > 0) {
        // What lies here may be enough for what is really needed.
        if (await this.#count(asked, tried)) return undefined;
        throw countersUnavailable(retryMs, error);
      }
      this.#context.instruments.unguarded.add(1);
      asked.reserving.waive(wanted);
      this.#permitsWaived = true;
      return undefined;
    }
  }

  /** True where something has changed, so that it makes sense to ask again. */
  async #tryMore(lacking: readonly Lack[], what: Waiting, tried: Tried): Promise<boolean> {
    const accounts = lacking.flatMap((lack) => (lack.kind === 'account' ? [lack.account] : []));
    const { closedMs } = this.#context.exchanger;
    const unbuilt = accounts.filter((account) => !account.built);
    if (unbuilt.length > 0 && closedMs === 0) {
      await this.#read(unbuilt);
      return true;
    }
    // What was settled meanwhile the store did not know when it answered.
    if (tried.anew < mostAnew && accounts.some((account) => account.dirty)) {
      tried.anew += 1;
      return true;
    }
    if (await this.#count(what, tried)) return true;
    if (unbuilt.length > 0 || (accounts.length > 0 && closedMs > 0)) throw countersUnavailable(closedMs);
    const idle = accounts.filter((account) => account.leasedElsewhere > 0n);
    if (tried.recalled || idle.length === 0) return false;
    tried.recalled = true;
    await this.#context.store.recall(idle.map(({ key }) => key)).catch(() => undefined);
    return true;
  }

  /** True where counting the input has lowered what is needed. */
  async #count({ reserving, attempt }: Waiting, tried: Tried): Promise<boolean> {
    if (tried.exact) return false;
    tried.exact = true;
    const exact = await attempt.exact();
    if (exact === undefined || exact.tokens >= reserving.demand.tokens) return false;
    reserving.demand = exact;
    return true;
  }

  async #read(accounts: readonly Account[]): Promise<void> {
    try {
      await Promise.all(accounts.map(async (account) => await this.#context.loader.load(account)));
    } catch (error) {
      this.#context.log.error({ err: error }, 'a budget cannot be read from the ledger');
      throw countersUnavailable(retryMs, error);
    }
  }

  /** What nobody could judge is explained, too. */
  #noteUnavailable({ reserving, attempt }: Waiting, error: unknown): void {
    if (!(error instanceof Failure) || error.code !== 'counters_unavailable') return;
    this.#context.refused({ failure: error, limits: reserving.hard(), call: attempt.of });
  }

  #refusal({ reserving, attempt }: Waiting, lacking: readonly Lack[]): Failure {
    for (const lack of lacking) if (lack.kind === 'account') lack.account.needed(reserving.ofAccount(lack.account));
    const limits = refusalsFor(lacking, reserving, this.#context.clock.now());
    for (const lack of lacking) if (isExhausted(lack, reserving)) lack.account.exhausted = true;
    const [{ failure }] = limits;
    this.#context.refused({ failure, limits, call: attempt.of });
    return failure;
  }
}
