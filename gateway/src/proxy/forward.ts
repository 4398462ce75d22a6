import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Reply } from '#model/reply.ts';
import { Attempt, type AttemptResult } from './attempt.ts';
import { acceptedReply, answeredReply, type Forwarding } from './deliver.ts';
import { exhausted } from './exhausted.ts';
import type { RequestLimits, Reservation } from './ports.ts';
import { beginTrace } from './route-trace.ts';
import { Plan } from './routing/plan.ts';
import { sessionHashOf } from './routing/session-key.ts';
import type { Services } from './services.ts';

/** One attempt, given up where the client goes away and nobody reads on for it. */
async function make(attempt: Attempt, { presence }: Forwarding): Promise<AttemptResult> {
  const gives = attempt.options.admission.route.onClientDisconnect === 'cancel';
  if (gives) presence.watch(() => attempt.interrupt('client-left'));
  try {
    return await attempt.run();
  } finally {
    if (gives) presence.unwatch();
  }
}

function planOf(services: Services, admission: Admission, forwarding: Forwarding): Plan {
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

const unlimited: Reservation = { nano: null, settle() {}, release() {} };

/** Undefined where an attempt that is not the first cannot be reserved for. */
function reserve(
  { limits }: Forwarding,
  at: number,
  again: boolean,
): Reservation | undefined | Promise<Reservation | undefined> {
  if (limits === undefined) return unlimited;
  return again ? reserveAgain(limits, at) : limits.reserve(at);
}

async function reserveAgain(limits: RequestLimits, at: number): Promise<Reservation | undefined> {
  try {
    return await limits.reserve(at);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/**
 * Steps 4–6 of a request: attempt after attempt until one is accepted, answered, or none is left. Called once by the
 * default backend step, several times by one that retries.
 */
export async function forward(services: Services, admission: Admission, forwarding: Forwarding): Promise<Reply> {
  const plan = planOf(services, admission, forwarding);
  for (;;) {
    const at = services.clock.now();
    const reserving = reserve(forwarding, at, plan.made > 0);
    const reservation = reserving instanceof Promise ? await reserving : reserving;
    // What cannot be paid for again is not tried again: the client is told what came of the attempts before.
    if (reservation === undefined) throw exhausted(plan);
    const choice = plan.next();
    if (choice === undefined) {
      reservation.release();
      throw exhausted(plan);
    }
    forwarding.attempts += 1;
    const attempt = new Attempt(services, { admission, choice, at, reservation, number: forwarding.attempts });
    const result = await make(attempt, forwarding);
    if (result.kind === 'accepted')
      return acceptedReply(services, { attempt, reply: result.reply, admission, forwarding });
    forwarding.trail.push(`${attempt.endpointName}:${result.kind === 'try-another' ? result.fault.kind : result.kind}`);
    if (result.kind === 'answered') return answeredReply(admission, forwarding, result);
    if (result.kind === 'over')
      throw new Failure('upstream_timeout', 'The deadline of the call has passed.', { retriesSpent: plan.made > 1 });
    if (result.spilledTo !== undefined) plan.avoidSpilled(choice.member, result.spilledTo);
    // Whoever has gone pays for no further attempt.
    if (forwarding.presence.gone && admission.route.onClientDisconnect === 'cancel')
      throw new Failure('upstream_timeout', 'The client has gone.');
  }
}
