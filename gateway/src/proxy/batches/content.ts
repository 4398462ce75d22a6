import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import type { PassedLimits } from '#proxy/ports.ts';
import { idHeaders } from '#proxy/respond.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { begin, failureFor, refusalIn, replyTo, type Asked } from './resource.ts';

interface ContentCall extends Asked {
  readonly presence: Presence;
  readonly notFound: Failure;
  readonly call: {
    readonly arrival: Arrival;
    readonly response: ServerResponse;
    readonly limits: PassedLimits;
  };
}

/** Hands a file on as it comes, no faster than the client reads. Resolves when it is over, however it ended. */
function pass(reply: UpstreamReply, response: ServerResponse, presence: Presence): Promise<void> {
  return new Promise((resolve) => {
    presence.watch({
      clientLeft() {
        reply.abort();
        resolve();
      },
    });
    reply.start({
      data(chunk) {
        if (response.write(chunk)) return;
        reply.pause();
        response.once('drain', () => reply.resume());
      },
      end() {
        presence.unwatch();
        response.end();
        resolve();
      },
      error() {
        presence.unwatch();
        // A cut body is what the client must see: half a file is none.
        response.destroy();
        resolve();
      },
    });
  });
}

/** The content of a file, which may be large: it is not kept. */
export async function sendContent(services: Services, endpoint: Endpoint, given: ContentCall): Promise<void> {
  const { presence, notFound, call, ...asked } = given;
  const { arrival, response, limits } = call;
  const sending = await begin(services, endpoint, asked);
  presence.watch({ clientLeft: () => sending.abort(new Error('given up')) });
  let reply: UpstreamReply;
  try {
    reply = await replyTo(services, sending);
  } catch (thrown) {
    throw failureFor(thrown);
  }
  const refusal = refusalIn(reply, { notFound, now: services.clock.now() });
  if (refusal !== undefined || reply.status >= 300) {
    reply.abort();
    throw refusal ?? new Failure('upstream_unavailable', 'The resource does not give the file out.');
  }
  const length = reply.headers['content-length'];
  response.writeHead(200, [
    ...idHeaders(arrival.requestId, arrival.clientRequestId),
    'content-type',
    reply.headers['content-type'] ?? 'application/octet-stream',
    ...(length === undefined ? [] : ['content-length', length]),
    ...limits.headers(),
  ]);
  await pass(reply, response, presence);
}
