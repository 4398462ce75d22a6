/** What was measured this long ago counts for a third, ms. */
const timeConstantMs = 10_000;

/**
 * The recent time to the first byte, ms: an average that follows a slower answer at once and a faster one gradually,
 * and forgets while nothing is measured, so that an endpoint that was slow is looked at again.
 */
export class Latency {
  #value = 0;
  #at = 0;

  observe(milliseconds: number, now: number): void {
    if (milliseconds >= this.#value) this.#value = milliseconds;
    else {
      const kept = Math.exp((this.#at - now) / timeConstantMs);
      this.#value = this.#value * kept + milliseconds * (1 - kept);
    }
    this.#at = now;
  }

  /** 0 where nothing is known, or nothing was measured for long. `busy`: attempts are under way, and will tell. */
  estimate(now: number, busy: boolean): number {
    return busy ? this.#value : this.#value * Math.exp((this.#at - now) / timeConstantMs);
  }
}
