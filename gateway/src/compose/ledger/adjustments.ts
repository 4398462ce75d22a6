import { orUnavailable } from './stores.ts';
import type { HeldPage, HeldQuery, RerateRequest, WriteOffRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { BreakEven, BreakEvenQuery, PtuAllocateRequest } from '@tollgate/contract/admin-api/ptu.ts';
import { allocateAnew, type AnewOptions, type AnewStep } from '#accounting/adjustments/ptu-anew.ts';
import { breakEven } from '#accounting/adjustments/ptu-break-even.ts';
import { heldAttempts, writeOffs, type WriteOffs } from '#accounting/adjustments/held-attempts.ts';
import { PtuAllocation, type AllocationRequest, type AllocationStep } from '#accounting/adjustments/ptu-allocation.ts';
import { rerateRecords, type RerateStep } from '#accounting/adjustments/rerate-records.ts';
import { createPriceBook, type ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import type { ServedBy } from '#model/usage-record.ts';
import { Failure } from '#kernel/errors.ts';

/** Who books what is worked out, and when. */
interface Booking {
  readonly bookedBy: string;
  /** UTC ms. */
  readonly now: number;
}

/** What a price book is made of: the book itself cannot cross to another thread. */
type Prices = Pick<ListedPriceBook, 'id' | 'entries' | 'rates' | 'zones'>;

/** What the ledger's worker works out for adjustments. It books nothing: that is the journal's, in the other thread. */
export interface AdjustmentServices {
  /** Null where the store does not hold everything yet that was journalled, or another gateway allocates. */
  allocate(request: AllocationRequest): Promise<AllocationStep | null>;
  /** Of hours that are booked, by what the configuration says now. */
  allocateAnew(request: PtuAllocateRequest, options: AnewOptions): Promise<AnewStep>;
  held(query: HeldQuery): Promise<HeldPage>;
  writeOff(request: WriteOffRequest, booking: Booking): Promise<WriteOffs>;
  /** Tells the prices that attempts are priced anew by; a worker that took another's place has to be told again. */
  learnPrices(prices: Prices): Promise<void>;
  /** Null where the worker has not been told the prices. */
  rerate(request: RerateRequest, booking: Booking & { readonly priceBook: string }): Promise<RerateStep | null>;
  /** The same. */
  breakEven(
    query: BreakEvenQuery,
    by: { readonly deployments: readonly ServedBy[]; readonly priceBook: string },
  ): Promise<BreakEven | null>;
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
  let book: ListedPriceBook | undefined;
  const services: AdjustmentServices = {
    async allocate(request) {
      if (!(await store.lease('allocations', holder(), leaseMs))) return null;
      // Only the first step of a round reads what an earlier one has booked.
      if (request.cursor === null && !(await shipping.caughtUp(longestWaitMs))) return null;
      return await allocation.step(request);
    },
    async allocateAnew(request, options) {
      if (!request.dryRun && !(await store.lease('allocations', holder(), leaseMs)))
        throw new Failure('admin_unready', 'Another gateway is allocating hours; try again in two minutes.');
      if (request.after === undefined) await caughtUp();
      return await allocateAnew(store, request, options);
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
    async learnPrices({ entries, rates, zones }) {
      book = createPriceBook({ entries, rates, zones, ordinaryMeters: () => [] });
      await Promise.resolve();
    },
    async breakEven(query, { deployments, priceBook }) {
      if (book?.id !== priceBook) return null;
      await caughtUp();
      return await breakEven(store, query, { book, deployments });
    },
    async rerate(request, { priceBook, bookedBy, now }) {
      if (book?.id !== priceBook) return null;
      if (!request.dryRun) await alone();
      // Only the first page may have been corrected a moment ago; what comes behind it has not.
      if (request.after === undefined) await caughtUp();
      return await rerateRecords(store, request, { book, said: { bookedBy, reason: request.reason }, now });
    },
  };
  return {
    allocate: async (request) => await orUnavailable(services.allocate(request)),
    allocateAnew: async (request, options) => await orUnavailable(services.allocateAnew(request, options)),
    held: async (query) => await orUnavailable(services.held(query)),
    writeOff: async (request, booking) => await orUnavailable(services.writeOff(request, booking)),
    learnPrices: async (prices) => await services.learnPrices(prices),
    breakEven: async (query, by) => await orUnavailable(services.breakEven(query, by)),
    rerate: async (request, booking) => await orUnavailable(services.rerate(request, booking)),
  };
}
