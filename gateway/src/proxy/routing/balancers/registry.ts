import { registryOf } from '#kernel/registry.ts';
import type { BalancerKind } from './balancer.ts';
import { fasterOfTwo } from './faster-of-two.ts';
import { headRoom } from './head-room.ts';
import { leastOutstanding } from './least-outstanding.ts';
import { sessionSticky } from './session-sticky.ts';
import { weightedRandom } from './weighted-random.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** Every balancer. A new one is a file here and a line in this list: configuration, reference page and suite follow. */
export const balancers = [
  weightedRandom,
  weightedRoundRobin,
  leastOutstanding,
  fasterOfTwo,
  headRoom,
  sessionSticky,
] as const satisfies readonly BalancerKind[];

/** What the configuration may name. */
export type BalancerName = (typeof balancers)[number]['name'];

export const defaultBalancer: BalancerName = weightedRandom.name;
/** The one that needs to know which calls belong together. */
export const keyedBalancer: BalancerName = sessionSticky.name;

/** By name; fails at start-up on a duplicate. */
export const balancersByName = registryOf<BalancerKind>('balancers', balancers);
