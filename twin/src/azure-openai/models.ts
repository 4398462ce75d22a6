import type { JsonObject } from '#kernel/json.ts';
import type { Deployment, Resource } from './estate.ts';
import type { Surface } from './route.ts';
import { Refusal } from './refusal.ts';

// When the models of the default estate came out; a listing only has to name some date.
const createdAt = 1_773_705_600;

/** `models.list`: on v1 by deployment, which is what callers name; on the classic surface the base models. */
export function listModels(resource: Resource, surface: Surface): JsonObject {
  const listed = new Map(
    [...resource.deployments.values()].map((deployment) => [idOf(deployment, surface), deployment]),
  );
  return { object: 'list', data: [...listed].map(([id, deployment]) => describeModel(id, deployment)) };
}

export function retrieveModel(
  resource: Resource,
  asked: { readonly model: string; readonly surface: Surface },
): JsonObject {
  const found = [...resource.deployments.values()].find((one) => idOf(one, asked.surface) === asked.model);
  if (found === undefined)
    throw new Refusal(404, { code: 'model_not_found', message: `The model '${asked.model}' does not exist.` });
  return describeModel(asked.model, found);
}

function idOf(deployment: Deployment, surface: Surface): string {
  return surface === 'v1' ? deployment.name : deployment.reportedModel;
}

function describeModel(id: string, deployment: Deployment): JsonObject {
  return {
    id,
    object: 'model',
    created: createdAt,
    created_at: createdAt,
    owned_by: 'azure-openai',
    status: 'succeeded',
    lifecycle_status: 'generally-available',
    model: deployment.config.model,
    capabilities: {
      fine_tune: false,
      inference: true,
      completion: deployment.kind !== 'embedding',
      chat_completion: deployment.kind === 'chat',
      embeddings: deployment.kind === 'embedding',
    },
  };
}
