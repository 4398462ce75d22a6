import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { ModelRoute } from '#model/model-route.ts';
import { findRoute, usableModels } from './policies/find-route.ts';

/** One model in the shape that both surfaces share. It has no creation date of its own here, so that is 0. */
function view(route: ModelRoute, organisation: string): object {
  return { id: route.name, object: 'model', created: 0, owned_by: organisation };
}

/** The answer to `models` and `models/{model}`: only what this caller may use. */
export function modelsReply(arrival: Arrival, caller: Caller): object {
  const { snapshot } = arrival;
  const { product } = caller.subscription;
  if (arrival.operation === 'models.list') {
    return { object: 'list', data: usableModels(snapshot, product).map((route) => view(route, snapshot.organisation)) };
  }
  const name = arrival.pathModel ?? '';
  // Only what may be used is known: a model of somebody else's product is answered like one that does not exist.
  if (!product.models.has(name))
    throw new Failure('model_not_found', 'No model of this name may be used.', { param: 'model' });
  return view(findRoute(snapshot, { name, product, surface: arrival.surface }), snapshot.organisation);
}
