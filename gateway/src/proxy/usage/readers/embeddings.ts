import { isJsonObject, type Json } from '#kernel/json.ts';
import type { TokenUnits } from '#proxy/usage/findings.ts';

import { chunkStream } from './chunk-stream.ts';
import type { UsageReader } from './reader.ts';
import { serviceTierOf, textOf, tokenCount } from './token-counts.ts';

/** https://platform.openai.com/docs/api-reference/embeddings/create. It does not stream; were it to, chunks are read. */
export const embeddingsReader = {
  name: 'embeddings',
  reply: {
    wanted: { usage: true, model: true, service_tier: true, error: true },
    read: (reply) => ({
      units: embeddingUnits(reply['usage']),
      model: textOf(reply['model']),
      serviceTier: serviceTierOf(reply['service_tier']),
      ending: isJsonObject(reply['error']) ? 'failed' : 'completed',
    }),
  },
  stream: chunkStream(embeddingUnits),
} as const satisfies UsageReader;

/**
 * Everything but the input is known to be none: an embedding is a vector, no tokens, and prompts are cached for chat,
 * completion, Responses and real-time operations only
 * (https://learn.microsoft.com/azure/foundry/openai/how-to/prompt-caching).
 */
function embeddingUnits(usage: Json | undefined): TokenUnits | undefined {
  const input = isJsonObject(usage) ? tokenCount(usage['prompt_tokens']) : null;
  if (input === null) return undefined;
  return {
    input,
    cachedInput: 0,
    cacheWriteInput: 0,
    audioInput: 0,
    imageInput: 0,
    output: 0,
    reasoning: 0,
    audioOutput: 0,
  };
}
