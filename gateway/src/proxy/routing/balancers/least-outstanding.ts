import type { RandomSource } from '#kernel/random.ts';
import type { Balancer, BalancerKind, Member } from './balancer.ts';

class LeastOutstanding implements Balancer {
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  pick(open: readonly Member[]): Member | undefined {
    if (open.length < 2) return open[0];
    // Equals take turns by chance: without it the first of the tier would get every call of a quiet hour.
    const start = Math.floor(this.#random.next() * open.length);
    let best: Member | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < open.length; step += 1) {
      const one = open[(start + step) % open.length];
      if (one === undefined) continue;
      const load = (one.state.inFlight + 1) / one.weight;
      if (load < least) {
        least = load;
        best = one;
      }
    }
    return best;
  }
}

export const leastOutstanding = {
  name: 'least-outstanding',
  summary: 'whoever has the fewest calls under way, relative to its weight',
  create: (_tier, random) => new LeastOutstanding(random),
} as const satisfies BalancerKind;
