import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Reply } from '#model/reply.ts';
import { Attempt, type AttemptResult } from './attempt.ts';
import { beginPlan } from './begin-plan.ts';
import { AcceptedReply, answeredReply, type Forwarding } from './deliver.ts';
import { exhausted } from './exhausted.ts';
import { fallBack } from './fallback.ts';
import { hedgingOf, Race } from './hedge.ts';
import type { Leg } from './leg.ts';
import type { Place } from './place.ts';
import { reserve } from './reserve.ts';
import type { Services } from './services.ts';
import { waitForPlace } from './wait.ts';

/** One attempt, given up where the client goes away and nobody reads on for it. */
async function make(attempt: Attempt, { presence }: Forwarding): Promise<AttemptResult> {
  const gives = attempt.options.admission.route.onClientDisconnect === 'cancel';
  if (gives) presence.watch(attempt);
  try {
    return await attempt.run();
  } finally {
    if (gives) presence.unwatch();
  }
}

/** A request is counted by the record of its first attempt: one that leaves no record is not the first. */
function giveNumberBack({ wasMade, options }: Attempt, forwarding: Forwarding): void {
  if (!wasMade && options.number === forwarding.attempts) forwarding.attempts -= 1;
}

/** No endpoint of the model can take the call: another model does where that is allowed, else it waits for its own. */
async function anotherPlace(services: Services, from: Leg, forwarding: Forwarding): Promise<Place> {
  const fallen = await fallBack(services, from, forwarding);
  return fallen ?? (await waitForPlace(services, forwarding.fallback?.asked ?? from, forwarding));
}

/**
 * Steps 4–6 of a request: attempt after attempt until one is accepted, answered, or none is left. Called once by the
 * default backend step, several times by one that retries.
 */
export async function forward(services: Services, asked: Admission, forwarding: Forwarding): Promise<Reply> {
  let admission = asked;
  let plan = beginPlan(services, admission, forwarding);
  forwarding.fallback = undefined;
  for (;;) {
    // Whoever has gone pays for no attempt that has not begun: also where one that has is read to its end.
    if (forwarding.presence.gone) throw new Failure('upstream_timeout', 'The client has gone.');
    let at = services.clock.now();
    const reserving = reserve(forwarding, at, plan.made > 0);
    let reservation = reserving instanceof Promise ? await reserving : reserving;
    // What cannot be paid for again is not tried again: the client is told what came of the attempts before.
    if (reservation === undefined) throw exhausted(plan, forwarding.attempts);
    let choice = plan.next();
    if (choice === undefined) {
      reservation.release();
      ({ plan, admission, choice, reservation, at } = await anotherPlace(services, { plan, admission }, forwarding));
    }
    forwarding.attempts += 1;
    let attempt = new Attempt(services, { admission, choice, at, reservation, number: forwarding.attempts });
    const hedging = hedgingOf(admission);
    let result: AttemptResult;
    if (hedging === null) result = await make(attempt, forwarding);
    else ({ attempt, result } = await new Race(services, { plan, admission }, forwarding).run(attempt, hedging));
    if (result.kind === 'accepted')
      return new AcceptedReply(services, { attempt, reply: result.reply, admission, forwarding });
    forwarding.trail.push(`${attempt.endpointName}:${result.kind === 'try-another' ? result.fault.kind : result.kind}`);
    if (result.kind === 'answered') return answeredReply(admission, forwarding, result);
    if (result.kind === 'over')
      throw new Failure('upstream_timeout', 'The deadline of the call has passed.', {
        retriesSpent: forwarding.attempts > 1,
      });
    giveNumberBack(attempt, forwarding);
    plan.learn(attempt.options.choice.member, result);
  }
}
