import { nodeKinds, units, type Budget } from '#model/limits.ts';
import { isWord, layers } from '#model/words.ts';
import type { AccountClaim, AccountState, Sums } from './ports.ts';
import { clockErrorMs, windowAt, type CalendarWindow } from './windows.ts';

/** Settles may come long after a window has ended; what a gateway keeps of it ends with its last attempt. */
export class Account {
  readonly track: BudgetTrack;
  readonly window: CalendarWindow;
  readonly key: string;
  /** This gateway's own sums; see `Sums`. */
  spent = 0n;
  unknown = 0n;
  inFlight = 0n;
  /** Of tokens: what earlier processes left unknown, which the ledger does not have; see `AccountState`. */
  kept = 0n;
  /** Up to where this gateway may spend, its own sums included. */
  granted = 0n;
  /** What earlier windows left. */
  carried = 0n;
  /** The own sums hold everything that the ledger does. */
  ready: boolean;
  /** Nothing of this window was spent before this gateway counted the budget. */
  readonly fresh: boolean;
  /** The store knows less than this gateway. */
  dirty = true;
  built = false;
  /** Monotonic ms. */
  usedAt = 0;
  /** A call was refused here that would have fitted an empty window. */
  exhausted = false;
  /** Not read from the ledger again before, monotonic ms. */
  readAfter = 0;
  /** The most that one call has needed of it. */
  largestCall = 0n;
  /** What other gateways might have spent on when counters were lost, by what they had told: see `BoundsInForce`. */
  lostElsewhere = 0n;
  /** How often idle grants were given back: what was asked for before is not taken up after. */
  #givenBack = 0;
  /** The limit was changed, and the store has granted nothing since: what calls under way leave is given back, too. */
  #returning = false;
  #others: Sums & { readonly granted: bigint } = { spent: 0n, unknown: 0n, inFlight: 0n, granted: 0n };

  constructor(track: BudgetTrack, window: CalendarWindow, fresh: boolean) {
    this.track = track;
    this.window = window;
    this.key = accountKey(track.key, window);
    this.fresh = fresh;
    this.ready = fresh && track.budget.carryOver === null;
  }

  get budget(): Budget {
    return this.track.budget;
  }

  /** What all gateways together may spend in this window. */
  get limit(): bigint {
    const { amount, topUps } = this.track.budget;
    return amount + this.carried + (topUps.get(this.window.id) ?? 0n);
  }

  /** Own sums together. */
  get used(): bigint {
    return this.spent + this.unknown + this.kept + this.inFlight;
  }

  /** What can be reserved without asking anybody. */
  get free(): bigint {
    return this.granted - this.used;
  }

  /** Of all gateways: their own sums as they last told them, and ours as they are now. */
  get total(): Sums {
    const { spent, unknown, inFlight } = this.#others;
    return {
      spent: spent + this.spent,
      unknown: unknown + this.unknown + this.kept,
      inFlight: inFlight + this.inFlight,
    };
  }

  /** Granted to other gateways and, by what they last told, not spent or reserved by them. */
  get leasedElsewhere(): bigint {
    const { spent, unknown, inFlight, granted } = this.#others;
    const idle = granted - spent - unknown - inFlight;
    return idle > 0n ? idle : 0n;
  }

  /** Granted to other gateways and, by what they last told, not spent by calls that are over. */
  get outstandingElsewhere(): bigint {
    const { spent, unknown, granted } = this.#others;
    const outstanding = granted - spent - unknown;
    return outstanding > 0n ? outstanding : 0n;
  }

  /** The store has forgotten it: what this gateway has is told anew, what others had is theirs to tell. */
  lost(): void {
    this.built = false;
    this.dirty = true;
    if (this.outstandingElsewhere > this.lostElsewhere) this.lostElsewhere = this.outstandingElsewhere;
  }

  /** A call needs so much, whether it gets it or not. */
  needed(amount: bigint): void {
    if (amount > this.largestCall) this.largestCall = amount;
  }

  reserve(amount: bigint, monotonic: number): void {
    this.inFlight += amount;
    this.needed(amount);
    this.usedAt = monotonic;
    this.dirty = true;
  }

  settle(reserved: bigint, spent: bigint, unknown: bigint): void {
    this.inFlight -= reserved;
    this.spent += spent;
    this.unknown += unknown;
    // More than was reserved: the grant follows, because what is spent is spent.
    if (this.#returning) this.giveBack();
    else if (this.granted < this.used) this.granted = this.used;
    this.dirty = true;
  }

  /** Keeps no more than is needed; the store learns of it with the next exchange. */
  giveBack(): void {
    this.#givenBack += 1;
    if (this.granted === this.used) return;
    this.granted = this.used;
    this.dirty = true;
  }

  /** What was granted under another limit is not used any more. */
  limitChanged(): void {
    this.#returning = true;
    this.giveBack();
  }

  claim(lease: bigint, fresh: boolean): SentClaim {
    const { spent, unknown, inFlight, granted, used } = this;
    const claim: AccountClaim = {
      key: this.key,
      endsAt: this.window.end,
      own: { spent, unknown, inFlight },
      kept: this.budget.unit === 'tokens' ? this.kept : null,
      granted: granted > used ? granted : used,
      limit: this.budget.hard ? this.limit : null,
      lease,
      fresh,
    };
    return { account: this, claim, givenBack: this.#givenBack };
  }

  /** What the store answered to a claim. */
  apply({ claim, givenBack }: SentClaim, state: AccountState): void {
    const { spent, unknown, inFlight } = state.total;
    // Meanwhile the grant may have followed a settle, or been given back.
    if (state.granted > this.granted) {
      if (givenBack === this.#givenBack) {
        this.granted = state.granted;
        this.#returning = false;
      } else this.dirty = true;
    }
    this.built = state.built;
    this.kept = state.kept;
    if (this.granted < this.used) this.granted = this.used;
    this.#others = {
      spent: spent - claim.own.spent,
      unknown: unknown - claim.own.unknown - state.kept,
      inFlight: inFlight - claim.own.inFlight,
      granted: state.totalGranted - state.granted,
    };
  }
}

/** A claim on its way to the store. */
export interface SentClaim {
  readonly account: Account;
  readonly claim: AccountClaim;
  readonly givenBack: number;
}

/** What is counted: a budget that counts something else, or in other windows, has counters of its own. */
export function trackKey({ id, unit, layer, calendar }: Budget): string {
  const { every, timeZone, fiscalYearStart } = calendar;
  return [id, unit, layer, every, timeZone, `${fiscalYearStart.month}-${fiscalYearStart.day}`].join(' ');
}

/** The key of an account's counters: what is counted, and the window. */
function accountKey(track: string, { start, end }: Pick<CalendarWindow, 'start' | 'end'>): string {
  return `${track}@${start}-${end}`;
}

/** What an account's key says of it; undefined for what no version of ours has made. */
export function readAccountKey(key: string):
  | {
      /** Of the budget. */
      readonly id: string;
      readonly budget: Pick<Budget, 'node' | 'unit' | 'layer'>;
      readonly start: number;
      readonly end: number;
    }
  | undefined {
  const [, id = '', unit, layer, start, end] =
    /^(\S+) (nano-usd|tokens|requests) (contracted|list|internal) [^@]*@(-?\d+)-(-?\d+)$/.exec(key) ?? [];
  const parts = id.split('/');
  const product = parts.length === 5 && parts[0] === 'product' ? (parts[1] ?? null) : null;
  const [kind, name] = product === null ? parts : parts.slice(2);
  if (!isWord(nodeKinds, kind) || name === undefined || !isWord(units, unit) || !isWord(layers, layer))
    return undefined;
  return { id, budget: { node: { kind, name, product }, unit, layer }, start: Number(start), end: Number(end) };
}

/** A budget through the changes of its configuration, with the windows of it that are in use. */
export class BudgetTrack {
  readonly key: string;
  budget: Budget;
  /** Grows with the configuration; an older one changes nothing. */
  #version: number;
  /** Since when this gateway has counted it, monotonic ms. */
  readonly #since: number;
  /** The last window that was forgotten again: what is wanted of it is read from the ledger. UTC ms of its beginning. */
  #forgotten = Number.NEGATIVE_INFINITY;
  readonly accounts = new Map<number, Account>();
  /** Monotonic ms. */
  usedAt: number;
  #current: Account | undefined;

  constructor(budget: Budget, version: number, since: number) {
    this.key = trackKey(budget);
    this.budget = budget;
    this.#version = version;
    this.#since = since;
    this.usedAt = since;
  }

  /**
   * A limit that was lowered holds from the next call on, because no account keeps more than it needs. Nothing that is
   * under way is cancelled.
   */
  adopt(budget: Budget, version: number): void {
    if (version <= this.#version || budget === this.budget) return;
    this.#version = version;
    this.budget = budget;
    for (const account of this.accounts.values()) account.limitChanged();
  }

  /** The account that was asked for last. */
  get current(): Account | undefined {
    return this.#current;
  }

  /** The account of the window that holds `at`. */
  accountAt(at: number, time: { readonly now: number; readonly monotonic: number }): Account {
    this.usedAt = time.monotonic;
    const current = this.#current;
    if (current !== undefined && at >= current.window.start && at < current.window.end) return current;
    const window = windowAt(this.budget.calendar, at);
    let account = this.accounts.get(window.start);
    if (account === undefined) {
      // Told by the monotonic clock: one that was set right meanwhile must not make an old window look new.
      const countedSince = time.now - (time.monotonic - this.#since);
      const fresh = countedSince + clockErrorMs <= window.start && window.start > this.#forgotten;
      account = new Account(this, window, fresh);
      this.accounts.set(window.start, account);
    }
    this.#current = account;
    return account;
  }

  /** The account that a settled attempt counts in, if this gateway keeps it. */
  known(at: number): Account | undefined {
    const current = this.#current;
    if (current !== undefined && at >= current.window.start && at < current.window.end) return current;
    return this.accounts.get(windowAt(this.budget.calendar, at).start);
  }

  forget(account: Account): void {
    this.accounts.delete(account.window.start);
    if (this.#current === account) this.#current = undefined;
    this.#forgotten = Math.max(this.#forgotten, account.window.start);
  }
}
