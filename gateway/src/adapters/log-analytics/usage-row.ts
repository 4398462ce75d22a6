import type { StoredRecord } from '#accounting/ledger/ports.ts';
import { parseJsonObject, type Json } from '#kernel/json.ts';

/** A row of the table: one attempt. Its columns stand in `infra/data/usage-table.json`, too; a test compares the two. */
export type UsageRow = Readonly<Record<string, string | number | boolean | null>>;

/** As the service's replies call what they are (`object`), which is what the table has always held. */
const objectTypes: Readonly<Record<StoredRecord['series']['operation'], string>> = {
  'chat.completions': 'chat.completion',
  completions: 'text_completion',
  embeddings: 'list',
  responses: 'response',
  'models.list': '',
  'batches.create': 'batch',
  'models.retrieve': '',
  none: '',
};

/** `RecordId`, because `id` is a name that the service keeps for itself. Null is unknown, never 0. */
export function usageRow(record: StoredRecord): UsageRow {
  const { series, units } = record;
  const { caller, servedBy } = series;
  const detail = parseJsonObject(record.detail) ?? {};
  const at = new Date(record.at).toISOString();
  return {
    // The service puts the time of receipt here where this is older than two days: reports go by At.
    TimeGenerated: at,
    RecordId: record.id,
    RequestId: record.requestId,
    Attempt: record.attempt,
    At: at,
    EventTime: timeOf(detail['finishedAt']),
    Organisation: caller.costCentrePath.split('/')[0] ?? '',
    CostCentre: caller.costCentrePath,
    Consumer: caller.consumer,
    Product: caller.product,
    Subscription: caller.subscription,
    EndUser: record.endUser,
    ObjectType: objectTypes[series.operation],
    Stream: series.stream,
    Model: servedBy.model,
    ModelVersion: servedBy.modelVersion,
    RequestedModel: series.requestedModel,
    ReportedModel: textOf(detail['reportedModel']),
    Endpoint: servedBy.endpoint,
    Resource: servedBy.resource,
    Region: servedBy.region,
    Deployment: servedBy.deployment,
    DeploymentType: servedBy.deploymentType,
    SpilledFrom: textOf(detail['spilledFrom']),
    Outcome: record.outcome,
    HttpStatus: numberOf(detail['httpStatus']),
    MeasuredInput: record.measuredInput,
    MeasuredOutput: record.measuredOutput,
    InputTokens: units.input,
    CachedInputTokens: units.cachedInput,
    OutputTokens: units.output,
    ReasoningTokens: units.reasoning,
    TotalTokens: units.input === null || units.output === null ? null : units.input + units.output,
    CostNanoUsd: record.costNano === null ? null : wholeNumber(record.costNano),
    Currency: 'USD',
    Unpriced: record.unpriced.join(', '),
    ...timesOf(detail['timingUs']),
  };
}

/** Microseconds, in the order in which they pass. */
function timesOf(timing: Json | undefined): UsageRow {
  const us: readonly Json[] = Array.isArray(timing) ? timing : [];
  const [QueueMs = null, FirstByteMs = null, UpstreamMs = null, TotalMs = null] = us.map((value) =>
    typeof value === 'number' ? Math.round(value / 1000) : null,
  );
  return { QueueMs, FirstByteMs, UpstreamMs, TotalMs };
}

/** 9,007,199 USD for one call: beyond that a JSON number is not exact, and nothing is rounded silently. */
function wholeNumber(nano: bigint): number {
  const number = Number(nano);
  if (!Number.isSafeInteger(number)) throw new RangeError('A cost is too large for a JSON number.');
  return number;
}

const numberOf = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null);
const textOf = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
const timeOf = (value: Json | undefined): string | null =>
  typeof value === 'number' ? new Date(value).toISOString() : null;
