import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { ServerSentEvent } from '#kernel/sse.ts';
import type { Finding, TokenUnits } from '#proxy/usage/findings.ts';

import { errorFinding } from './error-finding.ts';
import type { EventFinding, StreamReader } from './reader.ts';
import { objectOf, serviceTierOf, textOf } from './token-counts.ts';

type UnitsOf = (usage: Json | undefined) => TokenUnits | undefined;

/**
 * What every chunk has does not count as interesting: `"usage":null` (all but the last chunk of a stream with
 * `include_usage`) and `"finish_reason":null`. Text that the model wrote cannot match: its quotation marks are escaped.
 * `[DONE]` in such text can, and is told apart by reading the event.
 */
const interesting = /"(?:usage|finish_reason|error)"\s*:\s*(?!null|\s)|\[DONE\]/u;

/** Streams whose events are `data:` lines with a chunk each, closed by `[DONE]`: chat completions and completions. */
export function chunkStream(unitsOf: UnitsOf): StreamReader {
  return {
    interesting,
    read: (event) => readChunk(event, unitsOf),
    // The usage stands at the end of a chunk, whatever its beginning says.
    passable: () => false,
  };
}

/** An unstreamed reply of the same operations. */
export function readChoicesReply(reply: JsonObject, unitsOf: UnitsOf): Finding {
  return {
    units: unitsOf(reply['usage']),
    model: textOf(reply['model']),
    serviceTier: serviceTierOf(reply['service_tier']),
    ...(isJsonObject(reply['error'])
      ? errorFinding(reply['error'])
      : { ending: endingOfChoices(reply) ?? 'completed' }),
  };
}

export const choicesReplyMembers = {
  usage: true,
  model: true,
  service_tier: true,
  error: true,
  choices: [{ finish_reason: true }],
} as const;

function readChunk(event: ServerSentEvent, unitsOf: UnitsOf): EventFinding {
  if (event.data.trim() === '[DONE]') return { role: 'terminal', ending: 'completed' };
  const chunk = parseJsonObject(event.data);
  if (chunk === undefined) return {};
  // An error in mid-stream is the last thing that a client reads: it throws there.
  if (isJsonObject(chunk['error'])) return { role: 'terminal', ...errorFinding(chunk['error']) };
  return {
    units: unitsOf(chunk['usage']),
    model: textOf(chunk['model']),
    serviceTier: serviceTierOf(chunk['service_tier']),
    ending: endingOfChoices(chunk),
    withoutUsage: isJsonObject(chunk['usage']) ? () => withoutUsage(event, chunk) : undefined,
  };
}

/**
 * The usage-only chunk (no choices) goes; of a chunk that carries more, only the usage goes. That costs a JSON.stringify of
 * this one event, and its bytes may be spelled differently (numbers, escapes) while meaning the same.
 * Azure's annotations of the prompt come in a chunk without choices too: they stay.
 */
function withoutUsage(event: ServerSentEvent, chunk: JsonObject): ServerSentEvent | undefined {
  const { usage: _, ...rest } = chunk;
  const choices = rest['choices'];
  const carriesMore =
    (Array.isArray(choices) && choices.length > 0) || 'prompt_filter_results' in rest || 'prompt_annotations' in rest;
  return carriesMore ? { type: event.type, data: JSON.stringify(rest) } : undefined;
}

/** Undefined where no choice has finished; one filtered choice makes the reply a filtered one. */
function endingOfChoices(reply: JsonObject): 'completed' | 'filtered-completion' | undefined {
  const choices = reply['choices'];
  if (!Array.isArray(choices)) return undefined;
  const reasons = choices.map((choice: Json) => textOf(objectOf(choice)['finish_reason']));
  if (reasons.includes('content_filter')) return 'filtered-completion';
  return reasons.some((reason) => reason !== undefined) ? 'completed' : undefined;
}
