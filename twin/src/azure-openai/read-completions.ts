import { isJsonArray, objectAt, type Json, type JsonObject } from '#kernel/json.ts';
import type { Ask } from './ask.ts';
import type { Framing } from './framing.ts';
import { optionalCount, optionalFlag, stopsOf } from './read-parts.ts';
import { invalid } from './refusal.ts';

// The service's own default for this operation.
const defaultLimit = 16;

/** The body of a (legacy) completion: prompts as texts or as tokens, one or many. */
export function readCompletions(body: JsonObject, framing: Framing): Ask {
  const inputs = readInputs(body['prompt'] ?? '<|endoftext|>', 'prompt');
  const shown = optionalCount(body, 'n') ?? 1;
  const best = optionalCount(body, 'best_of') ?? shown;
  const stream = optionalFlag(body, 'stream');
  if (best < shown) throw invalid("'best_of' must be at least as great as 'n'.", { param: 'best_of' });
  if (stream && best > shown) throw invalid("'best_of' cannot be streamed.", { param: 'best_of' });
  const streamOptions = objectAt(body, 'stream_options');
  const last = inputs.at(-1);
  return {
    operation: 'completions',
    stream,
    prompts: inputs.map((input) => [{ hidden: framing.perInput }, input]),
    lastUserText: last !== undefined && 'text' in last ? last.text : '',
    generated: best,
    shown,
    outputLimit: optionalCount(body, 'max_tokens') ?? defaultLimit,
    stops: stopsOf(body),
    tools: [],
    toolChoice: 'none',
    format: { kind: 'text' },
    effort: 'none',
    includeUsage: streamOptions?.['include_usage'] === true,
    includeObfuscation: false,
    serviceTier: 'default',
    body,
  };
}

export type Input = { readonly text: string } | { readonly ids: readonly number[] };

/** A text, several texts, one list of tokens, or several: as `prompt` and embeddings' `input` take them. */
export function readInputs(given: Json, param: string): Input[] {
  if (typeof given === 'string') return [{ text: given }];
  const bad = (): never => {
    throw invalid(`Invalid '${param}': expected a string, an array of strings, or arrays of tokens.`, { param });
  };
  if (!isJsonArray(given) || given.length === 0) return bad();
  if (given.every((one) => typeof one === 'number')) return [{ ids: tokensOf(given) ?? bad() }];
  return given.map((one) => {
    if (typeof one === 'string') return { text: one };
    return { ids: (isJsonArray(one) ? tokensOf(one) : undefined) ?? bad() };
  });
}

function tokensOf(list: readonly Json[]): number[] | undefined {
  const tokens = list.flatMap((one) => (typeof one === 'number' && Number.isSafeInteger(one) && one >= 0 ? [one] : []));
  return tokens.length === list.length && tokens.length > 0 ? tokens : undefined;
}
