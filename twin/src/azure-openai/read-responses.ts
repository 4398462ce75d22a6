import { arrayAt, isJsonArray, isJsonObject, objectAt, textAt, type Json, type JsonObject } from '#kernel/json.ts';
import type { Ask, Segment } from './ask.ts';
import { tokensOfEncrypted } from './encrypted.ts';
import type { Framing } from './framing.ts';
import {
  contentSegments,
  formatOf,
  functionTools,
  missing,
  optionalCount,
  optionalFlag,
  textIn,
  toolChoiceOf,
  toolSegments,
} from './read-parts.ts';
import { invalid } from './refusal.ts';

const leastOutputTokens = 16;

interface Context {
  readonly framing: Framing;
  readonly earlier: number;
  /** Who is asked: only that one reads what it encrypted. */
  readonly resource: string;
}

/**
 * The body of a response to create. `earlier` is the number of tokens that what it goes on from brings along.
 * Throws a `Refusal` (400) where the service would, and for what the twin does not play.
 */
export function readResponses(body: JsonObject, context: Context): Ask {
  if (body['background'] === true)
    throw invalid("The twin does not play 'background'.", { param: 'background', code: 'unsupported_parameter' });
  const input = body['input'] ?? missing('input');
  const items = isJsonArray(input) ? input : [{ role: 'user', content: input }];
  const tools = arrayAt(body, 'tools') ?? [];
  const functions = functionTools(tools);
  const streamOptions = objectAt(body, 'stream_options');
  return {
    operation: 'responses',
    stream: optionalFlag(body, 'stream'),
    prompts: [promptOf(body, { items, tools, ...context })],
    lastUserText: lastUserText(items),
    generated: 1,
    shown: 1,
    outputLimit: optionalCount(body, 'max_output_tokens', leastOutputTokens),
    stops: [],
    tools: functions,
    toolChoice: toolChoiceOf(body, functions),
    format: formatOf(objectAt(objectAt(body, 'text'), 'format')),
    effort: textAt(objectAt(body, 'reasoning'), 'effort'),
    includeUsage: true,
    includeObfuscation: streamOptions?.['include_obfuscation'] !== false,
    serviceTier: textAt(body, 'service_tier') === 'priority' ? 'priority' : 'default',
    body,
  };
}

function promptOf(
  body: JsonObject,
  parts: Context & { readonly items: readonly Json[]; readonly tools: readonly Json[] },
): Segment[] {
  const { framing } = parts;
  const instructions = textAt(body, 'instructions');
  return [
    ...toolSegments(parts.tools, framing.perTool),
    ...(instructions === undefined ? [] : [{ hidden: framing.perMessage }, { text: instructions }]),
    ...(parts.earlier > 0 ? [{ hidden: parts.earlier }] : []),
    ...parts.items.flatMap((item) => itemSegments(item, parts)),
    { hidden: 3 + framing.perRequest },
  ];
}

function itemSegments(item: Json, { framing, resource }: Context): Segment[] {
  if (!isJsonObject(item)) throw invalid("Invalid 'input': expected a string or a list of items.", { param: 'input' });
  const encrypted = textAt(item, 'encrypted_content') ?? '';
  if (encrypted !== '')
    return [{ hidden: framing.perMessage }, { hidden: tokensOfEncrypted(resource, item, encrypted) }];
  const role = textAt(item, 'role');
  if (role !== undefined) return [{ hidden: framing.perMessage }, { text: role }, ...contentSegments(item['content'])];
  switch (textAt(item, 'type') ?? '') {
    case 'function_call':
      return [
        { hidden: framing.perCall },
        { text: textAt(item, 'name') ?? '' },
        { text: textAt(item, 'arguments') ?? '' },
      ];
    case 'function_call_output':
      return [{ hidden: framing.perMessage }, ...contentSegments(item['output'])];
    default:
      return [{ hidden: framing.perMessage }, { text: JSON.stringify(item) }];
  }
}

function lastUserText(items: readonly Json[]): string {
  const last = items.at(-1);
  return isJsonObject(last) && last['role'] === 'user' ? textIn(last['content']) : '';
}
