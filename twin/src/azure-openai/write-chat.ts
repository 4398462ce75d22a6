import { sum, textOf } from '#generation/words.ts';
import type { Json, JsonObject } from '#kernel/json.ts';
import type { StreamPart, StreamShape } from '#wire/stream-part.ts';
import { annotationJson, completionResults, promptFilterResults, safeCompletionJson } from './filter.ts';
import type { Choice } from './generate.ts';
import { completionUsage, obfuscation, textOfChoice, type ReplyFacts } from './reply.ts';

/** The unstreamed reply of a chat completion; `usage` undefined leaves it out. */
export function chatReply(facts: ReplyFacts, usage: JsonObject | undefined): JsonObject {
  const { deployment, generation, ask } = facts;
  const filtering = deployment.config.contentFilter !== 'off';
  return {
    choices: generation.choices.map((choice) => ({
      ...(filtering ? { content_filter_results: completionResults(choice.finish === 'content_filter') } : {}),
      finish_reason: choice.finish,
      index: choice.index,
      logprobs: null,
      message: messageOf(choice, facts),
    })),
    created: facts.created,
    id: facts.ids.named('chatcmpl-'),
    model: deployment.reportedModel,
    object: 'chat.completion',
    ...(filtering ? { prompt_filter_results: promptFilterResults(1) } : {}),
    service_tier: ask.serviceTier,
    system_fingerprint: null,
    ...(usage === undefined ? {} : { usage }),
  };
}

function messageOf(choice: Choice, facts: ReplyFacts): JsonObject {
  const text = textOfChoice(choice);
  const filtered = choice.finish === 'content_filter';
  return {
    role: 'assistant',
    content: choice.calls.length > 0 || choice.refusal || filtered ? null : text,
    refusal: choice.refusal && !filtered ? text : null,
    annotations: [],
    ...(choice.calls.length === 0
      ? {}
      : {
          tool_calls: choice.calls.map((call) => ({
            id: facts.ids.named('call_', 24),
            type: 'function',
            function: { name: call.name, arguments: textOf(call.arguments) },
          })),
        }),
  };
}

/** The events of a streamed chat completion, in the order and with the fields that Azure sends. */
export function* chatStream(facts: ReplyFacts, shape: StreamShape): Generator<StreamPart> {
  yield* new ChatStream(facts, shape).parts();
}

class ChatStream {
  private readonly facts: ReplyFacts;
  private readonly shape: StreamShape;
  private readonly tail: string;
  private readonly filter: 'default' | 'asynchronous' | 'off';
  private readonly reasoningPerChoice: number;

  constructor(facts: ReplyFacts, shape: StreamShape) {
    this.facts = facts;
    this.shape = shape;
    this.filter = facts.deployment.config.contentFilter;
    this.reasoningPerChoice = facts.generation.reasoningTokens / Math.max(1, facts.generation.choices.length);
    const usage = facts.ask.includeUsage ? ',"usage":null' : '';
    this.tail =
      `,"object":"chat.completion.chunk","service_tier":"${facts.ask.serviceTier}"` +
      `,"system_fingerprint":null${usage}}`;
    this.head = `,"created":${facts.created},"id":"${facts.ids.named('chatcmpl-')}","model":${JSON.stringify(facts.deployment.reportedModel)}`;
  }

  private readonly head: string;

  *parts(): Generator<StreamPart> {
    const { choices } = this.facts.generation;
    if (this.filter !== 'off') yield this.part(this.promptAnnotation());
    for (const choice of choices)
      yield { ...this.delta(choice, '{"content":"","refusal":null,"role":"assistant"}'), ...this.reasoning() };
    yield* interleaved(choices.map((choice) => this.body(choice)));
    const blocked = choices.some((choice) => choice.finish === 'content_filter');
    yield* this.finishes();
    // Recorded: a block inside a stream is followed by the end at once, without usage.
    if (!blocked && this.facts.ask.includeUsage && this.shape.usage === 'reported') yield this.usage();
    yield this.part('[DONE]');
  }

  private *finishes(): Generator<StreamPart> {
    const { choices } = this.facts.generation;
    for (const choice of choices) {
      const characters = textOfChoice(choice).length;
      const filtered = choice.finish === 'content_filter';
      if (this.filter === 'asynchronous' && filtered) {
        yield this.part(annotationJson({ index: choice.index, characters, filtered, finish: 'content_filter' }));
        continue;
      }
      yield this.finish(choice, choice === choices.at(-1));
      if (this.filter === 'asynchronous')
        yield this.part(annotationJson({ index: choice.index, characters, filtered, finish: null }));
    }
  }

  private *body(choice: Choice): Generator<StreamPart> {
    if (choice.calls.length > 0) {
      yield* this.toolCalls(choice);
      return;
    }
    const field = choice.refusal ? 'refusal' : 'content';
    const half = Math.floor(choice.pieces.length / 2);
    for (const [at, piece] of this.pieces(choice).entries()) {
      if (this.filter === 'asynchronous' && at === half && at > 0)
        yield this.part(annotationJson({ index: choice.index, characters: at, filtered: false, finish: null }));
      const delta = `{"${field}":${JSON.stringify(piece.text)}}`;
      yield { ...this.delta(choice, delta, piece.text), tokens: piece.tokens };
    }
  }

  private *toolCalls(choice: Choice): Generator<StreamPart> {
    for (const [index, call] of choice.calls.entries()) {
      const opening = {
        tool_calls: [
          {
            index,
            id: this.facts.ids.named('call_', 24),
            type: 'function',
            function: { name: call.name, arguments: '' },
          },
        ],
      };
      yield { ...this.delta(choice, JSON.stringify(opening)), tokens: call.headTokens };
      for (const piece of call.arguments) {
        const delta = `{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(piece.text)}}}]}`;
        yield { ...this.delta(choice, delta, piece.text), tokens: piece.tokens };
      }
    }
  }

  private pieces(choice: Choice): Choice['pieces'] {
    if (this.shape.giantBytes === undefined || choice.pieces.length === 0) return choice.pieces;
    return [{ text: textOfChoice(choice), tokens: sum(choice.pieces) }];
  }

  private delta(choice: Choice, delta: string, text = ''): StreamPart {
    const results =
      this.filter === 'default' ? `"content_filter_results":${text === '' ? '{}' : safeCompletionJson},` : '';
    const choices = `[{${results}"delta":${delta},"finish_reason":null,"index":${choice.index},"logprobs":null}]`;
    return this.part(`{"choices":${choices}${this.head}${this.padding(text)}${this.tail}`);
  }

  private finish(choice: Choice, last: boolean): StreamPart {
    const results = JSON.stringify(choice.finish === 'content_filter' ? completionResults(true) : {});
    const annotated = this.filter === 'default' ? `"content_filter_results":${results},` : '';
    const choices = `[{${annotated}"delta":{},"finish_reason":"${choice.finish}","index":${choice.index},"logprobs":null}]`;
    const withUsage = last && this.shape.usage === 'with-choices' && this.facts.ask.includeUsage;
    const tail = withUsage ? this.tailWithUsage() : this.tail;
    return this.part(`{"choices":${choices}${this.head}${this.padding('')}${tail}`);
  }

  private usage(): StreamPart {
    return this.part(`{"choices":[]${this.head}${this.padding('')}${this.tailWithUsage()}`);
  }

  private tailWithUsage(): string {
    return this.tail.replace('"usage":null', () => `"usage":${JSON.stringify(completionUsage(this.facts))}`);
  }

  private padding(text: string): string {
    if (this.shape.giantBytes !== undefined && text !== '')
      return `,"obfuscation":"${'x'.repeat(this.shape.giantBytes)}"`;
    return this.facts.ask.includeObfuscation ? `,"obfuscation":"${obfuscation(text)}"` : '';
  }

  private promptAnnotation(): string {
    const first: Json = {
      choices: [],
      created: 0,
      id: '',
      model: '',
      object: '',
      prompt_filter_results: promptFilterResults(1),
    };
    return JSON.stringify(first);
  }

  private reasoning(): Pick<StreamPart, 'tokens' | 'reasoning'> {
    return { tokens: this.reasoningPerChoice, reasoning: this.reasoningPerChoice };
  }

  private part(data: string): StreamPart {
    return { data, tokens: 0, reasoning: 0 };
  }
}

/** Takes from each in turn, as choices of one call are streamed. */
export function* interleaved<Item>(sources: readonly Iterator<Item>[]): Generator<Item> {
  let open = [...sources];
  while (open.length > 0) {
    const still: Iterator<Item>[] = [];
    for (const source of open) {
      const step = source.next();
      if (step.done === true) continue;
      yield step.value;
      still.push(source);
    }
    open = still;
  }
}
