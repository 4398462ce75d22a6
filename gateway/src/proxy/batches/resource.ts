import { Failure } from '#kernel/errors.ts';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { AttemptTrace, StoredEnd } from '#model/call-trace.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import { cooldownOf } from '#proxy/routing/retry-after.ts';
import type { Services } from '#proxy/services.ts';
import { readWhole, type WholeReading } from '#proxy/stored-reply.ts';
import { storedRequest, withAnotherToken, type StoredRequest, type UpstreamRequest } from '#proxy/upstream/request.ts';
import { NoReply, send, type Sending, type UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';

/** Nothing is generated meanwhile: whoever takes longer is broken. */
const deadlineMs = 60_000;
const idleMs = 30_000;

/** What is asked of a resource about files and batches. */
export interface Asked extends Omit<StoredRequest, 'ids' | 'query' | 'body'> {
  /** The resource's own id; null where there is none. */
  readonly raw: string | null;
  readonly query?: string;
  readonly body?: Buffer;
  /** Its span, where the call that it is asked for is traced. It ends with that, where nobody ends it before. */
  readonly trace?: AttemptTrace | undefined;
  /** Made where it is not given. */
  readonly attemptId?: string;
}

/** An answer that is here whole. */
export interface Answer {
  readonly status: number;
  readonly headers: UpstreamReply['headers'];
  readonly bytes: Buffer;
  /** Undefined where it is no JSON object. */
  readonly json: JsonObject | undefined;
}

/** Rejects with a Failure where there is no credential. */
async function requestTo(services: Services, endpoint: Endpoint, asked: Asked): Promise<UpstreamRequest> {
  const credential = await services.credentials.headerFor(endpoint);
  const { raw, query = '', body = Buffer.alloc(0), trace, ...rest } = asked;
  const attemptId = asked.attemptId ?? services.ids(services.clock.now());
  const request = { ...rest, ids: { id: raw, item: null }, query, body };
  return storedRequest(request, endpoint, { attemptId, credential, trace });
}

function sent(services: Services, request: UpstreamRequest, trace: AttemptTrace | undefined): Sending {
  const sending = send(services.connections, request);
  if (trace !== undefined) trackStatus(trace, sending, services.clock.monotonic());
  return sending;
}

/** Sends it. Rejects with a Failure where there is no credential. */
export async function begin(services: Services, endpoint: Endpoint, asked: Asked): Promise<Sending> {
  return sent(services, await requestTo(services, endpoint, asked), asked.trace);
}

function trackStatus(trace: AttemptTrace, sending: Sending, sentAt: number): void {
  const end: StoredEnd = { sentAt, endedAt: null, httpStatus: null };
  trace.stored = end;
  // That none came is for whoever waits for it.
  sending.reply.then(({ status }) => (end.httpStatus = status)).catch(() => undefined);
}

/** Waits for the first byte of what is not read whole, for so long as any answer may take. Rejects like `ask`. */
export async function replyTo(services: Services, sending: Sending): Promise<UpstreamReply> {
  const deadlineAt = services.clock.monotonic() + deadlineMs;
  const expired = (): void => sending.abort(new Error('The resource does not answer.'));
  const watchdog = new Watchdog(services.alarms, { deadlineAt, firstByteMs: null, idleMs }, { expired });
  try {
    return await sending.reply;
  } finally {
    watchdog.stop();
  }
}

/**
 * Asks, and reads the answer whole, whatever its status. A token that is refused is renewed once. Rejects with NoReply where none came, with `upstream_unavailable`
 * where it broke off. `presence`: gives it up when the client goes; without one it goes on to the end.
 */
export async function ask(
  services: Services,
  endpoint: Endpoint,
  { presence, ...asked }: Asked & { readonly presence?: Presence },
): Promise<Answer> {
  const request = await requestTo(services, endpoint, asked);
  let sending = sent(services, request, asked.trace);
  let reading: WholeReading | undefined;
  const giveUp = (): void => (reading === undefined ? sending.abort(new Error('given up')) : reading.giveUp());
  const deadlineAt = services.clock.monotonic() + deadlineMs;
  const watchdog = new Watchdog(services.alarms, { deadlineAt, firstByteMs: null, idleMs }, { expired: giveUp });
  presence?.watch({ clientLeft: giveUp });
  try {
    let reply = await sending.reply;
    if (reply.status === 401) {
      const renewed = await withAnotherToken(request, endpoint, services.credentials);
      if (renewed !== undefined) {
        reply.abort();
        sending = sent(services, renewed, asked.trace);
        reply = await sending.reply;
      }
    }
    reading = readWhole(reply, watchdog);
    const bytes = await reading.body;
    if (bytes === undefined) throw brokeOff();
    return { status: reply.status, headers: reply.headers, bytes, json: parseJsonObject(bytes.toString('utf8')) };
  } finally {
    watchdog.stop();
    presence?.unwatch();
    if (asked.trace?.stored !== undefined) asked.trace.stored.endedAt = services.clock.monotonic();
  }
}

export const brokeOff = (cause?: unknown): Failure =>
  new Failure('upstream_unavailable', 'The resource where it lives could not be reached, or broke off.', { cause });

/** What a client is told where no answer came. */
export function failureFor(thrown: unknown): unknown {
  return thrown instanceof NoReply ? brokeOff(thrown) : thrown;
}

/** What a client is told of an answer that is not for it; undefined where it is. */
export function refusalIn(
  { status, headers }: Pick<UpstreamReply, 'status' | 'headers'>,
  { notFound, now }: { readonly notFound: Failure; readonly now: number },
): Failure | undefined {
  if (status === 429) {
    const wait = cooldownOf(headers, now, () => {}) ?? 1_000;
    return new Failure('upstream_throttled', 'The resource where it lives is throttled.', {
      retryAfterSeconds: Math.max(1, Math.ceil(wait / 1000)),
    });
  }
  if (status === 401 || status === 403)
    return new Failure('upstream_misconfigured', 'The resource where it lives does not accept the gateway.');
  if (status === 404) return notFound;
  if (status === 408 || status >= 500)
    return new Failure('upstream_unavailable', 'The resource where it lives could not answer.');
  return undefined;
}

export const notJson = (): Failure =>
  new Failure('upstream_invalid_reply', 'The resource where it lives answered with something else than JSON.');
