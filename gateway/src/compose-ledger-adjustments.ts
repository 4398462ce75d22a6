import type { LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import { PtuAllocation, type AllocationRequest, type AllocationStep } from '#accounting/adjustments/ptu-allocation.ts';

/** What the ledger's worker works out for adjustments. It books nothing: that is the journal's, in the other thread. */
export interface AdjustmentServices {
  /** Null where the store does not hold everything yet that was journalled. */
  allocate(request: AllocationRequest): Promise<AllocationStep | null>;
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
  return {
    async allocate(request) {
      // Only the first step of a round reads what an earlier one has booked.
      if (request.cursor === null && !(await shipping.caughtUp(longestWaitMs))) return null;
      return await allocation.step(request);
    },
  };
}
