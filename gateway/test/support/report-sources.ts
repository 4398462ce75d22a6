import type { JournalProgress, LedgerStore, ShippedEntry, Shipping } from '../../src/accounting/ledger/ports.ts';
import { createReports, type Reports } from '../../src/accounting/reports/reports.ts';
import type { ReportSettings } from '../../src/accounting/reports/subject.ts';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { Failure } from '../../src/kernel/errors.ts';

const position = { segment: 1, offset: 0 };
const checkpoint = { instance: 'j', shipped: position, lowWater: position, settles: 0 };

/** 2026-11-23T10:20:30Z */
export const reportNow = Date.UTC(2026, 10, 23, 10, 20, 30);

/** An organisation in UTC that knows USD alone. */
export const plainSettings: ReportSettings = { timeZone: 'UTC', currencies: {}, now: reportNow, configured: {} };

export const idleProgress: JournalProgress = {
  written: () => position,
  lowWater: () => position,
  settles: () => 12,
  openAttempts: () => 3,
  shipped: () => 7,
};

export interface ReportBench {
  readonly store: LedgerStore;
  readonly reports: Reports;
  /** How long each question waited for the store to catch up. */
  readonly waited: readonly number[];
  /** How many pieces of work held the shipping up. */
  held(): number;
}

/** The query layer over a store that holds these entries. */
export async function reportBench(entries: readonly ShippedEntry[], store: LedgerStore): Promise<ReportBench> {
  await store.append(entries, checkpoint);
  const waited: number[] = [];
  let held = 0;
  const shipping: Shipping = {
    async caughtUp(timeoutMs) {
      waited.push(timeoutMs);
      return await Promise.resolve(false);
    },
    async hold(work) {
      held += 1;
      return await work(position);
    },
  };
  const reports = createReports({ store, progress: idleProgress, shipping });
  return { store, reports, waited, held: () => held };
}

/** The same over a SQLite that is gone afterwards. */
export async function withSqliteBench(
  entries: readonly ShippedEntry[],
  run: (bench: ReportBench) => Promise<void>,
): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    await run(await reportBench(entries, await createSqliteLedgerStore(database)));
  } finally {
    await database.close();
  }
}

/** Everything that was wrong with a question. */
export async function problemsOf(answer: Promise<unknown>): Promise<readonly string[]> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof Failure) return error.options.details ?? [error.message];
    throw error;
  }
  return [];
}
