import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { TraceParent } from '#kernel/trace-context.ts';
import type { SamplingRules } from './settings.ts';

/**
 * Which calls are kept. Whether a caller keeps its trace is believed, up to so many calls a second: a flag in a header must not
 * let a caller decide how much is exported. Chance decides about the rest, not the id of the trace, which a caller chooses.
 */
export class Sampler {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  #secondAt = Number.NEGATIVE_INFINITY;
  #followed = 0;

  constructor(clock: Clock, random: RandomSource) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Of how many calls like it one that is kept stands for one; undefined where it is not kept. */
  decide(parent: TraceParent | undefined, { share, followed, parentBased }: SamplingRules): number | undefined {
    if (parent !== undefined && parentBased) {
      if (!parent.sampled && followed > 0) return undefined;
      if (parent.sampled && this.#follows(followed)) return 1;
    }
    return share > 0 && this.#random.next() < share ? share : undefined;
  }

  #follows(most: number): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#secondAt >= 1000) {
      this.#secondAt = now;
      this.#followed = 0;
    }
    if (this.#followed >= most) return false;
    this.#followed += 1;
    return true;
  }
}
