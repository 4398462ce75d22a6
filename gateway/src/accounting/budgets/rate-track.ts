import type { Concurrency, Rate } from '#model/limits.ts';
import { capacityOf, type PermitClaim, type RateClaim, type RateState } from './ports.ts';

/** Part of a rate, and when it was taken from the store: whoever does not use it gives it back as of then. */
export interface Portion {
  readonly amount: number;
  /** The store's time, ms. */
  readonly takenAt: number;
}

/** A gateway holds no lease of a rate whose period is shorter than so many times what it would hold it for. */
const shortestLeased = 10;

/** A rate, and what this gateway has taken of it in advance. */
export class RateTrack {
  rate: Rate;
  #version: number;
  /** How long what is taken in advance may be used, ms; 0: nothing is taken in advance. */
  readonly #leaseMs: number;
  #lease: Portion = { amount: 0, takenAt: 0 };
  /** Monotonic ms. */
  #leasedUntil = 0;
  #returned: Portion[] = [];
  state: RateState | undefined;

  constructor(rate: Rate, version: number, leaseMs: number) {
    this.rate = rate;
    this.#version = version;
    this.#leaseMs = leaseMs;
  }

  /** Terms of an older configuration change nothing. */
  adopt(rate: Rate, version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.rate = rate;
    this.putBack();
  }

  get dirty(): boolean {
    return this.#returned.length > 0;
  }

  /** What lies here. */
  get leased(): number {
    return this.#lease.amount;
  }

  /** What one call is charged at most when it is admitted; what it turns out to use beyond that is charged then. */
  most(amount: number): number {
    return Math.min(amount, Math.max(1, capacityOf(this.#terms())));
  }

  /** What a gateway takes when it asks, if there is plenty. */
  get portion(): number {
    const { amount, perMs } = this.rate;
    return Math.floor((amount * this.#heldMs()) / perMs);
  }

  /** True where so much lies here. */
  covers(amount: number, monotonic: number): boolean {
    if (this.#lease.amount > 0 && monotonic >= this.#leasedUntil) this.putBack();
    return this.#lease.amount >= amount;
  }

  /** Only what is covered. */
  use(amount: number): Portion {
    const { takenAt } = this.#lease;
    this.#lease = { amount: this.#lease.amount - amount, takenAt };
    return { amount, takenAt };
  }

  /** For the calls to come; `monotonic`: when it was asked for. */
  keep(portion: Portion, monotonic: number): void {
    this.putBack();
    this.#lease = portion;
    this.#leasedUntil = monotonic + this.#heldMs();
  }

  /** `amount` below 0: more was used than was taken. */
  giveBack(portion: Portion): void {
    if (portion.amount !== 0) this.#returned.push(portion);
  }

  putBack(): void {
    this.giveBack(this.#lease);
    this.#lease = { amount: 0, takenAt: 0 };
  }

  claim(): RateClaim {
    const returned = this.#returned;
    this.#returned = [];
    return { ...this.#terms(), key: this.rate.id, returned };
  }

  /**
   * The store may have got it or not. What was given back is not given back again, because twice would let through more than
   * the limit; what is owed is told again, because twice lets through less, for one period.
   */
  unclaim(claim: RateClaim): void {
    this.#returned.push(...claim.returned.filter(({ amount }) => amount < 0));
  }

  #heldMs(): number {
    return this.rate.perMs < shortestLeased * this.#leaseMs ? 0 : this.#leaseMs;
  }

  #terms(): Omit<RateClaim, 'key' | 'returned'> {
    const { shape, amount, perMs, burst } = this.rate;
    return { shape, amount, perMs, burst, heldMs: this.#heldMs() };
  }
}

/** How many requests of a node are under way here. */
export class PermitTrack {
  limit: Concurrency;
  #version: number;
  held = 0;
  /** Of all gateways, as last told. */
  heldByAll = 0;
  dirty = false;

  constructor(limit: Concurrency, version: number) {
    this.limit = limit;
    this.#version = version;
  }

  adopt(limit: Concurrency, version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.limit = limit;
  }

  release(): void {
    this.held -= 1;
    this.dirty = true;
  }

  claim(): PermitClaim {
    this.dirty = false;
    return { key: this.limit.id, permits: this.limit.permits, held: this.held };
  }
}
