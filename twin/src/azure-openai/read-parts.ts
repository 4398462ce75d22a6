import {
  arrayAt,
  countAt,
  isJsonArray,
  isJsonObject,
  objectAt,
  textAt,
  type Json,
  type JsonObject,
} from '#kernel/json.ts';
import type { FunctionTool, ReplyFormat, Segment, ToolChoice } from './ask.ts';
import { invalid } from './refusal.ts';

// What an image costs: as the vision guide has it for one tile at low detail, and for a middling image at high detail.
const lowDetailTokens = 85;
const highDetailTokens = 765;
const bytesPerToken = 4;

/** The text and other parts of a message's or item's `content`. */
export function contentSegments(content: Json | undefined): Segment[] {
  if (typeof content === 'string') return [{ text: content }];
  if (!isJsonArray(content)) return [];
  return content.flatMap((part) => (isJsonObject(part) ? partSegments(part) : []));
}

function partSegments(part: JsonObject): Segment[] {
  const type = textAt(part, 'type');
  const text = textAt(part, 'text') ?? textAt(part, 'refusal');
  if (text !== undefined) return [{ text }];
  if (type === 'image_url' || type === 'input_image') {
    const detail = textAt(objectAt(part, 'image_url'), 'detail') ?? textAt(part, 'detail');
    return [{ hidden: detail === 'low' ? lowDetailTokens : highDetailTokens }];
  }
  // Sound and files are taken by their size: the twin does not open them.
  return [{ hidden: Math.ceil(JSON.stringify(part).length / bytesPerToken) }];
}

export function textIn(content: Json | undefined): string {
  if (typeof content === 'string') return content;
  if (!isJsonArray(content)) return '';
  return content.map((part) => (isJsonObject(part) ? (textAt(part, 'text') ?? '') : '')).join('');
}

/** Tokens of a tool's declaration: its JSON, and what is put around it. */
export function toolSegments(tools: readonly Json[], perTool: number): Segment[] {
  return tools.flatMap((tool) => [{ hidden: perTool }, { text: JSON.stringify(tool) }]);
}

/** The functions among the tools, in the form that chat (`function`) or Responses (flat) gives them. */
export function functionTools(tools: readonly Json[]): FunctionTool[] {
  return tools.flatMap((tool) => {
    if (!isJsonObject(tool) || tool['type'] !== 'function') return [];
    const declared = objectAt(tool, 'function') ?? tool;
    const name = textAt(declared, 'name');
    return name === undefined ? [] : [{ name, parameters: objectAt(declared, 'parameters') ?? { type: 'object' } }];
  });
}

export function toolChoiceOf(body: JsonObject, tools: readonly FunctionTool[]): ToolChoice {
  const choice = body['tool_choice'] ?? undefined;
  if (choice === undefined) return tools.length > 0 ? 'auto' : 'none';
  if (choice === 'none') return choice;
  if (arrayAt(body, 'tools') === undefined)
    throw invalid("'tool_choice' is only allowed when 'tools' are specified.", { param: 'tool_choice' });
  if (choice === 'auto' || choice === 'required') return choice;
  if (!isJsonObject(choice)) throw invalid("Invalid value for 'tool_choice'.", { param: 'tool_choice' });
  return namedChoice(choice, tools);
}

function namedChoice(choice: JsonObject, tools: readonly FunctionTool[]): ToolChoice {
  const named = textAt(objectAt(choice, 'function'), 'name') ?? textAt(choice, 'name');
  if (named === undefined) return 'auto';
  if (!tools.some((tool) => tool.name === named))
    throw invalid(`Tool choice '${named}' not found in 'tools' parameter.`, { param: 'tool_choice' });
  return { named };
}

/** A count that the caller may leave out. */
export function optionalCount(body: JsonObject, name: string, least = 1): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const count = countAt(body, name);
  if (count === undefined || count < least)
    throw invalid(`Invalid value for '${name}': expected an integer of at least ${least}.`, {
      param: name,
      code: 'integer_below_min_value',
    });
  return count;
}

export function optionalFlag(body: JsonObject, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean')
    throw invalid(`Invalid type for '${name}': expected a boolean.`, { param: name, code: 'invalid_type' });
  return value;
}

export function stopsOf(body: JsonObject): string[] {
  const stop = body['stop'];
  if (typeof stop === 'string') return stop === '' ? [] : [stop];
  if (!isJsonArray(stop)) return [];
  if (stop.length > 4) throw invalid("Invalid 'stop': at most 4 sequences are allowed.", { param: 'stop' });
  return stop.flatMap((one) => (typeof one === 'string' && one !== '' ? [one] : []));
}

export function missing(name: string): never {
  throw invalid(`Missing required parameter: '${name}'.`, { param: name, code: 'missing_required_parameter' });
}

/** What form the reply is to have; chat holds the schema one level deeper than Responses, in `holder`. */
export function formatOf(format: JsonObject | undefined, holder?: string): ReplyFormat {
  const type = format?.['type'];
  if (type === 'json_object') return { kind: 'json', schema: undefined };
  if (type !== 'json_schema') return { kind: 'text' };
  return { kind: 'json', schema: objectAt(holder === undefined ? format : objectAt(format, holder), 'schema') };
}
