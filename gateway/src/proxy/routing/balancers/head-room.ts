import type { RandomSource } from '#kernel/random.ts';
import type { BalancedCall, Balancer, BalancerKind, Member } from './balancer.ts';

/** What a full endpoint still counts: its word may be old, and only a call brings a new one. */
const leastRoom = 0.01;

/**
 * By chance, in proportion to what each has left. By chance, because words about room arrive late: if everybody went to
 * the emptiest until the next word, that one would be full by then.
 */
class HeadRoom implements Balancer {
  readonly #random: RandomSource;
  readonly #room: Float64Array;

  constructor(places: number, random: RandomSource) {
    this.#room = new Float64Array(places);
    this.#random = random;
  }

  pick(open: readonly Member[], _call: BalancedCall, now: number): Member | undefined {
    if (open.length < 2) return open[0];
    const total = this.#measure(open, now);
    let left = this.#random.next() * total;
    for (const one of open) {
      left -= this.#room[one.place] ?? 0;
      if (left < 0) return one;
    }
    return open.at(-1);
  }

  /** Tokens that are free where limits are known; who has told none is taken for as large as the others on average. */
  #measure(open: readonly Member[], now: number): number {
    let known = 0;
    let sizes = 0;
    for (const { state } of open) {
      if (state.load.tokenLimit === 0) continue;
      known += 1;
      sizes += state.load.tokenLimit;
    }
    const usual = known === 0 ? 1 : sizes / known;
    let total = 0;
    for (const { state, weight, place } of open) {
      const size = state.load.tokenLimit === 0 ? usual : state.load.tokenLimit;
      const room = weight * size * Math.max(leastRoom, state.load.room(now));
      this.#room[place] = room;
      total += room;
    }
    return total;
  }
}

export const headRoom = {
  name: 'head-room',
  summary:
    'by chance, in proportion to what is left of the rate limits (`x-ratelimit-remaining-*`) and of provisioned throughput (`azure-openai-deployment-utilization`)',
  create: (tier, random) => new HeadRoom(tier.length, random),
} as const satisfies BalancerKind;
