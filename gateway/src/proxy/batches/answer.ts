import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { BatchOperation } from '#model/operation.ts';
import type { Presence } from '#model/presence.ts';
import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import { readPlainBody } from '#proxy/accept/read-body.ts';
import type { PassedLimits } from '#proxy/ports.ts';
import { idHeaders } from '#proxy/respond.ts';
import type { Services } from '#proxy/services.ts';
import { reachable } from '#proxy/standing.ts';
import { sendContent } from './content.ts';
import { createBatch } from './create.ts';
import { batchOfFile, findBy, sealingFor, type Found } from './ids.ts';
import { listOwn } from './list.ts';
import { ask, failureFor, notJson, refusalIn, type Answer } from './resource.ts';
import { uploadFile } from './upload.ts';
import { clientBatch, clientFile } from './views.ts';

/** A request about files or batches. */
export interface BatchCall {
  readonly operation: BatchOperation;
  readonly arrival: Arrival;
  readonly caller: Caller;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly presence: Presence;
  readonly limits: PassedLimits;
}

function notFound(operation: BatchOperation): Failure {
  return operation.startsWith('files.')
    ? new Failure('file_not_found', 'There is no file with this id.')
    : new Failure('batch_not_found', 'There is no batch with this id.');
}

function foundBy({ operation, arrival, caller }: BatchCall): Found {
  const prefix = operation.startsWith('files.') ? 'file-' : 'batch_';
  const found = findBy(arrival.snapshot, caller, { id: arrival.stored?.id ?? '', prefix });
  if (found === undefined) throw notFound(operation);
  return found;
}

/** What a batch used stands in the files that it made: until it is in the ledger they stay. */
async function refuseUnmetered(services: Services, found: Found): Promise<void> {
  const attemptId = batchOfFile(found);
  if (attemptId === undefined || (await services.batches.isMetered(attemptId))) return;
  throw new Failure('batch_not_metered', 'What the batch used has not been read from this file yet.', {
    retryAfterSeconds: 60,
  });
}

async function answerOne(services: Services, call: BatchCall): Promise<JsonObject | undefined> {
  const { operation, arrival, presence } = call;
  const found = foundBy(call);
  const [endpoint] = reachable(services, found.endpoints);
  if (endpoint === undefined)
    throw new Failure('upstream_unavailable', 'The resource where it lives is out of service.');
  const { traceContext } = arrival;
  const trace = arrival.trace?.beginAttempt(endpoint);
  const asked = { operation, raw: found.raw, traceContext, presence, trace };
  if (operation === 'files.content') {
    await sendContent(services, endpoint, { ...asked, call, notFound: notFound(operation) });
    return undefined;
  }
  if (operation === 'files.delete') await refuseUnmetered(services, found);
  try {
    return clientView(services, call, { endpoint, answer: await ask(services, endpoint, asked) });
  } catch (thrown) {
    throw failureFor(thrown);
  }
}

/** What the client gets; throws the Failure to tell. */
function clientView(
  services: Services,
  call: BatchCall,
  { endpoint, answer }: { readonly endpoint: Endpoint; readonly answer: Answer },
): JsonObject {
  const { operation, arrival, caller } = call;
  const refusal = refusalIn(answer, { notFound: notFound(operation), now: services.clock.now() });
  if (refusal !== undefined) throw refusal;
  // Deleting is answered without a body by some versions.
  const json = operation === 'files.delete' && answer.bytes.length === 0 ? deleted : answer.json;
  if (json === undefined) throw notJson();
  if (answer.status >= 300)
    throw new Failure('invalid_request_body', `The resource refuses it (${answer.status}): the batch has ended.`);
  const id = arrival.stored?.id ?? '';
  if (operation.startsWith('files.')) return clientFile(json, id);
  return { ...clientBatch(json, sealingFor(arrival.snapshot, caller, endpoint)), id };
}

const deleted: JsonObject = { object: 'file', deleted: true };

async function answerOf(services: Services, call: BatchCall): Promise<JsonObject | undefined> {
  const { operation, request, presence, arrival, caller } = call;
  if (operation === 'files.create') return await uploadFile(services, call);
  if (operation === 'batches.create') {
    const body = await readPlainBody({ request, presence }, arrival);
    presence.unwatch();
    return await createBatch(services, { arrival, caller, body });
  }
  if (operation === 'files.list' || operation === 'batches.list')
    return await listOwn(services, { operation, arrival, caller, presence });
  return await answerOne(services, call);
}

/**
 * Answers what is asked of files and batches: where they live, which their ids say, and for their owner only. Nothing of it
 * is passed on that is not metered: what the lines of a batch use is read when it has ended (`follow.ts`).
 */
export async function answerBatches(services: Services, call: BatchCall): Promise<void> {
  const { arrival, caller, response, limits } = call;
  const { product } = caller.subscription;
  if (!product.batches)
    throw new Failure('batches_not_allowed', `The product '${product.name}' does not include files and batches.`);
  const json = await answerOf(services, call);
  if (json === undefined) return;
  const body = Buffer.from(JSON.stringify(json));
  response.writeHead(200, [
    ...idHeaders(arrival.requestId, arrival.clientRequestId),
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    ...limits.headers(),
  ]);
  response.end(body);
}
