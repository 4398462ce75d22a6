import type { Adjustment, LedgerStore, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import { requestBits } from '#accounting/ledger/ports.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { LineState, PendingBatch } from '#model/batch.ts';
import type { Cost } from '#model/money.ts';
import { noChange } from './postings.ts';
import { keyOfAttempt, type Said } from './write-off.ts';
import { changeBetween, linesBetween, valuationAt, valuationInForce } from './valuation.ts';

type BatchStore = Pick<LedgerStore, 'unended' | 'find' | 'findAdjustments' | 'adjustmentsOf'>;

const operation = 'batches.create';
/** Providers keep a batch for a day, and its files for a month. */
const longestMs = 45 * 86_400_000;

/** False of one that began so long ago that nobody looks at it any more: nothing could be read of it. */
export const isLookedAt = (at: number, now: number): boolean => at >= now - longestMs;

const endId = (id: string): string => `batch-end/${id}`;

/** Whether a record is of a batch that was begun, or may have been: what it costs is not known by the record itself. */
const isBegun = ({ series, costNano }: StoredRecord): boolean => series.operation === operation && costNano === null;

function pendingOf(record: StoredRecord): PendingBatch {
  const { at, id, requestId, series, endUser } = record;
  const upstreamId = parseJsonObject(record.detail)?.['upstreamRequestId'];
  return {
    at,
    id,
    requestId,
    caller: { ...series.caller, endUser },
    servedBy: series.servedBy,
    requestedModel: series.requestedModel,
    reservedNano: record.reservedNano,
    // One whose beginning was lost has no id of the resource's, or that of a failed reply.
    upstreamId: record.outcome === 'completed' && typeof upstreamId === 'string' ? upstreamId : null,
  };
}

/** Batches that are not in the ledger yet with what they used: a record says that they were begun, and none that they ended. */
export async function pendingBatches(store: BatchStore, now: number): Promise<readonly PendingBatch[]> {
  const asked = { operation, from: now - longestMs, ends: endId('') };
  return (await store.unended(asked)).map(pendingOf);
}

/** Whether the batch that an attempt began is in the ledger with what it used. */
export async function isBatchMetered(store: BatchStore, attemptId: string): Promise<boolean> {
  if (keyOfAttempt(attemptId) === undefined) return false;
  const [end] = await store.findAdjustments([endId(attemptId)]);
  return end !== null && end !== undefined;
}

/** Whether the store has this end of a batch, and not the one that another gateway booked for the same. */
export async function keepsEnd(store: BatchStore, { id, detail }: Adjustment): Promise<boolean> {
  const [found] = await store.findAdjustments([id]);
  return found?.detail === detail;
}

/** What the store has of lines. `lost`: a record that nobody could finish, so that the line is still to be recorded. */
export async function lineStates(store: BatchStore, keys: readonly RecordKey[]): Promise<readonly LineState[]> {
  const found = await store.find(keys);
  return found.map((record) => {
    if (record === null) return 'missing';
    return record.outcome === 'gateway-lost' ? 'lost' : 'recorded';
  });
}

/** The record of a batch that has not ended in the ledger, and what was booked for it since; undefined where there is none. */
async function openBatch(
  store: BatchStore,
  key: RecordKey,
): Promise<{ readonly record: StoredRecord; readonly earlier: readonly Adjustment[] } | undefined> {
  const [record] = await store.find([key]);
  if (record === null || record === undefined || !isBegun(record)) return undefined;
  const [end] = await store.findAdjustments([endId(key.id)]);
  return end === null ? { record, earlier: await store.adjustmentsOf([key]) } : undefined;
}

// Corrections are taken in the order of their booking, also where the clock has been set back.
const bookedAfter = (earlier: readonly Adjustment[], now: number): number =>
  Math.max(now, ...earlier.map((one) => one.bookedAt + 1));

/**
 * Ends a batch in the ledger: what was held for it is given back, because its lines are recorded, and its beginning costs
 * nothing by itself. Named by the attempt, so that it is booked once. Undefined where no such batch is open.
 */
export async function endOfBatch(
  store: BatchStore,
  { at, id }: RecordKey,
  { cost, now, journal }: { readonly cost: Cost; readonly now: number; readonly journal: string },
): Promise<Adjustment | undefined> {
  const open = await openBatch(store, { at, id });
  if (open === undefined) return undefined;
  const { record, earlier } = open;
  const before = valuationInForce(record, earlier);
  const after = { ...valuationAt(record, cost), held: 0n };
  const { series, outcome } = record;
  return {
    id: endId(id),
    kind: 'correction',
    at,
    bookedAt: bookedAfter(earlier, now),
    of: { at, id },
    postings: [{ series, outcome, change: changeBetween(before, after), lines: linesBetween(before, after) }],
    qualifies: after.qualifies & ~requestBits.unpriced,
    detail: JSON.stringify({ bookedBy: 'batches', reason: 'The batch has ended; its lines are recorded.', journal }),
  };
}

/** A batch that was begun, by the attempt that began it, whatever has become of it. */
export type BegunBatch = { readonly state: 'open'; readonly batch: PendingBatch } | { readonly state: 'ended' };

/** Undefined where no batch was begun by such an attempt. */
export async function begunBatch(store: BatchStore, attemptId: string): Promise<BegunBatch | undefined> {
  const key = keyOfAttempt(attemptId);
  if (key === undefined) return undefined;
  const [record] = await store.find([key]);
  if (record === null || record === undefined || !isBegun(record)) return undefined;
  const open = await openBatch(store, key);
  return open === undefined ? { state: 'ended' } : { state: 'open', batch: pendingOf(open.record) };
}

/**
 * Ends a batch that nobody can read, under the name that its end would have: what is held for it is given back, and it counts
 * as a request of unknown usage from now on, without a cost. Undefined where no such batch is open.
 */
export async function writeOffOfBatch(
  store: BatchStore,
  key: RecordKey,
  { bookedBy, reason, now, journal }: Said & { readonly now: number; readonly journal: string },
): Promise<Adjustment | undefined> {
  const open = await openBatch(store, key);
  if (open === undefined) return undefined;
  const { record, earlier } = open;
  const { at, id, series, outcome, requestId } = record;
  const { held, qualifies } = valuationInForce(record, earlier);
  return {
    id: endId(id),
    kind: 'write-off',
    at,
    bookedAt: bookedAfter(earlier, now),
    of: { at, id },
    postings: held === 0n ? [] : [{ series, outcome, change: { ...noChange, held: -held }, lines: [] }],
    // The record says that beginning a batch uses nothing; of its lines nobody will know.
    qualifies: qualifies | requestBits.unknownUsage,
    detail: JSON.stringify({ bookedBy, reason, requestId, held: String(held), journal }),
  };
}
