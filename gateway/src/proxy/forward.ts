import type { ServerResponse } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import type { Admission } from '#model/admission.ts';
import type { Presence } from '#model/presence.ts';
import type { Reply } from '#model/reply.ts';
import { Attempt, type AttemptResult } from './attempt.ts';
import { countUsage, outcomeOf, type Usage } from './attempt-record.ts';
import { idHeaders, respondWithFailure, streamFailure } from './respond.ts';
import { Plan } from './routing/plan.ts';
import type { Services } from './services.ts';
import { relay, type Ending, type RelayClient, type RelayOutcome } from './upstream/relay.ts';
import type { UpstreamReply } from './upstream/send.ts';
import { createTap } from './usage/create-tap.ts';
import type { Tap } from './usage/tap.ts';

/** What one request's attempts have in common. */
export interface Forwarding {
  readonly response: ServerResponse;
  readonly presence: Presence;
  /** Attempts made so far, over all calls of forward. */
  attempts: number;
  /** For the log line: one word per attempt. */
  readonly trail: string[];
}

interface Accepted {
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
  if (length !== undefined) headers.push('content-length', String(length));
  accepted.forwarding.response.writeHead(reply.status, headers);
}

function breakFailure(outcome: RelayOutcome): Failure {
  return outcome === 'timed-out'
    ? new Failure('upstream_timeout', 'The upstream went silent before its reply was complete.')
    : new Failure('upstream_invalid_reply', 'The upstream broke off before its reply was complete.');
}

function isUnreadable(tap: Tap, stream: boolean): boolean {
  const reading = tap.reading();
  return !stream && reading.ending === null && reading.measuredOutput === 'unknown';
}

/** At once where the provider told it, which is nearly always. */
function usageOf(services: Services, accepted: Accepted, tap: Tap): Usage | Promise<Usage> {
  const reading = tap.reading();
  if (reading.measuredInput === 'reported' && reading.measuredOutput === 'reported') return reading;
  return countUsage(services, { admission: accepted.admission, tap });
}

/** Settles an accepted reply and says what the client gets last. */
async function conclude(
  services: Services,
  accepted: Accepted,
  how: { readonly tap: Tap; readonly outcome: RelayOutcome },
): Promise<Ending> {
  const { tap, outcome } = how;
  const unreadable = outcome === 'completed' && isUnreadable(tap, accepted.admission.exchange.stream);
  try {
    const known = usageOf(services, accepted, tap);
    const usage = known instanceof Promise ? await known : known;
    await accepted.attempt.settle(usage, unreadable ? 'upstream-broke' : outcomeOf(outcome, tap.reading()));
  } catch (thrown) {
    const failure =
      thrown instanceof Failure
        ? thrown
        : new Failure('internal_error', 'The reply could not be accounted for.', { cause: thrown });
    services.log.error(
      { requestId: accepted.admission.exchange.requestId, code: failure.code, err: thrown },
      'settle failed',
    );
    return { kind: 'failure', failure };
  }
  return outcome === 'completed' && !unreadable
    ? { kind: 'held' }
    : { kind: 'failure', failure: breakFailure(outcome) };
}

function clientOf(accepted: Accepted, reply: Reply): RelayClient {
  const { exchange, route } = accepted.admission;
  const { response } = accepted.forwarding;
  return {
    response,
    presence: accepted.forwarding.presence,
    onLeave: route.onClientDisconnect,
    writeHead: (length) => writeHead(reply, accepted, length),
    fail(failure, headWritten) {
      if (!headWritten) respondWithFailure(response, failure, exchange);
      else if (exchange.stream) response.end(streamFailure(exchange.operation, failure, exchange.requestId));
      else response.destroy();
    },
  };
}

function acceptedReply(services: Services, accepted: Accepted): Reply {
  const { exchange } = accepted.admission;
  const run = async (client: (reply: Reply) => RelayClient): Promise<void> => {
    const tap = createTap({
      operation: exchange.operation,
      stream: exchange.stream,
      clientWantsUsage: exchange.wantsStreamUsage,
      keepBytes: services.keepBytes,
    });
    const outcome = await relay(
      {
        reply: accepted.reply,
        tap,
        client: client(made),
        stream: exchange.stream,
        watchdog: accepted.attempt.watchdog,
        settle: (how) => conclude(services, accepted, { tap, outcome: how }),
      },
      (expire) => accepted.attempt.onExpire(expire),
    );
    accepted.forwarding.trail.push(`${accepted.attempt.options.endpoint.name}:${outcome}`);
  };
  const nobody: RelayClient = {
    response: undefined,
    presence: accepted.forwarding.presence,
    onLeave: 'drain',
    writeHead() {},
    fail() {},
  };
  const made: Reply = {
    status: accepted.reply.status,
    headers: visibleHeaders(accepted.reply),
    deliver: () => run((reply) => clientOf(accepted, reply)),
    discard: () => run(() => nobody),
  };
  return made;
}

function answeredReply(
  admission: Admission,
  forwarding: Forwarding,
  result: Extract<AttemptResult, { kind: 'answered' }>,
): Reply {
  const made: Reply = {
    status: result.status,
    headers: new Map([['content-type', result.contentType]]),
    deliver() {
      const { response } = forwarding;
      if (!response.destroyed) {
        writeHead(made, { admission, forwarding }, result.body.length);
        response.end(result.body);
      }
      return Promise.resolve();
    },
    discard: () => Promise.resolve(),
  };
  return made;
}

/** What the client is told when no attempt is left: the reason that it can do most about. */
function exhausted(plan: Plan, last: AttemptResult | undefined): Failure {
  const retriesSpent = plan.made > 1;
  const wait = plan.shortestWaitMs();
  const throttled =
    last === undefined ? wait !== undefined : last.kind === 'try-another' && last.verdict.kind === 'throttled';
  if (throttled) {
    const retryAfterSeconds = Math.max(1, Math.ceil((wait ?? 1000) / 1000));
    return new Failure('upstream_throttled', 'Every endpoint of this model is throttled.', {
      retryAfterSeconds,
      retriesSpent,
    });
  }
  if (last === undefined || (last.kind === 'try-another' && last.verdict.kind === 'misconfigured')) {
    return new Failure('upstream_misconfigured', 'The endpoints of this model do not accept the gateway.', {
      retriesSpent: true,
    });
  }
  return new Failure('upstream_unavailable', 'No endpoint of this model could serve the call.', { retriesSpent });
}

/**
 * Steps 4–6 of a request: attempt after attempt until one is accepted, answered, or none is left. Called once by the
 * default backend step, several times by one that retries.
 */
export async function forward(services: Services, admission: Admission, forwarding: Forwarding): Promise<Reply> {
  const plan = new Plan(admission.route, services);
  let last: AttemptResult | undefined;
  for (let endpoint = plan.next(); endpoint !== undefined; endpoint = plan.next()) {
    // Whoever has gone pays for no further attempt.
    if (forwarding.presence.gone && admission.route.onClientDisconnect === 'cancel')
      throw new Failure('upstream_timeout', 'The client has gone.');
    forwarding.attempts += 1;
    const attempt = new Attempt(services, {
      admission,
      endpoint,
      number: forwarding.attempts,
      presence: forwarding.presence,
    });
    const result = await attempt.run();
    if (result.kind === 'accepted')
      return acceptedReply(services, { attempt, reply: result.reply, admission, forwarding });
    forwarding.trail.push(`${endpoint.name}:${result.kind === 'try-another' ? result.verdict.kind : result.kind}`);
    if (result.kind === 'answered') return answeredReply(admission, forwarding, result);
    if (result.kind === 'over')
      throw new Failure('upstream_timeout', 'The deadline of the call has passed.', { retriesSpent: plan.made > 1 });
    last = result;
  }
  throw exhausted(plan, last);
}
