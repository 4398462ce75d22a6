import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import type { PassedLimits } from '#proxy/ports.ts';
import { idHeaders } from '#proxy/respond.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';
import { ResourceCall, type Asked } from './resource-call.ts';
import { failureFor, refusalIn } from './resource.ts';

/** Neither the resource nor the client may stand still for longer, ms. */
const idleMs = 60_000;
/** A file of the largest size, on a line of 10 kB/s, ms. */
const deadlineMs = 6 * 3_600_000;

interface ContentCall extends Asked {
  readonly presence: Presence;
  readonly notFound: Failure;
  readonly call: {
    readonly arrival: Arrival;
    readonly response: ServerResponse;
    readonly limits: PassedLimits;
  };
}

/** A file that is handed on as it comes, no faster than the client reads. */
class Passing {
  /** Resolves when it is over, however it ended. */
  readonly done: Promise<void>;
  readonly #parts: { readonly reply: UpstreamReply; readonly sending: ResourceCall; readonly presence: Presence };
  readonly #response: ServerResponse;
  readonly #watchdog: Watchdog;
  #resolve: (() => void) | undefined;
  #waitsForClient = false;

  constructor(
    { alarms, clock }: Services,
    parts: { readonly reply: UpstreamReply; readonly sending: ResourceCall; readonly presence: Presence },
    response: ServerResponse,
  ) {
    this.#parts = parts;
    this.#response = response;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const limits = { deadlineAt: clock.monotonic() + deadlineMs, firstByteMs: null, idleMs };
    this.#watchdog = new Watchdog(alarms, limits, this);
  }

  start(): void {
    this.#watchdog.touch();
    this.#parts.presence.watch(this);
    this.#parts.reply.start(this);
  }

  data(chunk: Buffer): void {
    this.#watchdog.touch();
    if (this.#response.write(chunk) || this.#waitsForClient) return;
    this.#waitsForClient = true;
    this.#parts.reply.pause();
    this.#response.once('drain', () => {
      this.#waitsForClient = false;
      this.#watchdog.touch();
      this.#parts.reply.resume();
    });
  }

  end(): void {
    this.#over();
    this.#response.end();
  }

  error(): void {
    this.#over();
    this.#parts.sending.brokeOff();
    // A cut body is what the client must see: half a file is none.
    this.#response.destroy();
  }

  /** Somebody stands still. */
  expired(): void {
    this.#parts.reply.abort();
    this.#over();
    if (!this.#waitsForClient) this.#parts.sending.brokeOff();
    this.#response.destroy();
  }

  clientLeft(): void {
    this.#parts.reply.abort();
    this.#over();
  }

  #over(): void {
    this.#watchdog.stop();
    this.#parts.presence.unwatch();
    this.#resolve?.();
  }
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
    const passing = new Passing(services, { reply, sending, presence }, response);
    passing.start();
    await passing.done;
  } finally {
    sending.end();
  }
}
