import { isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { TokenUnits } from '#proxy/usage/findings.ts';

/**
 * Far above any context window of 2026 (about one million tokens) and any batch of embeddings: a larger number is a defect
 * of the provider's, and would spend a whole budget.
 */
const mostTokens = 100_000_000;

/** A provider's count, or null where it is absent, negative, fractional, absurd or no number. */
export function tokenCount(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= mostTokens ? value : null;
}

/** A non-empty string, or undefined. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * The tier that served the call. `auto` is what was asked, echoed while nothing was served yet (`response.created`), so it
 * is not taken for an answer: https://platform.openai.com/docs/api-reference/responses/object#responses/object-service_tier
 */
export function serviceTierOf(value: Json | undefined): string | undefined {
  const tier = textOf(value);
  return tier === 'auto' ? undefined : tier;
}

/**
 * `usage` of chat completions and completions. Undefined where it says neither input nor output.
 *
 * `cached_tokens` and `cache_write_tokens` (reported by gpt-5.6 and later, which charge for writes) are disjoint parts of
 * `prompt_tokens`: https://developers.openai.com/api/docs/guides/prompt-caching,
 * https://learn.microsoft.com/azure/foundry/openai/how-to/prompt-caching. `audio_tokens` and `image_tokens` are taken as
 * disjoint from them too; where they were not, the parts add up to more than the whole and pricing refuses.
 */
export function promptCompletionUnits(usage: Json | undefined): TokenUnits | undefined {
  if (!isJsonObject(usage)) return undefined;
  const input = tokenCount(usage['prompt_tokens']);
  const output = completionTokens(usage, input);
  if (input === null && output === null) return undefined;
  const prompt = objectOf(usage['prompt_tokens_details']);
  const completion = objectOf(usage['completion_tokens_details']);
  return {
    input,
    cachedInput: tokenCount(prompt['cached_tokens']),
    cacheWriteInput: tokenCount(prompt['cache_write_tokens']),
    audioInput: tokenCount(prompt['audio_tokens']),
    imageInput: tokenCount(prompt['image_tokens']),
    output,
    reasoning: tokenCount(completion['reasoning_tokens']),
    audioOutput: tokenCount(completion['audio_tokens']),
  };
}

/**
 * OpenAI counts reasoning within `completion_tokens`. Some models that Azure also serves (Grok) count it beside: there the
 * total is the sum of all three, or the reasoning is more than the completion it would be a part of.
 */
function completionTokens(usage: JsonObject, input: number | null): number | null {
  const completion = tokenCount(usage['completion_tokens']);
  const reasoning = tokenCount(objectOf(usage['completion_tokens_details'])['reasoning_tokens']);
  if (completion === null || reasoning === null || reasoning === 0) return completion;
  const total = tokenCount(usage['total_tokens']);
  const addsUpBeside = input !== null && total === input + completion + reasoning;
  return addsUpBeside || reasoning > completion ? completion + reasoning : completion;
}

export function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
