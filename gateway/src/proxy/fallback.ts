import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ModelRoute } from '#model/model-route.ts';
import { beginPlan } from './begin-plan.ts';
import type { Forwarding } from './deliver.ts';
import type { Leg } from './leg.ts';
import { placeAt, type Place } from './place.ts';
import { livesInOneResource } from './policies/request-checks/request-checks.ts';
import type { Services } from './services.ts';

/** They are stored unless the call says otherwise. */
const isStoredResponse = ({ operation, body }: Exchange): boolean =>
  operation === 'responses' && body.json['store'] !== false;

function modelsFor({ exchange, caller, route, binding }: Admission): ModelRoute[] {
  const names = caller.subscription.product.routing.fallback.get(route.name);
  // Vectors of two models cannot be compared, and what lives in one resource is nowhere else.
  if (names === undefined || exchange.operation === 'embeddings' || livesInOneResource(exchange, binding)) return [];
  const models = names.flatMap((name) => exchange.snapshot.models.get(name) ?? []);
  if (!isStoredResponse(exchange)) return models;
  // It lives where it is made: there the model that was asked for must be able to go on with it.
  const homes = new Set(route.endpoints.map(({ resource }) => resource));
  return models.filter(({ endpoints }) => endpoints.every(({ resource }) => homes.has(resource)));
}

/** Whether the steps that judge a model let the call pass with this one. */
async function admits({ pipeline }: Services, admission: Admission): Promise<boolean> {
  const context = {
    ...admission,
    reply: undefined,
    failure: undefined,
    forward: () => Promise.reject(new Error('The call is not forwarded while a model is judged.')),
  };
  try {
    for (const step of pipeline.inbound) if (step.judgesModel === true) await step.run(context);
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure) return false;
    throw thrown;
  }
}

/**
 * The model of a call cannot take it: the next one that its product allows in its place, and that can take it now and be paid
 * for. Undefined where there is none; the call is then as it was before it fell back.
 */
export async function fallBack(services: Services, from: Leg, forwarding: Forwarding): Promise<Place | undefined> {
  forwarding.fallback ??= { asked: from, left: modelsFor(from.admission) };
  const { asked, left } = forwarding.fallback;
  for (let route = left.shift(); route !== undefined; route = left.shift()) {
    const admission: Admission = { ...asked.admission, route };
    if (!(await admits(services, admission))) continue;
    const plan = beginPlan(services, admission, forwarding);
    const choice = plan.next();
    if (choice === undefined) continue;
    forwarding.limits?.follow(admission);
    const place = await placeAt(services, forwarding, { plan, admission, choice, again: true });
    if (place === undefined) continue;
    services.instruments.fellBack(asked.admission.route.name, route.name);
    return place;
  }
  forwarding.limits?.follow(asked.admission);
  return undefined;
}
