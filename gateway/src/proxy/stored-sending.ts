import { Failure } from '#kernel/errors.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence, Watcher } from '#model/presence.ts';
import type { EndpointState } from './routing/endpoint-state.ts';
import type { Services } from './services.ts';
import { readWhole, type WholeReading } from './stored-reply.ts';
import { withAnotherToken, type UpstreamRequest } from './upstream/request.ts';
import { NoReply, send, type Sending, type UpstreamReply } from './upstream/send.ts';
import { Watchdog, type Watched } from './upstream/watchdog.ts';

/** Nothing is generated: whoever takes longer is broken. */
const deadlineMs = 60_000;
const idleMs = 30_000;

/** One call to a resource about something stored: given up when its client goes, or its time is over. */
export class StoredSending implements Watcher, Watched {
  readonly #services: Services;
  readonly #endpoint: Endpoint;
  readonly #presence: Presence;
  readonly #watchdog: Watchdog;
  #underWay: Sending | undefined;
  #reading: WholeReading | undefined;
  #isExpired = false;

  constructor(services: Services, endpoint: Endpoint, presence: Presence) {
    this.#services = services;
    this.#endpoint = endpoint;
    this.#presence = presence;
    const deadlineAt = services.clock.monotonic() + deadlineMs;
    this.#watchdog = new Watchdog(services.alarms, { deadlineAt, firstByteMs: null, idleMs }, this);
    presence.watch(this);
  }

  clientLeft(): void {
    this.#giveUp();
  }

  expired(): void {
    this.#isExpired = true;
    this.#giveUp();
  }

  /** The first byte of the answer. A token that is refused is renewed once; what the endpoint is to blame for, is told to its health. */
  async reply(request: UpstreamRequest): Promise<UpstreamReply> {
    const refused = await this.#send(request);
    if (refused.status !== 401) return refused;
    const renewed = await withAnotherToken(request, this.#endpoint, this.#services.credentials);
    if (renewed === undefined) return this.#blamed(refused);
    if (this.#presence.gone || this.#isExpired) return refused;
    refused.abort();
    return this.#blamed(await this.#send(renewed));
  }

  /** Undefined where it did not come to its end. */
  async whole(reply: UpstreamReply): Promise<Buffer | undefined> {
    this.#reading = readWhole(reply, this.#watchdog);
    return await this.#reading.body;
  }

  end(): void {
    this.#watchdog.stop();
    this.#presence.unwatch();
  }

  async #send(request: UpstreamRequest): Promise<UpstreamReply> {
    const { connections } = this.#services;
    this.#underWay = send(connections, request);
    try {
      return await this.#underWay.reply;
    } catch (thrown) {
      if (!(thrown instanceof NoReply)) throw thrown;
      if (this.#isExpired) this.#health.shown({ kind: 'too-slow' });
      else if (!this.#presence.gone) {
        const reason = thrown.written ? 'no reply' : 'no connection';
        this.#health.shown({ kind: 'failed', reason, leastMs: 0 });
      }
      throw new Failure('upstream_unavailable', 'The resource where it is stored could not be reached.', {
        cause: thrown,
      });
    }
  }

  /** A 403 may be a right that is missing for this one operation: no reason to keep everybody else away from the endpoint. */
  #blamed(reply: UpstreamReply): UpstreamReply {
    if (reply.status === 401) this.#health.shown({ kind: 'misconfigured', reason: 'status 401' });
    return reply;
  }

  get #health(): EndpointState {
    return this.#services.pools.health.of(this.#endpoint);
  }

  #giveUp(): void {
    if (this.#reading === undefined) this.#underWay?.abort(new Error('given up'));
    else this.#reading.giveUp();
  }
}
