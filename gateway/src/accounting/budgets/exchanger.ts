import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Account, SentClaim } from './account.ts';
import {
  CountersUnavailable,
  type AccountClaim,
  type Answer,
  type Ask,
  type CounterStore,
  type Exchange,
  type Lacking,
  type PermitClaim,
  type RateClaim,
} from './ports.ts';
import type { PermitTrack, Portion, RateTrack } from './rate-track.ts';
import { clockErrorMs } from './windows.ts';

/** What a call lacks here; it gets all of it or nothing. */
export interface Wanted {
  readonly accounts: readonly { readonly account: Account; readonly amount: bigint }[];
  readonly rates: readonly { readonly track: RateTrack; readonly amount: number }[];
  readonly permits: readonly PermitTrack[];
}

export type Lack =
  | { readonly kind: 'account'; readonly account: Account }
  | { readonly kind: 'rate'; readonly track: RateTrack; readonly waitMs: number }
  | { readonly kind: 'permit'; readonly track: PermitTrack };

/** Granted: the accounts' grants have grown, the permits are counted as held, and the portions are the caller's. */
export type Got =
  | { readonly granted: true; readonly portions: readonly Portion[] }
  | { readonly granted: false; readonly lacking: readonly Lack[] };

export interface ExchangerOptions {
  readonly store: CounterStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a grant may be used after the store was last heard, ms, where it is shared. */
  readonly leaseMs: number;
  /** How much more than it needs this gateway asks for. */
  leaseOf(account: Account): bigint;
  /** Every account in use: what is said anew when counters were lost. */
  accounts(): Iterable<Account>;
  /** What the store answered, and when it did not. */
  readonly observe: { exchanged(ms: number): void; failed(): void; lost(): void };
}

/** What the store should know. */
export interface Changed {
  readonly accounts: Iterable<Account>;
  readonly rates: Iterable<RateTrack>;
  readonly permits: Iterable<PermitTrack>;
}

interface Pending {
  readonly wanted: Wanted;
  resolve(got: Got): void;
  reject(error: unknown): void;
}

const mostAsks = 100;
const mostAccounts = 200;

/** Everything that goes to the store in one exchange. */
class Message {
  /** Claims that no account of this gateway stands behind. */
  readonly bare: AccountClaim[] = [];
  left = 0;
  /** Monotonic ms. */
  sentAt = 0;
  readonly sent: SentClaim[] = [];
  readonly rates: RateTrack[] = [];
  readonly rateClaims: RateClaim[] = [];
  readonly permits: PermitTrack[] = [];
  readonly permitClaims: PermitClaim[] = [];
  readonly asks: Ask[] = [];

  add(wanted: Wanted, claim: (account: Account) => SentClaim): void {
    const named = wanted.accounts.map(({ account, amount }) => ({ account: this.account(account, claim), amount }));
    this.asks.push({
      // Who needs nothing only tells: with a need the store would grant something in advance.
      needs: named.filter(({ amount }) => amount > 0n),
      takes: wanted.rates.map(({ track, amount }) => ({
        rate: this.rate(track),
        amount,
        atMost: Math.max(amount, track.portion),
      })),
      permits: wanted.permits.map((track) => this.permit(track)),
    });
  }

  /** Its place among the accounts of the message, as are the next two of theirs. */
  account(account: Account, claim: (account: Account) => SentClaim): number {
    const place = this.sent.findIndex((sent) => sent.account === account);
    if (place !== -1) return place;
    account.dirty = false;
    return this.sent.push(claim(account)) - 1;
  }

  rate(track: RateTrack): number {
    const place = this.rates.indexOf(track);
    if (place !== -1) return place;
    this.rateClaims.push(track.claim());
    return this.rates.push(track) - 1;
  }

  permit(track: PermitTrack): number {
    const place = this.permits.indexOf(track);
    if (place !== -1) return place;
    this.permitClaims.push(track.claim());
    return this.permits.push(track) - 1;
  }

  get exchange(): Exchange {
    return {
      accounts: [...this.sent.map(({ claim }) => claim), ...this.bare],
      rates: this.rateClaims,
      permits: this.permitClaims,
      asks: this.asks,
      left: this.left,
    };
  }

  /** It may not have arrived. */
  takeBack(): void {
    for (const { account } of this.sent) account.dirty = true;
    this.rates.forEach((track, at) => {
      const claim = this.rateClaims[at];
      if (claim !== undefined) track.unclaim(claim);
    });
    for (const track of this.permits) track.dirty = true;
  }
}

/**
 * Talks to the counter store: one exchange at a time, so that what is told is never overtaken by what was told before it.
 * Whoever asks meanwhile goes with the next one, all together.
 */
export class Exchanger {
  readonly #options: ExchangerOptions;
  #queue: Pending[] = [];
  #busy = false;
  /** While it is busy: until it is not. */
  #idle: Promise<void> = Promise.resolve();
  #epoch: string | undefined;
  #epochSince = 0;
  /** Not told yet since the counters were lost. */
  #untold = new Set<Account>();
  /** Waits for the exchange that is under way, or for those after it. */
  readonly #toTell = new Set<Account>();
  #validUntil = Number.NEGATIVE_INFINITY;
  #closedUntil = Number.NEGATIVE_INFINITY;
  gateways = 1;

  constructor(options: ExchangerOptions) {
    this.#options = options;
    if (!options.store.shared) this.#validUntil = Number.POSITIVE_INFINITY;
  }

  /** Whether grants may be used: not where the store has not been heard for as long as it relies on it. */
  valid(monotonic: number): boolean {
    return monotonic < this.#validUntil;
  }

  /** Nothing is granted for so long, because somebody may still hold what the counters have lost, ms. */
  get closedMs(): number {
    return Math.max(0, this.#closedUntil - this.#options.clock.monotonic());
  }

  /** Whether the store is heard and grants more. */
  get granting(): boolean {
    return this.closedMs === 0 && this.valid(this.#options.clock.monotonic());
  }

  /** Rejects, or throws, with the store's errors. */
  ask(wanted: Wanted): Got | Promise<Got> {
    if (this.#busy) return this.#enqueue(wanted);
    const message = this.#message([wanted]);
    const answer = this.#send(message);
    return answer instanceof Promise
      ? this.#whileBusy(answer, (given) => gotFor(message, 0, given))
      : gotFor(message, 0, answer);
  }

  /** Tells the store what has changed, now or with the next exchange; what does not get there stays to be told. */
  tell(changed: Changed): void {
    if (this.#busy) {
      for (const account of changed.accounts) this.#toTell.add(account);
      return;
    }
    const message = this.#message([]);
    for (const account of changed.accounts) this.#toTell.add(account);
    this.#putSome(message);
    for (const track of changed.rates) message.rate(track);
    for (const track of changed.permits) message.permit(track);
    try {
      const answer = this.#send(message);
      if (answer instanceof Promise) void this.#whileBusy(answer, () => undefined).catch(() => undefined);
    } catch {
      // Counted and logged where it is sent; what was to be told stays to be told.
    }
  }

  /**
   * States what stands in accounts that this gateway does not count any more, and resolves with some more of those that an
   * earlier process of its journal has left. `claims` is asked in the turn in which they are sent.
   */
  async state(claims: () => readonly AccountClaim[], left: number): Promise<readonly string[]> {
    await this.idle();
    const message = this.#message([]);
    message.bare.push(...claims());
    message.left = left;
    const answer = this.#send(message);
    return answer instanceof Promise ? await this.#whileBusy(answer, (given) => given.left) : answer.left;
  }

  /** Resolves when nothing is on its way to the store any more. */
  async idle(): Promise<void> {
    while (this.#busy) await this.#idle;
  }

  /** Tells of one account, and resolves when the store has answered. */
  async report(account: Account): Promise<void> {
    await this.ask({ accounts: [{ account, amount: 0n }], rates: [], permits: [] });
  }

  #enqueue(wanted: Wanted): Promise<Got> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ wanted, resolve, reject });
    });
  }

  #message(wanted: readonly Wanted[]): Message {
    const message = new Message();
    for (const one of wanted) message.add(one, (account) => this.#claim(account));
    return message;
  }

  /** As much of what waits to be told as one message takes; the rest goes with the next ones. */
  #putSome(message: Message): void {
    for (const account of this.#toTell) {
      if (message.sent.length >= mostAccounts) return;
      this.#toTell.delete(account);
      message.account(account, (one) => this.#claim(one));
    }
  }

  #claim(account: Account): SentClaim {
    const { clock } = this.#options;
    // Counters that were lost after the window had begun may have held something of it.
    const epochSince = clock.now() - (clock.monotonic() - this.#epochSince);
    const whole =
      !this.#options.store.shared || (this.#epoch !== undefined && epochSince + clockErrorMs <= account.window.start);
    return account.claim(this.#options.leaseOf(account), account.fresh && whole);
  }

  #send(message: Message): Answer | Promise<Answer> {
    const { store, clock, observe } = this.#options;
    message.sentAt = clock.monotonic();
    try {
      const answer = store.exchange(message.exchange);
      if (!(answer instanceof Promise)) return this.#take(message, answer);
      return answer.then(
        (given) => this.#take(message, given),
        (error: unknown) => {
          message.takeBack();
          observe.failed();
          throw error;
        },
      );
    } catch (error) {
      message.takeBack();
      observe.failed();
      throw error;
    }
  }

  #take(message: Message, answer: Answer): Answer {
    const { store, clock, observe, leaseMs } = this.#options;
    const { sentAt } = message;
    this.gateways = answer.gateways;
    const heardAt = clock.monotonic();
    this.#closedUntil = heardAt + answer.closedMs;
    this.#follow(answer.epoch, sentAt);
    message.sent.forEach((sent, at) => {
      const state = answer.accounts[at];
      if (state !== undefined) sent.account.apply(sent, state);
      this.#untold.delete(sent.account);
    });
    message.rates.forEach((track, at) => (track.state = answer.rates[at]));
    message.permits.forEach((track, at) => (track.heldByAll = answer.permits[at]?.held ?? track.heldByAll));
    if (store.shared && this.#untold.size === 0) this.#validUntil = sentAt + leaseMs;
    observe.exchanged(heardAt - sentAt);
    return answer;
  }

  #follow(epoch: string, sentAt: number): void {
    if (epoch === this.#epoch) return;
    if (this.#epoch !== undefined) {
      this.#options.log.warn({ epoch }, 'the shared counters were lost; what this gateway has spent is told anew');
      this.#options.observe.lost();
      for (const account of this.#options.accounts()) {
        account.lost();
        this.#untold.add(account);
      }
    }
    this.#epoch = epoch;
    this.#epochSince = sentAt;
  }

  async #whileBusy<Result>(answer: Promise<Answer>, result: (answer: Answer) => Result): Promise<Result> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#busy = true;
    this.#idle = promise;
    let heard = false;
    try {
      const given = result(await answer);
      heard = true;
      return given;
    } finally {
      this.#busy = false;
      this.#next(heard);
      resolve();
    }
  }

  /** What gathered meanwhile. A store that was just not heard is told the rest with the next beat, not at once. */
  #next(heard: boolean): void {
    // What is not told stays dirty.
    if (!heard) this.#toTell.clear();
    if (this.#queue.length === 0) {
      const rest = heard ? [...this.#toTell, ...this.#untold] : [];
      if (rest.length > 0) this.tell({ accounts: rest, rates: [], permits: [] });
      return;
    }
    const batch = this.#queue.slice(0, mostAsks);
    this.#queue = this.#queue.slice(mostAsks);
    const message = this.#message(batch.map(({ wanted }) => wanted));
    this.#putSome(message);
    const fail = (error: unknown): void => {
      for (const one of batch) one.reject(error);
    };
    const succeed = (answer: Answer): void => batch.forEach((one, at) => one.resolve(gotFor(message, at, answer)));
    try {
      const answer = this.#send(message);
      if (answer instanceof Promise) void this.#whileBusy(answer, succeed).catch(fail);
      else succeed(answer);
    } catch (error) {
      fail(error);
    }
  }
}

/** Counts what was given as held, in the turn of the answer. */
function gotFor(message: Message, at: number, answer: Answer): Got {
  const [ask, given] = [message.asks[at], answer.asks[at]];
  if (ask === undefined || given === undefined) throw new CountersUnavailable('The store left an ask unanswered.');
  if (!given.granted) return { granted: false, lacking: given.lacking.map((one) => lackOf(message, one)) };
  for (const place of ask.permits) {
    const track = message.permits[place];
    if (track !== undefined) track.held += 1;
  }
  const portions = ask.takes.map(({ rate, amount }, place): Portion => {
    const surplus = (given.taken[place] ?? amount) - amount;
    if (surplus > 0) message.rates[rate]?.keep({ amount: surplus, takenAt: answer.time }, message.sentAt);
    return { amount, takenAt: answer.time };
  });
  return { granted: true, portions };
}

function lackOf(message: Message, lacking: Lacking): Lack {
  if (lacking.kind === 'account') {
    const account = message.sent[lacking.account]?.account;
    if (account !== undefined) return { kind: 'account', account };
  } else if (lacking.kind === 'rate') {
    const track = message.rates[lacking.rate];
    if (track !== undefined) return { kind: 'rate', track, waitMs: lacking.waitMs };
  } else {
    const track = message.permits[lacking.permit];
    if (track !== undefined) return { kind: 'permit', track };
  }
  throw new CountersUnavailable('The store refuses for what it was not asked.');
}
