import type { UsageQuery } from '@tollgate/contract/admin-api/operations.ts';
import type { LedgerLag, UsageReport, UsageRow } from '@tollgate/contract/usage.ts';
import type { Figures, JournalProgress, LedgerStore, Period, Shipping } from '#accounting/ledger/ports.ts';
import { addFigures, reportedFigures } from './figures.ts';
import { periodParts } from './period-parts.ts';

export interface ReportSources {
  readonly store: Pick<LedgerStore, 'figures'>;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
}

export function lagOf(progress: JournalProgress): LedgerLag {
  return {
    records: Math.max(0, progress.settles() - progress.shipped()),
    openAttempts: Math.max(0, progress.openAttempts()),
  };
}

/** UTC ms of an RFC 3339 instant; a fraction of a millisecond rounds up, as both ends of a period need it. */
function instant(text: string | undefined): number | null {
  if (text === undefined) return null;
  const beyondMilliseconds = /\.\d{3}(\d*)/.exec(text)?.[1] ?? '';
  return Date.parse(text) + (/[1-9]/.test(beyondMilliseconds) ? 1 : 0);
}

/**
 * The one way from the store to a bill: CLI, admin API and exports all ask here. Waits up to `waitMs` for the store to
 * have everything that was journalled before the call, and says what it lacks if it has not.
 */
export async function usageReport(sources: ReportSources, query: UsageQuery): Promise<UsageReport> {
  const { store, progress, shipping } = sources;
  const period: Period = { from: instant(query.from), to: instant(query.to) };
  await shipping.caughtUp(query.waitMs);
  // Nothing is shipped between the parts, so that no request is counted in two of them or in none.
  return await shipping.hold(async () => {
    const byKey = new Map<string, Figures[]>();
    for (const part of periodParts(period))
      for (const { key, figures } of await store.figures({ ...part, by: query.by }))
        byKey.set(key, [...(byKey.get(key) ?? []), figures]);
    const sums = [...byKey].map(([key, parts]) => ({ key, figures: addFigures(parts) }));
    const rows: UsageRow[] = sums
      .toSorted((one, other) => (one.key < other.key ? -1 : 1))
      .map(({ key, figures }) => ({ key, ...reportedFigures(figures) }));
    return {
      by: query.by,
      from: query.from ?? null,
      to: query.to ?? null,
      rows,
      total: reportedFigures(addFigures(sums.map((one) => one.figures))),
      lag: lagOf(progress),
    };
  });
}
