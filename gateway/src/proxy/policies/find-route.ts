import { Failure } from '#kernel/errors.ts';
import type { Product } from '#model/caller.ts';
import type { Surface } from '#model/operation.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Snapshot } from '#model/snapshot.ts';

/** The models that a product may call, in the order of the configuration. */
export function usableModels(snapshot: Snapshot, product: Product): readonly ModelRoute[] {
  return [...snapshot.models.values()].filter((route) => product.models.has(route.name));
}

export interface ModelRequest {
  readonly name: string;
  readonly product: Product;
  readonly surface: Surface;
}

/** The route of a model, if this product may call it. Throws the surface's own "no such deployment" otherwise. */
export function findRoute(snapshot: Snapshot, asked: ModelRequest): ModelRoute {
  const route = snapshot.models.get(asked.name);
  if (route === undefined) {
    throw asked.surface === 'classic'
      ? new Failure('DeploymentNotFound', 'No deployment of this name is served.')
      : new Failure('model_not_found', 'No model of this name is served.', { param: 'model' });
  }
  if (!asked.product.models.has(asked.name)) {
    throw new Failure('model_not_allowed', `The product '${asked.product.name}' does not include this model.`, {
      param: 'model',
    });
  }
  return route;
}
