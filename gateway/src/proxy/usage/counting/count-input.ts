import { isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { Counted } from '#proxy/usage/ports.ts';

import { countText, type Tokenizer } from './count-text.ts';

export type CountedInput = Pick<Counted, 'input' | 'measuredInput'>;

/** Thrown inside this file where a request refers to something that cannot be counted from its text. */
class Uncountable extends Error {}

const unknownInput: CountedInput = { input: null, measuredInput: 'unknown' };

/**
 * Chat framing of the o200k and cl100k families, and the tokens around a function and its parameters, from
 * https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken. How tools and schemas are really written into
 * the prompt is not published, so whatever is framed is an estimate.
 */
const framing = {
  message: 3,
  name: 1,
  reply: 3,
  tool: 7,
  tools: 12,
  properties: 3,
  property: 3,
  enumeration: -3,
  enumerated: 3,
} as const;

/** Counts what a request puts in. Unknown where it holds more than text: pictures, files, stored conversations, hosted tools. */
export function countInput(operation: MeteredOperation, body: JsonObject, tokenizer: Tokenizer): CountedInput {
  const tally = new Tally(tokenizer);
  try {
    counters[operation](body, tally);
  } catch (thrown) {
    // Schemas and lists that are nested deeper than the stack: no honest request, and not worth the worker of all others.
    if (thrown instanceof Uncountable || thrown instanceof RangeError) return unknownInput;
    throw thrown;
  }
  return { input: tally.tokens, measuredInput: tally.exact ? 'tokenized' : 'estimated' };
}

class Tally {
  readonly #tokenizer: Tokenizer;
  tokens = 0;
  exact = true;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  text(value: Json | undefined): void {
    if (value === undefined || value === null) return;
    if (typeof value !== 'string') throw new Uncountable();
    const { tokens, cuts } = countText(value, this.#tokenizer);
    this.tokens += tokens;
    if (cuts > 0) this.exact = false;
  }

  frame(tokens: number): void {
    this.tokens += tokens;
    this.exact = false;
  }
}

type Counter = (body: JsonObject, tally: Tally) => void;

const counters: Readonly<Record<MeteredOperation, Counter>> = {
  'chat.completions': countChat,
  completions(body, tally) {
    if (body['prompt'] === undefined) throw new Uncountable();
    countTexts(body['prompt'], tally);
    // How text is put around the place of insertion is not published.
    if (typeof body['suffix'] === 'string' && body['suffix'] !== '') {
      tally.text(body['suffix']);
      tally.exact = false;
    }
  },
  embeddings: (body, tally) => countTexts(body['input'], tally),
  responses: countResponses,
};

/** A text, texts, tokens, or lists of tokens: the forms of `prompt` and of an embedding's `input`. */
function countTexts(value: Json | undefined, tally: Tally): void {
  if (typeof value === 'string') tally.text(value);
  else if (!isList(value)) throw new Uncountable();
  else if (value.every(Number.isInteger)) tally.tokens += value.length;
  else for (const one of value) countTexts(one, tally);
}

function countChat(body: JsonObject, tally: Tally): void {
  for (const message of objectsIn(body['messages'])) {
    tally.frame(framing.message);
    tally.text(message['role']);
    countName(message['name'], tally);
    countContent(message['content'], tally);
    tally.text(message['refusal']);
    for (const call of objectsIn(message['tool_calls'] ?? [])) countCall(call['function'] ?? call['custom'], tally);
    if (message['function_call'] !== undefined) countCall(message['function_call'], tally);
    if (isJsonObject(message['audio'])) throw new Uncountable();
  }
  tally.frame(framing.reply);
  countTools(
    objectsIn(body['tools'] ?? []).map((tool) => tool['function'] ?? tool['custom']),
    tally,
  );
  countTools(objectsIn(body['functions'] ?? []), tally);
  countSchema(body['response_format'], tally);
}

function countResponses(body: JsonObject, tally: Tally): void {
  for (const reference of ['previous_response_id', 'conversation', 'prompt']) {
    if (body[reference] !== undefined && body[reference] !== null) throw new Uncountable();
  }
  if (typeof body['instructions'] === 'string') {
    tally.frame(framing.message);
    tally.text('system');
    tally.text(body['instructions']);
  }
  const input = body['input'];
  for (const item of typeof input === 'string' ? [{ role: 'user', content: input }] : objectsIn(input)) {
    countItem(item, tally);
  }
  tally.frame(framing.reply);
  const tools = objectsIn(body['tools'] ?? []);
  if (tools.some(({ type }) => type !== 'function' && type !== 'custom')) throw new Uncountable();
  countTools(tools, tally);
  if (isJsonObject(body['text'])) countSchema(body['text']['format'], tally);
}

function countItem(item: JsonObject, tally: Tally): void {
  tally.frame(framing.message);
  const type = item['type'] ?? 'message';
  if (type === 'message') {
    tally.text(item['role']);
    countContent(item['content'], tally);
  } else if (type === 'function_call' || type === 'custom_tool_call') countCall(item, tally);
  else if (type === 'function_call_output' || type === 'custom_tool_call_output') countContent(item['output'], tally);
  else throw new Uncountable();
}

const textParts: ReadonlySet<Json | undefined> = new Set(['text', 'input_text', 'output_text', 'refusal']);

function countContent(content: Json | undefined, tally: Tally): void {
  if (!isList(content)) {
    tally.text(content);
    return;
  }
  for (const part of objectsIn(content)) {
    if (!textParts.has(part['type'])) throw new Uncountable();
    tally.text(part['text'] ?? part['refusal']);
  }
}

function countName(name: Json | undefined, tally: Tally): void {
  if (typeof name !== 'string') return;
  tally.frame(framing.name);
  tally.text(name);
}

function countCall(call: Json | undefined, tally: Tally): void {
  if (!isJsonObject(call)) throw new Uncountable();
  for (const member of ['name', 'arguments', 'input']) tally.text(call[member]);
}

function countTools(tools: readonly (Json | undefined)[], tally: Tally): void {
  if (tools.length === 0) return;
  for (const tool of tools) {
    if (!isJsonObject(tool)) throw new Uncountable();
    tally.frame(framing.tool);
    tally.text(labelled(tool['name'], tool['description']));
    if (isJsonObject(tool['format'])) tally.text(JSON.stringify(tool['format']));
    countProperties(tool['parameters'], tally);
  }
  tally.frame(framing.tools);
}

function countProperties(schema: Json | undefined, tally: Tally): void {
  if (!isJsonObject(schema) || !isJsonObject(schema['properties'])) return;
  const properties = Object.entries(schema['properties']);
  if (properties.length > 0) tally.frame(framing.properties);
  for (const [name, property] of properties) {
    if (!isJsonObject(property)) continue;
    tally.frame(framing.property);
    tally.text(labelled(name, property['type'], property['description']));
    if (isList(property['enum'])) {
      tally.frame(framing.enumeration);
      for (const value of property['enum']) {
        tally.frame(framing.enumerated);
        tally.text(JSON.stringify(value));
      }
    }
    countProperties(property, tally);
    countProperties(property['items'], tally);
  }
}

/** A schema of the reply stands in the prompt too. */
function countSchema(format: Json | undefined, tally: Tally): void {
  if (!isJsonObject(format) || format['type'] !== 'json_schema') return;
  tally.frame(framing.tools);
  tally.text(JSON.stringify(format['json_schema'] ?? format['schema'] ?? {}));
}

function labelled(...parts: readonly (Json | undefined)[]): string {
  return parts.map((part) => (typeof part === 'string' ? part.replace(/\.$/u, '') : '')).join(':');
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The elements of an array of objects; anything else cannot be counted. */
function objectsIn(value: Json | undefined): readonly JsonObject[] {
  if (!isList(value) || !value.every(isJsonObject)) throw new Uncountable();
  return value;
}
