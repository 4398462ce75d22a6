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
  /** Null where the store does not hold everything yet that was journalled. */
  allocate(request: AllocationRequest): Promise<AllocationStep | null>;
  held(query: HeldQuery): Promise<HeldPage>;
  writeOff(request: WriteOffRequest, booking: Booking): Promise<WriteOffs>;
}

const longestWaitMs = 10_000;

export function adjustmentServices({
  store,
  shipping,
}: {
  readonly store: LedgerStore;
  readonly shipping: Shipping;
}): AdjustmentServices {
  const allocation = new PtuAllocation(store);
  const caughtUp = async (): Promise<void> => {
    if (await shipping.caughtUp(longestWaitMs)) return;
    throw new Failure('admin_unready', 'The store does not hold everything yet that was journalled.');
  };
  return {
    async allocate(request) {
      // Only the first step of a round reads what an earlier one has booked.
      if (request.cursor === null && !(await shipping.caughtUp(longestWaitMs))) return null;
      return await allocation.step(request);
    },
    async held(query) {
      await caughtUp();
      return await heldAttempts(store, query);
    },
    async writeOff(request, booking) {
      await caughtUp();
      return await writeOffs(store, request, booking);
    },
  };
}
