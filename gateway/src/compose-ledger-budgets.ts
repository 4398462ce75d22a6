import { orUnavailable } from './compose-ledger-stores.ts';
import { callersLately, ledgerSpending, type SpendingAsked } from '#accounting/budgets/ledger-spending.ts';
import type { LedgerSpending } from '#accounting/budgets/ports.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import type { JournalFiles, LedgerStore, Position, Shipping } from '#accounting/ledger/ports.ts';
import { figureSpans } from '#accounting/reports/spans.ts';
import { systemClock } from '#kernel/clock.ts';
import type { ChargedTo } from '#model/usage-record.ts';

/** Which journal is this gateway's, and just behind the last of its entries that is to count. */
interface Own {
  readonly instance: string;
  readonly until: Position;
}

/** The ledger as budgets read it, in the ledger's worker; see `SpendingLedger`. */
export interface BudgetServices {
  /** `alone`: nobody else counts with this gateway, and the ledger need not be told apart by journals. */
  spending(asked: SpendingAsked & Own & { readonly alone: boolean }): Promise<LedgerSpending>;
  callersLately(own: Own): Promise<readonly ChargedTo[]>;
}

export function budgetServices(parts: {
  readonly store: LedgerStore;
  readonly files: JournalFiles;
  readonly shipping: Shipping;
}): BudgetServices {
  const { store, files, shipping } = parts;
  const journal = journalAudit(files);
  return {
    async spending({ instance, alone, ...asked }) {
      const sources = { store, journal, shipping, instance, alone, spansOf: figureSpans };
      return await orUnavailable(ledgerSpending(sources, asked));
    },
    async callersLately({ instance, until }) {
      const sources = { store, journal, shipping, instance };
      return await orUnavailable(callersLately(sources, { now: systemClock.now(), until }));
    },
  };
}
