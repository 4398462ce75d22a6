/** So many of the last calls are looked at. */
const kept = 256;
/** Of fewer nobody can say what is slow. */
const least = 20;
/** After so many more the percentile is worked out anew. */
const refreshed = 16;

/** How long the last calls of a model waited for their first byte, ms: what their slowest twentieth begins at. */
export class FirstByteTimes {
  readonly #times = new Float64Array(kept);
  #seen = 0;
  #p95: number | undefined;
  #workedOutAt = 0;

  observe(milliseconds: number): void {
    this.#times[this.#seen % kept] = milliseconds;
    this.#seen += 1;
  }

  /** The 95th percentile; undefined where too little is known. */
  get p95(): number | undefined {
    if (this.#seen < least) return undefined;
    if (this.#p95 === undefined || this.#seen - this.#workedOutAt >= refreshed) {
      const sorted = this.#times.slice(0, Math.min(this.#seen, kept)).toSorted();
      this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
      this.#workedOutAt = this.#seen;
    }
    return this.#p95;
  }
}
