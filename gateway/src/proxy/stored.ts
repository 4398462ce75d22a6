import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { BatchOperation, StoredOperation as AnyStored } from '#model/operation.ts';
import type { Presence } from '#model/presence.ts';
import { storedCalls } from '#model/stored-calls.ts';
import type { PassedLimits } from './ports.ts';
import { usableModels } from './policies/find-route.ts';
import { idHeaders } from './respond.ts';
import { sealer } from './routing/affinity/bind.ts';
import { madeElsewhere } from './routing/affinity/brought-contents.ts';
import { endpointsAt, ownerOf } from './routing/affinity/homes.ts';
import { openId } from './routing/affinity/signed-id.ts';
import { cooldownOf } from './routing/retry-after.ts';
import type { Services } from './services.ts';
import { reachable, standing } from './standing.ts';
import { storedBody, type StoredBody } from './stored-body.ts';
import { sealedReply } from './stored-reply.ts';
import { StoredSending } from './stored-sending.ts';
import { storedRequest } from './upstream/request.ts';
import type { UpstreamReply } from './upstream/send.ts';

/** Of what is answered here: files and batches have a folder of their own. */
type StoredOperation = Exclude<AnyStored, BatchOperation>;

/** A request about something stored. */
export interface StoredCall {
  readonly operation: StoredOperation;
  readonly arrival: Arrival;
  readonly caller: Caller;
  readonly response: ServerResponse;
  readonly presence: Presence;
  readonly limits: PassedLimits;
  /** Empty where there is none. */
  readonly body: Buffer;
}

/** Where a call goes, and which ids it names there. */
interface Home {
  /** Each in turn, while the one before could not answer. */
  readonly endpoints: readonly Endpoint[];
  /** The upstream's id; null where there is none yet. */
  readonly raw: string | null;
}

/** A conversation begins wherever there is room for it: so many resources are asked. */
const mostHomes = 3;

const prefixes = { responses: 'resp_', conversations: 'conv_', files: 'file-', batches: 'batch_' } as const;

function notFound(operation: StoredOperation): Failure {
  if (storedCalls[operation].collection === 'responses')
    return new Failure('response_not_found', 'There is no stored response with this id.');
  const item = operation.startsWith('conversations.items.') ? ', or no such item in it' : '';
  return new Failure('conversation_not_found', `There is no conversation with this id${item}.`);
}

function queryOf({ operation, arrival }: StoredCall): string {
  const given = new URLSearchParams(arrival.query);
  if (given.get('stream') === 'true') {
    throw new Failure('unsupported_parameter', 'What is stored is not streamed again: retrieve it whole.', {
      param: 'stream',
    });
  }
  const kept = new URLSearchParams();
  for (const name of storedCalls[operation].query) for (const value of given.getAll(name)) kept.append(name, value);
  return kept.toString();
}

interface Birthplace {
  endpoint: Endpoint;
  well: boolean;
  models: number;
  readonly draw: number;
}

/**
 * Where a new conversation may begin: in a resource that nothing stands against rather than in another one, and there where
 * most of the caller's models are served, for it can be continued only there. Among equals chance decides.
 */
function birthplaces(services: Services, { arrival, caller }: StoredCall): readonly Endpoint[] {
  const places = new Map<string, Birthplace>();
  for (const route of usableModels(arrival.snapshot, caller.subscription.product)) {
    const counted = new Set<string>();
    for (const endpoint of route.endpoints) {
      const state = standing(services, endpoint);
      if (state === 'forced-open' || state === 'drained') continue;
      const { resource } = endpoint;
      const place = places.get(resource) ?? { endpoint, well: false, models: 0, draw: services.random.next() };
      places.set(resource, place);
      if (!place.well && state === 'available') Object.assign(place, { endpoint, well: true });
      if (!counted.has(resource)) place.models += 1;
      counted.add(resource);
    }
  }
  const better = (one: Birthplace, other: Birthplace): number =>
    Number(other.well) - Number(one.well) || other.models - one.models || one.draw - other.draw;
  return [...places.values()]
    .toSorted(better)
    .slice(0, mostHomes)
    .map(({ endpoint }) => endpoint);
}

function homeOf(services: Services, call: StoredCall, body: StoredBody): Home {
  const { arrival, caller, operation } = call;
  const { affinity, endpoints } = arrival.snapshot;
  const id = arrival.stored?.id ?? null;
  if (id === null) {
    const there = [...endpoints.values()].filter(({ resource }) => resource === body.resource);
    return { endpoints: body.resource === null ? birthplaces(services, call) : reachable(services, there), raw: null };
  }
  const prefix = prefixes[storedCalls[operation].collection];
  const opened = openId(affinity, id, { prefix, owner: ownerOf(affinity, caller) });
  if (opened === undefined) throw notFound(operation);
  const there = endpointsAt(endpoints.values(), opened);
  const [home] = there;
  if (home === undefined) throw notFound(operation);
  if (body.resource !== null && body.resource !== home.resource) throw madeElsewhere('items', 'the conversation');
  return { endpoints: reachable(services, there), raw: opened.raw };
}

/** What a client is told of an answer that is not for it; undefined where it is. */
function failureOf({ status, headers }: UpstreamReply, operation: StoredOperation, now: number): Failure | undefined {
  if (status === 429) {
    const wait = cooldownOf(headers, now, () => {}) ?? 1_000;
    return new Failure('upstream_throttled', 'The resource where it is stored is throttled.', {
      retryAfterSeconds: Math.max(1, Math.ceil(wait / 1000)),
    });
  }
  const misses = operation === 'conversations.create';
  if (status === 401 || status === 403 || (status === 404 && misses))
    return new Failure('upstream_misconfigured', 'The resource where it is stored does not accept the gateway.');
  if (status === 404) return notFound(operation);
  if (status === 408 || status >= 500)
    return new Failure('upstream_unavailable', 'The resource where it is stored could not answer.');
  return undefined;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Asks one endpoint; rejects with the Failure to tell. */
async function ask(
  services: Services,
  call: StoredCall,
  to: { readonly endpoint: Endpoint; readonly raw: string | null; readonly query: string },
): Promise<Answer> {
  const { operation, arrival, caller, presence, body } = call;
  const { endpoint, raw, query } = to;
  const credential = await services.credentials.headerFor(endpoint);
  const ids = { id: raw, item: arrival.stored?.item ?? null };
  const request = { operation, ids, query, traceContext: arrival.traceContext, body };
  const attemptId = services.ids(services.clock.now());
  const trace = arrival.trace?.beginAttempt(endpoint);
  const sentAt = services.clock.monotonic();
  let httpStatus: number | null = null;
  const sending = new StoredSending(services, endpoint, presence);
  try {
    const reply = await sending.reply(storedRequest(request, endpoint, { attemptId, credential, trace }));
    httpStatus = reply.status;
    const failure = failureOf(reply, operation, services.clock.now());
    if (failure !== undefined) {
      reply.abort();
      throw failure;
    }
    const whole = await sending.whole(reply);
    if (whole === undefined) throw new Failure('upstream_unavailable', 'The resource where it is stored broke off.');
    const known = new Map(raw === null || arrival.stored?.id == null ? [] : [[raw, arrival.stored.id]]);
    const { affinity } = arrival.snapshot;
    const { resource } = endpoint;
    const provenance = { affinity, owner: ownerOf(affinity, caller), resource };
    const sealed = sealedReply(whole, { ...provenance, known, seal: sealer(arrival, caller, resource) });
    if (sealed === undefined)
      throw new Failure(
        'upstream_invalid_reply',
        'The resource where it is stored answered with something else than JSON.',
      );
    return { status: reply.status, body: sealed };
  } finally {
    sending.end();
    if (trace !== undefined) trace.stored = { sentAt, httpStatus, endedAt: services.clock.monotonic() };
  }
}

/** Asks one after the other until one answers. Only what has no home yet has several. */
async function askInTurn(services: Services, call: StoredCall, { endpoints, raw }: Home): Promise<Answer> {
  const query = queryOf(call);
  let failure: Failure | undefined;
  for (const endpoint of endpoints) {
    try {
      return await ask(services, call, { endpoint, raw, query });
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      // A throttle passes by waiting: it is the better news.
      if (failure === undefined || thrown.code === 'upstream_throttled') failure = thrown;
    }
    if (call.presence.gone) break;
  }
  throw failure ?? new Failure('upstream_unavailable', 'The resource where it is stored is out of service.');
}

/**
 * Answers what is asked of stored responses and of conversations: at the resource where they live, which their id says, and
 * for their owner only. Nothing is generated and nothing is charged for it, so nothing of it is in the ledger.
 */
export async function answerStored(services: Services, call: StoredCall): Promise<void> {
  const { arrival, response, limits } = call;
  const given = storedBody(call.body, call);
  const asked = { ...call, body: given.bytes };
  const { status, body } = await askInTurn(services, asked, homeOf(services, call, given));
  response.writeHead(status, [
    ...idHeaders(arrival.requestId, arrival.clientRequestId),
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    ...limits.headers(),
  ]);
  response.end(body);
}
