import { Failure } from '#kernel/errors.ts';
import { deadlineOf } from '#model/model-route.ts';
import type { Forwarding } from './deliver.ts';
import { exhausted } from './exhausted.ts';
import type { Leg } from './leg.ts';
import { placeAt, type Place } from './place.ts';
import type { Choice } from './routing/choice.ts';
import type { Plan } from './routing/plan.ts';
import type { Waited } from './routing/queue/pool-queue.ts';
import type { Services } from './services.ts';

/**
 * Nothing can take the call now: it waits for its place where it may, with nothing held in limits and budgets meanwhile.
 * Throws what the client is told where nothing comes of it.
 */
export async function waitForPlace(services: Services, leg: Leg, forwarding: Forwarding): Promise<Place> {
  const choice = await waitInQueue(leg, forwarding);
  const { attempts } = forwarding;
  const place = await placeAt(services, forwarding, { ...leg, choice, again: attempts > 0 });
  if (place === undefined) throw exhausted(leg.plan, attempts);
  return place;
}

async function waitInQueue({ plan, admission }: Leg, forwarding: Forwarding): Promise<Choice> {
  const { route, caller, exchange } = admission;
  const { queue } = plan.pool;
  if (queue === null || route.queue === null || !plan.mayWait) throw exhausted(plan, forwarding.attempts);
  const call = {
    plan,
    priority: caller.subscription.product.routing.priority,
    consumer: caller.chargedTo.consumer,
    deadlineAt: exchange.startedAt + deadlineOf(route, exchange.stream),
  };
  const { promise, resolve } = Promise.withResolvers<Waited>();
  forwarding.presence.watch({ clientLeft: queue.join(call, route.queue, resolve) });
  const waited = await promise;
  forwarding.presence.unwatch();
  forwarding.waitedMs += waited.ms;
  plan.waited(waited.ms, waited.how);
  if (waited.choice !== undefined) return waited.choice;
  throw refusal(waited, plan, forwarding.attempts);
}

function refusal({ how, ms }: Waited, plan: Plan, attempts: number): Failure {
  if (how === 'left') return new Failure('upstream_timeout', 'The client has gone.');
  if (how === 'drained')
    return new Failure('shutting_down', 'This gateway is going down; the call was waiting for capacity.');
  if (how === 'full') return exhausted(plan, attempts, 'As many calls wait as may.');
  if (how === 'displaced')
    return exhausted(plan, attempts, 'It waited, and its place was needed for a call that goes first.');
  return ms >= 1000 ? exhausted(plan, attempts, `It waited ${Math.round(ms / 1000)} s.`) : exhausted(plan, attempts);
}
