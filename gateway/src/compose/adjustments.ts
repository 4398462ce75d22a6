import type { RerateRequest, WriteOffRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { BreakEven, PtuAllocateRequest } from '@tollgate/contract/admin-api/ptu.ts';
import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import type { Caller, ReservedCallers } from '#accounting/adjustments/ptu-basis.ts';
import { PtuAllocator } from '#accounting/adjustments/ptu-allocator.ts';
import type { RerateStep } from '#accounting/adjustments/rerate-records.ts';
import type { ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { Adjustment } from '#accounting/ledger/ports.ts';
import type { AdminAdjustments } from '#admin/ports.ts';
import type { Directory } from '#directory/directory.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { Log } from '#kernel/log.ts';
import type { Subscription } from '#model/caller.ts';
import type { PtuReservation } from '#model/ptu.ts';

export interface AdjustmentParts {
  readonly ledger: OpenLedger;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly log: Log;
}

function callerOf(by: PtuReservation['by'], of: Subscription): Caller {
  const { name, product, consumer, costCentrePath } = of;
  return by === 'subscription'
    ? { subscription: name, product: product.name, consumer, costCentrePath }
    : { subscription: '', product: '', consumer, costCentrePath };
}

/** Who is charged for reserved units that nobody used: of a consumer's subscriptions, the first by name says where. */
function reservedCallers(snapshots: Snapshots): ReservedCallers {
  const { organisation, directory } = snapshots.current();
  const subscriptions = [...directory.subscriptions.values()].toSorted((one, other) =>
    one.name < other.name ? -1 : 1,
  );
  const reserved = snapshots.ptuDeployments().flatMap((one) => one.reserved);
  return {
    organisation,
    known: reserved.flatMap(({ by, name }) => {
      const of = subscriptions.find((one) => (by === 'consumer' ? one.consumer : one.name) === name);
      return of === undefined ? [] : [{ by, name, caller: callerOf(by, of) }];
    }),
  };
}

const bookedBy = 'admin-token';
/** The journal takes so many at a time, so that calls are served in between. */
const bookedAtOnce = 100;

/** Adjustments as the admin API makes them: noted on the audit trail, then booked in the journal. */
export function adminAdjustments(
  parts: Omit<AdjustmentParts, 'log'> & { readonly directory: Directory },
): AdminAdjustments {
  const { ledger, snapshots, clock, directory } = parts;
  const book = async (adjustments: readonly Adjustment[]): Promise<void> => {
    for (let at = 0; at < adjustments.length; at += bookedAtOnce)
      await ledger.book(adjustments.slice(at, at + bookedAtOnce));
  };
  return {
    held: async (query) => await ledger.adjustments.held(query),
    async writeOff(request) {
      const { reply, adjustments } = await ledger.adjustments.writeOff(request, { bookedBy, now: clock.now() });
      if (adjustments.length > 0 && request.after === undefined)
        await directory.note('ledger.write-off', writeOffSubject(request));
      await book(adjustments);
      return reply;
    },
    async rerate(request) {
      const step = await withPrices<RerateStep>(
        ledger,
        snapshots.priceBook(),
        async (priceBook) => await ledger.adjustments.rerate(request, { bookedBy, now: clock.now(), priceBook }),
      );
      if (!request.dryRun && request.after === undefined)
        await directory.note('ledger.rerate', rerateSubject(request, step.reply.priceBook));
      await book(step.adjustments);
      return step.reply;
    },
    async allocateAnew(request) {
      const { reply, adjustments } = await ledger.adjustments.allocateAnew(request, {
        deployments: snapshots.ptuDeployments(),
        callers: reservedCallers(snapshots),
        rates: snapshots.priceBook().rates,
        bookedBy,
        now: clock.now(),
      });
      if (!request.dryRun && request.after === undefined)
        await directory.note('ptu.allocate', allocateSubject(request));
      await book(adjustments);
      return reply;
    },
    async breakEven(query) {
      const deployments = snapshots.ptuDeployments().map((one) => one.servedBy);
      return await withPrices<BreakEven>(
        ledger,
        snapshots.priceBook(),
        async (priceBook) => await ledger.adjustments.breakEven(query, { deployments, priceBook }),
      );
    },
  };
}

/** A worker that took another's place has not been told the prices: then it answers null, is told, and asked again. */
async function withPrices<Answer>(
  ledger: OpenLedger,
  { id, entries, rates, zones }: ListedPriceBook,
  ask: (priceBook: string) => Promise<Answer | null>,
): Promise<Answer> {
  const answer = await ask(id);
  if (answer !== null) return answer;
  await ledger.adjustments.learnPrices({ id, entries, rates, zones });
  const again = await ask(id);
  if (again === null) throw new Error(`The price book ${id} became another one on its way to the worker.`);
  return again;
}

/** So many attempts stand on the audit trail by name; each has an entry in the ledger. */
const mostTold = 20;

const withReason = (subject: string, reason: string): string => `${subject}: ${reason}`;

function writeOffSubject({ attempts, from, to = 'now', outcome, reason }: WriteOffRequest): string {
  if (attempts === undefined) return withReason(`ledger/${from}/${to}/${outcome}`, reason);
  const told = attempts.slice(0, mostTold).map((id) => `attempt/${id}`);
  const more = attempts.length > mostTold ? [`and ${attempts.length - mostTold} more`] : [];
  return withReason([...told, ...more].join(' '), reason);
}

function rerateSubject({ from, to = 'now', filter, reason }: RerateRequest, priceBook: string): string {
  return withReason([`ledger/${from}/${to}`, ...filter, `price-book/${priceBook}`].join(' '), reason);
}

function allocateSubject({ from, to, endpoint, reason }: PtuAllocateRequest): string {
  return withReason(['ptu', ...(endpoint === undefined ? [] : [endpoint]), from, to].join('/'), reason);
}

/** Allocates the hours of provisioned deployments from now on, until it is closed. */
export function keepAllocating(parts: AdjustmentParts & { readonly metrics: Metrics }): PtuAllocator {
  const { ledger, snapshots, clock, log, metrics } = parts;
  const allocator = new PtuAllocator({
    clock,
    log,
    deployments: () => snapshots.ptuDeployments(),
    callers: () => reservedCallers(snapshots),
    rates: () => snapshots.priceBook().rates,
    step: async (request) => await ledger.adjustments.allocate(request),
    book: async (adjustments) => await ledger.book(adjustments),
    openSince: () => ledger.openSince(),
  });
  metrics.gauge('tollgate_ptu_allocated_until_seconds', {
    help: 'Hours of provisioned deployments that end here, or before, are allocated (Unix time); 0: none yet.',
    read: () => (allocator.allocatedUntil ?? 0) / 1000,
  });
  allocator.start();
  return allocator;
}
