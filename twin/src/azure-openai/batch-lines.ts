import {
  isJsonObject,
  objectAt,
  parseJson,
  parseJsonObject,
  textAt,
  type Json,
  type JsonObject,
} from '#kernel/json.ts';
import { Attempt } from '#record/attempt.ts';
import { deploymentFor, promptFiltered } from './admit.ts';
import { markersOf, type Ask } from './ask.ts';
import { embeddingsBody } from './embeddings-body.ts';
import type { Deployment, Resource } from './estate.ts';
import type { World } from './exchange.ts';
import { generate } from './generate.ts';
import { countPrompt } from './prompt.ts';
import { readChat } from './read-chat.ts';
import { readCompletions } from './read-completions.ts';
import { readEmbeddings } from './embed.ts';
import { readResponses } from './read-responses.ts';
import { invalid, Refusal, refusalAskedFor } from './refusal.ts';
import { completionUsage, responseUsage, type ReplyFacts } from './reply.ts';
import { chatReply } from './write-chat.ts';
import { completionReply } from './write-completions.ts';
import { ResponseWriter } from './write-responses.ts';

const operations = {
  '/chat/completions': 'chat.completions',
  '/completions': 'completions',
  '/embeddings': 'embeddings',
  '/responses': 'responses',
} as const;
export type BatchCall = (typeof operations)[keyof typeof operations];

/** What a batch's `endpoint`, or a line's `url`, means: with or without `/v1` before it. */
export function operationOf(url: string): BatchCall | undefined {
  const path = url.replace(/^\/v1(?=\/)/, '');
  return Object.entries(operations).find(([known]) => known === path)?.[1];
}

/** One line of an input file. */
export interface BatchLine {
  readonly customId: string;
  readonly url: string;
  readonly body: JsonObject;
}

/** The lines of a file; where one is none, what is wrong with it. Lines are numbered from 1. */
export function readLines(content: string): readonly (BatchLine | { readonly wrong: string; readonly line: number })[] {
  const texts = content.split('\n').filter((text) => text.trim() !== '');
  return texts.map((text, at) => {
    const json = parseJsonObject(text);
    const body = objectAt(json, 'body');
    const customId = textAt(json, 'custom_id');
    const url = textAt(json, 'url');
    if (body === undefined || customId === undefined || url === undefined || textAt(json, 'method') !== 'POST')
      return { wrong: 'invalid_json_line', line: at + 1 };
    return { customId, url, body };
  });
}

/** Where a line is run, and as what. */
interface Place {
  readonly resource: Resource;
  readonly call: BatchCall;
}

interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** What came of a line, as it stands in the output file, or in the error file. */
export interface LineResult {
  readonly failed: boolean;
  readonly text: string;
}

/** Runs one line, and enters what it used into the record under the id of the line's result. */
export function runLine(world: World, line: BatchLine, place: Place): LineResult {
  const id = world.ids.named('batch_req_', 24);
  const attempt = new Attempt(id, world.clock.now());
  attempt.resource = place.resource.name;
  attempt.deployment = textAt(line.body, 'model') ?? '';
  attempt.operation = place.call;
  world.book.begin(attempt);
  const { status, body } = answered(world, { line, place, attempt });
  attempt.status = status;
  attempt.complete = true;
  world.book.end(attempt);
  const response = { status_code: status, request_id: world.ids.uuid(), body };
  return { failed: status !== 200, text: JSON.stringify({ id, custom_id: line.customId, response, error: null }) };
}

/** The result of a line that was not run, because its batch ended before. */
export function notRun(world: World, line: BatchLine, code: 'batch_expired' | 'batch_cancelled'): string {
  const error = { code, message: 'This request was not run before its batch ended.' };
  return JSON.stringify({
    id: world.ids.named('batch_req_', 24),
    custom_id: line.customId,
    response: null,
    error,
  });
}

interface Running {
  readonly line: BatchLine;
  readonly place: Place;
  readonly attempt: Attempt;
}

function answered(world: World, running: Running): Answer {
  try {
    return { status: 200, body: reply(world, running) };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { status: thrown.status, body: parseJson(thrown.text) ?? thrown.text };
  }
}

function reply(world: World, { line, place, attempt }: Running): JsonObject {
  const { resource, call } = place;
  const faults = world.faults.take({
    resource: resource.name,
    deployment: attempt.deployment,
    operation: call,
    stream: false,
    id: attempt.id,
    bodyText: JSON.stringify(line.body),
  });
  const refusal = refusalAskedFor(faults);
  if (refusal !== undefined) throw refusal;
  if (line.body['stream'] === true) throw invalid('Streaming is not supported in batches.', { param: 'stream' });
  const name = attempt.deployment;
  const deployment = deploymentFor(resource, { name, operation: call, strict: world.strict, batch: true });
  const whole =
    call === 'embeddings'
      ? embed(world, { line, attempt, deployment })
      : generated(world, { line, call, attempt, deployment });
  if (!faults.has('missing-usage')) return whole;
  const { usage: _usage, ...without } = whole;
  return without;
}

interface Given {
  readonly line: BatchLine;
  readonly attempt: Attempt;
  readonly deployment: Deployment;
}

function embed(world: World, { line, attempt, deployment }: Given): JsonObject {
  const ask = readEmbeddings(line.body, { framing: world.framing, model: deployment.config.model });
  attempt.inputTokens = ask.prompts.reduce((sum, prompt) => sum + countPrompt(prompt, world.tokenizer).tokens, 0);
  return embeddingsBody(world, { ask, deployment, tokens: attempt.inputTokens });
}

function askOf(
  { framing }: World,
  call: Exclude<BatchCall, 'embeddings'>,
  { line: { body }, attempt: { resource } }: Given,
): Ask {
  if (call === 'completions') return readCompletions(body, framing);
  return call === 'responses' ? readResponses(body, { framing, earlier: 0, resource }) : readChat(body, framing);
}

function generated(world: World, given: Given & { readonly call: Exclude<BatchCall, 'embeddings'> }): JsonObject {
  const { call, attempt, deployment } = given;
  const ask = askOf(world, call, given);
  const counted = ask.prompts.map((prompt) => countPrompt(prompt, world.tokenizer));
  const markers = markersOf(ask.lastUserText);
  if (markers.filterPrompt && deployment.config.contentFilter !== 'off') throw promptFiltered(ask);
  attempt.inputTokens = counted.reduce((sum, prompt) => sum + prompt.tokens, 0);
  if (call !== 'completions')
    attempt.cachedInputTokens = deployment.cache.use(ask.prompts[0] ?? [], {
      tokens: attempt.inputTokens,
      tokenizer: world.tokenizer,
    });
  const hashes = counted.map((prompt) => prompt.hash);
  const generation = generate(ask, { generator: world, deployment, markers, hashes });
  attempt.outputTokens = generation.outputTokens;
  attempt.reasoningTokens = generation.reasoningTokens;
  const facts: ReplyFacts = {
    ask,
    generation,
    deployment,
    requestedModel: attempt.deployment,
    inputTokens: attempt.inputTokens,
    cachedInputTokens: attempt.cachedInputTokens,
    created: Math.floor(world.clock.now() / 1000),
    ids: world.ids,
    resource: attempt.resource,
  };
  if (call === 'responses') return new ResponseWriter(facts).whole(responseUsage(facts));
  return call === 'completions'
    ? completionReply(facts, completionUsage(facts))
    : chatReply(facts, completionUsage(facts));
}

/** Whether something read from a file is a line that can be run. */
export const isLine = (one: ReturnType<typeof readLines>[number]): one is BatchLine =>
  'body' in one && isJsonObject(one.body);
