import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import {
  noUnits,
  unknownUnits,
  type Measured,
  type OpenedAttempt,
  type Outcome,
  type ServedBy,
  type Units,
  type UsageRecord,
} from '#model/usage-record.ts';
import type { Services } from './services.ts';
import type { RelayOutcome } from './upstream/relay.ts';
import type { Counted } from './usage/ports.ts';
import type { Reading, Tap } from './usage/tap.ts';

/** What an attempt turned out to have used, and how that is known. */
export interface Usage {
  readonly units: Units;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  readonly reportedModel: string | null;
  readonly serviceTier: string | null;
}

const nothingSaid = { reportedModel: null, serviceTier: null } as const;
/** Nothing was used: refused, or never written. */
export const noUsage: Usage = { units: noUnits, measuredInput: 'none', measuredOutput: 'none', ...nothingSaid };
export const unknownUsage: Usage = {
  units: unknownUnits,
  measuredInput: 'unknown',
  measuredOutput: 'unknown',
  ...nothingSaid,
};

const served = new WeakMap<Endpoint, ServedBy>();

/** One value per endpoint, so that the journal can keep its text. */
export function servedByOf(endpoint: Endpoint): ServedBy {
  let value = served.get(endpoint);
  if (value === undefined) {
    value = {
      endpoint: endpoint.name,
      resource: endpoint.resourceName,
      region: endpoint.region,
      deployment: endpoint.deployment,
      deploymentType: endpoint.deploymentType,
      model: endpoint.model,
      modelVersion: endpoint.modelVersion,
    };
    served.set(endpoint, value);
  }
  return value;
}

export interface CountOptions {
  readonly admission: Admission;
  /** Undefined where no reply arrived: then nothing was delivered. */
  readonly tap: Tap | undefined;
}

const nothingRead: Reading = { ...unknownUsage, ending: null };

function mergeCounted(reading: Reading, counted: Counted): Usage {
  const knowsInput = reading.measuredInput === 'reported';
  const knowsOutput = reading.measuredOutput === 'reported';
  const countedOutput: Measured = counted.output === null ? 'unknown' : 'delivered';
  return {
    reportedModel: reading.reportedModel,
    serviceTier: reading.serviceTier,
    units: {
      ...reading.units,
      input: knowsInput ? reading.units.input : counted.input,
      output: knowsOutput ? reading.units.output : counted.output,
    },
    measuredInput: knowsInput ? 'reported' : counted.measuredInput,
    measuredOutput: knowsOutput ? 'reported' : countedOutput,
  };
}

/**
 * The usage of a call that was sent and accepted but whose usage was never told: the output counted from what reached
 * the client (a lower bound), the input from the request. What the provider did tell stays as it told it.
 */
export async function countUsage(services: Services, { admission, tap }: CountOptions): Promise<Usage> {
  const { exchange, route } = admission;
  const reading = tap === undefined ? nothingRead : tap.reading();
  if (route.tokenizer === null) return reading;
  const counted = await services.tokenCounter.count({
    tokenizer: route.tokenizer,
    operation: exchange.operation,
    requestBody: reading.measuredInput === 'reported' ? undefined : exchange.body.countable,
    delivered: reading.measuredOutput === 'reported' ? undefined : (tap?.delivered() ?? []),
    stream: exchange.stream,
  });
  return mergeCounted(reading, counted);
}

/** The record's word for how a relayed reply ended. */
export function outcomeOf(relayed: RelayOutcome, reading: Reading): Outcome {
  if (relayed !== 'completed') return relayed;
  if (reading.ending === 'filtered-completion') return 'filtered-completion';
  return reading.ending === 'failed' ? 'upstream-broke' : 'completed';
}

/** Monotonic ms of an attempt's stations. */
interface Stations {
  readonly sentAt: number;
  readonly firstByteAt: number | null;
  readonly endedAt: number;
}

export interface Settling {
  readonly opened: OpenedAttempt;
  readonly endpoint: Endpoint;
  readonly admission: Admission;
  readonly usage: Usage;
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  /** Upstream headers; empty where no reply came. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stations: Stations;
}

const milliseconds = (value: number): number => Math.round(value * 1000) / 1000;

/** Some regions only say that it was spilled over, not from where; it was the deployment that was called. */
function spilledFromOf(headers: Settling['headers'], endpoint: Endpoint): string | null {
  const from = headers['x-ms-spillover-from-deployment'];
  return from ?? (headers['x-ms-is-spilled-over'] === 'true' ? endpoint.deployment : null);
}

/** Joins everything that is known of an attempt into its record, priced with the book that it was admitted under. */
export function completeRecord(services: Services, settling: Settling): UsageRecord {
  const { opened, endpoint, usage, headers, stations } = settling;
  const { exchange } = settling.admission;
  const spilledFrom = spilledFromOf(headers, endpoint);
  const spilledTo = spilledFrom === null ? undefined : headers['x-ms-deployment-name'];
  const cost = exchange.snapshot.prices.cost({
    endpoint,
    units: usage.units,
    serviceTier: usage.serviceTier,
    reportedModel: usage.reportedModel,
    spilledFrom,
    product: opened.caller.product,
    at: opened.at,
  });
  return {
    ...opened,
    servedBy: spilledTo === undefined ? opened.servedBy : { ...opened.servedBy, deployment: spilledTo },
    finishedAt: services.clock.now(),
    outcome: settling.outcome,
    httpStatus: settling.httpStatus,
    units: usage.units,
    measuredInput: usage.measuredInput,
    measuredOutput: usage.measuredOutput,
    serviceTier: usage.serviceTier,
    reportedModel: usage.reportedModel,
    spilledFrom,
    upstreamRequestId: headers['apim-request-id'] ?? headers['x-request-id'] ?? null,
    timing: {
      queueMs: milliseconds(stations.sentAt - exchange.startedAt),
      firstByteMs: stations.firstByteAt === null ? null : milliseconds(stations.firstByteAt - stations.sentAt),
      upstreamMs: milliseconds(stations.endedAt - stations.sentAt),
      totalMs: milliseconds(services.clock.monotonic() - exchange.startedAt),
    },
    cost,
  };
}
