import type { Clock } from '#kernel/clock.ts';
import { hashOf } from '#kernel/hash.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { BalancedCall } from '#proxy/routing/balancers/balancer.ts';
import type { Script } from './script.ts';

interface Arrivals {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly load: Script['load'][number];
  /** ms. */
  readonly until: number;
  readonly arrive: (call: BalancedCall) => void;
}

/** Lets the calls of one kind arrive, one after the other. */
export function scheduleArrivals({ clock, random, load, until, arrive }: Arrivals): void {
  const { from, perSecond, priority, stream, sessions } = load;
  const end = Math.min(until, load.to ?? until);
  const spacing = 1000 / perSecond;
  let made = 0;
  let at = from;
  const schedule = (): void => {
    if (at >= end) return;
    clock.after(at - clock.monotonic(), () => {
      const sessionHash = sessions === undefined ? undefined : hashOf(`session-${made % sessions}`);
      made += 1;
      arrive({ stream, priority, sessionHash, resource: null });
      // Even arrivals are counted from the beginning, so that no rounding adds up.
      at = load.arrivals === 'even' ? from + made * spacing : at - Math.log(1 - random.next()) * spacing;
      schedule();
    });
  };
  schedule();
}
