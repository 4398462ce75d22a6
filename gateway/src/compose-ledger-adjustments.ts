import { orUnavailable } from './compose-ledger-stores.ts';
import type { HeldPage, HeldQuery, WriteOffRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import { heldAttempts, writeOffs, type WriteOffs } from '#accounting/adjustments/held-attempts.ts';
import { PtuAllocation, type AllocationRequest, type AllocationStep } from '#accounting/adjustments/ptu-allocation.ts';
import type { LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import { Failure } from '#kernel/errors.ts';

/** Who books what is worked out, and when. */
export interface Booking {
  readonly bookedBy: string;
  /** UTC ms. */
  readonly now: number;
}

/** What the ledger's worker works out for adjustments. It books nothing: that is the journal's, in the other thread. */
export interface AdjustmentServices {
  /** Null where the store does not hold everything yet that was journalled, or another gateway allocates. */
  allocate(request: AllocationRequest): Promise<AllocationStep | null>;
  held(query: HeldQuery): Promise<HeldPage>;
  writeOff(request: WriteOffRequest, booking: Booking): Promise<WriteOffs>;
}

export interface AdjustmentSources {
  readonly store: LedgerStore;
  readonly shipping: Shipping;
  /** The journal's id. */
  readonly holder: () => string;
}

const longestWaitMs = 10_000;
/**
 * How long the other gateways that fill the store keep away from what one of them has begun to book: long enough for it
 * to be shipped, so that whoever comes next sees it.
 */
const leaseMs = 120_000;

export function adjustmentServices({ store, shipping, holder }: AdjustmentSources): AdjustmentServices {
  const allocation = new PtuAllocation(store);
  const caughtUp = async (): Promise<void> => {
    if (await shipping.caughtUp(longestWaitMs)) return;
    throw new Failure('admin_unready', 'The store does not hold everything yet that was journalled.');
  };
  const alone = async (): Promise<void> => {
    if (await store.lease('corrections', holder(), leaseMs)) return;
    throw new Failure('admin_unready', 'Another gateway is correcting the ledger; try again in two minutes.');
  };
  const services: AdjustmentServices = {
    async allocate(request) {
      if (!(await store.lease('allocations', holder(), leaseMs))) return null;
      // Only the first step of a round reads what an earlier one has booked.
      if (request.cursor === null && !(await shipping.caughtUp(longestWaitMs))) return null;
      return await allocation.step(request);
    },
    async held(query) {
      await caughtUp();
      return await heldAttempts(store, query);
    },
    async writeOff(request, booking) {
      if (!request.dryRun) await alone();
      await caughtUp();
      return await writeOffs(store, request, booking);
    },
  };
  return {
    allocate: async (request) => await orUnavailable(services.allocate(request)),
    held: async (query) => await orUnavailable(services.held(query)),
    writeOff: async (request, booking) => await orUnavailable(services.writeOff(request, booking)),
  };
}
