import { latencyBuckets, type Counter, type Histogram, type Metrics } from '#kernel/metrics.ts';
import type { UsageRecord } from '#model/usage-record.ts';

const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1] as const;

interface ModelInstruments {
  readonly input: Counter;
  readonly cachedInput: Counter;
  readonly output: Counter;
  readonly reasoning: Counter;
  readonly firstByte: Histogram;
  readonly overhead: Histogram;
}

function kept(store: Map<string, Counter>, key: string, make: () => Counter): Counter {
  let counter = store.get(key);
  if (counter === undefined) {
    counter = make();
    store.set(key, counter);
  }
  return counter;
}

/** What came of a hedge: `first`, `second`: whose reply was delivered; `none`: neither's; `unpaid`, `nowhere`: not made. */
export type Hedged = 'first' | 'second' | 'none' | 'unpaid' | 'nowhere';

/** What the request path counts. */
export interface Instruments {
  requestDone(operation: string, status: number): void;
  attemptSettled(record: UsageRecord): void;
  /** By their names under `models`. */
  fellBack(asked: string, served: string): void;
  hedged(model: string, how: Hedged): void;
}

export function createInstruments(metrics: Metrics): Instruments {
  const requests = metrics.counter('tollgate_requests_total', 'Requests answered, by operation and status.');
  const attempts = metrics.counter('tollgate_attempts_total', 'Calls to an upstream, by endpoint and outcome.');
  const tokens = metrics.counter('tollgate_tokens_total', 'Tokens, by model and kind; unknown ones are not in it.');
  const unknown = metrics.counter('tollgate_unknown_usage_total', 'Settled attempts whose usage is unknown, by model.');
  const unpriced = metrics.counter('tollgate_unpriced_total', 'Settled attempts whose cost is unknown, by model.');
  const firstByte = metrics.histogram('tollgate_time_to_first_byte_seconds', {
    help: 'From sending upstream to the first byte of the reply.',
    buckets: latencyBuckets,
  });
  const overhead = metrics.histogram('tollgate_overhead_seconds', {
    help: 'Time in the gateway itself: total less the time that the upstream took.',
    buckets: overheadBuckets,
  });
  const fallbacks = metrics.counter(
    'tollgate_fallbacks_total',
    'Calls that went to another model than they asked for.',
  );
  const hedges = metrics.counter(
    'tollgate_hedges_total',
    'Calls whose first attempt was slow to answer, by what came of a second one beside it.',
  );
  const requestCounters = new Map<string, Counter>();
  const attemptCounters = new Map<string, Counter>();
  const models = new Map<string, ModelInstruments>();

  const modelInstruments = (model: string): ModelInstruments => {
    let made = models.get(model);
    if (made === undefined) {
      made = {
        input: tokens.with({ model, kind: 'input' }),
        cachedInput: tokens.with({ model, kind: 'cached_input' }),
        output: tokens.with({ model, kind: 'output' }),
        reasoning: tokens.with({ model, kind: 'reasoning' }),
        firstByte: firstByte.with({ model }),
        overhead: overhead.with({ model }),
      };
      models.set(model, made);
    }
    return made;
  };

  return {
    requestDone(operation, status) {
      kept(requestCounters, `${operation} ${status}`, () => requests.with({ operation, status: String(status) })).add(
        1,
      );
    },
    fellBack(asked, served) {
      fallbacks.with({ asked, served }).add(1);
    },
    hedged(model, how) {
      hedges.with({ model, how }).add(1);
    },
    attemptSettled(record) {
      const { endpoint, model } = record.servedBy;
      kept(attemptCounters, `${endpoint} ${record.outcome}`, () =>
        attempts.with({ endpoint, outcome: record.outcome }),
      ).add(1);
      const of = modelInstruments(model);
      of.input.add(record.units.input ?? 0);
      of.cachedInput.add(record.units.cachedInput ?? 0);
      of.output.add(record.units.output ?? 0);
      of.reasoning.add(record.units.reasoning ?? 0);
      if (record.timing.firstByteMs !== null) of.firstByte.observe(record.timing.firstByteMs / 1000);
      of.overhead.observe((record.timing.totalMs - record.timing.upstreamMs) / 1000);
      if (record.units.input === null || record.units.output === null) unknown.with({ model }).add(1);
      if (record.cost.nanoUsd === null) unpriced.with({ model }).add(1);
    },
  };
}
