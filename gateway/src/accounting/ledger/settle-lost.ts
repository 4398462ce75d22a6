import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { OpenedAttempt } from '#model/usage-record.ts';
import type { Journal } from './journal.ts';
import type { RecordKey, StoredRecord } from './ports.ts';
import { lostRecord } from './recovery.ts';

export interface LostAttempts {
  readonly journal: Journal;
  readonly lost: readonly OpenedAttempt[];
  readonly find: (keys: readonly RecordKey[]) => Promise<readonly (StoredRecord | null)[]>;
}

const settledAtOnce = 500;

/**
 * Settles what the journal has no end of. The store may have one: of a call whose settle was shipped before the journal
 * lost it, with the power or to a bad sector.
 */
export async function settleLost(
  { journal, lost, find }: LostAttempts,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  let shipped = 0;
  for (let from = 0; from < lost.length; from += settledAtOnce) {
    const attempts = lost.slice(from, from + settledAtOnce);
    const stored = await find(attempts.map(({ at, id }) => ({ at, id })));
    const settle = async (attempt: OpenedAttempt, at: number): Promise<void> => {
      const known = stored[at] ?? null;
      if (known === null) return await journal.settle(lostRecord(attempt, clock.now()));
      shipped += 1;
      return await journal.settleAsStored(known);
    };
    await Promise.all(attempts.map(settle));
  }
  if (shipped > 0) log.warn({ attempts: shipped }, 'attempts without an end are recorded as the store has them');
  if (lost.length > shipped)
    log.warn({ attempts: lost.length - shipped }, 'attempts without an end are recorded as gateway-lost');
}
