import type { Clock } from '#kernel/clock.ts';
import { seededRandom } from '#kernel/random.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { BalancedCall, Member } from './balancers/balancer.ts';
import type { EndpointHealth } from './health.ts';
import { Plan } from './plan.ts';
import { Pools } from './pool.ts';
import type { Passed } from './trace.ts';

/** What would happen to a call at one endpoint now. */
interface ExplainedMember {
  readonly member: Member;
  /** From 0. */
  readonly tier: number;
  readonly balancer: string;
  readonly objection: Passed | null;
  /** Of many such calls, the share whose first attempt would go here. */
  readonly share: number;
  /** ms; 0 where nothing is known. */
  readonly latencyMs: number;
  readonly room: number;
  readonly yieldAt: number | null;
}

export interface Explanation {
  readonly members: readonly ExplainedMember[];
  /** ms until one may be tried; undefined where one may now. */
  readonly waitMs: number | undefined;
}

/** Choices that are made to see how they fall. */
const draws = 1_000;

/**
 * What would happen to a call now, by drawing many first choices over the real state of the endpoints with balancers and
 * chance of its own: nothing of what is asked here changes what the next call gets.
 */
export function explainRoute(
  route: ModelRoute,
  call: BalancedCall,
  { health, clock }: { readonly health: EndpointHealth; readonly clock: Clock },
): Explanation {
  const random = seededRandom(1);
  const pool = new Pools(health, random).of(route);
  const counts = new Map<Member, number>();
  const tools = { clock, random };
  for (let at = 0; at < draws; at += 1) {
    // Calls without a session of their own are of many.
    const sessionHash = call.sessionHash ?? Math.floor(random.next() * 2 ** 32);
    const found = new Plan(pool, { ...call, sessionHash }, tools).preview();
    if (found === undefined) break;
    counts.set(found, (counts.get(found) ?? 0) + 1);
  }
  const plan = new Plan(pool, call, tools);
  const now = clock.monotonic();
  const members = pool.tiers.flatMap(({ members: inTier }, tier) =>
    inTier.map((member) => ({
      member,
      tier,
      balancer: route.tiers[tier]?.balancer ?? '',
      objection: plan.objection(member),
      share: (counts.get(member) ?? 0) / draws,
      latencyMs: member.state.latency(now, call.stream),
      room: member.state.load.room(now),
      yieldAt: member.endpoint.yieldAt?.[call.priority] ?? null,
    })),
  );
  return { members, waitMs: counts.size === 0 ? plan.shortestWaitMs() : undefined };
}
