import type { Admission } from '#model/admission.ts';
import type { Forwarding } from './deliver.ts';
import { beginTrace } from './route-trace.ts';
import { Plan } from './routing/plan.ts';
import { sessionHashOf } from './routing/session-key.ts';
import type { Services } from './services.ts';

/** The plan of a call over the endpoints of one model; its choices are written into the trace of the request. */
export function beginPlan(services: Services, admission: Admission, forwarding: Forwarding): Plan {
  const { exchange, caller, route, binding } = admission;
  const pool = services.pools.of(route);
  if (services.traces.keeps && forwarding.trace === undefined) {
    forwarding.trace = beginTrace(admission, pool);
    services.traces.add(forwarding.trace);
  }
  const { priority } = caller.subscription.product.routing;
  const call = {
    stream: exchange.stream,
    priority,
    sessionHash: sessionHashOf(pool, exchange, caller),
    resource: binding?.resource ?? null,
  };
  return new Plan(pool, call, { clock: services.clock, random: services.random, trace: forwarding.trace });
}
