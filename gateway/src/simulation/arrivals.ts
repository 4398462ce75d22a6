import type { Clock } from '#kernel/clock.ts';
import { hashOf } from '#kernel/hash.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { HedgingTerms } from '#model/priority.ts';
import type { BalancedCall } from '#proxy/routing/balancers/balancer.ts';
import type { Script } from './script.ts';

/** A call, and what its product and its consumer say of it. */
export interface Arriving {
  readonly asked: BalancedCall;
  readonly consumer: string;
  readonly hedging: HedgingTerms | null;
}

interface Arrivals {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly load: Script['load'][number];
  /** ms. */
  readonly until: number;
  readonly arrive: (arriving: Arriving) => void;
}

/** Lets the calls of one kind arrive, one after the other. */
export function scheduleArrivals({ clock, random, load, until, arrive }: Arrivals): void {
  const { from, perSecond, priority, stream, sessions, consumer, hedging } = load;
  const terms = hedging === undefined ? null : { atLeastMs: hedging.atLeast };
  const end = Math.min(until, load.to ?? until);
  const spacing = 1000 / perSecond;
  let made = 0;
  let at = from;
  const schedule = (): void => {
    if (at >= end) return;
    clock.after(at - clock.monotonic(), () => {
      const sessionHash = sessions === undefined ? undefined : hashOf(`session-${made % sessions}`);
      made += 1;
      arrive({ asked: { stream, priority, sessionHash, resource: null }, consumer, hedging: terms });
      // Even arrivals are counted from the beginning, so that no rounding adds up.
      at = load.arrivals === 'even' ? from + made * spacing : at - Math.log(1 - random.next()) * spacing;
      schedule();
    });
  };
  schedule();
}
