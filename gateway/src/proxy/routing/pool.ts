import type { RandomSource } from '#kernel/random.ts';
import type { ModelRoute, SessionKey, Tier } from '#model/model-route.ts';
import type { Balancer, Member } from './balancers/balancer.ts';
import { balancersByName, keyedBalancer } from './balancers/registry.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { EndpointHealth } from './health.ts';
import { FirstByteTimes } from './first-byte-times.ts';
import type { PoolQueue } from './queue/pool-queue.ts';
import type { PoolQueues } from './queue/pool-queues.ts';
import { RetryLimiter } from './retry-limiter.ts';
import { PassedLists, type RouteTrace } from './trace.ts';

/** The endpoints of one priority, ready to choose from. */
export interface PoolTier {
  readonly members: readonly Member[];
  readonly balancer: Balancer;
  /** Refilled for every choice, so that a choice allocates nothing; only valid inside it. */
  readonly open: Member[];
}

/** A model's endpoints with what is known of them: what plans are made from. */
export interface Pool {
  readonly route: ModelRoute;
  readonly tiers: readonly PoolTier[];
  /** The endpoints of all tiers, for traces. */
  readonly endpoints: RouteTrace['endpoints'];
  readonly passed: PassedLists;
  readonly retries: RetryLimiter;
  /** Of the calls that may be hedged; nobody observes others. */
  readonly firstBytes: FirstByteTimes;
  /** Who waits for capacity; null where nobody may. */
  readonly queue: PoolQueue | null;
  readonly states: readonly EndpointState[];
  /** What calls that belong together have in common; null where no tier goes by it. */
  readonly sessionKey: SessionKey | null;
}

/** What a model keeps when its route is made anew. */
type Kept = Pick<Pool, 'retries' | 'firstBytes'>;

/** The pools of all models. One per process. */
export class Pools {
  readonly health: EndpointHealth;
  /** Null: nobody waits. */
  readonly queues: PoolQueues | null;
  readonly #random: RandomSource;
  readonly #byRoute = new WeakMap<ModelRoute, Pool>();
  readonly #kept = new Map<string, Kept>();

  constructor(health: EndpointHealth, random: RandomSource, queues: PoolQueues | null = null) {
    this.health = health;
    this.queues = queues;
    this.#random = random;
  }

  of(route: ModelRoute): Pool {
    let pool = this.#byRoute.get(route);
    if (pool === undefined) {
      pool = {
        route,
        tiers: this.#tiersOf(route),
        endpoints: route.tiers.flatMap(({ endpoints }, tier) =>
          endpoints.map(({ endpoint }) => ({ name: endpoint.name, tier })),
        ),
        passed: new PassedLists(),
        ...this.#keptOf(route.name),
        queue: route.queue === null ? null : (this.queues?.of(route.name) ?? null),
        states: route.endpoints.map((endpoint) => this.health.of(endpoint)),
        sessionKey: route.tiers.some(({ balancer }) => balancer === keyedBalancer) ? route.sessionKey : null,
      };
      this.#byRoute.set(route, pool);
    }
    return pool;
  }

  #tiersOf({ tiers }: ModelRoute): readonly PoolTier[] {
    let index = 0;
    return tiers.map((tier) => {
      const made = this.#tier(tier, index);
      index += made.members.length;
      return made;
    });
  }

  #tier({ endpoints, balancer }: Tier, firstIndex: number): PoolTier {
    const kind = balancersByName.get(balancer);
    // The configuration is checked against the same list; this is for whoever builds a route by hand.
    if (kind === undefined) throw new Error(`There is no balancer '${balancer}'.`);
    const members = endpoints.map(({ endpoint, weight }, place) => ({
      endpoint,
      weight,
      place,
      index: firstIndex + place,
      state: this.health.of(endpoint),
    }));
    return { members, balancer: kind.create(members, this.#random), open: [] };
  }

  #keptOf(model: string): Kept {
    let kept = this.#kept.get(model);
    if (kept === undefined) {
      kept = { retries: new RetryLimiter(), firstBytes: new FirstByteTimes() };
      this.#kept.set(model, kept);
    }
    return kept;
  }
}
