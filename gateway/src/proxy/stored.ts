import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { StoredOperation } from '#model/operation.ts';
import type { Presence } from '#model/presence.ts';
import { idHeaders, respondWithFailure } from './respond.ts';
import { endpointsAt, ownerOf, sealer } from './routing/affinity/bind.ts';
import { ReplyIds } from './routing/affinity/reply-ids.ts';
import { openId } from './routing/affinity/signed-id.ts';
import { cooldownOf } from './routing/retry-after.ts';
import { SealingTap, untappedReply } from './sealing-tap.ts';
import type { Services } from './services.ts';
import { relay } from './upstream/relay.ts';
import { storedRequest } from './upstream/request.ts';
import { NoReply, send, type Sending, type UpstreamReply } from './upstream/send.ts';
import { Watchdog } from './upstream/watchdog.ts';

/** A request about a stored response. */
export interface StoredCall {
  readonly operation: StoredOperation;
  readonly arrival: Arrival;
  readonly caller: Caller;
  readonly response: ServerResponse;
  readonly presence: Presence;
}

/** Nothing is generated: whoever takes longer is broken. */
const deadlineMs = 60_000;
const idleMs = 30_000;

/** What of the query goes on; everything else (an api-version, a key) stays here. Source: OpenAI API reference, responses. */
const passedOn: Readonly<Record<StoredOperation, readonly string[]>> = {
  'responses.retrieve': ['include', 'include[]', 'include_obfuscation'],
  'responses.delete': [],
  'responses.cancel': [],
  'responses.input_items': ['include', 'include[]', 'limit', 'order', 'after', 'before'],
};

function notFound(): Failure {
  return new Failure('response_not_found', 'There is no stored response with this id.');
}

function queryOf({ operation, arrival }: StoredCall): string {
  const given = new URLSearchParams(arrival.query);
  if (given.get('stream') === 'true') {
    throw new Failure('unsupported_parameter', 'A stored response is not streamed again: retrieve it whole.', {
      param: 'stream',
    });
  }
  const kept = new URLSearchParams();
  for (const name of passedOn[operation]) for (const value of given.getAll(name)) kept.append(name, value);
  return kept.toString();
}

/** The endpoint whose credentials reach the resource; rather one that nothing stands against. */
function reachable(services: Services, endpoints: readonly Endpoint[]): Endpoint | undefined {
  const now = services.clock.monotonic();
  const well = endpoints.find((one) => services.pools.health.of(one).state(now) === 'available');
  return well ?? endpoints[0];
}

/** What a client is told of an answer that is not for it; undefined where it is. */
function failureOf({ status, headers }: UpstreamReply, now: number): Failure | undefined {
  if (status === 404) return notFound();
  if (status === 429) {
    const wait = cooldownOf(headers, now, () => {}) ?? 1_000;
    return new Failure('upstream_throttled', 'The resource of the response is throttled.', {
      retryAfterSeconds: Math.max(1, Math.ceil(wait / 1000)),
    });
  }
  if (status === 401 || status === 403)
    return new Failure('upstream_misconfigured', 'The resource of the response does not accept the gateway.');
  if (status === 408 || status >= 500)
    return new Failure('upstream_unavailable', 'The resource of the response could not answer.');
  return undefined;
}

async function firstByte(sending: Sending): Promise<UpstreamReply> {
  try {
    return await sending.reply;
  } catch (thrown) {
    if (!(thrown instanceof NoReply)) throw thrown;
    throw new Failure('upstream_unavailable', 'The resource of the response could not be reached.', { cause: thrown });
  }
}

/**
 * Retrieves, deletes or cancels a stored response, or lists its input: at the resource where it lives, which its id says,
 * and for its owner only. Nothing is generated and nothing is charged for it, so nothing of it is in the ledger.
 */
export async function answerStored(services: Services, call: StoredCall): Promise<void> {
  const { arrival, caller, response, presence } = call;
  const { affinity, endpoints } = arrival.snapshot;
  const id = arrival.storedId ?? '';
  const query = queryOf(call);
  const opened = openId(affinity, id, { prefix: 'resp_', owner: ownerOf(affinity, caller) });
  const endpoint = opened && reachable(services, endpointsAt(endpoints.values(), opened));
  if (opened === undefined || endpoint === undefined) throw notFound();
  const credential = await services.credentials.headerFor(endpoint);
  const stored = { operation: call.operation, raw: opened.raw, query, traceparent: arrival.traceparent };
  const attemptId = services.ids(services.clock.now());
  const sending = send(services.connections, storedRequest(stored, endpoint, { attemptId, credential }));
  let expire = (): void => sending.abort(new Error('given up'));
  const deadlineAt = services.clock.monotonic() + deadlineMs;
  const watchdog = new Watchdog(services.clock, { deadlineAt, firstByteMs: null, idleMs }, () => expire());
  presence.watch(() => sending.abort(new Error('given up')));
  try {
    const reply = await firstByte(sending);
    presence.unwatch();
    const failure = failureOf(reply, services.clock.now());
    if (failure !== undefined) {
      reply.abort();
      throw failure;
    }
    const ids = new ReplyIds(new Map([[opened.raw, id]]), sealer(arrival, caller, endpoint.resource));
    await relay(
      {
        reply,
        tap: new SealingTap(untappedReply, ids),
        stream: false,
        watchdog,
        client: {
          response,
          presence,
          onLeave: 'cancel',
          writeHead(length) {
            const headers = [
              ...idHeaders(arrival.requestId, arrival.clientRequestId),
              'content-type',
              'application/json',
            ];
            if (length !== undefined) headers.push('content-length', String(length));
            response.writeHead(reply.status, headers);
          },
          fail(broke, headWritten) {
            if (headWritten) response.destroy();
            else respondWithFailure(response, broke, arrival);
          },
        },
        settle: (outcome) =>
          Promise.resolve(
            outcome === 'completed'
              ? { kind: 'held' }
              : {
                  kind: 'failure',
                  failure: new Failure('upstream_unavailable', 'The resource of the response broke off.'),
                },
          ),
      },
      (onExpire) => {
        expire = onExpire;
      },
    );
  } finally {
    watchdog.stop();
    presence.unwatch();
  }
}
