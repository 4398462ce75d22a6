import type { OutgoingHttpHeaders } from 'node:http';
import { mix, seededRandom } from '#kernel/random.ts';
import { Pace } from '#wire/latency.ts';
import { ReplyWriter } from '#wire/reply-writer.ts';
import { frame, type StreamPart } from '#wire/stream-part.ts';
import type { Exchange } from './exchange.ts';
import { commonHeaders } from './headers.ts';
import type { Refusal } from './refusal.ts';

/** What a reply used, for the record. */
interface Used {
  readonly output: number;
  readonly reasoning: number;
}

export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly promptTokens: number;
  /** What the times are drawn from. */
  readonly hash: number;
}

// How many tokens an unstreamed reply generates between two looks at whether its caller is still there.
const slice = 16;

/** Sends a whole reply. */
export async function deliverWhole(
  exchange: Exchange,
  given: Delivery & { readonly body: string; readonly used: Used; readonly status?: number },
): Promise<void> {
  const { attempt, caller, faults } = exchange;
  const pace = paceOf(exchange, given);
  await pace.first(given.promptTokens);
  if (!pace.immediate)
    for (; attempt.outputTokens + slice < given.used.output && !caller.gone; attempt.outputTokens += slice)
      await pace.tokens(slice);
  if (caller.gone) return;
  attempt.outputTokens = given.used.output;
  attempt.reasoningTokens = given.used.reasoning;
  const whole = faults.has('malformed-json') ? given.body.slice(0, Math.floor(given.body.length / 2)) : given.body;
  const text = whole + (faults.get('trailing-bytes')?.text ?? '');
  const writer = writerOf(exchange);
  const status = given.status ?? 200;
  await writer.begin(status, {
    ...given.headers,
    ...faults.get('headers')?.headers,
    'content-type': faults.get('content-type')?.value ?? 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  noteStatus(exchange, status);
  await writer.end(text, () => settle(exchange, true));
}

/** Sends a stream, one event after the other, as fast as model and caller allow. */
export async function deliverStream(
  exchange: Exchange,
  given: Delivery & { readonly parts: Iterable<StreamPart> },
): Promise<void> {
  const pace = paceOf(exchange, given);
  await pace.first(given.promptTokens);
  if (exchange.caller.gone) return;
  const writer = writerOf(exchange);
  await writer.begin(200, {
    ...given.headers,
    ...exchange.faults.get('headers')?.headers,
    'content-type': exchange.faults.get('content-type')?.value ?? 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, must-revalidate',
  });
  noteStatus(exchange, 200);
  await new StreamSender(exchange, { writer, pace }).send(given.parts);
}

class StreamSender {
  private readonly exchange: Exchange;
  private readonly writer: ReplyWriter;
  private readonly pace: Pace;
  private readonly newline: string;
  private readonly padding: string | undefined;
  private sent = 0;

  constructor(exchange: Exchange, given: { readonly writer: ReplyWriter; readonly pace: Pace }) {
    this.exchange = exchange;
    this.writer = given.writer;
    this.pace = given.pace;
    this.newline = exchange.faults.has('crlf') ? '\r\n' : '\n';
    const larger = exchange.faults.get('large-events')?.bytes;
    this.padding = larger === undefined ? undefined : `{"padding":"${'x'.repeat(larger)}",`;
  }

  async send(parts: Iterable<StreamPart>): Promise<void> {
    const { attempt } = this.exchange;
    const iterator = parts[Symbol.iterator]();
    let current = iterator.next();
    while (current.done !== true && !this.writer.over) {
      const part = current.value;
      const end = this.endHere(part);
      if (end !== undefined) {
        await this.writer.end(end, () => settle(this.exchange, false));
        return;
      }
      await this.pace.tokens(part.tokens);
      if (this.writer.over) return;
      attempt.outputTokens += part.tokens;
      attempt.reasoningTokens += part.reasoning;
      current = iterator.next();
      await this.pass(this.textOf(part), current.done === true);
    }
  }

  private async pass(text: string, last: boolean): Promise<void> {
    const { world, faults } = this.exchange;
    this.sent += 1;
    if (last) {
      await this.writer.end(text + (faults.get('trailing-bytes')?.text ?? ''), () => settle(this.exchange, true));
      return;
    }
    await this.writer.write(text);
    if (this.pace.immediate && this.sent % world.eventsPerTurn === 0) await world.clock.turn();
  }

  private textOf(given: StreamPart): string {
    const part = this.padding === undefined ? given : padded(given, this.padding);
    const broken = this.exchange.faults.get('malformed-json')?.afterEvents === this.sent;
    return frame(broken ? { ...part, data: part.data.slice(0, Math.floor(part.data.length / 2)) } : part, this.newline);
  }

  /** Where a fault ends the stream: what it still says. */
  private endHere(part: StreamPart): string | undefined {
    const { faults, route } = this.exchange;
    if (faults.get('early-end')?.afterEvents === this.sent) return '';
    const failure = faults.get('error-event');
    if (failure?.afterEvents !== this.sent) return undefined;
    const error = { code: String(failure.status), message: 'The server had an error while processing the request.' };
    const data =
      route.operation === 'responses'
        ? JSON.stringify({ type: 'error', sequence_number: this.sent, ...error, param: null })
        : JSON.stringify({ error: { ...error, type: 'server_error', param: null } });
    const { event } = part;
    return frame({ ...(event === undefined ? {} : { event: 'error' }), data, tokens: 0, reasoning: 0 }, this.newline);
  }
}

/** `padding` begins the object. What is no object (`[DONE]`) stays as it is. */
const padded = (part: StreamPart, padding: string): StreamPart =>
  part.data.startsWith('{"') ? { ...part, data: padding + part.data.slice(1) } : part;

/** Answers with an error, which may come late, in pieces, or break off, as a reply may. */
export async function refuse(exchange: Exchange, refusal: Refusal): Promise<void> {
  const { response, attempt, caller } = exchange;
  if (response.headersSent || caller.gone) {
    response.destroy();
    return;
  }
  const { text } = refusal;
  const headers: OutgoingHttpHeaders = {
    ...commonHeaders(exchange),
    ...refusal.headers,
    ...exchange.faults.get('headers')?.headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  const writer = writerOf(exchange);
  await writer.begin(refusal.status, headers);
  if (!response.headersSent) return;
  attempt.status = refusal.status;
  await writer.end(text, () => settle(exchange, true));
}

/** Enters the attempt before its last byte goes out; a caller that leaves before that byte makes it incomplete. */
function settle(exchange: Exchange, complete: boolean): void {
  const { attempt, response, world } = exchange;
  attempt.complete = complete;
  response.once('close', () => {
    if (!response.writableFinished) attempt.complete = false;
  });
  world.book.end(attempt);
}

function noteStatus(exchange: Exchange, status: number): void {
  if (exchange.response.headersSent) exchange.attempt.status = status;
}

function writerOf(exchange: Exchange): ReplyWriter {
  const { response, caller, faults, world, attempt } = exchange;
  return new ReplyWriter({
    response,
    caller,
    clock: world.clock,
    faults,
    holds: world.holds,
    slowReaders: world.slowReaders,
    attempt: attempt.id,
    beforeCut: () => settle(exchange, false),
  });
}

function paceOf(exchange: Exchange, delivery: Delivery): Pace {
  const { world, caller } = exchange;
  const random = seededRandom(mix(mix(world.seed, delivery.hash), 0x1a7e));
  return new Pace({ latency: world.latency, clock: world.clock, random, caller });
}
