import type { Clock } from './clock.ts';

/** How far time of day and running time may part between two looks before the clock counts as having jumped, ms. */
const toleranceMs = 60_000;

/**
 * Tells for how long the time of day has run as time does. A clock that was set wrong, forwards or back, must not make
 * anybody believe that something has grown old.
 */
export class SteadyClock {
  readonly #clock: Clock;
  #since: number;
  #offset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
    this.#offset = this.#now();
  }

  /** Look at least every few minutes: a jump is dated to the look that finds it. */
  steadyForMs(): number {
    const offset = this.#now();
    if (Math.abs(offset - this.#offset) > toleranceMs) this.#since = this.#clock.monotonic();
    this.#offset = offset;
    return this.#clock.monotonic() - this.#since;
  }

  #now(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}
