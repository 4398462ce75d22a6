import type { Metrics } from '#kernel/metrics.ts';
import type { JournalProgress } from './ports.ts';

export type JournalInstruments = ReturnType<typeof journalInstruments>;

const syncBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** What the ledger tells of itself. */
export function journalInstruments(metrics: Metrics, progress: JournalProgress) {
  const entries = metrics.counter('tollgate_journal_entries_total', 'Entries that count, by kind.');
  metrics.gauge('tollgate_outbox_lag_records', {
    help: 'Settled attempts that stand in the journal but not yet in the store.',
    read: () => Math.max(0, progress.settles() - progress.shipped()),
  });
  metrics.gauge('tollgate_open_attempts', {
    help: 'Attempts admitted and not yet settled.',
    read: () => progress.openAttempts(),
  });
  const state = { admitting: true };
  metrics.gauge('tollgate_journal_admitting', {
    help: '1 while attempts can be recorded; 0 while the journal cannot be written and nothing is served.',
    read: () => (state.admitting ? 1 : 0),
  });
  return {
    state,
    opens: entries.with({ kind: 'open' }),
    settles: entries.with({ kind: 'settle' }),
    bytes: metrics.counter('tollgate_journal_bytes_total', 'Bytes appended to the journal.').with({}),
    writes: metrics.counter('tollgate_journal_writes_total', 'Groups of entries written in one piece.').with({}),
    failures: metrics
      .counter('tollgate_journal_failures_total', 'Writes and syncs of the journal that failed.')
      .with({}),
    syncSeconds: metrics
      .histogram('tollgate_journal_sync_seconds', {
        help: 'Time until a group was on disk (durability: disk).',
        buckets: syncBuckets,
      })
      .with({}),
  };
}
