import type { FaultSet } from '#faults/faults.ts';
import { arrayAt, isJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import type { StreamPart, StreamShape } from '#wire/stream-part.ts';
import { checkParameters, checkStreamOptions, promptFiltered, throttled } from './admit.ts';
import { markersOf, type Ask, type GeneratingOperation } from './ask.ts';
import { deliverStream, deliverWhole, type Delivery } from './deliver.ts';
import { readEmbeddings } from './embed.ts';
import { embeddingsBody } from './embeddings-body.ts';
import type { Deployment } from './estate.ts';
import type { Exchange } from './exchange.ts';
import { generate } from './generate.ts';
import { commonHeaders } from './headers.ts';
import { countPrompt, type CountedPrompt } from './prompt.ts';
import { readChat } from './read-chat.ts';
import { readCompletions } from './read-completions.ts';
import { readResponses } from './read-responses.ts';
import { Refusal, refusalAskedFor } from './refusal.ts';
import { completionUsage, responseUsage, type ReplyFacts } from './reply.ts';
import { chatReply, chatStream } from './write-chat.ts';
import { completionReply, completionStream } from './write-completions.ts';
import { inputItems, storedKey } from './stored-items.ts';
import { continueConversation, tokensBefore } from './conversations.ts';
import { ResponseWriter } from './write-responses.ts';

/** Output that a call counts as against the token limit where it sets none itself. */
const assumedOutput = 256;

interface Call {
  readonly body: JsonObject;
  readonly deployment: Deployment;
}

interface Estimate {
  readonly input: number;
  readonly output: number;
}

/** Serves one call of a deployment: embeddings, or a model's generation. */
export async function answerCall(exchange: Exchange, call: Call): Promise<void> {
  if (exchange.route.operation === 'embeddings') await answerEmbeddings(exchange, call);
  else await answerGeneration(exchange, { ...call, ask: readAsk(exchange, call.body) });
}

async function answerEmbeddings(exchange: Exchange, call: Call): Promise<void> {
  const { world, attempt } = exchange;
  const ask = readEmbeddings(call.body, { framing: world.framing, model: call.deployment.config.model });
  const counted = ask.prompts.map((prompt) => countPrompt(prompt, world.tokenizer));
  const tokens = total(counted);
  const served = admitted(exchange, { deployment: call.deployment, estimate: { input: tokens, output: 0 } });
  attempt.inputTokens = tokens;
  const { usage, ...rest } = embeddingsBody(world, { ask, deployment: call.deployment, tokens });
  await deliverWhole(exchange, {
    ...deliveryOf(exchange, { served, counted, tokens }),
    body: JSON.stringify(exchange.faults.has('missing-usage') ? rest : { ...rest, usage }),
    used: { output: 0, reasoning: 0 },
  });
}

function readAsk(exchange: Exchange, body: JsonObject): Ask {
  const { framing } = exchange.world;
  const { operation } = exchange.route;
  if (operation === 'completions') return readCompletions(body, framing);
  if (operation === 'responses') {
    const context = { framing, earlier: earlierTokens(exchange, body), resource: resourceName(exchange) };
    return readResponses(body, context);
  }
  return readChat(body, framing);
}

const resourceName = (exchange: Exchange): string => exchange.resource?.name ?? '';

/** What `previous_response_id` or `conversation` brings along; either is known in its own resource only. */
function earlierTokens(exchange: Exchange, body: JsonObject): number {
  const id = textAt(body, 'previous_response_id');
  if (id === undefined) return tokensBefore(exchange, body);
  const stored = exchange.world.responses.get(storedKey(exchange, id));
  if (stored !== undefined) return stored.tokens;
  throw new Refusal(400, {
    code: 'previous_response_not_found',
    message: `Previous response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: 'previous_response_id',
  });
}

async function answerGeneration(exchange: Exchange, call: Call & { readonly ask: Ask }): Promise<void> {
  const { world, attempt, route } = exchange;
  const { ask, deployment } = call;
  checkStreamOptions(route, ask);
  if (world.strict) checkParameters(ask, deployment);
  const counted = ask.prompts.map((prompt) => countPrompt(prompt, world.tokenizer));
  const markers = markersOf(ask.lastUserText);
  if (markers.filterPrompt && deployment.config.contentFilter !== 'off') throw promptFiltered(ask);
  const tokens = total(counted);
  const estimate = { input: tokens, output: ask.prompts.length * ask.generated * (ask.outputLimit ?? assumedOutput) };
  const served = admitted(exchange, { deployment, estimate });
  const cached =
    ask.operation === 'completions'
      ? 0
      : served.cache.use(ask.prompts[0] ?? [], { tokens, tokenizer: world.tokenizer });
  attempt.inputTokens = tokens;
  attempt.cachedInputTokens = cached;
  const generation = generate(ask, {
    generator: world,
    deployment: served,
    markers,
    hashes: counted.map((prompt) => prompt.hash),
  });
  const facts: ReplyFacts = {
    ask,
    generation,
    deployment: served,
    requestedModel: textAt(call.body, 'model') ?? attempt.deployment,
    inputTokens: tokens,
    cachedInputTokens: cached,
    created: Math.floor(world.clock.now() / 1000),
    ids: world.ids,
    resource: resourceName(exchange),
  };
  const delivery = deliveryOf(exchange, { served, counted, tokens });
  try {
    await (ask.stream ? sendStream(exchange, { facts, delivery }) : sendWhole(exchange, { facts, delivery }));
  } finally {
    served.capacity.settle(estimate, { input: tokens - cached, output: attempt.outputTokens });
  }
}

interface Sending {
  readonly facts: ReplyFacts;
  readonly delivery: Delivery;
}

async function sendStream(exchange: Exchange, { facts, delivery }: Sending): Promise<void> {
  const { faults } = exchange;
  const shape: StreamShape = {
    usage: usageShape(faults),
    giantBytes: faults.get('giant-event')?.bytes,
  };
  await deliverStream(exchange, { ...delivery, parts: partsOf(exchange, { facts, shape }) });
}

function usageShape(faults: FaultSet): StreamShape['usage'] {
  if (faults.has('missing-usage')) return 'missing';
  return faults.has('usage-with-choices') ? 'with-choices' : 'reported';
}

function partsOf(
  exchange: Exchange,
  { facts, shape }: { readonly facts: ReplyFacts; readonly shape: StreamShape },
): Iterable<StreamPart> {
  const { operation } = facts.ask;
  if (operation === 'responses') return storedWriter(exchange, facts).stream(shape);
  return operation === 'completions' ? completionStream(facts, shape) : chatStream(facts, shape);
}

async function sendWhole(exchange: Exchange, { facts, delivery }: Sending): Promise<void> {
  const { generation, ask } = facts;
  const missing = exchange.faults.has('missing-usage');
  const bodies: Readonly<Record<GeneratingOperation, () => JsonObject>> = {
    'chat.completions': () => chatReply(facts, missing ? undefined : completionUsage(facts)),
    completions: () => completionReply(facts, missing ? undefined : completionUsage(facts)),
    responses: () => storedWriter(exchange, facts).whole(missing ? undefined : responseUsage(facts)),
  };
  await deliverWhole(exchange, {
    ...delivery,
    body: JSON.stringify(bodies[ask.operation]()),
    used: { output: generation.outputTokens, reasoning: generation.reasoningTokens },
  });
}

/** The response is stored unless the caller said otherwise, so that another one can go on from it. */
function storedWriter(exchange: Exchange, facts: ReplyFacts): ResponseWriter {
  const writer = new ResponseWriter(facts);
  const { ask, generation } = facts;
  const tokens = facts.inputTokens + generation.outputTokens - generation.reasoningTokens;
  const whole = writer.whole(responseUsage(facts));
  const input = inputItems(exchange, ask.body);
  if (ask.body['store'] !== false)
    exchange.world.responses.set(storedKey(exchange, writer.id), { tokens, whole, input });
  const output = (arrayAt(whole, 'output') ?? []).filter((item) => isJsonObject(item));
  continueConversation(exchange, ask.body, { items: [...input, ...output], tokens });
  return writer;
}

/**
 * Takes the call in, or refuses it: by a fault that was asked for, by the deployment's limits. A provisioned deployment
 * that cannot take it hands it to its spillover target, if it or the request names one.
 */
function admitted(
  exchange: Exchange,
  given: { readonly deployment: Deployment; readonly estimate: Estimate },
): Deployment {
  const { deployment } = given;
  const refusal = refusalAskedFor(exchange.faults) ?? overloaded(exchange, given);
  if (refusal === undefined) return deployment;
  const target = spilloverTarget(exchange, { deployment, status: refusal.status });
  if (target === undefined) throw refusal;
  exchange.attempt.spilledFrom = deployment.name;
  exchange.spilledBecause = refusal.status;
  exchange.attempt.deployment = target.name;
  const second = overloaded(exchange, { ...given, deployment: target });
  if (second === undefined) return target;
  throw new Refusal(second.status, second.fields, {
    ...second.headers,
    ...spilloverHeaders(exchange),
    'x-ms-deployment-name': target.name,
  });
}

function overloaded(
  exchange: Exchange,
  given: { readonly deployment: Deployment; readonly estimate: Estimate },
): Refusal | undefined {
  const overload = given.deployment.capacity.admit(given.estimate);
  return overload === undefined
    ? undefined
    : throttled(overload, { route: exchange.route, deployment: given.deployment });
}

/** learn.microsoft.com, "Manage traffic with spillover": the deployment's own target goes before the request's. */
function spilloverTarget(
  exchange: Exchange,
  given: { readonly deployment: Deployment; readonly status: number },
): Deployment | undefined {
  const { deployment, status } = given;
  if (!deployment.provisioned || (status !== 429 && status < 500)) return undefined;
  const header = exchange.request.headers['x-ms-spillover-deployment'];
  const name = deployment.config.spillover ?? (typeof header === 'string' ? header : undefined);
  const target = name === undefined ? undefined : exchange.resource?.deployments.get(name);
  return target?.provisioned === false ? target : undefined;
}

/**
 * On every call that was spilled over, whether its target served it or not: whose it was, and what that one would have
 * answered. A target that fails answers for itself. Source: "Manage traffic with spillover", as of 2026-06.
 */
function spilloverHeaders(exchange: Exchange): Record<string, string> {
  const { spilledFrom } = exchange.attempt;
  if (spilledFrom === null) return {};
  return { 'x-ms-spillover-from-deployment': spilledFrom, 'x-ms-spillover-error': String(exchange.spilledBecause) };
}

function deliveryOf(
  exchange: Exchange,
  given: { readonly served: Deployment; readonly counted: readonly CountedPrompt[]; readonly tokens: number },
): Delivery {
  const { served, counted, tokens } = given;
  return {
    headers: {
      ...commonHeaders(exchange),
      ...served.capacity.headers(),
      ...spilloverHeaders(exchange),
      'x-ms-deployment-name': served.name,
      'x-ms-rai-invoked': String(served.config.contentFilter !== 'off'),
      'azureml-model-session': `twin-${served.reportedModel}`,
    },
    promptTokens: tokens,
    hash: counted[0]?.hash ?? 0,
  };
}

function total(counted: readonly CountedPrompt[]): number {
  return counted.reduce((sum, prompt) => sum + prompt.tokens, 0);
}
