import { takesBatches, type Endpoint } from '#model/endpoint.ts';
import type { BatchOperation } from '#model/operation.ts';
import type { EndpointState, Lease, Verdict } from '#proxy/routing/endpoint-state.ts';
import { judge, type Fault, type UpstreamAnswer } from '#proxy/routing/verdict.ts';
import type { Services } from '#proxy/services.ts';
import type { NoReply, UpstreamReply } from '#proxy/upstream/send.ts';

/** What was asked of a resource. */
export interface AskedFor {
  readonly operation: BatchOperation;
  /** The resource's own id of what it is about; null where it is about no one thing. */
  readonly raw: string | null;
}

/**
 * What an answer speaks against, by the rules for calls. A refusal (403) or a thing that is missing (404) tells of the
 * configuration only where no one thing was named: a right may be missing for this one operation, and things are deleted.
 */
function faultIn(answer: UpstreamAnswer, { operation, raw }: AskedFor): Fault | undefined {
  const judgement = judge(answer);
  if (judgement.action === 'deliver') return undefined;
  const { status } = answer;
  if (status === 403 && raw !== null) return undefined;
  // A batch names its input file in the body.
  if (status === 404 && (raw !== null || operation === 'batches.create')) return undefined;
  return judgement.fault;
}

/**
 * What one call about files or batches shows of the endpoint that it goes through. For a deployment that runs batches it is
 * an attempt like any other, because nothing else is sent there: it breaks, is throttled, and recovers by such calls. Any
 * other endpoint only lends its credentials: it is told what `StoredSending` tells of what is stored.
 */
export class EndpointShowing {
  readonly #services: Services;
  readonly #asked: AskedFor;
  readonly #state: EndpointState;
  readonly #lease: Lease | undefined;
  readonly #beganAt: number;
  #isOver = false;

  constructor(services: Services, endpoint: Endpoint, asked: AskedFor) {
    this.#services = services;
    this.#asked = asked;
    this.#state = services.pools.health.of(endpoint);
    this.#lease = takesBatches(endpoint) ? this.#state.begin() : undefined;
    this.#beganAt = services.clock.monotonic();
  }

  /** The first byte of any answer has come. */
  began({ status, headers }: Pick<UpstreamReply, 'status' | 'headers'>): void {
    this.#lease?.read(headers);
    const firstByteMs = this.#services.clock.monotonic() - this.#beganAt;
    if (status < 300) this.#lease?.report({ kind: 'served', firstByteMs, stream: false });
  }

  /** What is not 2xx; `body` is empty where nobody has read it. */
  refused({ status, headers }: Pick<UpstreamReply, 'status' | 'headers'>, body: Buffer): void {
    const now = this.#services.clock.now();
    const fault = faultIn({ status, headers, body, now, odd: this.#state.odd }, this.#asked);
    if (fault === undefined) return;
    if (this.#lease !== undefined) this.#lease.report(fault);
    else if (status === 401 && fault.kind === 'misconfigured') this.#state.shown(fault);
  }

  noReply({ written }: NoReply): void {
    this.#failed({ kind: 'failed', reason: written ? 'no reply' : 'no connection', leastMs: 0 });
  }

  noToken(): void {
    this.#lease?.report({ kind: 'failed', reason: 'no access token', leastMs: 0 });
  }

  tooSlow(): void {
    this.#failed({ kind: 'too-slow' });
  }

  /** An answer that had begun broke off, or went silent. */
  brokeOff(): void {
    this.#lease?.brokeOff('the reply broke off');
  }

  /** However it went. What comes after the first time counts for nothing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lease?.end();
  }

  #failed(verdict: Extract<Verdict, { kind: 'failed' | 'too-slow' }>): void {
    if (this.#lease === undefined) this.#state.shown(verdict);
    else this.#lease.report(verdict);
  }
}
