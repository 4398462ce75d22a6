import type { Admission } from '#model/admission.ts';
import type { Pool } from './routing/pool.ts';
import type { RouteTrace } from './routing/trace.ts';

/** An empty trace for a request; forwards add to it. */
export function beginTrace({ exchange, caller }: Admission, pool: Pool): RouteTrace {
  return {
    requestId: exchange.requestId,
    receivedAt: exchange.receivedAt,
    startedAt: exchange.startedAt,
    subscription: caller.subscription.name,
    model: exchange.requestedModel,
    endpoints: pool.endpoints,
    steps: undefined,
  };
}

/** `x-tollgate-route: ptu;throttled, payg-weu`: the endpoints that were tried, and why each was left for the next. */
export function routeHeader(trace: RouteTrace | undefined): readonly string[] {
  if (trace === undefined) return [];
  const tried = (trace.steps ?? []).flatMap((step) => {
    const name =
      step.taken === undefined || step.unmade !== undefined
        ? undefined
        : (step.fallback ?? trace).endpoints[step.taken]?.name;
    if (name === undefined) return [];
    return [step.fault === null ? name : `${name};${step.fault}`];
  });
  return tried.length === 0 ? [] : ['x-tollgate-route', tried.join(', ')];
}
