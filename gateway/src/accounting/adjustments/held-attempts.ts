import type {
  HeldAttempt,
  HeldPage,
  HeldQuery,
  WriteOffReply,
  WriteOffRequest,
} from '@tollgate/contract/admin-api/adjustments.ts';
import type { Adjustment, LedgerStore, RecordKey } from '#accounting/ledger/ports.ts';
import { Failure } from '#kernel/errors.ts';
import { cursorOf, keyOfCursor, periodOf } from './cursor.ts';
import { heldPage, standingsOf, type HeldRecord, type HeldStore } from './held.ts';
import { keyOfAttempt, writeOffOf, type Said } from './write-off.ts';

type WriteOffStore = HeldStore & Pick<LedgerStore, 'find'>;

/** So many are written off at a time. */
const mostAtOnce = 500;

function viewOf({ record }: HeldRecord): HeldAttempt {
  const { series, reservedNano } = record;
  const { caller, servedBy } = series;
  return {
    id: record.id,
    requestId: record.requestId,
    at: new Date(record.at).toISOString(),
    consumer: caller.consumer,
    subscription: caller.subscription,
    costCentre: caller.costCentrePath,
    endpoint: servedBy.endpoint,
    deployment: `${servedBy.resource}/${servedBy.deployment}`,
    outcome: record.outcome,
    reservedNanoUsd: reservedNano === null ? null : String(reservedNano),
  };
}

export async function heldAttempts(store: HeldStore, query: HeldQuery): Promise<HeldPage> {
  const { records, next } = await heldPage(store, {
    period: periodOf(query),
    outcomes: query.outcome === undefined ? null : [query.outcome],
    after: keyOfCursor(query.after),
    limit: query.limit,
  });
  return { attempts: records.map(viewOf), next: cursorOf(next) };
}

/** What a call writes off. It counts once the adjustments are booked. */
export interface WriteOffs {
  readonly reply: WriteOffReply;
  readonly adjustments: readonly Adjustment[];
}

interface Found {
  readonly records: readonly HeldRecord[];
  readonly already: number;
  readonly next: RecordKey | null;
}

/** Rejects with `admin_invalid` where one of them cannot be written off, naming all of those. */
async function named(store: WriteOffStore, ids: readonly string[]): Promise<Found> {
  const keys = [...new Set(ids)].map((id) => ({ id, key: keyOfAttempt(id) }));
  const found = await store.find(keys.map(({ id, key }) => key ?? { at: 0, id }));
  const standings = await standingsOf(
    store,
    found.filter((one) => one !== null),
  );
  const byId = new Map(standings.map((one) => [one.record.id, one]));
  const wrong: string[] = [];
  const records: HeldRecord[] = [];
  let already = 0;
  for (const { id } of keys) {
    const standing = byId.get(id);
    if (standing === undefined) wrong.push(`no settled attempt has the id '${id}'`);
    else if (standing.state === 'known') wrong.push(`the usage of '${id}' is known`);
    else if (standing.state === 'held') records.push(standing);
    else already += 1;
  }
  if (wrong.length > 0) throw new Failure('admin_invalid', `Nothing is written off: ${wrong.join('; ')}.`);
  return { records, already, next: null };
}

async function ofPeriod(store: WriteOffStore, request: WriteOffRequest): Promise<Found> {
  const { records, next } = await heldPage(store, {
    period: periodOf(request),
    outcomes: request.outcome === undefined ? null : [request.outcome],
    after: keyOfCursor(request.after),
    limit: mostAtOnce,
  });
  return { records, already: 0, next };
}

export async function writeOffs(
  store: WriteOffStore,
  request: WriteOffRequest,
  { bookedBy, now }: { readonly bookedBy: string; readonly now: number },
): Promise<WriteOffs> {
  const { attempts, reason, dryRun } = request;
  const said: Said = { bookedBy, reason };
  const { records, already, next } = await (attempts === undefined ? ofPeriod(store, request) : named(store, attempts));
  return {
    reply: { dryRun, attempts: records.map(viewOf), already, next: cursorOf(next) },
    adjustments: dryRun ? [] : records.map((record) => writeOffOf(record, said, now)),
  };
}
