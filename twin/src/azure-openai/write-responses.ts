import { sum, textOf } from '#generation/words.ts';
import { objectAt, textAt, type Json, type JsonObject } from '#kernel/json.ts';
import type { StreamPart, StreamShape } from '#wire/stream-part.ts';
import { conversationIdIn } from './conversations.ts';
import { compactsFrom, encrypt, wantsEncryptedReasoning } from './encrypted.ts';
import { contentFilters } from './filter.ts';
import type { Choice } from './generate.ts';
import { obfuscation, responseUsage, textOfChoice, type ReplyFacts } from './reply.ts';

type Status = 'in_progress' | 'completed' | 'incomplete';

/** What is compacted is so much shorter. */
const tokensPerCompacted = 10;

/** A response's ids, drawn once: its events and its object name the same items. */
interface ResponseIds {
  readonly response: string;
  readonly compaction: string;
  readonly reasoning: string;
  readonly message: string;
  readonly calls: readonly { readonly item: string; readonly call: string }[];
}

/** Writes one response: whole, or as events (platform.openai.com, "Responses: streaming events"; recorded order). */
export class ResponseWriter {
  private readonly facts: ReplyFacts;
  private readonly ids: ResponseIds;
  private readonly choice: Choice | undefined;
  /** What comes before all that is said. */
  private readonly hidden: readonly JsonObject[];
  private sequence = 0;

  constructor(facts: ReplyFacts) {
    const [choice] = facts.generation.choices;
    this.facts = facts;
    this.choice = choice;
    this.ids = {
      response: facts.ids.named('resp_', 48),
      compaction: facts.ids.named('cmp_', 48),
      reasoning: facts.ids.named('rs_', 48),
      message: facts.ids.named('msg_', 48),
      calls: (choice?.calls ?? []).map(() => ({
        item: facts.ids.named('fc_', 48),
        call: facts.ids.named('call_', 24),
      })),
    };
    this.hidden = this.hiddenItems();
  }

  /** The id of the response, for `previous_response_id`. */
  get id(): string {
    return this.ids.response;
  }

  /** The whole response, as it is in the end; `usage` undefined leaves it out. */
  whole(usage: JsonObject | undefined): JsonObject {
    return this.response(this.status(), { output: this.items('completed'), usage });
  }

  *stream(shape: StreamShape): Generator<StreamPart> {
    const empty = this.response('in_progress', { output: [], usage: undefined });
    yield this.event('response.created', { response: empty });
    yield this.event('response.in_progress', { response: empty });
    yield* this.hiddenEvents();
    const first = this.hidden.length;
    if (this.choice !== undefined && this.choice.calls.length > 0) yield* this.callEvents(this.choice, first);
    else if (this.choice !== undefined) yield* this.messageEvents(this.choice, { index: first, shape });
    const usage = shape.usage === 'missing' ? undefined : responseUsage(this.facts);
    yield this.event(`response.${this.status()}`, { response: this.whole(usage) });
  }

  /** What is compacted and thought before anything is said. */
  private *hiddenEvents(): Generator<StreamPart> {
    const { reasoningTokens } = this.facts.generation;
    for (const [index, item] of this.hidden.entries()) {
      const tokens = item['type'] === 'reasoning' ? reasoningTokens : 0;
      const opened = this.event('response.output_item.added', { output_index: index, item: this.begun(item) });
      yield { ...opened, tokens, reasoning: tokens };
      yield this.event('response.output_item.done', { output_index: index, item });
    }
  }

  private *messageEvents(
    choice: Choice,
    given: { readonly index: number; readonly shape: StreamShape },
  ): Generator<StreamPart> {
    const at = { item_id: this.ids.message, output_index: given.index, content_index: 0 };
    const kind = choice.refusal ? 'refusal' : 'output_text';
    const logprobs = choice.refusal ? {} : { logprobs: [] };
    yield this.event('response.output_item.added', {
      output_index: given.index,
      item: { id: this.ids.message, type: 'message', status: 'in_progress', content: [], role: 'assistant' },
    });
    yield this.event('response.content_part.added', { ...at, part: contentPart(choice, '') });
    const giant = given.shape.giantBytes;
    const pieces = giant === undefined ? choice.pieces : [{ text: textOfChoice(choice), tokens: sum(choice.pieces) }];
    for (const piece of pieces) {
      const delta = this.event(`response.${kind}.delta`, {
        ...at,
        delta: piece.text,
        ...logprobs,
        ...this.padding(piece.text, giant),
      });
      yield { ...delta, tokens: piece.tokens };
    }
    const text = textOfChoice(choice);
    const done = choice.refusal ? { refusal: text } : { text, ...logprobs };
    yield this.event(`response.${kind}.done`, { ...at, ...done });
    yield this.event('response.content_part.done', { ...at, part: contentPart(choice, text) });
    yield this.event('response.output_item.done', {
      output_index: given.index,
      item: this.messageItem(choice, this.itemStatus()),
    });
  }

  private *callEvents(choice: Choice, first: number): Generator<StreamPart> {
    for (const [index, call] of choice.calls.entries()) {
      const at = { item_id: this.ids.calls[index]?.item ?? '', output_index: first + index };
      const opened = this.event('response.output_item.added', {
        output_index: at.output_index,
        item: this.callItem(choice, { index, status: 'in_progress', text: '' }),
      });
      yield { ...opened, tokens: call.headTokens };
      for (const piece of call.arguments) {
        const delta = this.event('response.function_call_arguments.delta', {
          ...at,
          delta: piece.text,
          ...this.padding(piece.text, undefined),
        });
        yield { ...delta, tokens: piece.tokens };
      }
      const text = textOf(call.arguments);
      yield this.event('response.function_call_arguments.done', { ...at, arguments: text });
      yield this.event('response.output_item.done', {
        output_index: at.output_index,
        item: this.callItem(choice, { index, status: this.itemStatus(), text }),
      });
    }
  }

  private event(type: string, fields: JsonObject): StreamPart {
    const data = JSON.stringify({ type, sequence_number: this.sequence, ...fields });
    this.sequence += 1;
    return { event: type, data, tokens: 0, reasoning: 0 };
  }

  private padding(text: string, giant: number | undefined): JsonObject {
    if (giant !== undefined) return { obfuscation: 'x'.repeat(giant) };
    return this.facts.ask.includeObfuscation ? { obfuscation: obfuscation(text) } : {};
  }

  private status(): Exclude<Status, 'in_progress'> {
    return this.choice?.finish === 'length' || this.choice?.finish === 'content_filter' ? 'incomplete' : 'completed';
  }

  private itemStatus(): Status {
    return this.status();
  }

  private items(status: Status): Json[] {
    const { choice } = this;
    const { hidden } = this;
    if (choice === undefined) return [...hidden];
    const itemStatus = status === 'completed' ? this.itemStatus() : status;
    if (choice.calls.length === 0) return [...hidden, this.messageItem(choice, itemStatus)];
    const calls = choice.calls.map((call, index) =>
      this.callItem(choice, { index, status: itemStatus, text: textOf(call.arguments) }),
    );
    return [...hidden, ...calls];
  }

  private hiddenItems(): readonly JsonObject[] {
    const { facts, ids } = this;
    const { reasoningTokens } = facts.generation;
    const { body } = facts.ask;
    const threshold = compactsFrom(body);
    const compacts = threshold !== undefined && facts.inputTokens >= threshold;
    const compaction = this.encrypted(ids.compaction, Math.ceil(facts.inputTokens / tokensPerCompacted));
    const reasoning = wantsEncryptedReasoning(body) ? this.encrypted(ids.reasoning, reasoningTokens) : {};
    return [
      ...(compacts ? [{ id: ids.compaction, type: 'compaction', ...compaction }] : []),
      ...(reasoningTokens > 0 ? [{ id: ids.reasoning, type: 'reasoning', summary: [], ...reasoning }] : []),
    ];
  }

  private encrypted(item: string, tokens: number): JsonObject {
    const { resource, ids } = this.facts;
    return { encrypted_content: encrypt(resource, { item, tokens }, ids) };
  }

  /** As it is while it is still thought: with another content, which holds nothing yet. */
  private begun(item: JsonObject): JsonObject {
    return 'encrypted_content' in item ? { ...item, ...this.encrypted(textAt(item, 'id') ?? '', 0) } : item;
  }

  private messageItem(choice: Choice, status: Status): JsonObject {
    return {
      id: this.ids.message,
      type: 'message',
      status,
      content: [contentPart(choice, textOfChoice(choice))],
      role: 'assistant',
    };
  }

  private callItem(
    choice: Choice,
    given: { readonly index: number; readonly status: Status; readonly text: string },
  ): JsonObject {
    const ids = this.ids.calls[given.index];
    return {
      id: ids?.item ?? null,
      type: 'function_call',
      status: given.status,
      arguments: given.text,
      call_id: ids?.call ?? null,
      name: choice.calls[given.index]?.name ?? null,
    };
  }

  private response(
    status: Status,
    given: { readonly output: readonly Json[]; readonly usage: JsonObject | undefined },
  ): JsonObject {
    const { facts } = this;
    const ended = status !== 'in_progress';
    return {
      id: this.ids.response,
      object: 'response',
      created_at: facts.created,
      status,
      background: false,
      completed_at: status === 'completed' ? facts.created : null,
      content_filters: ended ? this.filters() : null,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: this.incompleteReason() } : null,
      max_tool_calls: null,
      model: facts.requestedModel,
      output: given.output,
      prompt_cache_retention: null,
      reasoning: { effort: this.effort(), summary: null },
      service_tier: ended ? facts.ask.serviceTier : 'auto',
      text: {
        format: objectAt(objectAt(facts.ask.body, 'text'), 'format') ?? { type: 'text' },
        verbosity: 'medium',
      },
      top_logprobs: 0,
      ...(given.usage === undefined && ended ? {} : { usage: given.usage ?? null }),
      ...conversationOf(facts.ask.body),
      ...echoed(facts.ask.body),
    };
  }

  private filters(): JsonObject[] | null {
    if (this.facts.deployment.config.contentFilter === 'off' || this.choice === undefined) return null;
    const blocked = { prompt: false, completion: this.choice.finish === 'content_filter' };
    return contentFilters(blocked, textOfChoice(this.choice).length);
  }

  private incompleteReason(): string {
    return this.choice?.finish === 'content_filter' ? 'content_filter' : 'max_output_tokens';
  }

  private effort(): Json {
    const { ask, deployment } = this.facts;
    if (!deployment.reasons) return null;
    return ask.effort ?? deployment.config.reasoningEffort ?? 'medium';
  }
}

function conversationOf(body: JsonObject): JsonObject {
  const id = conversationIdIn(body);
  return id === undefined ? {} : { conversation: { id } };
}

function contentPart(choice: Choice, text: string): JsonObject {
  return choice.refusal
    ? { type: 'refusal', refusal: text }
    : { type: 'output_text', annotations: [], logprobs: [], text };
}

/** What a response repeats of its request, and what stands there where the request says nothing. */
const echoes: JsonObject = {
  instructions: null,
  max_output_tokens: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
  truncation: 'disabled',
  user: null,
  metadata: {},
};

function echoed(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(echoes).map(([name, otherwise]) => [name, body[name] ?? otherwise]));
}
