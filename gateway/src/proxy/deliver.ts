import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Presence } from '#model/presence.ts';
import type { Reply } from '#model/reply.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import { countUsage, outcomeOf, type CountOptions, type Usage } from './attempt-record.ts';
import type { Fallback } from './leg.ts';
import type { RequestLimits } from './ports.ts';
import { idHeaders, respondWithFailure, streamFailure } from './respond.ts';
import { routeHeader } from './route-trace.ts';
import { sealer } from './routing/affinity/bind.ts';
import { looksEncrypted } from './routing/affinity/encrypted-member.ts';
import { ownerOf } from './routing/affinity/homes.ts';
import { ReplyContents } from './routing/affinity/reply-contents.ts';
import { ReplyIds, withClientIds } from './routing/affinity/reply-ids.ts';
import type { RouteTrace } from './routing/trace.ts';
import { SealingTap } from './sealing-tap.ts';
import type { Services } from './services.ts';
import type { RelayTap } from './upstream/ports.ts';
import { relay, type Ending, type Expiring, type Relayed, type RelayOutcome } from './upstream/relay.ts';
import type { UpstreamReply } from './upstream/send.ts';
import type { Watchdog } from './upstream/watchdog.ts';
import { createTap } from './usage/create-tap.ts';
import type { Reading, Tap } from './usage/tap.ts';

/** What one request's attempts have in common. */
export interface Forwarding {
  readonly response: ServerResponse;
  readonly presence: Presence;
  /** Attempts made so far, over all calls of forward. */
  attempts: number;
  /** How long it has waited for capacity, ms. */
  waitedMs: number;
  /** For the log line: one word per attempt. */
  readonly trail: string[];
  /** What it may fall back to; undefined until its own model cannot take it. */
  fallback: Fallback | undefined;
  /** Settles the attempts that others were faster than; undefined where there were none. Never rejects. */
  losing: Promise<unknown> | undefined;
  /** What its client was told in the place of the end of a reply that had begun. */
  failure: Failure | undefined;
  /** How it was routed; undefined where nobody keeps that, or it has not come to it. */
  trace: RouteTrace | undefined;
  /** What the request is limited by; undefined until it is known who calls for what. */
  limits: RequestLimits | undefined;
}

/** An attempt whose reply has begun. */
export interface Accepted {
  readonly attempt: Attempt;
  readonly reply: UpstreamReply;
  readonly admission: Admission;
  readonly forwarding: Forwarding;
}

/** Reply headers of an upstream that a client may see; everything else stays here. */
const passedOn = ['content-type', 'openai-model', 'openai-processing-ms', 'openai-version'] as const;

function visibleHeaders(reply: UpstreamReply): Map<string, string> {
  const headers = new Map<string, string>();
  for (const name of passedOn) {
    const value = reply.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

/** Writes the head of a reply, with the ids in front and the length where it is known. */
function writeHead(
  reply: Reply,
  accepted: Pick<Accepted, 'admission' | 'forwarding'>,
  length: number | undefined,
): void {
  const { exchange } = accepted.admission;
  const headers = idHeaders(exchange.requestId, exchange.clientRequestId);
  for (const [name, value] of reply.headers) headers.push(name, value);
  headers.push(...(accepted.forwarding.limits?.headers() ?? []));
  if (exchange.snapshot.explainHeader) headers.push(...routeHeader(accepted.forwarding.trace));
  const { name } = accepted.admission.route;
  if (name !== exchange.requestedModel) headers.push('x-tollgate-served-model', name);
  if (length !== undefined) headers.push('content-length', String(length));
  accepted.forwarding.response.writeHead(reply.status, headers);
}

/** The relay gives the client what it has held back. */
const held: Ending = { kind: 'held' };

function breakFailure(outcome: RelayOutcome): Failure {
  return outcome === 'timed-out'
    ? new Failure('upstream_timeout', 'The upstream went silent before its reply was complete.')
    : new Failure('upstream_invalid_reply', 'The upstream broke off before its reply was complete.');
}

function isUnreadable(reading: Reading, stream: boolean): boolean {
  return !stream && reading.ending === null && reading.measuredOutput === 'unknown';
}

/** At once where the provider told it, which is nearly always. */
function usageOf(services: Services, known: CountOptions & { readonly reading: Reading }): Usage | Promise<Usage> {
  const { reading } = known;
  if (reading.measuredInput === 'reported' && reading.measuredOutput === 'reported') return reading;
  return countUsage(services, known);
}

/** What an upstream does after its first byte is judged, too; a deadline that passes meanwhile is not its fault. */
function reportEnd(attempt: Attempt, outcome: RelayOutcome, ownFault: boolean): void {
  const { lease } = attempt.options.choice;
  if (outcome === 'upstream-broke') lease.brokeOff('broke off');
  else if (ownFault) lease.brokeOff('an error in its reply');
  else if (outcome === 'timed-out' && attempt.wentSilent) lease.brokeOff('went silent');
}

/** Ids of responses go to the client signed: they live in one resource, and belong to whoever made them. */
function replyIds({ exchange, caller, binding }: Admission, resource: string): ReplyIds {
  return new ReplyIds(binding?.known ?? new Map(), sealer(exchange, caller, resource));
}

/** Undefined where the metadata that the client gave, which the reply repeats, would be taken for encrypted content. */
function replyContents({ admission, attempt }: Accepted): ReplyContents | undefined {
  const { exchange, caller } = admission;
  if (looksEncrypted(exchange.body.json['metadata'])) return undefined;
  const { affinity } = exchange.snapshot;
  const { resource } = attempt.options.choice.member.endpoint;
  return new ReplyContents(affinity, { owner: ownerOf(affinity, caller), resource });
}

/** Before the body is let go. */
function sealed(accepted: Accepted, tap: Tap): RelayTap {
  const { admission, attempt } = accepted;
  if (admission.exchange.operation !== 'responses') return tap;
  const { resource } = attempt.options.choice.member.endpoint;
  return new SealingTap(tap, replyIds(admission, resource), replyContents(accepted));
}

/** The reply of an attempt that was accepted: metered while it is delivered, settled before its end. */
export class AcceptedReply implements Reply, Relayed {
  readonly status: number;
  readonly headers: Map<string, string>;
  readonly reply: UpstreamReply;
  readonly stream: boolean;
  readonly watchdog: Watchdog;
  readonly presence: Presence;
  readonly tap: RelayTap;
  response: ServerResponse | undefined;
  onLeave: 'cancel' | 'drain' = 'drain';
  private readonly services: Services;
  private readonly accepted: Accepted;
  private readonly meter: Tap;

  constructor(services: Services, accepted: Accepted) {
    const { reply, attempt, admission, forwarding } = accepted;
    const { exchange } = admission;
    this.services = services;
    this.accepted = accepted;
    this.status = reply.status;
    this.headers = visibleHeaders(reply);
    this.reply = reply;
    this.stream = exchange.stream;
    this.watchdog = attempt.watchdog;
    this.presence = forwarding.presence;
    this.meter = createTap({
      operation: exchange.operation,
      stream: exchange.stream,
      clientWantsUsage: exchange.wantsStreamUsage,
      keepBytes: services.keepBytes,
    });
    this.tap = sealed(accepted, this.meter);
  }

  deliver(): Promise<void> {
    const { admission, forwarding } = this.accepted;
    admission.exchange.body.release();
    this.response = forwarding.response;
    this.onLeave = admission.route.onClientDisconnect;
    return this.run();
  }

  /** Read to its end for its usage alone. */
  discard(): Promise<void> {
    return this.run();
  }

  private async run(): Promise<void> {
    const outcome = await relay(this);
    this.accepted.forwarding.trail.push(`${this.accepted.attempt.endpointName}:${outcome}`);
  }

  followedBy(made: Expiring): void {
    this.accepted.attempt.follow(made);
  }

  writeHead(length: number | undefined): void {
    if (this.response !== undefined) writeHead(this, this.accepted, length);
  }

  fail(failure: Failure, headWritten: boolean): void {
    const { response, stream } = this;
    const { exchange } = this.accepted.admission;
    if (response === undefined) return;
    this.accepted.forwarding.failure = failure;
    if (!headWritten) respondWithFailure(response, failure, exchange);
    else if (stream) response.end(streamFailure(exchange.operation, failure, exchange.requestId));
    else response.destroy();
  }

  /** Settles the attempt and says what the client gets last. */
  async settle(outcome: RelayOutcome): Promise<Ending> {
    const { attempt, admission } = this.accepted;
    const reading = this.meter.reading();
    const unreadable = outcome === 'completed' && isUnreadable(reading, this.stream);
    reportEnd(attempt, unreadable ? 'upstream-broke' : outcome, this.meter.ownFault);
    try {
      const known = usageOf(this.services, { admission, reading, tap: this.meter });
      const usage = known instanceof Promise ? await known : known;
      await attempt.settle(usage, unreadable ? 'upstream-broke' : outcomeOf(outcome, reading));
    } catch (thrown) {
      const failure =
        thrown instanceof Failure
          ? thrown
          : new Failure('internal_error', 'The reply could not be accounted for.', { cause: thrown });
      const { requestId } = admission.exchange;
      this.services.log.error({ requestId, code: failure.code, err: thrown }, 'settle failed');
      return { kind: 'failure', failure };
    }
    if (outcome === 'completed' && !unreadable) return held;
    return { kind: 'failure', failure: breakFailure(outcome) };
  }
}

/** An answer that is no reply of the model, as the upstream worded it. */
export function answeredReply(
  admission: Admission,
  forwarding: Forwarding,
  result: Extract<AttemptResult, { kind: 'answered' }>,
): Reply {
  const { binding } = admission;
  // Its words may name the previous response as the upstream knows it.
  const body = binding === null ? result.body : withClientIds(result.body, binding.known);
  const made: Reply = {
    status: result.status,
    headers: new Map([['content-type', result.contentType]]),
    deliver() {
      const { response } = forwarding;
      if (!response.destroyed) {
        writeHead(made, { admission, forwarding }, body.length);
        response.end(body);
      }
      return Promise.resolve();
    },
    discard: () => Promise.resolve(),
  };
  return made;
}
