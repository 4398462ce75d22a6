import type { Account } from './account.ts';
import { demandOf, Reservation, type CallerPath, type Demand, type Reserved, type Taken } from './reservation.ts';
import type { CallContext } from './call-context.ts';
import type { Wanted } from './exchanger.ts';
import { ofAccount, type Needed, type Refusal } from './refusal.ts';
import type { Portion, RateTrack } from './rate-track.ts';
import type { RefusableCall } from './refused-calls.ts';

/** One attempt that wants to be made. */
export interface AttemptAsk {
  /** Its admission, UTC ms: the windows that hold this instant are charged. */
  readonly at: number;
  /** Cheap to have, and never too small. */
  readonly demand: Demand;
  /** The same with the input counted, which costs time; undefined where that cannot be done. */
  exact(): Promise<Demand | undefined>;
  /** The call that it is of, for whoever asks why it was refused. */
  readonly of?: RefusableCall;
}

const nothing: Portion = { amount: 0, takenAt: 0 };

/** What one attempt needs, what of it is there, and what it has been given so far. */
export class Reserving implements Needed {
  readonly #context: CallContext;
  readonly #path: CallerPath;
  readonly #accounts: readonly Account[];
  /** The request has not been counted yet. */
  readonly #first: boolean;
  readonly #portions = new Map<RateTrack, Portion>();
  demand: Demand;

  constructor(context: CallContext, path: CallerPath, ask: { readonly attempt: AttemptAsk; readonly first: boolean }) {
    this.#context = context;
    this.#path = path;
    this.#first = ask.first;
    this.demand = ask.attempt.demand;
    const time = { now: context.clock.now(), monotonic: context.clock.monotonic() };
    this.#accounts = path.budgets.map((track) => track.accountAt(ask.attempt.at, time));
  }

  ofAccount({ budget }: Account): bigint {
    return demandOf(budget, this.demand, this.#first);
  }

  ofRate(unit: 'requests' | 'tokens'): number {
    if (unit === 'tokens') return this.demand.tokens;
    return this.#first ? 1 : 0;
  }

  /** Budgets that refuse, as they stand. */
  hard(): Refusal[] {
    const hard = this.#accounts.filter(({ budget }) => budget.hard);
    return hard.map((account) => ofAccount(account, this.ofAccount(account)));
  }

  /** Accounts that have to be read from the ledger before anything can be reserved in them. */
  unread(): Account[] {
    const unread: Account[] = [];
    for (const account of this.#accounts) {
      if (account.ready) continue;
      if (account.budget.hard) unread.push(account);
      // A soft one refuses nothing: it is read by the way.
      else this.#context.readByTheWay(account);
    }
    return unread;
  }

  /** What is not here; undefined where all of it is. */
  wanted(withPermits: boolean): Wanted | undefined {
    const monotonic = this.#context.clock.monotonic();
    const valid = this.#context.exchanger.valid(monotonic);
    const accounts: Wanted['accounts'][number][] = [];
    for (const account of this.#accounts) {
      if (!account.budget.hard) continue;
      const amount = this.ofAccount(account);
      if (amount > 0n && (!valid || account.free < amount)) accounts.push({ account, amount });
    }
    const rates: Wanted['rates'][number][] = [];
    for (const track of this.#path.rates) {
      const amount = track.most(this.ofRate(track.rate.unit));
      if (amount > 0 && !this.#portions.has(track) && !track.covers(amount, monotonic)) rates.push({ track, amount });
    }
    const permits = withPermits ? this.#path.permits : [];
    if (accounts.length + rates.length + permits.length === 0) return undefined;
    return { accounts, rates, permits };
  }

  obtained({ rates }: Wanted, portions: readonly Portion[]): void {
    rates.forEach(({ track }, at) => this.#portions.set(track, portions[at] ?? nothing));
  }

  /** The store cannot be asked: what is no hard budget is let through. */
  waive({ rates }: Wanted): void {
    for (const { track } of rates) this.#portions.set(track, nothing);
  }

  /** Everything is here: holds it. */
  hold(): Reservation {
    const monotonic = this.#context.clock.monotonic();
    const accounts: Reserved[] = [];
    let money = false;
    for (const account of this.#accounts) {
      const amount = this.ofAccount(account);
      account.reserve(amount, monotonic);
      accounts.push({ account, amount });
      money ||= account.budget.unit === 'nano-usd';
    }
    const taken: Taken[] = [];
    for (const track of this.#path.rates) {
      const amount = track.most(this.ofRate(track.rate.unit));
      if (amount > 0) taken.push({ track, portion: this.#portions.get(track) ?? track.use(amount) });
    }
    const held = { nano: money ? this.demand.nano : null, path: this.#path, accounts, taken };
    return new Reservation(held, this.#context);
  }

  /** It is not made after all. */
  giveBack(): void {
    for (const [track, portion] of this.#portions) track.giveBack(portion);
    this.#portions.clear();
    this.#context.givenBack();
  }
}
