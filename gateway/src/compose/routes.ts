import type {
  ExplainRouteQuery,
  RouteExplanation,
  RouteTrace as ShownTrace,
} from '@tollgate/contract/admin-api/routing.ts';
import type { RouteControl } from '#admin/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Product, Subscription } from '#model/caller.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Snapshot, SnapshotSource } from '#model/snapshot.ts';
import type { BalancedCall } from '#proxy/routing/balancers/balancer.ts';
import { explainRoute } from '#proxy/routing/explain.ts';
import type { Pools } from '#proxy/routing/pool.ts';
import type { RouteTrace, RouteTraces, TraceStep } from '#proxy/routing/trace.ts';

interface Sources {
  readonly snapshots: SnapshotSource;
  readonly pools: Pools;
  readonly traces: RouteTraces;
  readonly clock: Clock;
}

/** How calls are routed, as the admin API tells it. */
export function routeControl(sources: Sources): RouteControl {
  return {
    trace(requestId) {
      const found = sources.traces.get(requestId);
      return found === undefined ? undefined : shownTrace(found);
    },
    explain: (query) => explained(sources, query),
  };
}

function shownTrace(trace: RouteTrace): ShownTrace {
  return {
    requestId: trace.requestId,
    receivedAt: new Date(trace.receivedAt).toISOString(),
    subscription: trace.subscription,
    model: trace.model,
    steps: (trace.steps ?? []).map((step) => shownStep(step, trace)),
  };
}

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

function shownStep(step: TraceStep, trace: RouteTrace): ShownTrace['steps'][number] {
  const { record, fault } = step;
  const { model, endpoints } = step.fallback ?? trace;
  return {
    model,
    atMs: rounded(step.at),
    hedge: step.hedge,
    unmade: step.unmade ?? null,
    taken: step.taken === undefined ? null : (endpoints[step.taken]?.name ?? null),
    candidates: endpoints.map(({ name, tier }, index) => ({
      endpoint: name,
      tier: tier + 1,
      passed: step.passed[index] ?? null,
    })),
    waited: step.waited === undefined ? null : { ms: rounded(step.waited.ms), how: step.waited.how },
    attempt:
      record === undefined
        ? null
        : {
            id: record.id,
            outcome: record.outcome,
            fault,
            status: record.httpStatus,
            firstByteMs: record.timing.firstByteMs,
            upstreamMs: record.timing.upstreamMs,
          },
  };
}

function notFound(what: string): Failure {
  return new Failure('admin_not_found', what);
}

/** A subscription of this name; else one of this consumer, rather one that may call the model. */
function subscriptionOf(snapshot: Snapshot, { as, model }: ExplainRouteQuery): Subscription {
  const { subscriptions } = snapshot.directory;
  const named = subscriptions.get(as);
  if (named !== undefined) return named;
  const ofConsumer = [...subscriptions.values()].filter(({ consumer }) => consumer === as);
  const found = ofConsumer.find(({ product }) => product.models.has(model)) ?? ofConsumer[0];
  if (found === undefined) throw notFound(`There is no subscription and no consumer '${as}'.`);
  return found;
}

interface Explaining {
  readonly snapshot: Snapshot;
  readonly product: Product;
  readonly call: BalancedCall;
  readonly route: ModelRoute;
}

function fallbackOf(
  { pools, clock }: Sources,
  { snapshot, product, call, route }: Explaining,
): RouteExplanation['fallback'] {
  const routes = (product.routing.fallback.get(route.name) ?? []).flatMap((name) => snapshot.models.get(name) ?? []);
  return routes.map((other) => {
    const { members } = explainRoute(other, call, { health: pools.health, clock });
    return { model: other.name, takes: members.some(({ share }) => share > 0) };
  });
}

function queueOf({ pools }: Sources, route: ModelRoute): RouteExplanation['queue'] {
  const { queue } = pools.of(route);
  if (queue === null || route.queue === null) return null;
  const longest = queue.longestMs();
  return {
    ...route.queue,
    interactive: queue.count('interactive'),
    standard: queue.count('standard'),
    batch: queue.count('batch'),
    longestMs: longest === null ? null : rounded(longest),
  };
}

function explained(sources: Sources, query: ExplainRouteQuery): RouteExplanation {
  const { clock } = sources;
  const { health } = sources.pools;
  const snapshot = sources.snapshots.current();
  const route = snapshot.models.get(query.model);
  if (route === undefined) throw notFound(`There is no model '${query.model}'.`);
  const subscription = subscriptionOf(snapshot, query);
  const { product } = subscription;
  const call = {
    stream: query.stream === 'true',
    priority: product.routing.priority,
    sessionHash: undefined,
    resource: null,
  };
  const { members, waitMs } = explainRoute(route, call, { health, clock });
  return {
    model: route.name,
    subscription: subscription.name,
    product: product.name,
    priority: product.routing.priority,
    allowed: product.models.has(route.name),
    endpoints: members.map(({ member, tier, latencyMs, ...rest }) => {
      const { state, until, override, inFlight, utilization } = health.view(member.endpoint);
      return {
        endpoint: member.endpoint.name,
        weight: member.weight,
        state,
        until: until === null ? null : new Date(until).toISOString(),
        override,
        inFlight,
        utilization,
        ...rest,
        tier: tier + 1,
        latencyMs: latencyMs === 0 ? null : rounded(latencyMs),
      };
    }),
    fallback: fallbackOf(sources, { snapshot, product, call, route }),
    queue: queueOf(sources, route),
    waitMs: waitMs === undefined ? null : Math.ceil(waitMs),
  };
}
