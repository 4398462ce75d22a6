import { arrayAt, isJsonObject, objectAt, textAt, type Json, type JsonObject } from '#kernel/json.ts';
import type { Ask, Segment } from './ask.ts';
import type { Framing } from './framing.ts';
import {
  contentSegments,
  formatOf,
  functionTools,
  missing,
  optionalCount,
  optionalFlag,
  stopsOf,
  textIn,
  toolChoiceOf,
  toolSegments,
} from './read-parts.ts';
import { invalid } from './refusal.ts';

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** The body of a chat completion. Throws a `Refusal` (400) where the service would. */
export function readChat(body: JsonObject, framing: Framing): Ask {
  const messages = arrayAt(body, 'messages') ?? missing('messages');
  if (messages.length === 0)
    throw invalid("Invalid 'messages': empty array. Expected an array with minimum length 1.", {
      param: 'messages',
      code: 'empty_array',
    });
  const tools = arrayAt(body, 'tools') ?? [];
  const functions = functionTools(tools);
  const choices = optionalCount(body, 'n') ?? 1;
  const streamOptions = objectAt(body, 'stream_options');
  return {
    operation: 'chat.completions',
    stream: optionalFlag(body, 'stream'),
    prompts: [
      [
        ...toolSegments(tools, framing.perTool),
        ...messages.flatMap((message, index) => messageSegments(message, { index, framing })),
        { hidden: 3 + framing.perRequest },
      ],
    ],
    lastUserText: lastUserText(messages),
    generated: choices,
    shown: choices,
    outputLimit: optionalCount(body, 'max_completion_tokens') ?? optionalCount(body, 'max_tokens'),
    stops: stopsOf(body),
    tools: functions,
    toolChoice: toolChoiceOf(body, functions),
    format: formatOf(objectAt(body, 'response_format'), 'json_schema'),
    effort: textAt(body, 'reasoning_effort'),
    includeUsage: streamOptions?.['include_usage'] === true,
    includeObfuscation: streamOptions?.['include_obfuscation'] !== false,
    serviceTier: textAt(body, 'service_tier') === 'priority' ? 'priority' : 'default',
    body,
  };
}

function messageSegments(message: Json, at: { readonly index: number; readonly framing: Framing }): Segment[] {
  const role = isJsonObject(message) ? textAt(message, 'role') : undefined;
  if (!isJsonObject(message) || role === undefined || !roles.has(role))
    throw invalid(`Invalid value for 'messages[${at.index}].role'.`, {
      param: `messages[${at.index}].role`,
      code: 'invalid_value',
    });
  const name = textAt(message, 'name');
  const calls = (arrayAt(message, 'tool_calls') ?? []).flatMap((call) => {
    const called = isJsonObject(call) ? objectAt(call, 'function') : undefined;
    return [
      { hidden: at.framing.perCall },
      { text: textAt(called, 'name') ?? '' },
      { text: textAt(called, 'arguments') ?? '' },
    ];
  });
  return [
    { hidden: at.framing.perMessage },
    { text: role },
    ...(name === undefined ? [] : [{ hidden: 1 }, { text: name }]),
    ...contentSegments(message['content']),
    ...calls,
  ];
}

/** What the last message says if the user said it: after a tool's result the markers of the question have been served. */
function lastUserText(messages: readonly Json[]): string {
  const last = messages.at(-1);
  return isJsonObject(last) && last['role'] === 'user' ? textIn(last['content']) : '';
}
