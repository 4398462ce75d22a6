import { parseJsonObject } from '#kernel/json.ts';
import { EventBoundaries, parseEvent } from '#kernel/sse.ts';
import type { CountRequest, Counted } from '#proxy/usage/ports.ts';

import { countInput, type CountedInput } from './count-input.ts';
import { countText, type Tokenizer } from './count-text.ts';
import { DeliveredText } from './delivered-text.ts';

/** Counts what a provider did not report. Pure; takes milliseconds to seconds, so it runs in a worker. */
export function countTokens(request: CountRequest, tokenizer: Tokenizer): Counted {
  return { ...inputOf(request, tokenizer), output: outputOf(request, tokenizer) };
}

function inputOf(request: CountRequest, tokenizer: Tokenizer): CountedInput {
  const body = request.requestBody === undefined ? undefined : parseJsonObject(request.requestBody.toString('utf8'));
  return body === undefined
    ? { input: null, measuredInput: 'unknown' }
    : countInput(request.operation, body, tokenizer);
}

/** A lower bound; null where it is not asked for or nothing can be said. */
function outputOf(request: CountRequest, tokenizer: Tokenizer): number | null {
  if (request.delivered === undefined) return null;
  if (request.operation === 'embeddings') return 0;
  if (echoesPrompt(request)) return null;
  const text = deliveredText(request, Buffer.concat(request.delivered));
  if (text === undefined) return null;
  let tokens = 0;
  for (const one of text.texts()) {
    const counted = countText(one, tokenizer);
    tokens += Math.max(0, counted.tokens - counted.cuts);
  }
  return tokens;
}

/** Undefined for an unstreamed reply that did not arrive whole: what was text in it cannot be told. */
function deliveredText({ operation, stream }: CountRequest, delivered: Buffer): DeliveredText | undefined {
  const text = new DeliveredText(operation);
  if (stream) {
    for (const event of eventsIn(delivered)) text.addEvent(parseEvent(event));
    return text;
  }
  const reply = parseJsonObject(delivered.toString('utf8'));
  if (reply !== undefined) text.addReply(reply);
  return reply === undefined && delivered.length > 0 ? undefined : text;
}

/** The whole events; what is cut off at the end is not counted. */
function* eventsIn(stream: Buffer): Generator<Buffer> {
  const boundaries = new EventBoundaries();
  let from = 0;
  for (let end = boundaries.next(stream, from); end !== -1; end = boundaries.next(stream, from)) {
    yield stream.subarray(from, end);
    from = end;
  }
}

/** `echo` of completions puts the prompt into the reply, where it cannot be told from what was generated. */
function echoesPrompt({ operation, requestBody }: CountRequest): boolean {
  if (operation !== 'completions' || requestBody === undefined) return false;
  return parseJsonObject(requestBody.toString('utf8'))?.['echo'] === true;
}
