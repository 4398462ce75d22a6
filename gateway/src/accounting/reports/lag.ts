import type { LedgerLag } from '@tollgate/contract/usage.ts';
import type { JournalProgress } from '#accounting/ledger/ports.ts';

/** What the journal holds beyond the store. */
export function lagOf(progress: JournalProgress): LedgerLag {
  return {
    records: Math.max(0, progress.settles() - progress.shipped()),
    openAttempts: Math.max(0, progress.openAttempts()),
  };
}
