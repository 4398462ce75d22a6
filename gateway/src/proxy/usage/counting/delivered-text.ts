import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import { formatEvent, type ServerSentEvent } from '#kernel/sse.ts';
import type { MeteredOperation } from '#model/operation.ts';

/** A run of text that the model wrote in one go: one choice's content, one tool call's arguments … */
interface Channel {
  readonly parts: string[];
  /** An event of the operation's dialect that carries this text in this place. */
  readonly event: (text: string) => JsonObject;
}

/** Adds text, if it is any, to the channel of that name. */
type Add = (name: string, text: Json | undefined, event: Channel['event']) => void;

/** Where an operation's replies carry what the model wrote. */
interface TextPlaces {
  readonly event: (event: JsonObject, add: Add) => void;
  readonly reply: (reply: JsonObject, add: Add) => void;
}

/**
 * The text of a reply, gathered so that it can be counted: content, refusals, reasoning as far as it is shown, names and
 * arguments of tool calls. All of it was generated, and some of what was generated is not in it (hidden reasoning,
 * framing, what had not arrived), so its tokens are a lower bound of the output.
 */
export class DeliveredText {
  readonly #places: TextPlaces;
  readonly #channels = new Map<string, Channel>();
  #length = 0;

  constructor(operation: MeteredOperation) {
    this.#places = textPlaces[operation];
  }

  /** UTF-16 units gathered. */
  get length(): number {
    return this.#length;
  }

  addEvent({ data }: ServerSentEvent): void {
    const event = parseJsonObject(data);
    if (event !== undefined) this.#places.event(event, this.#add);
  }

  addReply(reply: JsonObject): void {
    this.#places.reply(reply, this.#add);
  }

  texts(): string[] {
    const names = [...this.#channels.keys()];
    // A summary of reasoning is shorter than the reasoning, which is charged; where both are shown it would count twice.
    const summarised = names.some((name) => name.startsWith(reasoningText));
    return [...this.#channels]
      .filter(([name]) => !(summarised && name.startsWith(reasoningSummary)))
      .map(([, { parts }]) => parts.join(''));
  }

  /** The same text as a few events of the same dialect. */
  toEvents(): Buffer[] {
    return [...this.#channels.values()].map(({ parts, event }) =>
      formatEvent({ type: undefined, data: JSON.stringify(event(parts.join(''))) }),
    );
  }

  readonly #add: Add = (name, text, event) => {
    if (typeof text !== 'string' || text === '') return;
    const channel = this.#channels.get(name) ?? { parts: [], event };
    this.#channels.set(name, channel);
    channel.parts.push(text);
    this.#length += text.length;
  };
}

const reasoningText = 'response.reasoning_text.delta';
const reasoningSummary = 'response.reasoning_summary_text.delta';

/** Events whose `delta` the model wrote; not those of sound (Base64) and of what tools answered. */
const writtenDeltas: ReadonlySet<string> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  reasoningText,
  reasoningSummary,
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
  'response.mcp_call_arguments.delta',
  'response.code_interpreter_call_code.delta',
  'response.shell_call_command.delta',
  'response.apply_patch_call_operation_diff.delta',
]);

const textPlaces: Readonly<Record<MeteredOperation, TextPlaces>> = {
  'chat.completions': {
    event: (event, add) => chatChoices(event, 'delta', add),
    reply: (reply, add) => chatChoices(reply, 'message', add),
  },
  completions: { event: completionChoices, reply: completionChoices },
  // A vector is no text.
  embeddings: { event: () => {}, reply: () => {} },
  responses: { event: responseEvent, reply: responseOutput },
};

function chatChoices(source: JsonObject, member: 'delta' | 'message', add: Add): void {
  for (const choice of objectsIn(source['choices'])) {
    const index = indexOf(choice['index'], 0);
    const message = choice[member];
    if (!isJsonObject(message)) continue;
    const inDelta = (delta: JsonObject): JsonObject => ({ choices: [{ index, delta }] });
    for (const field of ['content', 'refusal', 'reasoning_content']) {
      add(`${index}/${field}`, message[field], (text) => inDelta({ [field]: text }));
    }
    for (const [position, call] of objectsIn(message['tool_calls']).entries()) {
      const at = indexOf(call['index'], position);
      for (const kind of ['function', 'custom']) {
        const wrap = (part: JsonObject): JsonObject => inDelta({ tool_calls: [{ index: at, [kind]: part }] });
        callText(call[kind], { channel: `${index}/tool/${at}`, wrap }, add);
      }
    }
    callText(
      message['function_call'],
      { channel: `${index}/call`, wrap: (part) => inDelta({ function_call: part }) },
      add,
    );
  }
}

function completionChoices(source: JsonObject, add: Add): void {
  for (const choice of objectsIn(source['choices'])) {
    const index = indexOf(choice['index'], 0);
    add(`${index}`, choice['text'], (text) => ({ choices: [{ index, text }] }));
  }
}

function responseEvent(event: JsonObject, add: Add): void {
  const type = event['type'];
  const outputIndex = indexOf(event['output_index'], 0);
  if (type === 'response.output_item.added' && isJsonObject(event['item'])) {
    const wrap = (name: string): JsonObject => ({ type, output_index: outputIndex, item: { name } });
    add(`name/${outputIndex}`, event['item']['name'], wrap);
  }
  if (typeof type !== 'string' || !writtenDeltas.has(type)) return;
  const part = indexOf(event['content_index'] ?? event['summary_index'], 0);
  const wrap = (delta: string): JsonObject => ({ type, output_index: outputIndex, content_index: part, delta });
  add(`${type}/${outputIndex}/${part}`, event['delta'], wrap);
}

function responseOutput(reply: JsonObject, add: Add): void {
  for (const [outputIndex, item] of objectsIn(reply['output']).entries()) {
    const wrap = (delta: string): JsonObject => ({
      type: 'response.output_text.delta',
      output_index: outputIndex,
      delta,
    });
    for (const field of ['name', 'arguments', 'input', 'code']) add(`${outputIndex}/${field}`, item[field], wrap);
    const shown = objectsIn(item['content']);
    for (const [index, part] of (shown.length > 0 ? shown : objectsIn(item['summary'])).entries()) {
      add(`${outputIndex}/text/${index}`, part['text'] ?? part['refusal'], wrap);
    }
  }
}

interface CallPlace {
  readonly channel: string;
  readonly wrap: (part: JsonObject) => JsonObject;
}

function callText(call: Json | undefined, { channel, wrap }: CallPlace, add: Add): void {
  if (!isJsonObject(call)) return;
  for (const field of ['name', 'arguments', 'input']) {
    add(`${channel}/${field}`, call[field], (text) => wrap({ [field]: text }));
  }
}

function indexOf(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
