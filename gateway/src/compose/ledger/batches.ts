import {
  begunBatch,
  endOfBatch,
  isBatchMetered,
  keepsEnd,
  lineStates,
  pendingBatches,
  writeOffOfBatch,
  type BegunBatch,
} from '#accounting/adjustments/batches.ts';
import type { Said } from '#accounting/adjustments/write-off.ts';
import type { Adjustment, LedgerStore, RecordKey, Shipping } from '#accounting/ledger/ports.ts';
import { orUnavailable } from './stores.ts';
import type { LineState, PendingBatch } from '#model/batch.ts';
import type { Cost } from '#model/money.ts';
import { Failure } from '#kernel/errors.ts';

/** What the ledger's worker knows of batches. It books nothing: that is the journal's, in the other thread. */
export interface BatchServices {
  /**
   * Null where another gateway follows batches, or the store does not hold everything yet that was journalled. `leaseMs`:
   * how long the others keep away, from the last sign of work on.
   */
  pending(asked: { readonly now: number; readonly leaseMs: number }): Promise<readonly PendingBatch[] | null>;
  /** For whoever asks, whether this gateway follows them or not. Rejects with `admin_unready` where the store is behind. */
  open(now: number): Promise<readonly PendingBatch[]>;
  /** Null where another gateway has taken over meanwhile. */
  lineStates(keys: readonly RecordKey[]): Promise<readonly LineState[] | null>;
  /** Undefined where no such batch is open. Rejects with `admin_unready` where the store is behind: it may have ended. */
  end(key: RecordKey, given: { readonly cost: Cost; readonly now: number }): Promise<Adjustment | undefined>;
  /** The same for one that nobody can read. */
  writeOff(key: RecordKey, given: Said & { readonly now: number }): Promise<Adjustment | undefined>;
  /** Undefined where no batch was begun by such an attempt. Rejects like `open`. */
  begun(attemptId: string): Promise<BegunBatch | undefined>;
  /** Whether the store has this end, and not another gateway's; null where it is behind. */
  keeps(end: Adjustment): Promise<boolean | null>;
  isMetered(attemptId: string): Promise<boolean>;
}

export interface BatchSources {
  readonly store: LedgerStore;
  readonly shipping: Shipping;
  /** The journal's id. */
  readonly holder: () => string;
}

const longestWaitMs = 10_000;

export function batchServices({ store, shipping, holder }: BatchSources): BatchServices {
  let leaseMs = 0;
  const alone = async (): Promise<boolean> => await store.lease('batches', holder(), leaseMs);
  const whole = async (): Promise<void> => {
    if (!(await shipping.caughtUp(longestWaitMs)))
      throw new Failure('admin_unready', 'The store does not hold everything yet that was journalled.');
  };
  const services: BatchServices = {
    async pending({ now, leaseMs: asked }) {
      leaseMs = asked;
      if (!(await alone()) || !(await shipping.caughtUp(longestWaitMs))) return null;
      return await pendingBatches(store, now);
    },
    async open(now) {
      await whole();
      return await pendingBatches(store, now);
    },
    lineStates: async (keys) => ((await alone()) ? await lineStates(store, keys) : null),
    async end(key, given) {
      await whole();
      return await endOfBatch(store, key, { ...given, journal: holder() });
    },
    async writeOff(key, given) {
      await whole();
      return await writeOffOfBatch(store, key, { ...given, journal: holder() });
    },
    async begun(attemptId) {
      await whole();
      return await begunBatch(store, attemptId);
    },
    keeps: async (end) => ((await shipping.caughtUp(longestWaitMs)) ? await keepsEnd(store, end) : null),
    isMetered: async (attemptId) => await isBatchMetered(store, attemptId),
  };
  return {
    pending: async (asked) => await orUnavailable(services.pending(asked)),
    open: async (now) => await orUnavailable(services.open(now)),
    lineStates: async (keys) => await orUnavailable(services.lineStates(keys)),
    end: async (key, given) => await orUnavailable(services.end(key, given)),
    writeOff: async (key, given) => await orUnavailable(services.writeOff(key, given)),
    begun: async (attemptId) => await orUnavailable(services.begun(attemptId)),
    keeps: async (end) => await orUnavailable(services.keeps(end)),
    isMetered: async (attemptId) => await orUnavailable(services.isMetered(attemptId)),
  };
}
