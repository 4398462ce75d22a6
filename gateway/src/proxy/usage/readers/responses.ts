import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { ServerSentEvent } from '#kernel/sse.ts';
import type { Finding, TokenUnits } from '#proxy/usage/findings.ts';
import { pruneJson } from '#proxy/usage/pruned-json.ts';

import { errorFinding } from './error-finding.ts';
import { hostedCallOf, hostedToolMembers, toolCallsOf } from './hosted-tools.ts';
import type { EventFinding, UsageReader } from './reader.ts';
import { objectOf, serviceTierOf, textOf, tokenCount } from './token-counts.ts';

const responseMembers = {
  usage: true,
  model: true,
  service_tier: true,
  status: true,
  error: true,
  incomplete_details: true,
  tool_usage: true,
  content_filters: [{ blocked: true, source_type: true }],
  output: [hostedToolMembers],
} as const;

/** The events that end a stream. https://platform.openai.com/docs/api-reference/responses-streaming */
const terminalTypes: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

/** Events that tell the model early, or name a hosted tool's call, for streams that are broken off. */
const tellingTypes: ReadonlySet<string> = new Set(['response.created', 'response.output_item.done']);

/**
 * https://platform.openai.com/docs/api-reference/responses/object,
 * https://learn.microsoft.com/azure/foundry/openai/how-to/responses
 */
export const responsesReader = {
  name: 'responses',
  reply: { wanted: responseMembers, read: readResponse },
  stream: {
    // Without quotation marks around the types: the `event` line counts too. Every early event has `"error":null`.
    interesting: /response\.(?:completed|incomplete|failed|output_item\.done)|"error"(?!\s*:\s*null)|^event: ?error/mu,
    read: readEvent,
    passable: (beginning) => {
      const type = typeAtBeginning(beginning);
      return type !== undefined && type !== 'error' && !terminalTypes.has(type) && !tellingTypes.has(type);
    },
  },
} as const satisfies UsageReader;

function readEvent(event: ServerSentEvent): EventFinding {
  const whole = parseJsonObject(event.data);
  // One recorded reply ends with an event whose last brace is missing: clients stop at its type all the same, and the usage
  // in it is whole.
  const content = whole ?? pruneJson(event.data, { type: true, response: responseMembers }) ?? {};
  const type = textOf(content['type']) ?? event.type;
  if (type === 'error' || (type === undefined && isJsonObject(content['error']))) {
    return { role: 'error', ...errorOf(content) };
  }
  if (type === undefined) return {};
  if (type === 'response.output_item.done') {
    const call = hostedCallOf(content['item']);
    return call === undefined ? {} : { hostedCalls: [call] };
  }
  const response = objectOf(content['response']);
  if (terminalTypes.has(type)) return { ...readResponse(response), role: 'terminal', malformed: whole === undefined };
  return { model: textOf(response['model']), serviceTier: serviceTierOf(response['service_tier']) };
}

function readResponse(response: JsonObject): Finding {
  return {
    units: responseUnits(response['usage']),
    model: textOf(response['model']),
    serviceTier: serviceTierOf(response['service_tier']),
    ...endOf(response),
    toolCalls: toolCallsOf(response),
  };
}

/**
 * Undefined where `usage` says neither input nor output. `cached_tokens` and `cache_write_tokens` (gpt-5.6 and later) are
 * disjoint parts of the input: https://developers.openai.com/api/docs/guides/prompt-caching. Pictures and sound are not
 * told apart here, so they are unknown.
 */
function responseUnits(usage: Json | undefined): TokenUnits | undefined {
  if (!isJsonObject(usage)) return undefined;
  const input = tokenCount(usage['input_tokens']);
  const output = tokenCount(usage['output_tokens']);
  if (input === null && output === null) return undefined;
  const inputDetails = objectOf(usage['input_tokens_details']);
  return {
    input,
    cachedInput: tokenCount(inputDetails['cached_tokens']),
    cacheWriteInput: tokenCount(inputDetails['cache_write_tokens']),
    audioInput: null,
    imageInput: null,
    output,
    reasoning: tokenCount(objectOf(usage['output_tokens_details'])['reasoning_tokens']),
    audioOutput: null,
  };
}

/** A response cut by `max_output_tokens` is complete as a reply; one in the background has no ending yet. */
function endOf(response: JsonObject): Pick<Finding, 'ending' | 'ownFault'> {
  if (isFiltered(response)) return { ending: 'filtered-completion' };
  if (isJsonObject(response['error'])) return errorOf(response);
  const status = response['status'];
  if (status === 'completed' || status === 'incomplete') return { ending: 'completed' };
  return { ending: status === 'failed' || status === 'cancelled' ? 'failed' : undefined };
}

/** Azure's `content_filters` annotates prompt and completion; `blocked` says that it has acted. */
function isFiltered(response: JsonObject): boolean {
  if (objectOf(response['incomplete_details'])['reason'] === 'content_filter') return true;
  const filters = response['content_filters'];
  return Array.isArray(filters) && filters.some((filter: Json) => objectOf(filter)['blocked'] === true);
}

/** Two shapes are in use: the error in the event itself (OpenAI's reference), and as its `error` member (recorded). */
function errorOf(event: JsonObject): Pick<Finding, 'ending' | 'ownFault'> {
  const { error, code } = event;
  return errorFinding(isJsonObject(error) ? { ...error, code: error['code'] ?? code ?? null } : { code: code ?? null });
}

/** The type, from the `event` line or from a `type` that comes first; undefined where the beginning does not tell. */
function typeAtBeginning(beginning: string): string | undefined {
  return /^(?:event: ?(?<line>[\w.]+)\r?\n|data: ?\{\s*"type"\s*:\s*"(?<member>[\w.]+)")/u
    .exec(beginning)
    ?.slice(1)
    .find(Boolean);
}
