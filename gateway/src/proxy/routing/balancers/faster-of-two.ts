import type { RandomSource } from '#kernel/random.ts';
import type { BalancedCall, Balancer, BalancerKind, Member } from './balancer.ts';

/** An endpoint that has never answered gets one call; before that is answered, any other is better. */
const unknownAndBusy = 1e9;

/** What a call would wait, relative to the others: the recent latency times the calls before it. */
function cost(member: Member, call: BalancedCall, now: number): number {
  const { inFlight } = member.state;
  const latency = member.state.latency(now, call.stream);
  if (latency === 0 && inFlight > 0) return unknownAndBusy * inFlight;
  return (latency * (inFlight + 1)) / member.weight;
}

/**
 * Power of two choices: the better of two drawn by chance. Nearly as good as the best of all, without sending everybody
 * to the same one between two measurements. Source: Mitzenmacher, "The power of two choices in randomized load balancing".
 */
class FasterOfTwo implements Balancer {
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  pick(open: readonly Member[], call: BalancedCall, now: number): Member | undefined {
    if (open.length < 2) return open[0];
    const at = Math.floor(this.#random.next() * open.length);
    const step = 1 + Math.floor(this.#random.next() * (open.length - 1));
    const one = open[at];
    const other = open[(at + step) % open.length];
    if (one === undefined || other === undefined) return one ?? other;
    return cost(other, call, now) < cost(one, call, now) ? other : one;
  }
}

export const fasterOfTwo = {
  name: 'faster-of-two',
  summary:
    'of two drawn by chance the one where a call would wait less: recent time to the first byte (a moving average) times the calls under way',
  create: (_tier, random) => new FasterOfTwo(random),
} as const satisfies BalancerKind;
