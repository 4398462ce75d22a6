import type { Forwarding } from './deliver.ts';
import type { Leg } from './leg.ts';
import type { Reservation } from './ports.ts';
import { reserve } from './reserve.ts';
import type { Choice } from './routing/choice.ts';
import type { Services } from './services.ts';

/** Where its next attempt goes, begun and paid for. */
export interface Place extends Leg {
  readonly choice: Choice;
  readonly reservation: Reservation;
  /** When the attempt is admitted, UTC ms. */
  readonly at: number;
}

/** Reserves for a choice that has been made already; undefined where it is given back, because `again` it cannot be paid for. */
export async function placeAt(
  services: Services,
  forwarding: Forwarding,
  to: Leg & { readonly choice: Choice; readonly again: boolean },
): Promise<Place | undefined> {
  const { plan, admission, choice } = to;
  const at = services.clock.now();
  try {
    const reservation = await reserve(forwarding, at, to.again);
    if (reservation !== undefined) return { plan, admission, choice, reservation, at };
  } catch (thrown) {
    choice.lease.end();
    throw thrown;
  }
  choice.lease.end();
  return undefined;
}
