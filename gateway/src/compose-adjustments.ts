import type { WriteOffRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { OpenLedger } from './compose-ledger.ts';
import type { Snapshots } from './compose-snapshots.ts';
import type { Caller, ReservedCallers } from '#accounting/adjustments/ptu-basis.ts';
import { PtuAllocator } from '#accounting/adjustments/ptu-allocator.ts';
import type { AdminAdjustments } from '#admin/ports.ts';
import type { Directory } from '#directory/directory.ts';
import type { Clock } from '#kernel/clock.ts';
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

/** Adjustments as the admin API makes them: noted on the audit trail, then booked in the journal. */
export function adminAdjustments(
  parts: Omit<AdjustmentParts, 'snapshots' | 'log'> & { readonly directory: Directory },
): AdminAdjustments {
  const { ledger, clock, directory } = parts;
  return {
    held: async (query) => await ledger.adjustments.held(query),
    async writeOff(request) {
      const { reply, adjustments } = await ledger.adjustments.writeOff(request, {
        bookedBy: 'admin-token',
        now: clock.now(),
      });
      if (adjustments.length > 0) {
        if (request.after === undefined) await directory.note('ledger.write-off', writeOffSubject(request));
        await ledger.book(adjustments);
      }
      return reply;
    },
  };
}

function writeOffSubject({ attempts, from, to = 'now', outcome }: WriteOffRequest): string {
  return attempts === undefined ? `ledger/${from}/${to}/${outcome}` : attempts.map((id) => `attempt/${id}`).join(' ');
}

/** Allocates the hours of provisioned deployments from now on, until it is closed. */
export function keepAllocating({ ledger, snapshots, clock, log }: AdjustmentParts): PtuAllocator {
  const allocator = new PtuAllocator({
    clock,
    log,
    deployments: () => snapshots.ptuDeployments(),
    callers: () => reservedCallers(snapshots),
    step: async (request) => await ledger.adjustments.allocate(request),
    book: async (adjustments) => await ledger.book(adjustments),
    openSince: () => ledger.openSince(),
  });
  allocator.start();
  return allocator;
}
