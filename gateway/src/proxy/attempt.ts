import type { Admission } from '#model/admission.ts';
import { deadlineOf } from '#model/model-route.ts';
import type { AttemptTrace } from '#model/call-trace.ts';
import type { Watcher } from '#model/presence.ts';
import type { OpenedAttempt, Outcome } from '#model/usage-record.ts';
import { completeRecord, countUsage, noUsage, servedByOf, unknownUsage, type Usage } from './attempt-record.ts';
import type { Reservation } from './ports.ts';
import { Recording } from './recording.ts';
import type { Choice } from './routing/choice.ts';
import { failedSpillover } from './routing/spillover.ts';
import { judge, type Fault, type Judgement } from './routing/verdict.ts';
import type { Services } from './services.ts';
import { readErrorBody } from './upstream/error-body.ts';
import { NoToken } from './upstream/ports.ts';
import { upstreamRequest, withAnotherToken, type UpstreamRequest } from './upstream/request.ts';
import type { Expiring } from './upstream/relay.ts';
import { NoReply, send, type UnderWay, type UpstreamReply } from './upstream/send.ts';
import { Watchdog, type Expiry, type Watched } from './upstream/watchdog.ts';

/** What one call to an upstream came to, before anything of it has reached the client. */
export type AttemptResult =
  /** 2xx, first byte in hand, not settled yet. */
  | { readonly kind: 'accepted'; readonly reply: UpstreamReply }
  /** An answer that goes to the client as it is; settled. */
  | { readonly kind: 'answered'; readonly status: number; readonly contentType: string; readonly body: Buffer }
  /** Settled; may be made again elsewhere. `spilledTo`: see failedSpillover. */
  | { readonly kind: 'try-another'; readonly fault: Fault; readonly spilledTo: string | null | undefined }
  /** Settled; nobody is waiting any more, or no time is left. */
  | { readonly kind: 'over'; readonly why: Interruption };

/** Why we gave up an attempt that was under way: nobody waits for it any more, no time is left, another one was faster. */
export type Interruption = 'client-left' | 'timed-out' | 'hedge-lost';

export interface AttemptOptions {
  readonly admission: Admission;
  readonly choice: Choice;
  /** Its admission, UTC ms. */
  readonly at: number;
  /** What limits and budgets hold for it; ended here, whatever happens. */
  readonly reservation: Reservation;
  /** 1 for the first of the request. */
  readonly number: number;
}

/** Of these nothing is charged, whatever their body says: it may not have come. */
const unusedStatuses = new Set([401, 403, 404, 429]);
const usageOfStatus = (status: number): Usage => (unusedStatuses.has(status) ? noUsage : unknownUsage);

const noToken = { kind: 'failed', reason: 'no access token', leastMs: 0 } as const;

/**
 * One call to one endpoint: opened in the journal before it is sent, settled exactly once whatever happens. What may be
 * given up and who is told of an expiry are objects, not functions made for the purpose: with those, V8 kept calls alive
 * long after their end (docs/performance.md).
 */
export class Attempt implements Watched, Watcher {
  readonly options: AttemptOptions;
  readonly watchdog: Watchdog;
  private readonly services: Services;
  private readonly opened: OpenedAttempt;
  private readonly trace: AttemptTrace | undefined;
  private sentAt: number;
  private firstByteAt: number | null = null;
  /** It stands in the journal. */
  private inJournal = false;
  /** Who relays the reply, and is told when the watchdog fires. */
  private follower: Expiring | undefined;
  private expiry: Expiry | undefined;
  private interrupted: Interruption | undefined;
  /** The endpoint let its time for a first byte pass, and another one may still serve. */
  private silent = false;
  /** What `interrupt` ends. */
  private underWay: UnderWay | undefined;
  private readingError = false;
  private status: number | null = null;
  private headers: Readonly<Record<string, string>> = {};

  constructor(services: Services, options: AttemptOptions) {
    const { admission, choice } = options;
    const { exchange, route } = admission;
    this.services = services;
    this.options = options;
    const { at } = options;
    this.sentAt = services.clock.monotonic();
    this.trace = exchange.trace?.beginAttempt(choice.member.endpoint);
    this.opened = {
      id: services.ids(at),
      requestId: exchange.requestId,
      attempt: options.number,
      at,
      caller: admission.caller.chargedTo,
      servedBy: servedByOf(choice.member.endpoint),
      operation: exchange.operation,
      stream: exchange.stream,
      requestedModel: exchange.requestedModel,
      reservedNano: options.reservation.nano,
      priceBook: exchange.snapshot.prices.id,
    };
    this.watchdog = new Watchdog(
      services.alarms,
      {
        deadlineAt: exchange.startedAt + deadlineOf(route, exchange.stream),
        // A reply that is not streamed is silent until it is whole.
        firstByteMs: exchange.stream ? route.firstByteTimeoutMs : route.replyTimeoutMs,
        idleMs: route.idleTimeoutMs,
      },
      this,
    );
  }

  /** False where it could not even be made: then it leaves no record. */
  get wasMade(): boolean {
    return this.inJournal;
  }

  get endpointName(): string {
    return this.options.choice.member.endpoint.name;
  }

  /** Who is told when the watchdog fires; at once where it has fired already, for it fires only once. */
  follow(follower: Expiring): void {
    this.follower = follower;
    if (this.expiry !== undefined) follower.expire();
  }

  /** For the watchdog only. */
  expired(why: Expiry): void {
    this.expiry = why;
    if (this.follower !== undefined) this.follower.expire();
    else if (why === 'deadline' || (why === 'silence' && !this.readingError)) this.interrupt('timed-out');
    else {
      // The status of an error says enough: whoever does not finish one is judged by what came.
      if (!this.readingError) this.silent = true;
      this.giveUp();
    }
  }

  /** Whether the watchdog fired because the upstream went silent in the middle of its reply. */
  get wentSilent(): boolean {
    return this.expiry === 'silence';
  }

  /** Gives up before anything of the reply has been handed on; `run` then resolves soon. */
  interrupt(why: Interruption): void {
    this.interrupted ??= why;
    this.giveUp();
  }

  clientLeft(): void {
    this.interrupt('client-left');
  }

  private giveUp(): void {
    this.underWay?.abort(new Error('given up'));
  }

  async run(): Promise<AttemptResult> {
    const { services } = this;
    let request: UpstreamRequest;
    // Everything that may fail before the call is sent; what is opened must be settled, so that comes last.
    try {
      const preparing = this.prepare();
      request = preparing instanceof Promise ? await preparing : preparing;
      await services.ledger.open(this.opened);
      this.inJournal = true;
    } catch (thrown) {
      this.notOpened(thrown);
      // Another endpoint may have a key.
      if (!(thrown instanceof NoToken)) throw thrown;
      return { kind: 'try-another', fault: noToken, spilledTo: undefined };
    }
    this.sentAt = services.clock.monotonic();
    // Nobody waits for it any more since before the journal was written: nothing is sent, and nothing used.
    if (this.interrupted !== undefined) {
      this.watchdog.stop();
      return await this.interruptedResult(noUsage);
    }
    this.watchdog.sent();
    const sending = send(services.connections, request);
    this.underWay = sending;
    let result: AttemptResult | undefined;
    try {
      let reply = await sending.reply;
      if (reply.status === 401) reply = await this.sentAgain(reply, request);
      const received = this.received(reply);
      result = received instanceof Promise ? await received : received;
    } catch (thrown) {
      if (!(thrown instanceof NoReply)) throw thrown;
      result = await this.noReply(thrown);
    } finally {
      this.underWay = undefined;
      // An accepted reply is watched on, by whoever relays it.
      if (result?.kind !== 'accepted') this.watchdog.stop();
    }
    return result;
  }

  /** A resource that does not take a token is shown another one, once, where there is one; nothing was used. */
  private async sentAgain(refused: UpstreamReply, request: UpstreamRequest): Promise<UpstreamReply> {
    const { credentials, connections } = this.services;
    const renewed = await withAnotherToken(request, this.options.choice.member.endpoint, credentials);
    if (renewed === undefined || this.interrupted !== undefined || this.silent) return refused;
    refused.abort();
    const again = send(connections, renewed);
    this.underWay = again;
    return await again.reply;
  }

  /** A promise only where the token that signs it in must be waited for. */
  private prepare(): UpstreamRequest | Promise<UpstreamRequest> {
    const header = this.services.credentials.headerFor(this.options.choice.member.endpoint);
    return header instanceof Promise ? header.then((one) => this.requestWith(one)) : this.requestWith(header);
  }

  private requestWith(credential: readonly [string, string]): UpstreamRequest {
    const { admission, choice } = this.options;
    return upstreamRequest(admission, choice.member.endpoint, {
      attemptId: this.opened.id,
      credential,
      trace: this.trace,
    });
  }

  /** Nothing was opened in the journal. */
  private notOpened(why: unknown): void {
    const { choice, reservation } = this.options;
    this.watchdog.stop();
    if (why instanceof NoToken) {
      choice.lease.report(noToken);
      if (choice.step !== undefined) choice.step.fault = noToken.reason;
    }
    choice.lease.end();
    reservation.release();
  }

  private received(reply: UpstreamReply): AttemptResult | Promise<AttemptResult> {
    const { lease } = this.options.choice;
    const { stream } = this.options.admission.exchange;
    this.status = reply.status;
    this.headers = reply.headers;
    this.firstByteAt = this.services.clock.monotonic();
    this.watchdog.touch();
    lease.read(reply.headers);
    if (reply.status >= 200 && reply.status < 300 && this.fits(reply)) {
      lease.report({ kind: 'served', firstByteMs: this.firstByteAt - this.sentAt, stream });
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
    if (this.interrupted !== undefined) return this.interruptedResult(usageOfStatus(reply.status));
    const judgement = this.judge(reply, body);
    if (judgement.action === 'try-another') return this.faulty(judgement.fault, unknownUsage);
    const { outcome } = judgement;
    // Whether Azure charges a prompt that its filter refused is not documented: unknown, not nothing.
    await this.settle(outcome === 'refused-by-upstream' ? noUsage : unknownUsage, outcome);
    return {
      kind: 'answered',
      status: reply.status,
      contentType: reply.headers['content-type'] ?? 'application/json',
      body,
    };
  }

  private judge(reply: UpstreamReply, body: Buffer): Judgement {
    if (reply.status < 300)
      return {
        action: 'try-another',
        fault: { kind: 'failed', reason: 'unexpected content-type', leastMs: 0 },
      };
    const { odd } = this.options.choice.lease.state;
    return judge({ status: reply.status, headers: reply.headers, body, now: this.services.clock.now(), odd });
  }

  private readError(reply: UpstreamReply): Promise<Buffer> {
    const reading = readErrorBody(reply, this.watchdog);
    // An aborted reply calls nobody: whoever aborts it ends the waiting, too.
    this.underWay = reading;
    this.readingError = true;
    if (this.expiry !== undefined) this.expired(this.expiry);
    if (this.interrupted !== undefined) this.giveUp();
    return reading.body;
  }

  private async noReply({ written }: NoReply): Promise<AttemptResult> {
    if (this.interrupted === 'client-left' || this.interrupted === 'hedge-lost') {
      // Nothing has reached the client; what the upstream had begun is a lower bound of nothing.
      const { admission } = this.options;
      const usage = written ? await countUsage(this.services, { admission, tap: undefined }) : noUsage;
      return this.interruptedResult(usage);
    }
    const usage = written ? unknownUsage : noUsage;
    if (this.interrupted === 'timed-out') {
      this.judgeDeadline();
      return this.interruptedResult(usage);
    }
    if (this.silent) return this.faulty({ kind: 'failed', reason: 'no first byte in time', leastMs: 0 }, usage);
    const reason = written ? 'no reply' : 'no connection';
    return this.faulty({ kind: 'failed', reason, leastMs: 0 }, usage);
  }

  /** An attempt that had most of the caller's time speaks against its endpoint; one that was begun late does not. */
  private judgeDeadline(): void {
    const waited = this.services.clock.monotonic() - this.sentAt;
    const { route, exchange } = this.options.admission;
    if (waited >= deadlineOf(route, exchange.stream) / 2) this.options.choice.lease.report({ kind: 'too-slow' });
  }

  /** The endpoint is at fault, or cannot now: `failedUsage` where it may have used something all the same. */
  private async faulty(fault: Fault, failedUsage: Usage): Promise<AttemptResult> {
    const { lease, step } = this.options.choice;
    lease.report(fault);
    if (step !== undefined) step.fault = fault.kind === 'throttled' ? 'throttled' : fault.reason;
    if (fault.kind !== 'failed') await this.settle(noUsage, 'refused-by-upstream');
    else await this.settle(failedUsage, this.silent ? 'timed-out' : 'upstream-broke');
    return { kind: 'try-another', fault, spilledTo: failedSpillover(this.headers) };
  }

  private async interruptedResult(usage: Usage): Promise<AttemptResult> {
    const why = this.interrupted ?? 'timed-out';
    await this.settle(usage, why);
    return { kind: 'over', why };
  }

  /** From sending until its first byte, or until now where none has come, ms. */
  get firstByteMs(): number {
    return (this.firstByteAt ?? this.services.clock.monotonic()) - this.sentAt;
  }

  /** Another endpoint was faster although it was asked later. Where most go like that, this one is slow, or dead. */
  outrun(): void {
    if (this.firstByteAt === null) this.options.choice.lease.report({ kind: 'too-slow' });
  }

  /** Gives up a reply that had been accepted: another attempt's is delivered. */
  async lose(reply: UpstreamReply): Promise<void> {
    this.watchdog.stop();
    reply.abort();
    await this.settle(
      await countUsage(this.services, { admission: this.options.admission, tap: undefined }),
      'hedge-lost',
    );
  }

  /** Exactly once per attempt. Resolves when the record counts. */
  settle(usage: Usage, outcome: Outcome): Promise<void> {
    const { services, options } = this;
    options.choice.lease.end();
    const record = completeRecord(services, {
      opened: this.opened,
      endpoint: options.choice.member.endpoint,
      admission: options.admission,
      usage,
      outcome,
      httpStatus: this.status,
      headers: this.headers,
      stations: { sentAt: this.sentAt, firstByteAt: this.firstByteAt, endedAt: services.clock.monotonic() },
    });
    services.instruments.attemptSettled(record);
    services.genAi?.attemptSettled(record, options.choice.member.endpoint);
    if (this.trace !== undefined) this.trace.record = record;
    if (options.choice.step !== undefined) {
      // Not the record itself, which would be kept alive with it.
      const { id, httpStatus, timing } = record;
      options.choice.step.record = { id, outcome, httpStatus, timing };
    }
    return new Recording(services, record, options.reservation).counted;
  }
}
