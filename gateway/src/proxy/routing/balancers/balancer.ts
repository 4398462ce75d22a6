import type { RandomSource } from '#kernel/random.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Priority } from '#model/priority.ts';
import type { EndpointState } from '#proxy/routing/endpoint-state.ts';

/** An endpoint at its place in a tier. */
export interface Member {
  readonly endpoint: Endpoint;
  /** Its share inside the tier, relative to the others; > 0. */
  readonly weight: number;
  /** Its index in the tier. */
  readonly place: number;
  /** Its index among all endpoints of the model. */
  readonly index: number;
  readonly state: EndpointState;
}

/** What of a call the choice goes by. */
export interface BalancedCall {
  readonly stream: boolean;
  readonly priority: Priority;
  /** The same for calls that belong together; undefined where the call has no such key. An unsigned 32-bit number. */
  readonly sessionHash: number | undefined;
  /** Base URL of the resource where it must go; null: anywhere. */
  readonly resource: string | null;
}

/** Chooses inside one tier. One per tier and configuration; what it remembers ends with it. */
export interface Balancer {
  /**
   * One of `open`, the members that may be used now, in the order of the tier; undefined only where there are none. Called
   * for every attempt: allocates nothing, and keeps no reference to `open`. `now`: monotonic ms.
   */
  pick(open: readonly Member[], call: BalancedCall, now: number): Member | undefined;
}

/** A way of choosing. */
export interface BalancerKind {
  /** What the configuration calls it. */
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  create(tier: readonly Member[], random: RandomSource): Balancer;
}
