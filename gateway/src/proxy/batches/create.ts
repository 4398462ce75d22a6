import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Cost } from '#model/money.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import { noUnits, type Measured, type OpenedAttempt, type Outcome, type UsageRecord } from '#model/usage-record.ts';
import { servedByOf } from '#proxy/attempt-record.ts';
import type { Reservation } from '#proxy/ports.ts';
import { ownerOf } from '#proxy/routing/affinity/homes.ts';
import type { Services } from '#proxy/services.ts';
import { NoReply } from '#proxy/upstream/send.ts';
import { batchOperation } from './check-line.ts';
import type { FileFacts } from './file-facts.ts';
import { factsOf, findBy, ownerTag, sealingFor } from './ids.ts';
import { ask, brokeOff, notJson, refusalIn, type Answer } from './resource.ts';
import { clientBatch, inputMember, markMember } from './views.ts';

export interface CreateCall {
  readonly arrival: Arrival;
  readonly caller: Caller;
  readonly body: Buffer;
}

const members = new Set(['input_file_id', 'endpoint', 'completion_window', 'metadata', 'output_expires_after']);
/** Of the 16 that a batch may have, the gateway needs two. */
const mostMetadata = 14;
/** Characters of a value. Source: OpenAI API reference, "metadata" of a batch. */
const longestMetadata = 512;

const invalid = (param: string, message: string): Failure => new Failure('invalid_request_body', message, { param });

function metadataOf(given: Json | undefined): JsonObject {
  if (given === undefined || given === null) return {};
  if (!isJsonObject(given) || Object.values(given).some((value) => typeof value !== 'string'))
    throw invalid('metadata', "'metadata' must be an object of texts.");
  if (Object.keys(given).length > mostMetadata)
    throw invalid('metadata', `'metadata' may have ${mostMetadata} members; the gateway needs the other two.`);
  const own = [markMember, inputMember].find((name) => Object.hasOwn(given, name));
  if (own !== undefined) throw invalid('metadata', `'${own}' is the gateway's own.`);
  return given;
}

/** What a batch used is read from its files: they must be there for long enough, also where no gateway runs for a while. */
const shortestExpirySeconds = 86_400;

function refuseShortExpiry(given: Json | undefined): void {
  if (given === undefined || given === null) return;
  const seconds = isJsonObject(given) ? given['seconds'] : undefined;
  if (typeof seconds !== 'number' || seconds < shortestExpirySeconds)
    throw invalid('output_expires_after', `'output_expires_after' must be ${shortestExpirySeconds} seconds or more.`);
}

interface Wanted {
  readonly body: JsonObject;
  readonly metadata: JsonObject;
  readonly inputId: string;
  readonly rawInput: string;
  readonly facts: FileFacts;
  readonly endpoint: Endpoint;
}

function understand({ arrival, caller, body: bytes }: CreateCall): Wanted {
  const body = parseJsonObject(bytes.toString('utf8'));
  if (body === undefined) throw new Failure('invalid_json', 'The body is not one well-formed JSON object.');
  const strange = Object.keys(body).find((name) => !members.has(name));
  if (strange !== undefined)
    throw new Failure('unsupported_parameter', `'${strange.slice(0, 64)}' is not served.`, {
      param: strange.slice(0, 64),
    });
  refuseShortExpiry(body['output_expires_after']);
  const { input_file_id: inputId, endpoint: path } = body;
  if (typeof inputId !== 'string') throw invalid('input_file_id', "'input_file_id' must be text.");
  const found = findBy(arrival.snapshot, caller, { id: inputId, prefix: 'file-' });
  if (found === undefined)
    throw new Failure('file_not_found', 'There is no file with this id.', { param: 'input_file_id' });
  const facts = factsOf(found);
  if (facts === undefined)
    throw invalid(
      'input_file_id',
      'Use the id that the upload answered: a listed one does not say what is in the file.',
    );
  if (batchOperation(path) !== facts.operation)
    throw invalid('endpoint', "'endpoint' must be the 'url' of the file's lines.");
  const endpoint = found.endpoints.find(
    ({ name, deployment }) => name === facts.endpoint && deployment === facts.deployment,
  );
  if (endpoint === undefined)
    throw new Failure(
      'file_not_found',
      'The deployment that the file was uploaded for is not there any more: upload it again.',
      { param: 'input_file_id' },
    );
  return { body, metadata: metadataOf(body['metadata']), inputId, rawInput: found.raw, facts, endpoint };
}

function refuseWhatIsNotAllowed({ arrival, caller }: CreateCall, { facts, endpoint }: Wanted): void {
  const { product } = caller.subscription;
  // It may have been another one when the file came.
  if (!product.models.has(facts.model))
    throw new Failure('model_not_allowed', `The product '${product.name}' does not include the model of the file.`, {
      param: 'input_file_id',
    });
  const route = arrival.snapshot.models.get(facts.model);
  if (route?.batch.some(({ name }) => name === facts.endpoint) !== true)
    throw new Failure(
      'batches_not_allowed',
      'The model of the file does not take batches on this deployment any more.',
    );
  if (facts.product !== null && facts.product !== product.name)
    throw outdated(`The file was checked for the product '${facts.product}'; this key is of '${product.name}'.`);
  const missing = arrival.snapshot.prices.missing(endpoint, arrival.receivedAt);
  if (product.unpriced !== 'allow-and-flag' && missing.length > 0)
    throw new Failure(
      'model_unpriced',
      'The deployment of the file has no price any more, and the product refuses unpriced calls.',
      { param: 'input_file_id' },
    );
}

const outdated = (why: string): Failure =>
  new Failure('batch_file_outdated', `${why} Upload it again.`, { param: 'input_file_id' });

/** What is held for a batch is the most that its lines may cost: by the prices at its beginning, not those at the upload. */
function refuseOtherPrices({ arrival, caller }: CreateCall, { facts, endpoint }: Wanted, at: number): void {
  const { product } = caller.chargedTo;
  if (facts.prices === arrival.snapshot.prices.edition(endpoint, { product, at })) return;
  throw outdated(
    facts.prices === null
      ? 'The id of the file does not say by which prices the most that it may cost was reckoned.'
      : 'The prices of its model have changed since the file was uploaded, and a budget holds the most that it may cost.',
  );
}

/** Nobody knows yet what the lines will use: it is held, and told as unpriced until the batch has ended. */
const notKnownYet: Cost = {
  pricing: 'token',
  lines: [],
  nanoUsd: null,
  listNanoUsd: null,
  internalNanoUsd: null,
  unpriced: ['usage unknown'],
};

/** How the beginning of a batch ended, for its record. */
interface Ending {
  readonly outcome: Outcome;
  readonly measured: Measured;
  readonly httpStatus: number | null;
  /** The resource's id of the batch. */
  readonly batch: string | null;
  /** False where certainly no batch was begun. */
  readonly begun: boolean;
}

const neverBegun = (outcome: Outcome, httpStatus: number | null): Ending => ({
  outcome,
  httpStatus,
  measured: 'none',
  batch: null,
  begun: false,
});
/** Whoever follows batches looks for it at the resource. */
const perhapsBegun = (httpStatus: number | null): Ending => ({
  outcome: 'upstream-broke',
  httpStatus,
  measured: 'unknown',
  batch: null,
  begun: true,
});

function endingOf(answer: Answer | NoReply | undefined): Ending {
  if (answer instanceof NoReply) return answer.written ? perhapsBegun(null) : neverBegun('upstream-broke', null);
  if (answer === undefined) return perhapsBegun(null);
  const { status, json } = answer;
  if (status >= 500 || status === 408) return perhapsBegun(status);
  if (status >= 300) return neverBegun('refused-by-upstream', status);
  const id = json?.['id'];
  if (typeof id !== 'string') return perhapsBegun(status);
  return { outcome: 'completed', measured: 'none', httpStatus: status, batch: id, begun: true };
}

function recordOf(
  services: Services,
  opened: OpenedAttempt,
  given: { readonly ending: Ending; readonly arrival: Arrival; readonly endpoint: Endpoint },
): UsageRecord {
  const { outcome, measured, httpStatus, batch, begun } = given.ending;
  const { prices } = given.arrival.snapshot;
  const nothing = {
    endpoint: given.endpoint,
    units: noUnits,
    serviceTier: null,
    reportedModel: null,
    spilledFrom: null,
    product: opened.caller.product,
    at: opened.at,
  };
  const now = services.clock.monotonic();
  return {
    ...opened,
    finishedAt: services.clock.now(),
    outcome,
    httpStatus,
    units: measured === 'unknown' ? { ...noUnits, input: null, output: null } : noUnits,
    measuredInput: measured,
    measuredOutput: measured,
    serviceTier: null,
    reportedModel: null,
    spilledFrom: null,
    upstreamRequestId: batch,
    timing: { queueMs: 0, firstByteMs: null, upstreamMs: 0, totalMs: Math.round(now - given.arrival.startedAt) },
    cost: begun ? notKnownYet : prices.cost(nothing),
  };
}

/** What is sent: the caller's members, the resource's id of the file, and the marks that the batch is found by. */
function sentBody({ arrival, caller }: CreateCall, wanted: Wanted, attemptId: string): Buffer {
  const { affinity } = arrival.snapshot;
  const mark = `${attemptId} ${ownerTag(affinity, ownerOf(affinity, caller))}`;
  const { inputId } = wanted;
  // Where it has no room the batch is told with an id that says less of the file.
  const input = inputId.length <= longestMetadata ? { [inputMember]: inputId } : {};
  const metadata = { ...wanted.metadata, [markMember]: mark, ...input };
  return Buffer.from(JSON.stringify({ ...wanted.body, input_file_id: wanted.rawInput, metadata }));
}

async function answerOf(services: Services, call: CreateCall, given: { wanted: Wanted; attemptId: string }) {
  const { wanted, attemptId } = given;
  try {
    return await ask(services, wanted.endpoint, {
      operation: 'batches.create',
      raw: null,
      body: sentBody(call, wanted, attemptId),
      traceContext: call.arrival.traceContext,
      trace: call.arrival.trace?.beginAttempt(wanted.endpoint),
      attemptId,
    });
  } catch (thrown) {
    if (thrown instanceof NoReply) return thrown;
    return undefined;
  }
}

function openedFor(
  { arrival, caller }: CreateCall,
  given: { readonly id: string; readonly at: number; readonly wanted: Wanted; readonly nano: bigint | null },
): OpenedAttempt {
  return {
    id: given.id,
    requestId: arrival.requestId,
    attempt: 1,
    at: given.at,
    caller: caller.chargedTo,
    servedBy: servedByOf(given.wanted.endpoint),
    operation: 'batches.create',
    stream: false,
    requestedModel: given.wanted.facts.model,
    reservedNano: given.nano,
    priceBook: arrival.snapshot.prices.id,
  };
}

/** In the words of the resource, and by the member that it names: it is about what the caller sent. */
function refusedAs(error: Json | undefined, status: number): Failure {
  const { message, param } = isJsonObject(error) ? error : {};
  const said = typeof message === 'string' ? message : 'no reason told';
  const of = typeof param === 'string' && members.has(param) ? param : 'input_file_id';
  return invalid(of, `The resource refuses the batch (${status}): ${said.slice(0, 300)}`);
}

function replyFor(
  services: Services,
  call: CreateCall,
  given: { wanted: Wanted; answer: Answer | NoReply | undefined },
): JsonObject {
  const { wanted, answer } = given;
  if (answer === undefined || answer instanceof NoReply) throw brokeOff(answer);
  const notFound = new Failure('file_not_found', 'The resource does not have the file any more.', {
    param: 'input_file_id',
  });
  const refusal = refusalIn(answer, { notFound, now: services.clock.now() });
  if (refusal !== undefined) throw refusal;
  if (answer.json === undefined || (answer.status < 300 && typeof answer.json['id'] !== 'string')) throw notJson();
  if (answer.status >= 300) throw refusedAs(answer.json['error'], answer.status);
  return clientBatch(answer.json, sealingFor(call.arrival.snapshot, call.caller, wanted.endpoint));
}

/** What is tried ends with its record, whatever becomes of the client meanwhile. */
async function attempt(
  services: Services,
  call: CreateCall,
  given: { wanted: Wanted; id: string; at: number; reservation: Reservation },
) {
  const { wanted, id, at, reservation } = given;
  const { ledger } = services;
  const opened = openedFor(call, { id, at, wanted, nano: reservation.nano });
  try {
    await ledger.open(opened);
  } catch (thrown) {
    reservation.release();
    throw thrown;
  }
  const answer = await answerOf(services, call, { wanted, attemptId: id });
  const ending = endingOf(answer);
  const record = recordOf(services, opened, { ending, arrival: call.arrival, endpoint: wanted.endpoint });
  await ledger.settle(record);
  reservation.settle(record);
  return answer;
}

/**
 * Begins a batch where its file lives. What its lines may cost is reserved before it is sent, and stays held until the batch
 * has ended and is metered: its record says so to whoever follows batches, after any restart and on any gateway.
 */
export async function createBatch(services: Services, call: CreateCall): Promise<JsonObject> {
  const wanted = understand(call);
  refuseWhatIsNotAllowed(call, wanted);
  const { arrival, caller } = call;
  const limits = services.limits.beginBatch(caller, arrival, wanted.facts.most);
  try {
    const at = services.clock.now();
    if (limits.ofMoney) refuseOtherPrices(call, wanted, at);
    const reservation = await limits.reserve(at);
    const answer = await attempt(services, call, { wanted, id: services.ids(at), at, reservation });
    return replyFor(services, call, { wanted, answer });
  } finally {
    limits.end();
  }
}
