import type { MetricReading } from '#kernel/metrics.ts';
import type { AttemptTrace, StoredEnd, TracedCall } from '#model/call-trace.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { serverOf } from '#model/gen-ai.ts';
import type { Operation, StoredOperation, Surface } from '#model/operation.ts';
import type { ChargedTo, Measured, Outcome, UsageRecord } from '#model/usage-record.ts';

// What crosses from the request path's thread to the one that exports, as JSON. Flat and without what no span says: the more
// there is of it, the longer the request path is busy with it.

/** What spans say of an endpoint; many attempts of a batch have the same. */
export interface SentEndpoint {
  readonly endpoint: string;
  readonly address: string;
  readonly port: number;
  /** The endpoint's base URL. */
  readonly base: string;
  readonly classic: boolean;
  readonly resource: string;
  readonly region: string;
  readonly deploymentType: string;
  readonly model: string;
  readonly modelVersion: string | null;
}

/** What spans say of a usage record. Times in ms, null: unknown. */
export interface SentRecord {
  readonly id: string;
  readonly attempt: number;
  readonly operation: Operation;
  readonly stream: boolean;
  readonly deployment: string;
  readonly outcome: Outcome;
  readonly firstByteMs: number | null;
  readonly input: number | null;
  readonly cachedInput: number | null;
  readonly cacheWriteInput: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  readonly serviceTier: string | null;
  readonly reportedModel: string | null;
  readonly spilledFrom: string | null;
  readonly upstreamRequestId: string | null;
  readonly priceBook: string;
  /** 10^-9 USD, decimal. */
  readonly nanoUsd: string | null;
}

export interface SentAttempt {
  readonly spanId: string;
  /** Index in the batch. */
  readonly at: number;
  /** Ms since the call arrived. */
  readonly sentAt: number;
  readonly endedAt: number;
  readonly httpStatus: number | null;
  /** Null for a call about something stored. */
  readonly record: SentRecord | null;
}

/** A call that is over. */
export interface SentCall {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly state: string | null;
  readonly share: number;
  readonly requestId: string;
  /** UTC ms. */
  readonly receivedAt: number;
  readonly ms: number;
  readonly method: string;
  readonly operation: Operation | StoredOperation | null;
  readonly surface: Surface | null;
  readonly model: string | null;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly waitedMs: number;
  /** Index in the batch; null: nobody that is known. */
  readonly caller: number | null;
  readonly attempts: readonly SentAttempt[];
}

export interface SentCalls {
  readonly endpoints: readonly SentEndpoint[];
  readonly callers: readonly Omit<ChargedTo, 'endUser'>[];
  readonly calls: readonly SentCall[];
}

/** Everything that instruments say at one time. */
export interface SentMetrics {
  /** UTC ms: since when counters count, and when they were read. */
  readonly since: number;
  readonly at: number;
  readonly metrics: readonly MetricReading[];
}

/** Values that a batch holds once, however often they are meant. */
class Shared<Given extends object, Sent> {
  readonly sent: Sent[] = [];
  readonly #places = new Map<Given, number>();
  readonly #make: (given: Given) => Sent;

  constructor(make: (given: Given) => Sent) {
    this.#make = make;
  }

  indexOf(given: Given): number {
    let index = this.#places.get(given);
    if (index === undefined) {
      index = this.sent.push(this.#make(given)) - 1;
      this.#places.set(given, index);
    }
    return index;
  }
}

function sentEndpoint(endpoint: Endpoint): SentEndpoint {
  const { address, port } = serverOf(endpoint);
  return {
    endpoint: endpoint.name,
    address,
    port,
    base: endpoint.resource,
    classic: endpoint.surface.kind === 'classic',
    resource: endpoint.resourceName,
    region: endpoint.region,
    deploymentType: endpoint.deploymentType,
    model: endpoint.model,
    modelVersion: endpoint.modelVersion,
  };
}

function sentCaller({ subscription, product, consumer, costCentrePath }: ChargedTo): Omit<ChargedTo, 'endUser'> {
  return { subscription, product, consumer, costCentrePath };
}

function sentRecord(record: UsageRecord): SentRecord {
  const { units, cost } = record;
  return {
    id: record.id,
    attempt: record.attempt,
    operation: record.operation,
    stream: record.stream,
    deployment: record.servedBy.deployment,
    outcome: record.outcome,
    firstByteMs: record.timing.firstByteMs,
    input: units.input,
    cachedInput: units.cachedInput,
    cacheWriteInput: units.cacheWriteInput,
    output: units.output,
    reasoning: units.reasoning,
    measuredInput: record.measuredInput,
    measuredOutput: record.measuredOutput,
    serviceTier: record.serviceTier,
    reportedModel: record.reportedModel,
    spilledFrom: record.spilledFrom,
    upstreamRequestId: record.upstreamRequestId,
    priceBook: record.priceBook,
    nanoUsd: cost.nanoUsd === null ? null : String(cost.nanoUsd),
  };
}

class Batch {
  readonly #endpoints = new Shared(sentEndpoint);
  readonly #callers = new Shared(sentCaller);
  readonly #calls: SentCall[] = [];

  add(call: TracedCall): void {
    const { trace } = call;
    const attempts: SentAttempt[] = [];
    for (const one of trace.attempts) {
      if (one.record !== undefined) attempts.push(this.#settled(one, one.record));
      else if (one.stored !== undefined) attempts.push(this.#stored(one, one.stored, call));
    }
    this.#calls.push({
      traceId: trace.traceId,
      spanId: trace.spanId,
      parentSpanId: trace.parentSpanId,
      state: trace.state,
      share: trace.share,
      requestId: call.requestId,
      receivedAt: call.receivedAt,
      ms: call.endedAt - call.startedAt,
      method: call.method,
      operation: call.operation,
      surface: call.surface,
      model: call.model,
      stream: call.stream,
      status: call.status,
      code: call.code,
      waitedMs: call.waitedMs,
      caller: call.caller === null ? null : this.#callers.indexOf(call.caller),
      attempts,
    });
  }

  whole(): SentCalls {
    return { endpoints: this.#endpoints.sent, callers: this.#callers.sent, calls: this.#calls };
  }

  #settled({ spanId, endpoint }: AttemptTrace, record: UsageRecord): SentAttempt {
    const { queueMs, upstreamMs } = record.timing;
    return {
      spanId,
      at: this.#endpoints.indexOf(endpoint),
      sentAt: queueMs,
      endedAt: queueMs + upstreamMs,
      httpStatus: record.httpStatus,
      record: sentRecord(record),
    };
  }

  #stored({ spanId, endpoint }: AttemptTrace, end: StoredEnd, { startedAt, endedAt }: TracedCall): SentAttempt {
    return {
      spanId,
      at: this.#endpoints.indexOf(endpoint),
      sentAt: end.sentAt - startedAt,
      endedAt: (end.endedAt ?? endedAt) - startedAt,
      httpStatus: end.httpStatus,
      record: null,
    };
  }
}

export function sentCalls(calls: readonly TracedCall[]): SentCalls {
  const batch = new Batch();
  for (const call of calls) batch.add(call);
  return batch.whole();
}
