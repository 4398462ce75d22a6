import type { MetricReading } from '#kernel/metrics.ts';
import type { AttemptTrace, TracedCall } from '#model/call-trace.ts';
import { serverOf } from '#model/gen-ai.ts';
import type { ChargedTo, UsageRecord } from '#model/usage-record.ts';

/** A record as it crosses to the worker: what is no number for JSON goes as text. */
export type SentRecord = Omit<UsageRecord, 'caller' | 'requestId' | 'reservedNano' | 'cost'> & {
  /** 10^-9 USD; null: unknown. */
  readonly nanoUsd: string | null;
};

export interface SentAttempt {
  readonly spanId: string;
  readonly address: string;
  readonly port: number;
  /** The endpoint's base URL. */
  readonly resource: string;
  readonly resourceName: string;
  readonly region: string;
  readonly endpoint: string;
  readonly classic: boolean;
  /** Ms since the call arrived. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Null for a call about something stored. */
  readonly record: SentRecord | null;
  readonly httpStatus: number | null;
}

/** A call that is over, as it crosses to the worker that makes spans of it. Plain JSON. */
export interface SentCall extends Omit<TracedCall, 'trace' | 'startedAt' | 'endedAt'> {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly state: string | null;
  readonly share: number;
  readonly ms: number;
  readonly caller: ChargedTo | null;
  readonly attempts: readonly SentAttempt[];
}

/** Everything that instruments say at one time. */
export interface SentMetrics {
  /** UTC ms: since when counters count, and when they were read. */
  readonly since: number;
  readonly at: number;
  readonly metrics: readonly MetricReading[];
}

function sentRecord(record: UsageRecord): SentRecord {
  const { caller: _caller, requestId: _requestId, reservedNano: _reserved, cost, ...rest } = record;
  return { ...rest, nanoUsd: cost.nanoUsd === null ? null : String(cost.nanoUsd) };
}

/** Undefined where it was never sent. */
function sentAttempt(attempt: AttemptTrace, startedAt: number): SentAttempt | undefined {
  const { record, stored, endpoint, spanId } = attempt;
  const { address, port } = serverOf(endpoint);
  const where = {
    spanId,
    address,
    port,
    resource: endpoint.resource,
    resourceName: endpoint.resourceName,
    region: endpoint.region,
    endpoint: endpoint.name,
    classic: endpoint.surface.kind === 'classic',
  };
  if (record !== undefined) {
    const { queueMs, upstreamMs } = record.timing;
    const { httpStatus } = record;
    return { ...where, sentAt: queueMs, endedAt: queueMs + upstreamMs, httpStatus, record: sentRecord(record) };
  }
  if (stored === undefined) return undefined;
  const { sentAt, endedAt, httpStatus } = stored;
  return { ...where, sentAt: sentAt - startedAt, endedAt: endedAt - startedAt, httpStatus, record: null };
}

export function sentCall(call: TracedCall): SentCall {
  const { trace, startedAt, endedAt, ...rest } = call;
  const { traceId, spanId, parentSpanId, state, share } = trace;
  return {
    ...rest,
    traceId,
    spanId,
    parentSpanId,
    state,
    share,
    ms: endedAt - startedAt,
    attempts: trace.attempts.map((one) => sentAttempt(one, startedAt)).filter((one) => one !== undefined),
  };
}
