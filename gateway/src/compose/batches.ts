import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import type { Adjustment } from '#accounting/ledger/ports.ts';
import type { OpenBatch } from '@tollgate/contract/admin-api/batches.ts';
import type { AdminBatches } from '#admin/ports.ts';
import type { PendingBatch } from '#model/batch.ts';
import { BatchFollower, type Look } from '#proxy/batches/follow.ts';
import type { BatchBook } from '#proxy/ports.ts';
import type { Services } from '#proxy/services.ts';

/** The end of a batch whose hold is kept until the store is known to have it. */
interface BookedEnd {
  readonly adjustment: Adjustment;
  letGo(): void;
}

/** What the ledger knows of batches; what is worked out in its worker is booked in the journal here. */
export function batchBook(
  ledger: Pick<OpenLedger, 'batches' | 'book'>,
  { clock, engine }: { readonly clock: Clock; readonly engine: Pick<Engine, 'heldStill'> },
): BatchBook {
  const { batches } = ledger;
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
  return {
    async pending(asked) {
      await confirm();
      return await batches.pending(asked);
    },
    lineStates: async (keys) => await batches.lineStates(keys),
    isMetered: async (attemptId) => await batches.isMetered(attemptId),
    async end(key, cost) {
      const adjustment = await batches.end(key, { cost, now: clock.now() });
      if (adjustment === undefined) return;
      await ledger.book([adjustment]);
      const letGo = engine.heldStill([adjustment]);
      if (letGo === undefined) return;
      booked = [...booked, { adjustment, letGo }];
      await confirm();
    },
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

/** Batches that are not in the ledger yet with what they used, and what the last look at each has shown. */
export function adminBatches({
  ledger,
  follower,
  clock,
}: {
  readonly ledger: Pick<OpenLedger, 'batches'>;
  readonly follower: Pick<BatchFollower, 'follows' | 'lookAt'>;
  readonly clock: Clock;
}): AdminBatches {
  return {
    async list() {
      const open = await ledger.batches.open(clock.now());
      return { follows: follower.follows, batches: open.map((batch) => viewOf(batch, follower.lookAt(batch.id))) };
    },
  };
}
