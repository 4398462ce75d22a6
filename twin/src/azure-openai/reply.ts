import { textOf } from '#generation/words.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Ask } from './ask.ts';
import type { Deployment } from './estate.ts';
import type { Choice, Generation } from './generate.ts';

/** All that a reply is written from. */
export interface ReplyFacts {
  readonly ask: Ask;
  readonly generation: Generation;
  /** Who serves it. */
  readonly deployment: Deployment;
  /** The name that the caller used. */
  readonly requestedModel: string;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly ids: IdSource;
  /** The name of the resource that it is asked of, which alone can read what it encrypts. */
  readonly resource: string;
}

/** `usage` as chat and text completions report it. */
export function completionUsage(facts: ReplyFacts): JsonObject {
  const { generation, inputTokens, cachedInputTokens, ask } = facts;
  const totals = {
    completion_tokens: generation.outputTokens,
    prompt_tokens: inputTokens,
    total_tokens: inputTokens + generation.outputTokens,
  };
  if (ask.operation === 'completions') return totals;
  return {
    ...totals,
    completion_tokens_details: {
      accepted_prediction_tokens: 0,
      audio_tokens: 0,
      reasoning_tokens: generation.reasoningTokens,
      rejected_prediction_tokens: 0,
    },
    prompt_tokens_details: { audio_tokens: 0, cached_tokens: cachedInputTokens },
  };
}

export function responseUsage(facts: ReplyFacts): JsonObject {
  const { generation, inputTokens, cachedInputTokens } = facts;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens },
    output_tokens: generation.outputTokens,
    output_tokens_details: { reasoning_tokens: generation.reasoningTokens },
    total_tokens: inputTokens + generation.outputTokens,
  };
}

export function textOfChoice(choice: Choice): string {
  return textOf(choice.pieces);
}

/** Padding that hides how long a piece of a stream is (platform.openai.com, `include_obfuscation`). */
export function obfuscation(text: string): string {
  const padding = 'aT7mQx2ZrV9kLw4H';
  return padding.slice(0, padding.length - (text.length % padding.length));
}
