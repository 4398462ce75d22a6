import { capacityOf, slotsPerWindow, type RateClaim } from '#accounting/budgets/ports.ts';

/** One rate's state. The claim brings the terms each time, because they may change while it counts. */
export interface RateCounter {
  available(claim: RateClaim, now: number): number;
  take(claim: RateClaim, amount: number, now: number): void;
  giveBack(claim: RateClaim, returned: RateClaim['returned'][number], now: number): void;
  /** Until `amount` could be taken if nobody else took anything, ms. */
  waitMs(claim: RateClaim, amount: number, now: number): number;
  /** Until nothing counts any more, ms. */
  resetMs(claim: RateClaim, now: number): number;
}

/** Full at first, refilled evenly; below 0 where more was used than was taken. */
export class TokenBucket implements RateCounter {
  #level = Number.POSITIVE_INFINITY;
  #at = 0;

  available(claim: RateClaim, now: number): number {
    const refilled = this.#level + ((now - this.#at) * claim.amount) / claim.perMs;
    this.#level = Math.min(capacityOf(claim), refilled);
    this.#at = now;
    return this.#level;
  }

  take(claim: RateClaim, amount: number, now: number): void {
    this.#level = this.available(claim, now) - amount;
  }

  giveBack(claim: RateClaim, { amount }: RateClaim['returned'][number], now: number): void {
    this.#level = Math.min(capacityOf(claim), this.available(claim, now) + amount);
  }

  waitMs(claim: RateClaim, amount: number, now: number): number {
    const waitMs = ((amount - this.available(claim, now)) * claim.perMs) / claim.amount;
    // Fractions of a token are added up: what is a thousandth of a millisecond away is there.
    return Math.max(0, Math.ceil(waitMs - 0.001));
  }

  resetMs(claim: RateClaim, now: number): number {
    return this.waitMs(claim, capacityOf(claim), now);
  }
}

/** Counts in slots of a sixtieth of the period, so that no period of its length, however it lies, sees more than the limit. */
export class SlidingWindow implements RateCounter {
  readonly #slots = new Map<number, number>();

  available(claim: RateClaim, now: number): number {
    const oldest = Math.floor(now / slotMs(claim)) - slotsInForce(claim);
    let used = 0;
    for (const [slot, count] of this.#slots) {
      if (slot < oldest) this.#slots.delete(slot);
      else used += count;
    }
    return claim.amount - used;
  }

  take(claim: RateClaim, amount: number, now: number): void {
    this.#add(Math.floor(now / slotMs(claim)), amount);
  }

  giveBack(claim: RateClaim, { amount, takenAt }: RateClaim['returned'][number], now: number): void {
    const slot = Math.floor(takenAt / slotMs(claim));
    // What no longer counts cannot be given back.
    if (slot >= Math.floor(now / slotMs(claim)) - slotsInForce(claim)) this.#add(slot, -amount);
  }

  waitMs(claim: RateClaim, amount: number, now: number): number {
    let lacking = amount - this.available(claim, now);
    if (lacking <= 0) return 0;
    for (const [slot, count] of [...this.#slots].toSorted(([one], [other]) => one - other)) {
      lacking -= count;
      if (lacking <= 0) return this.#leaves(claim, slot) - now;
    }
    return claim.perMs;
  }

  resetMs(claim: RateClaim, now: number): number {
    this.available(claim, now);
    return this.#slots.size === 0 ? 0 : this.#leaves(claim, Math.max(...this.#slots.keys())) - now;
  }

  #leaves(claim: RateClaim, slot: number): number {
    return (slot + slotsInForce(claim) + 1) * slotMs(claim);
  }

  #add(slot: number, amount: number): void {
    const count = (this.#slots.get(slot) ?? 0) + amount;
    if (count === 0) this.#slots.delete(slot);
    else this.#slots.set(slot, count);
  }
}

const slotMs = ({ perMs }: RateClaim): number => Math.ceil(perMs / slotsPerWindow);
const slotsInForce = (claim: RateClaim): number => Math.ceil((claim.perMs + claim.heldMs) / slotMs(claim));
