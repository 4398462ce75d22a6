import type { Family, Histogram, Metrics } from '#kernel/metrics.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Exchange } from '#model/exchange.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { genAiOperation, genAiProvider, serverOf } from '#model/gen-ai.ts';

/** As the conventions advise: OpenTelemetry, Semantic conventions for generative AI metrics. */
const durationBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
] as const;
const tokenBuckets = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
] as const;
const firstTokenBuckets = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;
const perTokenBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5] as const;

/** How a call ended, as its caller saw it. */
interface CallEnd {
  readonly status: number;
  readonly code: string | undefined;
  readonly ms: number;
}

/** What the conventions of OpenTelemetry say of calls of models. Made where telemetry is on. */
export interface GenAiInstruments {
  /** A call to an upstream. */
  attemptSettled(record: UsageRecord, endpoint: Endpoint): void;
  /** A call to the gateway; undefined where it did not come to be one of a model. */
  callDone(exchange: Exchange | undefined, end: CallEnd): void;
}

interface AttemptInstruments {
  readonly duration: Histogram;
  readonly firstChunk: Histogram;
  readonly input: Histogram;
  readonly output: Histogram;
}

interface CallInstruments {
  readonly firstToken: Histogram;
  readonly perToken: Histogram;
}

/** Outcomes that are an error of the operation, not a decision of ours or of the client. */
function attemptError({ outcome, httpStatus }: UsageRecord): string | undefined {
  if (httpStatus !== null && httpStatus >= 400) return String(httpStatus);
  return outcome === 'upstream-broke' || outcome === 'timed-out' ? outcome : undefined;
}

type Labels = Readonly<Record<string, string>>;

class Kept<Value> {
  readonly #made = new Map<string, Value>();

  of(key: string, make: () => Value): Value {
    let value = this.#made.get(key);
    if (value === undefined) {
      value = make();
      this.#made.set(key, value);
    }
    return value;
  }
}

function declare(metrics: Metrics) {
  const histogram = (
    name: string,
    options: { readonly help: string; readonly buckets: readonly number[]; readonly unit: string },
  ): Family<Histogram> => metrics.histogram(name, options);
  return {
    tokens: histogram('gen_ai.client.token.usage', {
      help: 'Tokens of calls to upstreams, by gen_ai.token.type; unknown ones are not in it.',
      unit: '{token}',
      buckets: tokenBuckets,
    }),
    duration: histogram('gen_ai.client.operation.duration', {
      help: 'Calls to upstreams, from sending to the end of the reply.',
      unit: 's',
      buckets: durationBuckets,
    }),
    firstChunk: histogram('gen_ai.client.operation.time_to_first_chunk', {
      help: 'Streamed calls to upstreams, from sending to the first byte of the reply.',
      unit: 's',
      buckets: durationBuckets,
    }),
    served: histogram('gen_ai.server.request.duration', {
      help: 'Calls to the gateway, from their arrival to the end of the answer.',
      unit: 's',
      buckets: durationBuckets,
    }),
    firstToken: histogram('gen_ai.server.time_to_first_token', {
      help: 'Streamed calls that were completed, from their arrival at the gateway to the first byte of the reply.',
      unit: 's',
      buckets: firstTokenBuckets,
    }),
    perToken: histogram('gen_ai.server.time_per_output_token', {
      help: 'Streamed calls that were completed: time after the first byte, by output tokens after the first.',
      unit: 's',
      buckets: perTokenBuckets,
    }),
  };
}

function attemptLabels(record: UsageRecord, endpoint: Endpoint): Labels {
  const { address, port } = serverOf(endpoint);
  return {
    'gen_ai.operation.name': genAiOperation(record.operation),
    'gen_ai.provider.name': genAiProvider,
    'gen_ai.request.model': record.servedBy.model,
    'server.address': address,
    'server.port': String(port),
  };
}

function callLabels(operation: UsageRecord['operation'], model: string): Labels {
  return {
    'gen_ai.operation.name': genAiOperation(operation),
    'gen_ai.provider.name': genAiProvider,
    'gen_ai.request.model': model,
  };
}

export function createGenAiInstruments(metrics: Metrics): GenAiInstruments {
  const families = declare(metrics);
  // By the endpoint, not by its name: a changed configuration may mean another place by the same name.
  const attempts = new WeakMap<Endpoint, Kept<AttemptInstruments>>();
  const calls = new Kept<CallInstruments>();
  const served = new Kept<Histogram>();

  const attemptInstruments = (record: UsageRecord, endpoint: Endpoint): AttemptInstruments => {
    const error = attemptError(record);
    let kept = attempts.get(endpoint);
    if (kept === undefined) {
      kept = new Kept();
      attempts.set(endpoint, kept);
    }
    return kept.of(`${record.operation} ${error ?? ''}`, () => {
      const labels = attemptLabels(record, endpoint);
      return {
        duration: families.duration.with(error === undefined ? labels : { ...labels, 'error.type': error }),
        firstChunk: families.firstChunk.with(labels),
        input: families.tokens.with({ ...labels, 'gen_ai.token.type': 'input' }),
        output: families.tokens.with({ ...labels, 'gen_ai.token.type': 'output' }),
      };
    });
  };
  // Where nothing was used there is nothing to tell; what is unknown cannot be told.
  const observeTokens = (of: AttemptInstruments, { units, measuredInput, measuredOutput }: UsageRecord): void => {
    if (units.input !== null && measuredInput !== 'none') of.input.observe(units.input);
    if (units.output !== null && measuredOutput !== 'none') of.output.observe(units.output);
  };

  return {
    attemptSettled(record, endpoint) {
      const of = attemptInstruments(record, endpoint);
      const { firstByteMs, upstreamMs, queueMs } = record.timing;
      of.duration.observe(upstreamMs / 1000);
      observeTokens(of, record);
      if (!record.stream || firstByteMs === null) return;
      of.firstChunk.observe(firstByteMs / 1000);
      if (record.outcome !== 'completed') return;
      const { operation, requestedModel, units } = record;
      const call = calls.of(`${operation} ${requestedModel}`, () => {
        const labels = callLabels(operation, requestedModel);
        return { firstToken: families.firstToken.with(labels), perToken: families.perToken.with(labels) };
      });
      call.firstToken.observe((queueMs + firstByteMs) / 1000);
      if (units.output !== null && units.output > 1)
        call.perToken.observe((upstreamMs - firstByteMs) / 1000 / (units.output - 1));
    },
    callDone(exchange, { status, code, ms }) {
      // A name that stands for no model could be anything, as often as a client likes.
      if (exchange === undefined || !exchange.snapshot.models.has(exchange.requestedModel)) return;
      const { operation, requestedModel } = exchange;
      // A stream that broke off had its status before.
      const error = code ?? (status < 400 ? undefined : String(status));
      served
        .of(`${operation} ${requestedModel} ${error ?? ''}`, () => {
          const labels = callLabels(operation, requestedModel);
          return families.served.with(error === undefined ? labels : { ...labels, 'error.type': error });
        })
        .observe(ms / 1000);
    },
  };
}
