import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import type { PassedLimits } from '#proxy/ports.ts';
import { idHeaders } from '#proxy/respond.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { ResourceCall, type Asked } from './resource-call.ts';
import { failureFor, refusalIn } from './resource.ts';

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
function pass(
  { reply, sending }: { readonly reply: UpstreamReply; readonly sending: ResourceCall },
  response: ServerResponse,
  presence: Presence,
): Promise<void> {
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
        sending.brokeOff();
        // A cut body is what the client must see: half a file is none.
        response.destroy();
        resolve();
      },
    });
  });
}

/** Rejects with the Failure to tell where the resource does not give it out. */
async function replyOf(services: Services, sending: ResourceCall, notFound: Failure): Promise<UpstreamReply> {
  let reply: UpstreamReply;
  try {
    reply = await sending.replyInTime();
  } catch (thrown) {
    throw failureFor(thrown);
  }
  if (reply.status < 300) return reply;
  sending.refused(reply);
  reply.abort();
  const refusal = refusalIn(reply, { notFound, now: services.clock.now() });
  throw refusal ?? new Failure('upstream_unavailable', 'The resource does not give the file out.');
}

/** The content of a file, which may be large: it is not kept. */
export async function sendContent(services: Services, endpoint: Endpoint, given: ContentCall): Promise<void> {
  const { presence, notFound, call, ...asked } = given;
  const { arrival, response, limits } = call;
  const sending = await ResourceCall.begin(services, endpoint, asked);
  presence.watch({ clientLeft: () => sending.giveUp() });
  try {
    const reply = await replyOf(services, sending, notFound);
    const { 'content-length': length, 'content-encoding': encoding, 'content-type': type } = reply.headers;
    response.writeHead(200, [
      ...idHeaders(arrival.requestId, arrival.clientRequestId),
      'content-type',
      type ?? 'application/octet-stream',
      // What was packed is as long as it was packed.
      ...(length === undefined || encoding !== undefined ? [] : ['content-length', length]),
      ...limits.headers(),
    ]);
    await pass({ reply, sending }, response, presence);
  } finally {
    sending.end();
  }
}
