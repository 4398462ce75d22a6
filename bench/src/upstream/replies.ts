/** What one reply says it used; the same words as in the ledger's reports. */
export interface ReplyUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** Everything the upstream can send is made before the first request: under load it only hands out buffers. */
export interface PreparedReply {
  readonly usage: ReplyUsage;
  /** Head and body of an unstreamed chat completion. */
  readonly whole: Buffer;
  /** Head and body of an unstreamed Responses reply. */
  readonly wholeResponse: Buffer;
  /** The streamed reply, in the pieces in which it is sent; the first holds the head too. */
  readonly stream: {
    /** Up to the chunk with the finish reason; each is one event. */
    readonly events: readonly Buffer[];
    /** The usage chunk, `[DONE]` and the end of the chunked body. */
    readonly endWithUsage: Buffer;
    readonly endWithoutUsage: Buffer;
  };
}

/** Events of one streamed reply, the usage chunk and `[DONE]` included. */
export const eventsPerStream = { withUsage: 102, withoutUsage: 101 } as const;

/** Replies differ in their usage, so that a ledger that counts one reply for another is found out. */
const variants = 16;
const contentEvents = 97;
const model = 'gpt-5.4-mini-2026-03-17';

/** The headers that Azure OpenAI sends with each reply and that a proxy has to carry (some are not meant for clients). */
const commonHeaders = [
  'apim-request-id: 6c2f6a4e-50b1-4b39-8d0e-6f1f0d4d7b11',
  'x-ms-region: West Europe',
  'x-ratelimit-limit-requests: 100000',
  'x-ratelimit-remaining-requests: 99999',
  'x-ratelimit-remaining-tokens: 9999000',
  'x-request-id: 9a7c3f4e-1a9f-4c57-a2c2-1f9f1e2b0a55',
].join('\r\n');

export function prepareReplies(): readonly PreparedReply[] {
  return Array.from({ length: variants }, (_, variant) => prepareReply(variant));
}

function prepareReply(variant: number): PreparedReply {
  const usage: ReplyUsage = {
    inputTokens: 210 + variant * 7,
    cachedInputTokens: variant % 4 === 0 ? 128 : 0,
    outputTokens: 61 + variant * 3,
    reasoningTokens: variant % 3 === 0 ? 17 + variant : 0,
  };
  return {
    usage,
    whole: wholeReply(chatCompletion(variant, usage)),
    wholeResponse: wholeReply(response(variant, usage)),
    stream: streamedReply(variant, usage),
  };
}

function chatUsage(usage: ReplyUsage): object {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

function completionId(variant: number): string {
  return `chatcmpl-bench${String(variant).padStart(4, '0')}`;
}

function chatCompletion(variant: number, usage: ReplyUsage): object {
  return {
    id: completionId(variant),
    object: 'chat.completion',
    created: 1_780_000_000,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'A ledger that agrees with the invoice needs no explanation. '.repeat(4),
        },
        finish_reason: 'stop',
      },
    ],
    usage: chatUsage(usage),
  };
}

function response(variant: number, usage: ReplyUsage): object {
  return {
    id: `resp_bench${String(variant).padStart(4, '0')}`,
    object: 'response',
    created_at: 1_780_000_000,
    status: 'completed',
    model,
    output: [
      {
        type: 'message',
        id: 'msg_bench',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'A ledger that agrees needs no explanation.', annotations: [] }],
      },
    ],
    usage: {
      input_tokens: usage.inputTokens,
      input_tokens_details: { cached_tokens: usage.cachedInputTokens },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      total_tokens: usage.inputTokens + usage.outputTokens,
    },
  };
}

function wholeReply(body: object): Buffer {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${commonHeaders}\r\n\r\n${text}`,
  );
}

function streamedReply(variant: number, usage: ReplyUsage): PreparedReply['stream'] {
  const common = { id: completionId(variant), object: 'chat.completion.chunk', created: 1_780_000_000, model };
  const chunk = (delta: object, finishReason: string | null): Buffer =>
    sentEvent(JSON.stringify({ ...common, choices: [{ index: 0, delta, finish_reason: finishReason }] }));
  const head = Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n${commonHeaders}\r\n\r\n`,
  );
  const first = sentEvent(
    JSON.stringify({
      ...common,
      choices: [],
      prompt_filter_results: [
        { prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: 'safe' } } },
      ],
    }),
  );
  const events = [Buffer.concat([head, first]), chunk({ role: 'assistant', content: '' }, null)];
  for (let index = 0; index < contentEvents; index += 1) events.push(chunk({ content: ` word${index}` }, null));
  events.push(chunk({}, 'stop'));
  const done = Buffer.concat([sentEvent('[DONE]'), Buffer.from('0\r\n\r\n')]);
  const usageChunk = sentEvent(JSON.stringify({ ...common, choices: [], usage: chatUsage(usage) }));
  return { events, endWithUsage: Buffer.concat([usageChunk, done]), endWithoutUsage: done };
}

/** One server-sent event as one chunk of a chunked body. */
function sentEvent(data: string): Buffer {
  const event = `data: ${data}\n\n`;
  return Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
}
