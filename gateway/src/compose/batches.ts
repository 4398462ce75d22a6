import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import { isLookedAt } from '#accounting/adjustments/batches.ts';
import type { Said } from '#accounting/adjustments/write-off.ts';
import type { Adjustment, RecordKey } from '#accounting/ledger/ports.ts';
import type { OpenBatch } from '@tollgate/contract/admin-api/batches.ts';
import type { AdminBatches } from '#admin/ports.ts';
import type { Directory } from '#directory/directory.ts';
import { Failure } from '#kernel/errors.ts';
import { OneAtATime } from '#kernel/one-at-a-time.ts';
import type { PendingBatch } from '#model/batch.ts';
import { BatchFollower, type Look } from '#proxy/batches/follow.ts';
import type { BatchBook } from '#proxy/ports.ts';
import type { Services } from '#proxy/services.ts';

/** The end of a batch whose hold is kept until the store is known to have it. */
interface BookedEnd {
  readonly adjustment: Adjustment;
  letGo(): void;
}

/** What operators do to batches. */
export interface BatchWriteOffs {
  /** Undefined where no such batch is open. */
  writeOff(key: RecordKey, said: Said): Promise<Adjustment | undefined>;
}

/** What the ledger knows of batches; what is worked out in its worker is booked in the journal here. */
export function batchBook(
  ledger: Pick<OpenLedger, 'batches' | 'book'>,
  { clock, engine }: { readonly clock: Clock; readonly engine: Pick<Engine, 'heldStill'> },
): BatchBook & BatchWriteOffs {
  const { batches } = ledger;
  // The follower and an operator may end the same batch: whoever is second finds that it has ended.
  const inTurn = new OneAtATime();
  let booked: readonly BookedEnd[] = [];
  const confirm = async (): Promise<void> => {
    for (const end of booked) {
      const kept = await batches.keeps(end.adjustment);
      if (kept === null) return;
      // Another gateway has given the same back: then this one's hold makes up for its own.
      if (kept) end.letGo();
      booked = booked.filter((one) => one !== end);
    }
  };
  const book = async (end: () => Promise<Adjustment | undefined>): Promise<Adjustment | undefined> =>
    await inTurn.run(async () => {
      const adjustment = await end();
      if (adjustment === undefined) return undefined;
      await ledger.book([adjustment]);
      const letGo = engine.heldStill([adjustment]);
      if (letGo !== undefined) {
        booked = [...booked, { adjustment, letGo }];
        await confirm();
      }
      return adjustment;
    });
  return {
    async pending(asked) {
      await inTurn.run(confirm);
      return await batches.pending(asked);
    },
    lineStates: async (keys) => await batches.lineStates(keys),
    isMetered: async (attemptId) => await batches.isMetered(attemptId),
    async end(key, cost) {
      await book(async () => await batches.end(key, { cost, now: clock.now() }));
    },
    writeOff: async (key, said) => await book(async () => await batches.writeOff(key, { ...said, now: clock.now() })),
  };
}

/** Follows batches from now on, until it is closed. */
export function followBatches(
  services: Services,
  {
    snapshots,
    metrics,
    closers,
  }: { readonly snapshots: Snapshots; readonly metrics: Metrics; readonly closers: (() => Promise<void> | void)[] },
): BatchFollower {
  const follower = new BatchFollower({ services, pollMs: () => snapshots.currentConfig().batches.pollEvery });
  metrics.gauge('tollgate_batches_pending', {
    help: 'Batches that are not in the ledger yet with what they used; 0 on gateways that do not follow them.',
    read: () => follower.pending,
  });
  metrics.gauge('tollgate_batches_unreadable', {
    help: 'Of those, the ones that the last look could not meter: `tollgate batches list` says why.',
    read: () => follower.unreadable,
  });
  follower.start();
  closers.push(() => follower.close());
  return follower;
}

function viewOf({ caller, servedBy, ...batch }: PendingBatch, look: Look | undefined): OpenBatch {
  return {
    id: batch.id,
    batch: batch.upstreamId,
    requestId: batch.requestId,
    at: new Date(batch.at).toISOString(),
    consumer: caller.consumer,
    subscription: caller.subscription,
    costCentre: caller.costCentrePath,
    model: batch.requestedModel,
    endpoint: servedBy.endpoint,
    deployment: `${servedBy.resource}/${servedBy.deployment}`,
    reservedNanoUsd: batch.reservedNano === null ? null : String(batch.reservedNano),
    status: look?.status ?? null,
    lookedAt: look === undefined ? null : new Date(look.at).toISOString(),
    problem: look?.problem ?? null,
  };
}

export interface AdminBatchParts {
  readonly ledger: Pick<OpenLedger, 'batches'>;
  readonly book: BatchWriteOffs;
  readonly follower: Pick<BatchFollower, 'follows' | 'lookAt'>;
  readonly snapshots: Pick<Snapshots, 'current'>;
  readonly directory: Pick<Directory, 'note'>;
  readonly clock: Clock;
}

const bookedBy = 'admin-token';
const conflict = (message: string): Failure => new Failure('admin_conflict', message);
const ended = (): Failure => conflict('The batch has ended in the ledger already: nothing is held for it.');

/** Throws where a batch may still be read: what it used would be in no ledger, though somebody could know it. */
function refuseReadable({ follower, snapshots, clock }: AdminBatchParts, { id, at, servedBy }: PendingBatch): void {
  if (!isLookedAt(at, clock.now())) return;
  if (!snapshots.current().endpoints.has(servedBy.endpoint)) return;
  const look = follower.lookAt(id);
  if (look === undefined)
    throw conflict('This gateway has not looked at the batch: ask the one that follows batches (`batches list`).');
  if (look.problem === null)
    throw conflict('The last look at the batch found nothing wrong: it is metered when it has ended.');
}

/** Batches that are not in the ledger yet with what they used, and what the last look at each has shown. */
export function adminBatches(parts: AdminBatchParts): AdminBatches {
  const { ledger, book, follower, directory, clock } = parts;
  return {
    async list() {
      const open = await ledger.batches.open(clock.now());
      return { follows: follower.follows, batches: open.map((batch) => viewOf(batch, follower.lookAt(batch.id))) };
    },
    async writeOff({ attempt, reason }) {
      const begun = await ledger.batches.begun(attempt);
      if (begun === undefined) throw new Failure('admin_not_found', `No batch was begun by the attempt '${attempt}'.`);
      if (begun.state === 'ended') throw ended();
      refuseReadable(parts, begun.batch);
      await directory.note('batches.write-off', `attempt/${attempt}: ${reason}`);
      const booked = await book.writeOff(begun.batch, { bookedBy, reason });
      if (booked === undefined) throw ended();
      const given = booked.postings.reduce((sum, { change }) => sum - change.held, 0n);
      return { attempt, heldNanoUsd: String(given) };
    },
  };
}
