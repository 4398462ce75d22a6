/** Each bucket is 1 % wider than the one before: a quantile is right to 1 %, in constant memory for a run of any length. */
const growth = Math.log(1.01);
const smallestMs = 0.001;
const bucketCount = 2_100; // up to about 20 minutes

/** Durations in milliseconds. */
export class Histogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(milliseconds: number): void {
    const index = milliseconds <= smallestMs ? 0 : Math.floor(Math.log(milliseconds / smallestMs) / growth);
    const bucket = Math.min(index, bucketCount - 1);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The middle of the bucket in which the quantile lies; null where nothing was recorded. `0 < fraction <= 1`. */
  quantile(fraction: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.ceil(this.#count * fraction);
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      seen += this.#buckets[bucket] ?? 0;
      if (seen >= rank) return smallestMs * Math.exp((bucket + 0.5) * growth);
    }
    return null;
  }
}
