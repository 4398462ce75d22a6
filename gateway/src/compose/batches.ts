import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import { BatchFollower } from '#proxy/batches/follow.ts';
import type { BatchBook } from '#proxy/ports.ts';
import type { Services } from '#proxy/services.ts';

/** What the ledger knows of batches; what is worked out in its worker is booked in the journal here. */
export function batchBook(ledger: Pick<OpenLedger, 'batches' | 'book'>, clock: Clock): BatchBook {
  const { batches } = ledger;
  return {
    pending: async (asked) => await batches.pending(asked),
    lineStates: async (keys) => await batches.lineStates(keys),
    isMetered: async (attemptId) => await batches.isMetered(attemptId),
    async end(key, cost) {
      const adjustment = await batches.end(key, { cost, now: clock.now() });
      if (adjustment !== undefined) await ledger.book([adjustment]);
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
): void {
  const follower = new BatchFollower({ services, pollMs: () => snapshots.currentConfig().batches.pollEvery });
  metrics.gauge('tollgate_batches_pending', {
    help: 'Batches that are not in the ledger yet with what they used; 0 on gateways that do not follow them.',
    read: () => follower.pending,
  });
  follower.start();
  closers.push(() => follower.close());
}
