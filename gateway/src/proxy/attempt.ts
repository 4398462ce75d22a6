import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import type { OpenedAttempt, Outcome } from '#model/usage-record.ts';
import { completeRecord, countUsage, noUsage, servedByOf, unknownUsage, type Usage } from './attempt-record.ts';
import { judge, type Judgement } from './routing/verdict.ts';
import type { Verdict } from './routing/health.ts';
import type { Services } from './services.ts';
import { upstreamRequest, type UpstreamRequest } from './upstream/request.ts';
import { NoReply, send, type Sending, type UpstreamReply } from './upstream/send.ts';
import { Watchdog } from './upstream/watchdog.ts';

/** What one call to an upstream came to, before anything of it has reached the client. */
export type AttemptResult =
  /** 2xx, first byte in hand, not settled yet. */
  | { readonly kind: 'accepted'; readonly reply: UpstreamReply }
  /** An answer that goes to the client as it is; settled. */
  | { readonly kind: 'answered'; readonly status: number; readonly contentType: string; readonly body: Buffer }
  /** Settled; may be made again elsewhere. */
  | { readonly kind: 'try-another'; readonly verdict: Verdict }
  /** Settled; nobody is waiting any more, or no time is left. */
  | { readonly kind: 'over'; readonly why: 'client-left' | 'timed-out' };

/** An error reply longer than this is cut: nobody needs more of it. */
const longestErrorBytes = 256 * 1024;

export interface AttemptOptions {
  readonly admission: Admission;
  readonly endpoint: Endpoint;
  /** 1 for the first of the request. */
  readonly number: number;
  readonly presence: Presence;
}

/**
 * How long the end of a reply waits for the journal, ms. The journal goes on trying to write the record after it; the
 * client is told that the call cannot be recorded, rather than left to wait for a disk.
 */
const longestSettleMs = 10_000;

async function within(clock: Clock, settled: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(longestSettleMs, () =>
    late.reject(new Failure('ledger_unavailable', 'The call cannot be recorded now, so its end is not delivered.')),
  );
  try {
    await Promise.race([settled, late.promise]);
  } finally {
    timer.cancel();
  }
}

/** One call to one endpoint: opened in the journal before it is sent, settled exactly once whatever happens. */
export class Attempt {
  readonly options: AttemptOptions;
  readonly watchdog: Watchdog;
  private readonly services: Services;
  private readonly opened: OpenedAttempt;
  private sentAt: number;
  private firstByteAt: number | null = null;
  private expire: () => void = () => {};
  private expired = false;
  private interrupted: 'client-left' | 'timed-out' | undefined;
  private status: number | null = null;
  private headers: Readonly<Record<string, string>> = {};

  constructor(services: Services, options: AttemptOptions) {
    const { admission, endpoint } = options;
    const { exchange, route } = admission;
    this.services = services;
    this.options = options;
    const at = services.clock.now();
    this.sentAt = services.clock.monotonic();
    this.opened = {
      id: services.ids(at),
      requestId: exchange.requestId,
      attempt: options.number,
      at,
      caller: admission.caller.chargedTo,
      servedBy: servedByOf(endpoint),
      operation: exchange.operation,
      stream: exchange.stream,
      requestedModel: exchange.requestedModel,
      reservedNano: null,
      priceBook: exchange.snapshot.prices.id,
    };
    this.watchdog = new Watchdog(
      services.clock,
      { deadlineAt: exchange.startedAt + route.deadlineMs, idleMs: route.idleTimeoutMs },
      () => {
        this.expired = true;
        this.expire();
      },
    );
  }

  /** Who is called when the watchdog fires; at once where it has fired already, for it fires only once. */
  onExpire(expire: () => void): void {
    this.expire = expire;
    if (this.expired) expire();
  }

  async run(): Promise<AttemptResult> {
    const { services, options } = this;
    let request: UpstreamRequest;
    try {
      const header = services.credentials.headerFor(options.endpoint);
      const credential = header instanceof Promise ? await header : header;
      request = upstreamRequest(options.admission, options.endpoint, { attemptId: this.opened.id, credential });
      // Last of what may fail: what is opened must be settled.
      await services.ledger.open(this.opened);
    } catch (thrown) {
      this.watchdog.stop();
      throw thrown;
    }
    services.health.begin(options.endpoint);
    this.sentAt = services.clock.monotonic();
    const sending = send(services.connections, request);
    if (options.admission.route.onClientDisconnect === 'cancel')
      options.presence.watch(() => this.interrupt('client-left', sending));
    this.onExpire(() => this.interrupt('timed-out', sending));
    let result: AttemptResult | undefined;
    try {
      const received = this.received(await sending.reply);
      result = received instanceof Promise ? await received : received;
    } catch (thrown) {
      if (!(thrown instanceof NoReply)) throw thrown;
      result = await this.noReply(thrown);
    } finally {
      options.presence.unwatch();
      // An accepted reply is watched on, by whoever relays it.
      if (result?.kind !== 'accepted') this.watchdog.stop();
    }
    return result;
  }

  private interrupt(why: 'client-left' | 'timed-out', sending: Sending): void {
    this.interrupted ??= why;
    sending.abort(new Error(why));
  }

  private received(reply: UpstreamReply): AttemptResult | Promise<AttemptResult> {
    this.status = reply.status;
    this.headers = reply.headers;
    this.firstByteAt = this.services.clock.monotonic();
    if (reply.status >= 200 && reply.status < 300 && this.fits(reply)) {
      this.services.health.report(this.options.endpoint, { kind: 'served' });
      return { kind: 'accepted', reply };
    }
    return this.refused(reply);
  }

  private fits(reply: UpstreamReply): boolean {
    const type = reply.headers['content-type'] ?? '';
    const expected = this.options.admission.exchange.stream ? 'text/event-stream' : 'application/json';
    return type.startsWith(expected) || type.toLowerCase().startsWith(expected);
  }

  private async refused(reply: UpstreamReply): Promise<AttemptResult> {
    const body = await this.readError(reply);
    if (this.interrupted !== undefined) return this.interruptedResult(unknownUsage);
    const { services } = this;
    const judgement: Judgement =
      reply.status < 300
        ? { action: 'try-another', verdict: { kind: 'failed', reason: 'unexpected content-type' } }
        : judge({ status: reply.status, headers: reply.headers, body, now: services.clock.now() });
    if (judgement.verdict !== undefined) services.health.report(this.options.endpoint, judgement.verdict);
    if (judgement.action === 'try-another') {
      const refused = judgement.verdict.kind !== 'failed';
      await this.settle(refused ? noUsage : unknownUsage, refused ? 'refused-by-upstream' : 'upstream-broke');
      return { kind: 'try-another', verdict: judgement.verdict };
    }
    // Whether Azure charges a prompt that its filter refused is not documented: unknown, not nothing.
    await this.settle(
      judgement.filteredPrompt ? unknownUsage : noUsage,
      judgement.filteredPrompt ? 'filtered-prompt' : 'refused-by-upstream',
    );
    return {
      kind: 'answered',
      status: reply.status,
      contentType: reply.headers['content-type'] ?? 'application/json',
      body,
    };
  }

  private readError(reply: UpstreamReply): Promise<Buffer> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => resolve(Buffer.concat(chunks));
      // An aborted reply calls nobody: whoever aborts it ends the waiting, too.
      const giveUp = (why: 'client-left' | 'timed-out'): void => {
        this.interrupted ??= why;
        reply.abort();
        done();
      };
      const { admission, presence } = this.options;
      if (admission.route.onClientDisconnect === 'cancel') presence.watch(() => giveUp('client-left'));
      this.onExpire(() => giveUp('timed-out'));
      this.watchdog.touch();
      reply.start({
        data: (chunk) => {
          this.watchdog.touch();
          size += chunk.length;
          if (size <= longestErrorBytes) chunks.push(chunk);
          else {
            reply.abort();
            done();
          }
        },
        end: done,
        error: done,
      });
    });
  }

  private async noReply(failure: NoReply): Promise<AttemptResult> {
    const { services, options } = this;
    if (this.interrupted === 'client-left') {
      // Nothing has reached the client; what the upstream had begun is a lower bound of nothing.
      const usage = failure.written
        ? await countUsage(services, { admission: options.admission, tap: undefined })
        : noUsage;
      return this.interruptedResult(usage);
    }
    if (this.interrupted === 'timed-out') return this.interruptedResult(failure.written ? unknownUsage : noUsage);
    const verdict: Verdict = { kind: 'failed', reason: failure.written ? 'no reply' : 'no connection' };
    services.health.report(options.endpoint, verdict);
    await this.settle(failure.written ? unknownUsage : noUsage, 'upstream-broke');
    return { kind: 'try-another', verdict };
  }

  private async interruptedResult(usage: Usage): Promise<AttemptResult> {
    const why = this.interrupted ?? 'timed-out';
    await this.settle(usage, why);
    return { kind: 'over', why };
  }

  /** Exactly once per attempt. Resolves when the record counts. */
  settle(usage: Usage, outcome: Outcome): Promise<void> {
    const { services, options } = this;
    services.health.end(options.endpoint);
    const record = completeRecord(services, {
      opened: this.opened,
      endpoint: options.endpoint,
      admission: options.admission,
      usage,
      outcome,
      httpStatus: this.status,
      headers: this.headers,
      stations: { sentAt: this.sentAt, firstByteAt: this.firstByteAt, endedAt: services.clock.monotonic() },
    });
    services.instruments.attemptSettled(record);
    return within(services.clock, services.ledger.settle(record));
  }
}
