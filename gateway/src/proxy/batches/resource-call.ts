import type { AttemptTrace, StoredEnd } from '#model/call-trace.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { BatchOperation } from '#model/operation.ts';
import type { Services } from '#proxy/services.ts';
import { storedRequest, withAnotherToken, type StoredRequest, type UpstreamRequest } from '#proxy/upstream/request.ts';
import { NoReply, send, type Sending, type UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';
import { EndpointShowing } from './endpoint-showing.ts';

/** Nothing is generated meanwhile: whoever takes longer is broken. */
const deadlineMs = 60_000;
const idleMs = 30_000;

const noBody: Buffer = Buffer.alloc(0);

/** What is asked of a resource about files and batches. */
export interface Asked extends Omit<StoredRequest, 'operation' | 'ids' | 'query' | 'body'> {
  readonly operation: BatchOperation;
  /** The resource's own id; null where there is none. */
  readonly raw: string | null;
  readonly query?: string;
  readonly body?: Buffer;
  /** Its span, where the call that it is asked for is traced. It ends with that, where nobody ends it before. */
  readonly trace?: AttemptTrace | undefined;
  /** Made where it is not given. */
  readonly attemptId?: string;
}

function trackStatus(trace: AttemptTrace, sending: Sending, sentAt: number): void {
  const end: StoredEnd = { sentAt, endedAt: null, httpStatus: null };
  trace.stored = end;
  // That none came is for whoever waits for it.
  sending.reply.then(({ status }) => (end.httpStatus = status)).catch(() => undefined);
}

/** One call to a resource, from its sending to its end. What it shows of the endpoint is told to its health. */
export class ResourceCall {
  /** A token that a file was refused with has been renewed: whoever sends it again has another one. */
  hasAnotherToken = false;
  readonly #services: Services;
  readonly #endpoint: Endpoint;
  readonly #request: UpstreamRequest;
  readonly #trace: AttemptTrace | undefined;
  readonly #showing: EndpointShowing;
  #sending: Sending;
  /** Somebody waits no more: what becomes of it then shows nothing. */
  #isGivenUp = false;

  private constructor(
    services: Services,
    endpoint: Endpoint,
    made: {
      readonly request: UpstreamRequest;
      readonly trace: AttemptTrace | undefined;
      readonly showing: EndpointShowing;
    },
  ) {
    this.#services = services;
    this.#endpoint = endpoint;
    this.#request = made.request;
    this.#trace = made.trace;
    this.#showing = made.showing;
    this.#sending = this.#send(made.request);
  }

  /** Sends it. Rejects with a Failure where there is no credential. */
  static async begin(services: Services, endpoint: Endpoint, asked: Asked): Promise<ResourceCall> {
    const showing = new EndpointShowing(services, endpoint, asked);
    try {
      const credential = await services.credentials.headerFor(endpoint);
      const { raw, query = '', body = noBody, trace, ...rest } = asked;
      const attemptId = asked.attemptId ?? services.ids(services.clock.now());
      const stored = { ...rest, ids: { id: raw, item: null }, query, body };
      const request = storedRequest(stored, endpoint, { attemptId, credential, trace });
      return new ResourceCall(services, endpoint, { request, trace, showing });
    } catch (thrown) {
      showing.noToken();
      showing.end();
      throw thrown;
    }
  }

  /**
   * Waits for the first byte. A token that is refused is renewed once, and the call sent again, where nothing of it is used
   * up. Rejects with NoReply. To be called once.
   */
  async reply(): Promise<UpstreamReply> {
    const reply = await this.#firstByte();
    if (reply.status !== 401) return reply;
    const renewed = await withAnotherToken(this.#request, this.#endpoint, this.#services.credentials);
    if (renewed === undefined || this.#isGivenUp) return reply;
    if (renewed.arriving !== undefined) {
      this.hasAnotherToken = true;
      return reply;
    }
    reply.abort();
    this.#sending = this.#send(renewed);
    return await this.#firstByte();
  }

  /** The same, for so long as any answer may take. */
  async replyInTime(): Promise<UpstreamReply> {
    const watchdog = this.watchdog({ expired: () => this.expired() });
    try {
      return await this.reply();
    } finally {
      watchdog.stop();
    }
  }

  /** Ends what takes longer than any answer may. */
  watchdog(watched: { expired(): void }): Watchdog {
    const deadlineAt = this.#services.clock.monotonic() + deadlineMs;
    return new Watchdog(this.#services.alarms, { deadlineAt, firstByteMs: null, idleMs }, watched);
  }

  /** A reply that is not 2xx; `body` is empty where it was not read. */
  refused(reply: UpstreamReply, body: Buffer = noBody): void {
    if (!this.hasAnotherToken) this.#showing.refused(reply, body);
  }

  /** The reply had begun, and broke off by itself. */
  brokeOff(): void {
    if (!this.#isGivenUp) this.#showing.brokeOff();
  }

  /** Nobody waits for it any more, through no fault of the resource. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#sending.abort(new Error('given up'));
  }

  /** The resource did not answer, or did not take what it was sent, in time. */
  expired(): void {
    if (!this.#isGivenUp) this.#showing.tooSlow();
    this.giveUp();
  }

  /** It is over. What comes after the first time counts for nothing. */
  end(): void {
    this.#showing.end();
    if (this.#trace?.stored !== undefined) this.#trace.stored.endedAt ??= this.#services.clock.monotonic();
  }

  #send(request: UpstreamRequest): Sending {
    const sending = send(this.#services.connections, request);
    if (this.#trace !== undefined) trackStatus(this.#trace, sending, this.#services.clock.monotonic());
    return sending;
  }

  async #firstByte(): Promise<UpstreamReply> {
    try {
      const reply = await this.#sending.reply;
      this.#showing.began(reply);
      return reply;
    } catch (thrown) {
      if (thrown instanceof NoReply && !this.#isGivenUp) this.#showing.noReply(thrown);
      throw thrown;
    }
  }
}
