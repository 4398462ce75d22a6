import type { JsonObject } from '#kernel/json.ts';
import { encodeVector, type EmbeddingAsk } from './embed.ts';
import type { Deployment } from './estate.ts';
import type { World } from './exchange.ts';

/** The reply to an embeddings call. */
export function embeddingsBody(
  world: World,
  given: { readonly ask: EmbeddingAsk; readonly deployment: Deployment; readonly tokens: number },
): JsonObject {
  const { ask, deployment, tokens } = given;
  const data = ask.inputs.map((input, index) => ({
    object: 'embedding',
    index,
    embedding: encodeVector(world.embedder.vector(input, ask.dimensions), ask.base64),
  }));
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: 'list', data, model: deployment.reportedModel, usage };
}
