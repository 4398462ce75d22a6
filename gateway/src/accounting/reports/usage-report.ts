import type { UsageQuery } from '@tollgate/contract/admin-api/operations.ts';
import type { LedgerLag, UsageReport, UsageRow } from '@tollgate/contract/usage.ts';
import {
  dayMs,
  type FigureDimension,
  type FiguresRow,
  type JournalProgress,
  type LedgerStore,
  type Period,
  type Shipping,
} from '#accounting/ledger/ports.ts';
import { addFigures, reportedFigures } from './figures.ts';
import { figureSpans } from './spans.ts';

export interface ReportSources {
  readonly store: Pick<LedgerStore, 'figures' | 'extent'>;
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

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

async function byDay(store: ReportSources['store'], period: Period): Promise<readonly FiguresRow[]> {
  const extent = await store.extent();
  if (extent === null) return [];
  const from = Math.max(period.from ?? extent.from, extent.from);
  const to = Math.min(period.to ?? extent.to, extent.to);
  const firstDay = Math.floor(from / dayMs);
  const days = Math.max(0, Math.ceil(to / dayMs) - firstDay);
  const spans = Array.from({ length: days }, (_one, index) => {
    const begins = (firstDay + index) * dayMs;
    return figureSpans({ from: Math.max(from, begins), to: Math.min(to, begins + dayMs) }, index);
  });
  const rows = await store.figures({ by: [], filter: [], spans: spans.flat() });
  return rows.map((row) => ({ ...row, keys: [dayOf((firstDay + row.bucket) * dayMs)] }));
}

async function byDimension(
  store: ReportSources['store'],
  dimension: FigureDimension,
  period: Period,
): Promise<readonly FiguresRow[]> {
  return await store.figures({ by: [dimension], filter: [], spans: figureSpans(period) });
}

/**
 * The one way from the store to a bill: CLI, admin API and exports all ask here. Waits up to `waitMs` for the store to
 * have everything that was journalled before the call, and says what it lacks if it has not.
 */
export async function usageReport(sources: ReportSources, query: UsageQuery): Promise<UsageReport> {
  const { store, progress, shipping } = sources;
  const period: Period = { from: instant(query.from), to: instant(query.to) };
  await shipping.caughtUp(query.waitMs);
  const found = await (query.by === 'day' ? byDay(store, period) : byDimension(store, query.by, period));
  const rows: UsageRow[] = found
    .map(({ keys, figures }) => ({ key: keys[0] ?? '', ...reportedFigures(figures) }))
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
  return {
    by: query.by,
    from: query.from ?? null,
    to: query.to ?? null,
    rows,
    total: reportedFigures(addFigures(found.map((one) => one.figures))),
    lag: lagOf(progress),
  };
}
