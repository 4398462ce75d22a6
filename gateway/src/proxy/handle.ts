import type { IncomingMessage, ServerResponse } from 'node:http';
import { toFailure, type Failure } from '#kernel/errors.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { Admission, Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import { isOfBatches, isStored, type StoredOperation } from '#model/operation.ts';
import type { Presence } from '#model/presence.ts';
import { storedCalls } from '#model/stored-calls.ts';
import type { TracedCall } from '#model/call-trace.ts';
import { readBody, readPlainBody } from './accept/read-body.ts';
import { newHeadContext, readHead } from './accept/read-head.ts';
import { answerBatches } from './batches/answer.ts';
import { withEndUser } from './consumers/end-user.ts';
import { identify } from './consumers/identify.ts';
import { forward } from './forward.ts';
import { modelsReply } from './models-list.ts';
import type { Journey } from './journey.ts';
import type { Telemetry } from './ports.ts';
import { findRoute } from './policies/find-route.ts';
import type { PolicyContext } from './policies/policy.ts';
import { runPipeline } from './policies/pipeline.ts';
import { requestMembers } from './request-line.ts';
import { respondWithFailure, respondWithJson } from './respond.ts';
import { routeHeader } from './route-trace.ts';
import { bindingOf } from './routing/affinity/bind.ts';
import type { Services } from './services.ts';
import { answerStored } from './stored.ts';

/** The client's side of one request. */
export interface Client {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly presence: Presence;
}

/**
 * The life of one request, top to bottom.
 *
 *   client ──► 1 head ──► 2 caller ──► 3 body ──► inbound ──► backend: forward ──► outbound ──► client
 *                                                               │ 4 plan the attempts
 *                                                               │ 5 open in the journal, send
 *                                                               └ 6 relay, meter, settle
 *              any failure ──► on-error ──► client, in its dialect
 */
export async function handle(services: Services, client: Client): Promise<void> {
  const { response, presence } = client;
  const { requestId, receivedAt, startedAt } = newHeadContext(services.clock, services.ids);
  const trace = services.telemetry?.begin(client.request.headers);
  const journey: Journey = {
    requestId,
    receivedAt,
    startedAt,
    trace,
    endedAt: 0,
    limits: undefined,
    arrival: undefined,
    caller: undefined,
    exchange: undefined,
    failure: undefined,
    forwarding: {
      response,
      presence,
      attempts: 0,
      waitedMs: 0,
      trail: [],
      fallback: undefined,
      losing: undefined,
      failure: undefined,
      trace: undefined,
      limits: undefined,
    },
  };
  try {
    await travel(services, client, journey);
  } catch (thrown) {
    journey.failure = toFailure(thrown);
    respondWithFailure(response, journey.failure, {
      requestId: journey.requestId,
      clientRequestId: journey.arrival?.clientRequestId ?? null,
      extraHeaders: extraHeaders(journey),
    });
  } finally {
    journey.endedAt = services.clock.monotonic();
    // Over for its client, but not for the ledger.
    if (journey.forwarding.losing !== undefined) await journey.forwarding.losing;
    journey.limits?.end();
  }
  journey.failure ??= journey.forwarding.failure;
  report(services, client, journey);
}

/** What a failure tells beside itself: what remains of limits, and which endpoints were tried, where that may be told. */
function extraHeaders({ forwarding, arrival, limits }: Journey): readonly string[] {
  const headers = limits?.headers() ?? [];
  return arrival?.snapshot.explainHeader === true ? [...headers, ...routeHeader(forwarding.trace)] : headers;
}

async function travel(services: Services, client: Client, journey: Journey): Promise<void> {
  // :: Step 1: what is asked, by which key                       client ──head──► gateway
  const arrival = readHead(client.request, journey, services.snapshots.current());
  journey.arrival = arrival;

  // :: Step 2: who is calling                                    before a byte of the body is read
  const identified = identify(arrival, services.tokens);
  const subscriber = identified instanceof Promise ? await identified : identified;
  journey.caller = subscriber;

  // What the snapshot answers by itself; nothing is asked of an upstream, so nothing is limited or metered.
  if (arrival.operation === 'models.list' || arrival.operation === 'models.retrieve') {
    respondWithJson(journey.forwarding.response, modelsReply(arrival, subscriber), arrival);
    return;
  }

  if (isStored(arrival.operation)) {
    await stored(services, client, { journey, operation: arrival.operation, arrival, caller: subscriber });
    return;
  }

  // :: Step 3: the body, parsed once                             client ──body──► gateway
  const exchange = await readBody(client, arrival);
  journey.exchange = exchange;
  const caller = withEndUser(subscriber, exchange);
  journey.caller = caller;
  const route = findRoute(arrival.snapshot, {
    name: exchange.requestedModel,
    product: caller.subscription.product,
    surface: exchange.surface,
  });

  // :: inbound → backend (steps 4–6, in forward.ts) → outbound   gateway ◄──► upstream
  const binding = bindingOf(exchange, caller);
  const admission: Admission = { exchange, caller, route, binding, edits: new Map() };
  journey.forwarding.limits = services.limits.begin(admission);
  journey.limits = journey.forwarding.limits;
  const context: PolicyContext = {
    exchange,
    caller,
    route,
    binding,
    edits: admission.edits,
    reply: undefined,
    failure: undefined,
    forward: () => forward(services, admission, journey.forwarding),
  };
  const reply = await runPipeline(services.pipeline, context);

  // :: the answer, metered on its way; settled before its end    client ◄──────── gateway
  await reply.deliver();
}

/** What uses no tokens, and so has neither a route nor a place in the ledger: but it is a request, and limited as such. */
async function stored(
  services: Services,
  client: Client,
  known: {
    readonly journey: Journey;
    readonly operation: StoredOperation;
    readonly arrival: Arrival;
    readonly caller: Caller;
  },
): Promise<void> {
  const { journey, operation, arrival, caller } = known;
  const { response, presence } = client;
  const limits = services.limits.beginUnmetered(caller, arrival);
  journey.limits = limits;
  await limits.admit(services.clock.now());
  if (isOfBatches(operation)) {
    await answerBatches(services, { operation, arrival, caller, request: client.request, response, presence, limits });
    return;
  }
  const body = storedCalls[operation].body ? await readPlainBody(client, arrival) : Buffer.alloc(0);
  await answerStored(services, { operation, arrival, caller, response, presence, limits, body });
}

/** What the client saw; 499 where it had gone before it saw anything. */
function statusOf(response: ServerResponse, failure: Failure | undefined): number {
  if (response.headersSent) return response.statusCode;
  return failure === undefined || response.destroyed ? 499 : failure.status;
}

/** What the span of a call says of what was asked. A name that stands for no model could be anything, and is left out. */
function workOf({ arrival, exchange }: Journey): Pick<TracedCall, 'operation' | 'surface' | 'model' | 'stream'> {
  if (arrival === undefined) return { operation: null, surface: null, model: null, stream: false };
  const { operation, surface, snapshot, pathModel } = arrival;
  const name = exchange?.requestedModel ?? pathModel;
  const model = name !== null && snapshot.models.has(name) ? name : null;
  return { operation, surface, model, stream: exchange?.stream ?? false };
}

function endTrace(telemetry: Telemetry, client: Client, journey: Journey): void {
  const { trace, requestId, receivedAt, startedAt, endedAt, failure } = journey;
  if (trace === undefined) return;
  telemetry.end({
    trace,
    requestId,
    receivedAt,
    startedAt,
    endedAt,
    ...workOf(journey),
    method: client.request.method ?? '',
    caller: journey.caller?.chargedTo ?? null,
    status: statusOf(client.response, failure),
    code: failure?.code ?? null,
    waitedMs: journey.forwarding.waitedMs,
  });
}

/** What is told of a request when it is over. */
function report(services: Services, client: Client, journey: Journey): void {
  const { telemetry, genAi } = services;
  const status = statusOf(client.response, journey.failure);
  services.instruments.requestDone(journey.arrival?.operation ?? 'unknown', status);
  if (genAi !== undefined)
    genAi.callDone(journey.exchange, { status, code: journey.failure?.code, ms: journey.endedAt - journey.startedAt });
  if (telemetry !== undefined) endTrace(telemetry, client, journey);
  writeLine(services, journey, status);
}

/** One line per request: who, what, how it ended, how long. No prompts, no keys. */
function writeLine(services: Services, journey: Journey, status: number): void {
  const members = requestMembers(journey, { status, ms: services.clock.monotonic() - journey.startedAt });
  const { failure } = journey;
  if (failure === undefined || failure.status !== 500) services.requestLog.write(members);
  else services.log.error({ ...parseJsonObject(`{${members}}`), err: failure.cause }, 'request failed');
}
