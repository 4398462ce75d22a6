import type {
  LedgerAdjustment,
  LedgerCostLine,
  LedgerPosting,
  LedgerRecord,
} from '@tollgate/contract/admin-api/usage.ts';
import type { Adjustment, Posting, Series, StoredRecord } from '#accounting/ledger/ports.ts';
import { parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import { parseLedgerLines } from '#model/cost-lines.ts';
import { heldOf } from '#model/held.ts';
import { lineStanding, type LedgerLine } from '#model/money.ts';

const instant = (at: number): string => new Date(at).toISOString();
const textOrNull = (nanoUsd: bigint | null): string | null => (nanoUsd === null ? null : String(nanoUsd));

function placeOf({ caller, servedBy, operation }: Series) {
  return {
    consumer: caller.consumer,
    costCentre: caller.costCentrePath,
    product: caller.product,
    subscription: caller.subscription,
    model: servedBy.model,
    modelVersion: servedBy.modelVersion,
    endpoint: servedBy.endpoint,
    resource: servedBy.resource,
    deployment: servedBy.deployment,
    deploymentType: servedBy.deploymentType,
    region: servedBy.region,
    operation,
  };
}

function shownLine({ layer, meter, units, priceId, nanoUsd, standing }: LedgerLine): LedgerCostLine {
  return {
    layer,
    meter,
    units,
    priceId: priceId === '' ? null : priceId,
    nanoUsd: String(nanoUsd),
    inCost: (standing & lineStanding.cost) !== 0,
  };
}

function shownPosting({ series, outcome, change, lines }: Posting): LedgerPosting {
  return {
    ...placeOf(series),
    outcome,
    costNanoUsd: String(change.cost),
    listCostNanoUsd: String(change.listCost),
    internalCostNanoUsd: String(change.internalCost),
    heldNanoUsd: String(change.held),
    pricedAttempts: change.pricedAttempts,
    lines: lines.map(shownLine),
  };
}

export function shownAdjustment(adjustment: Adjustment): LedgerAdjustment {
  const { id, kind, at, bookedAt, of, postings, detail } = adjustment;
  return {
    id,
    kind,
    at: instant(at),
    bookedAt: instant(bookedAt),
    of: of === null ? null : { id: of.id, at: instant(of.at) },
    postings: postings.map(shownPosting),
    detail: parseJsonObject(detail) ?? {},
  };
}

const wordOrNull = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
const numberOrNull = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null);

const milliseconds = (us: Json | undefined): number | null => (typeof us === 'number' ? us / 1000 : null);

/** The journal holds whole microseconds: queue, first byte, upstream, total. */
function timingOf({ timingUs }: JsonObject): LedgerRecord['timing'] {
  const all: readonly Json[] = Array.isArray(timingUs) ? timingUs : [];
  return {
    queueMs: milliseconds(all[0]),
    firstByteMs: milliseconds(all[1]),
    upstreamMs: milliseconds(all[2]),
    totalMs: milliseconds(all[3]),
  };
}

function unitsOf({ units }: StoredRecord): LedgerRecord['units'] {
  return {
    inputTokens: units.input,
    cachedInputTokens: units.cachedInput,
    cacheWriteInputTokens: units.cacheWriteInput,
    audioInputTokens: units.audioInput,
    imageInputTokens: units.imageInput,
    outputTokens: units.output,
    reasoningTokens: units.reasoning,
    audioOutputTokens: units.audioOutput,
    seconds: units.seconds,
    characters: units.characters,
    toolCalls: { ...units.toolCalls },
    images: { ...units.images },
  };
}

/** A record with everything that the ledger knows of it. */
export function shownRecord(record: StoredRecord, adjustments: readonly Adjustment[]): LedgerRecord {
  const { series } = record;
  const detail = parseJsonObject(record.detail) ?? {};
  const finishedAt = numberOrNull(detail['finishedAt']);
  return {
    id: record.id,
    requestId: record.requestId,
    attempt: record.attempt,
    at: instant(record.at),
    finishedAt: finishedAt === null ? null : instant(finishedAt),
    ...placeOf(series),
    endUser: record.endUser,
    stream: series.stream,
    requestedModel: series.requestedModel,
    reportedModel: wordOrNull(detail['reportedModel']),
    serviceTier: wordOrNull(detail['serviceTier']),
    spilledFrom: wordOrNull(detail['spilledFrom']),
    upstreamRequestId: wordOrNull(detail['upstreamRequestId']),
    outcome: record.outcome,
    httpStatus: numberOrNull(detail['httpStatus']),
    measuredInput: record.measuredInput,
    measuredOutput: record.measuredOutput,
    units: unitsOf(record),
    timing: timingOf(detail),
    reservedNanoUsd: textOrNull(record.reservedNano),
    heldNanoUsd: String(heldOf(record)),
    pricing: record.pricing,
    priceBook: series.priceBook,
    costNanoUsd: textOrNull(record.costNano),
    listCostNanoUsd: textOrNull(record.listNano),
    internalCostNanoUsd: textOrNull(record.internalNano),
    unpriced: [...record.unpriced],
    lines: (parseLedgerLines(record.lines) ?? []).map(shownLine),
    adjustments: adjustments.map(shownAdjustment),
  };
}
