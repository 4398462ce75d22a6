import { Failure } from '#kernel/errors.ts';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import { cooldownOf } from '#proxy/routing/retry-after.ts';
import type { Services } from '#proxy/services.ts';
import { readWhole, type WholeReading } from '#proxy/stored-reply.ts';
import { NoReply, type UpstreamReply } from '#proxy/upstream/send.ts';
import { ResourceCall, type Asked } from './resource-call.ts';

/** An answer that is here whole. */
export interface Answer {
  readonly status: number;
  readonly headers: UpstreamReply['headers'];
  readonly bytes: Buffer;
  /** Undefined where it is no JSON object. */
  readonly json: JsonObject | undefined;
}

/**
 * Asks, and reads the answer whole, whatever its status. A token that is refused is renewed once. Rejects with NoReply where
 * none came, with `upstream_unavailable` where it broke off. `presence`: gives it up when the client goes; without one it
 * goes on to the end.
 */
export async function ask(
  services: Services,
  endpoint: Endpoint,
  { presence, ...asked }: Asked & { readonly presence?: Presence },
): Promise<Answer> {
  const call = await ResourceCall.begin(services, endpoint, asked);
  let reading: WholeReading | undefined;
  const watchdog = call.watchdog({
    expired() {
      if (reading === undefined) call.expired();
      else reading.giveUp();
    },
  });
  presence?.watch({
    clientLeft() {
      call.giveUp();
      reading?.giveUp();
    },
  });
  try {
    const reply = await call.reply();
    reading = readWhole(reply, watchdog);
    const bytes = await reading.body;
    if (bytes === undefined) {
      call.brokeOff();
      throw brokeOff();
    }
    const { status, headers } = reply;
    if (status >= 300) call.refused(reply, bytes);
    return { status, headers, bytes, json: parseJsonObject(bytes.toString('utf8')) };
  } finally {
    watchdog.stop();
    presence?.unwatch();
    call.end();
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
