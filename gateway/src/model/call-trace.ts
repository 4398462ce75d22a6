import { traceParentText, type TraceIds, type TraceParent } from '#kernel/trace-context.ts';
import type { Endpoint } from './endpoint.ts';
import type { Operation, StoredOperation, Surface } from './operation.ts';
import type { ChargedTo, UsageRecord } from './usage-record.ts';

/** What became of a call about something stored, which leaves no record. Monotonic ms. */
export interface StoredEnd {
  readonly sentAt: number;
  /** Null: with the call that it was made for. */
  endedAt: number | null;
  /** The upstream's HTTP status; null where no reply came. */
  httpStatus: number | null;
}

/** The span of one call to an upstream. Its end is written into it; without one it was never sent, and there is no span. */
export class AttemptTrace {
  readonly spanId: string;
  readonly endpoint: Endpoint;
  /** W3C headers for the upstream: name, value, name, value. */
  readonly headers: readonly string[];
  record: UsageRecord | undefined;
  stored: StoredEnd | undefined;

  constructor(call: CallTrace, spanId: string, endpoint: Endpoint) {
    this.spanId = spanId;
    this.endpoint = endpoint;
    const parent = ['traceparent', traceParentText(call.traceId, spanId, true)];
    this.headers = call.state === null ? parent : [...parent, 'tracestate', call.state];
  }
}

/** The trace of a call that is kept. A call that is not has none: it costs the decision, and nothing else. */
export class CallTrace {
  readonly traceId: string;
  /** Of the gateway's own span. */
  readonly spanId: string;
  /** The caller's; null where the trace begins here. */
  readonly parentSpanId: string | null;
  /** The caller's `tracestate`, handed on. */
  readonly state: string | null;
  /** Of how many calls like this one it stands for one, above 0 to 1. */
  readonly share: number;
  readonly attempts: AttemptTrace[] = [];
  readonly #ids: TraceIds;

  constructor(
    ids: TraceIds,
    from: { readonly parent: TraceParent | undefined; readonly state: string | null; readonly share: number },
  ) {
    const { parent, state, share } = from;
    this.#ids = ids;
    this.traceId = parent?.traceId ?? ids.trace();
    this.spanId = ids.span();
    this.parentSpanId = parent?.spanId ?? null;
    this.state = parent === undefined ? null : state;
    this.share = share;
  }

  /** Before it is sent: the upstream is told of its span. */
  beginAttempt(endpoint: Endpoint): AttemptTrace {
    const attempt = new AttemptTrace(this, this.#ids.span(), endpoint);
    this.attempts.push(attempt);
    return attempt;
  }
}

/** A call that is over, with everything that its spans say. Nothing of what was asked or answered is in it. */
export interface TracedCall {
  readonly trace: CallTrace;
  readonly requestId: string;
  /** UTC ms. */
  readonly receivedAt: number;
  /** Monotonic ms: spans count from it. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly method: string;
  readonly operation: Operation | StoredOperation | null;
  readonly surface: Surface | null;
  /** By the name that the client used. */
  readonly model: string | null;
  readonly stream: boolean;
  readonly caller: ChargedTo | null;
  /** As the client saw it; 499 where it had gone. */
  readonly status: number;
  /** Tollgate's error; null where it was none. */
  readonly code: string | null;
  readonly waitedMs: number;
}
