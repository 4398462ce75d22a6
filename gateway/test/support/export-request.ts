import type { ExportSources } from '../../src/accounting/exports/export.ts';
import { exportText } from '../../src/accounting/exports/export.ts';
import type { ExportRequest, ExportSummary } from '../../src/accounting/exports/request.ts';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import { generatedPeriod } from './generated-month.ts';

const { from, to, timeZone } = generatedPeriod;

/** An export of the whole generated month, changed where the test says so. */
export function exportRequest(changes: Partial<ExportRequest> = {}): ExportRequest {
  return {
    kind: 'focus',
    period: { from, to },
    filter: [],
    filterTexts: [],
    profile: 'provider',
    costCentrePath: null,
    facts: {
      organisation: 'contoso',
      organisationName: 'Contoso',
      billingAccountId: 'contoso',
      timeZone,
      prices: [],
      costCentres: [['contoso/sales', 'Sales']],
      statementNote: null,
    },
    madeAt: to + 3_600_000,
    madeBy: 'Tollgate test',
    keyId: '0123456789abcdef0123456789abcdef',
    waitMs: 0,
    ...changes,
  };
}

/** A store at rest: everything has been shipped. */
export function restingSources(store: ExportSources['store']): ExportSources {
  const start = { segment: 1, offset: 0 };
  return {
    store,
    shipping: {
      caughtUp: async () => await Promise.resolve(true),
      hold: async (work) => await work(start),
    },
    progress: {
      written: () => start,
      settles: () => 7,
      lowWater: () => start,
      openAttempts: () => 0,
      shipped: () => 7,
    },
  };
}

export interface Exported {
  readonly text: string;
  readonly pieces: number;
  readonly summary: ExportSummary;
}

export async function exported(sources: ExportSources, request: ExportRequest): Promise<Exported> {
  const generator = exportText(sources, request);
  let text = '';
  for (let pieces = 0; ; pieces += 1) {
    const step = await generator.next();
    if (step.done === true) return { text, pieces, summary: step.value };
    text += step.value;
  }
}

/** Puts everything into a store, as if one journal had shipped it. */
export async function ship(store: LedgerStore, entries: Parameters<LedgerStore['append']>[0]): Promise<void> {
  const start = { segment: 1, offset: 0 };
  await store.append(entries, { instance: 'journal-1', shipped: start, lowWater: start, settles: entries.length });
}
