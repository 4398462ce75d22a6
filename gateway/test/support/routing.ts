import type { RandomSource } from '#kernel/random.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { BalancedCall } from '#proxy/routing/balancers/balancer.ts';
import type { EndpointState, HealthEvent, Lease, Verdict } from '#proxy/routing/endpoint-state.ts';
import { EndpointHealth } from '#proxy/routing/health.ts';
import { Plan } from '#proxy/routing/plan.ts';
import { Pools } from '#proxy/routing/pool.ts';
import { PoolQueues } from '#proxy/routing/queue/pool-queues.ts';
import { ManualClock } from './manual-clock.ts';

/** Always the same number: 0 takes the first by weight, and adds no jitter. */
export const always = (value: number): RandomSource => ({ next: () => value });

/** These numbers, then 0. */
export const inTurn = (...values: number[]): RandomSource => ({ next: () => values.shift() ?? 0 });

export const plainCall: BalancedCall = { stream: false, priority: 'standard', sessionHash: undefined, resource: null };

/** Routing without a gateway around it: real health, pools and plans on a clock that a test moves. */
export class RoutingBench {
  readonly clock = new ManualClock();
  readonly random: RandomSource;
  readonly happened: HealthEvent[] = [];
  readonly oddities: string[] = [];
  readonly defects: unknown[] = [];
  readonly health: EndpointHealth;
  readonly pools: Pools;
  readonly queues: PoolQueues;
  /** How waits ended, in their order. */
  readonly waits: string[] = [];

  constructor(random: RandomSource = always(0)) {
    this.random = random;
    this.health = new EndpointHealth({
      clock: this.clock,
      random,
      events: {
        happened: (event) => this.happened.push(event),
        odd: (endpoint, header) => this.oddities.push(`${endpoint} ${header}`),
        defect: (_endpoint, thrown) => this.defects.push(thrown),
      },
    });
    this.queues = new PoolQueues(this.clock, {
      waited: ({ ended }) => this.waits.push(ended.how),
      defect: (_model, thrown) => this.defects.push(thrown),
    });
    this.pools = new Pools(this.health, random, this.queues);
  }

  plan(route: ModelRoute, call: BalancedCall = plainCall): Plan {
    return new Plan(this.pools.of(route), call, this);
  }

  state(endpoint: Endpoint): EndpointState {
    return this.health.of(endpoint);
  }

  /** How it stands now. */
  standing(endpoint: Endpoint): string {
    return this.state(endpoint).state(this.clock.monotonic());
  }

  /** One attempt from beginning to end, whatever the endpoint stands like. */
  attempt(endpoint: Endpoint, verdict: Verdict | undefined): void {
    const lease = this.state(endpoint).begin();
    if (verdict !== undefined) lease.report(verdict);
    lease.end();
  }

  attempts(endpoint: Endpoint, count: number, verdict: Verdict | undefined): void {
    for (let at = 0; at < count; at += 1) this.attempt(endpoint, verdict);
  }
}

export const served: Verdict = { kind: 'served', firstByteMs: 100, stream: true };
export const failed: Verdict = { kind: 'failed', reason: 'status 500', leastMs: 0 };
export const misconfigured: Verdict = { kind: 'misconfigured', reason: 'status 401' };
export const throttledFor = (cooldownMs: number): Verdict => ({ kind: 'throttled', cooldownMs });

/** The endpoints that a plan hands out, in their order; the attempts end without a word. */
export function namesOf(plan: Plan, most = 8): readonly string[] {
  const names: string[] = [];
  const leases: Lease[] = [];
  for (let choice = plan.next(); choice !== undefined && names.length < most; choice = plan.next()) {
    names.push(choice.member.endpoint.name);
    leases.push(choice.lease);
  }
  for (const lease of leases) lease.end();
  return names;
}
