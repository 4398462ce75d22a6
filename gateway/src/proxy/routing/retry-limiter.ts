import type { RetryLimit } from '#model/model-route.ts';
import { SlidingCounts } from './sliding-counts.ts';

const calls = 0;
const retries = 1;
/** The time over which retries are weighed against calls, ms. */
const windowMs = 10_000;

/**
 * Keeps retries from multiplying an outage: where endpoints fail, they may add only a share to what is sent to them
 * anyway. A retry on a sound endpoint is not weighed: it takes load away from the failing one.
 */
export class RetryLimiter {
  readonly #counts = new SlidingCounts(2, windowMs);

  called(now: number): void {
    this.#counts.add(calls, now);
  }

  /** Takes one retry out of the budget; false where none is left. */
  take(limit: RetryLimit, now: number): boolean {
    const allowed = limit.atLeast + limit.share * this.#counts.count(calls, now);
    if (this.#counts.count(retries, now) + 1 > allowed) return false;
    this.#counts.add(retries, now);
    return true;
  }

  /** A retry that was taken has not been made. */
  giveBack(now: number): void {
    this.#counts.remove(retries, now);
  }
}
