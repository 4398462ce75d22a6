import { hashOf, mixed } from '#kernel/hash.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { BalancedCall, Balancer, BalancerKind, Member } from './balancer.ts';
import { pickByWeight } from './weighted-random.ts';

const unsigned32 = 2 ** 32;

/**
 * Weighted rendezvous hashing: every member has a score for every key, and the highest that may be used gets it. So calls
 * of one key meet a warm prompt cache, any replica chooses alike, and when a member goes or comes only its own keys move.
 */
class SessionSticky implements Balancer {
  readonly #random: RandomSource;
  readonly #seeds: Uint32Array;

  constructor(tier: readonly Member[], random: RandomSource) {
    this.#seeds = Uint32Array.from(tier, ({ endpoint }) => hashOf(endpoint.name));
    this.#random = random;
  }

  pick(open: readonly Member[], { sessionHash }: BalancedCall): Member | undefined {
    if (open.length < 2) return open[0];
    if (sessionHash === undefined) return pickByWeight(open, this.#random.next());
    let best: Member | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (const one of open) {
      const point = (mixed(sessionHash ^ (this.#seeds[one.place] ?? 0)) + 0.5) / unsigned32;
      const score = one.weight / -Math.log(point);
      if (score > highest) {
        highest = score;
        best = one;
      }
    }
    return best;
  }
}

export const sessionSticky = {
  name: 'session-sticky',
  summary:
    'calls with the same `key` go to the same endpoint while it can be used, so that its prompt cache stays warm; calls without one by chance',
  create: (tier, random) => new SessionSticky(tier, random),
} as const satisfies BalancerKind;
