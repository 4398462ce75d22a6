import type { Balancer, BalancerKind, Member } from './balancer.ts';

/**
 * Smooth weighted round robin: with weights 5, 1, 1 the order is A A B A C A A, not A A A A A B C. Every turn each member
 * gains its weight, and the one that has most gives up what all gained together.
 */
class WeightedRoundRobin implements Balancer {
  readonly #gained: Float64Array;

  constructor(places: number) {
    this.#gained = new Float64Array(places);
  }

  pick(open: readonly Member[]): Member | undefined {
    let best: Member | undefined;
    let most = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (const one of open) {
      const gained = (this.#gained[one.place] ?? 0) + one.weight;
      this.#gained[one.place] = gained;
      total += one.weight;
      if (gained > most) {
        most = gained;
        best = one;
      }
    }
    if (best !== undefined) this.#gained[best.place] = most - total;
    return best;
  }
}

export const weightedRoundRobin = {
  name: 'weighted-round-robin',
  summary: 'in turns, each as often as its weight says, evenly spread',
  create: (tier) => new WeightedRoundRobin(tier.length),
} as const satisfies BalancerKind;
