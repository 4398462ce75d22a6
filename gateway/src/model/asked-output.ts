import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Exchange } from './exchange.ts';
import type { MeteredOperation } from './operation.ts';

/** Where each operation says how many tokens it may generate; the first is what is set when a call names none. */
export const outputCaps: Readonly<Record<MeteredOperation, readonly string[]>> = {
  'chat.completions': ['max_completion_tokens', 'max_tokens'],
  completions: ['max_tokens'],
  responses: ['max_output_tokens'],
  embeddings: [],
};

/** The API's own default for completions, which are short unless asked. Source: OpenAI API reference, completions. */
export const silentCompletionTokens = 16;

/** A member that must be a whole number above 0 where it is given; throws the Failure that says so. */
export function positiveInteger(json: JsonObject, name: string): number | undefined {
  const value = json[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new Failure('invalid_request_body', `'${name}' must be a whole number above 0.`, { param: name });
  }
  return value;
}

/** A completion takes one prompt, or a list of them; a list of numbers is one prompt in tokens. */
export function promptsOf({ operation, body }: Exchange): number {
  const prompt = operation === 'completions' ? body.json['prompt'] : undefined;
  return Array.isArray(prompt) && typeof prompt[0] !== 'number' ? Math.max(1, prompt.length) : 1;
}

/** How often the model answers in one call: each answer may be as long as the output cap that the call names. */
export function choicesOf(exchange: Exchange): number {
  const n = positiveInteger(exchange.body.json, 'n') ?? 1;
  const bestOf = positiveInteger(exchange.body.json, 'best_of') ?? 1;
  return Math.max(n, bestOf) * promptsOf(exchange);
}
