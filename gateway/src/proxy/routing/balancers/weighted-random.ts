import type { RandomSource } from '#kernel/random.ts';
import type { Balancer, BalancerKind, Member } from './balancer.ts';

/** Chooses by weight; `point` is drawn from [0, 1). */
export function pickByWeight(open: readonly Member[], point: number): Member | undefined {
  let total = 0;
  for (const one of open) total += one.weight;
  let left = point * total;
  for (const one of open) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return open.at(-1);
}

class WeightedRandom implements Balancer {
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  pick(open: readonly Member[]): Member | undefined {
    return open.length < 2 ? open[0] : pickByWeight(open, this.#random.next());
  }
}

export const weightedRandom = {
  name: 'weighted-random',
  summary: 'by chance, in proportion to the weights',
  create: (_tier, random) => new WeightedRandom(random),
} as const satisfies BalancerKind;
