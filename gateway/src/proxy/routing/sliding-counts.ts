const buckets = 10;

/**
 * Counts of several kinds over the last while, in ten buckets that are reused: counting and asking cost the same
 * whatever the traffic, and nothing is allocated. `now` is monotonic ms and never goes back.
 */
export class SlidingCounts {
  readonly #kinds: number;
  readonly #width: number;
  readonly #counts: Uint32Array;
  readonly #sums: Uint32Array;
  #bucket = -1;

  constructor(kinds: number, windowMs: number) {
    this.#kinds = kinds;
    this.#width = windowMs / buckets;
    this.#counts = new Uint32Array(kinds * buckets);
    this.#sums = new Uint32Array(kinds);
  }

  add(kind: number, now: number): void {
    this.#advance(now);
    const at = (this.#bucket % buckets) * this.#kinds + kind;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sums[kind] = (this.#sums[kind] ?? 0) + 1;
  }

  /** Takes one back, the latest that is still counted. */
  remove(kind: number, now: number): void {
    this.#advance(now);
    for (let back = 0; back < buckets; back += 1) {
      const at = ((this.#bucket - back + buckets) % buckets) * this.#kinds + kind;
      const counted = this.#counts[at] ?? 0;
      if (counted === 0) continue;
      this.#counts[at] = counted - 1;
      this.#sums[kind] = (this.#sums[kind] ?? 1) - 1;
      return;
    }
  }

  count(kind: number, now: number): number {
    this.#advance(now);
    return this.#sums[kind] ?? 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#width);
    const passed = bucket - this.#bucket;
    if (passed <= 0) return;
    this.#bucket = bucket;
    if (passed >= buckets) {
      this.clear();
      return;
    }
    for (let step = 0; step < passed; step += 1) this.#forget((bucket - step) % buckets);
  }

  #forget(slot: number): void {
    for (let kind = 0; kind < this.#kinds; kind += 1) {
      const at = slot * this.#kinds + kind;
      this.#sums[kind] = (this.#sums[kind] ?? 0) - (this.#counts[at] ?? 0);
      this.#counts[at] = 0;
    }
  }
}
