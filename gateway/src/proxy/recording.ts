import { Alarm } from '#kernel/alarms.ts';
import { Failure } from '#kernel/errors.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import type { Reservation } from './ports.ts';
import type { Services } from './services.ts';

/**
 * How long the end of a reply waits for the journal, ms. The journal goes on trying to write the record after it; the
 * client is told that the call cannot be recorded, rather than left to wait for a disk.
 */
const longestSettleMs = 10_000;

/** A record on its way into the journal. */
export class Recording extends Alarm {
  /** Resolves when the record counts; rejects where it cannot be written, or is not in time. */
  readonly counted: Promise<void>;
  private rejectLate: (failure: Failure) => void = () => {};

  constructor(services: Services, record: UsageRecord, reservation: Reservation) {
    super();
    this.counted = new Promise((resolve, reject) => {
      this.rejectLate = reject;
      this.write(services, record, reservation).then(resolve, reject);
    });
  }

  private async write({ alarms, ledger }: Services, record: UsageRecord, reservation: Reservation): Promise<void> {
    alarms.set(this, alarms.clock.monotonic() + longestSettleMs);
    try {
      await ledger.settle(record);
      // What it cost is known to budgets as soon as it counts, and not before: a journal that fails keeps it reserved.
      reservation.settle(record);
    } finally {
      alarms.clear(this);
    }
  }

  ring(): void {
    this.rejectLate(new Failure('ledger_unavailable', 'The call cannot be recorded now, so its end is not delivered.'));
  }
}
