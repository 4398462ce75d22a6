import { orUnavailable } from './stores.ts';
import {
  callersLately,
  ledgerSpending,
  type SpendingAsked,
  type SpendingSources,
} from '#accounting/budgets/ledger-spending.ts';
import type { LedgerSpending } from '#accounting/budgets/ports.ts';
import { createLimitBook, type LimitDeclarations } from '#accounting/budgets/limit-book.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import type { JournalFiles, LedgerStore, Position, Shipping } from '#accounting/ledger/ports.ts';
import type { ReplayResult } from '#accounting/replay/ports.ts';
import { Replay } from '#accounting/replay/replay.ts';
import { figureSpans } from '#accounting/reports/spans.ts';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { systemClock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
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
  /** What other limits would have refused of the traffic of a period; see `Replay`. One at a time. */
  replay(asked: ReplayAsked & Own): Promise<ReplayResult & { readonly caughtUp: boolean }>;
}

export interface ReplayAsked {
  readonly declarations: LimitDeclarations;
  /** UTC ms, [from, to). */
  readonly from: number;
  readonly to: number;
}

/** Some minutes of work; more is asked for in parts. */
const mostReplayed = 2_000_000;
const longestWaitMs = 10_000;

export function budgetServices(parts: {
  readonly store: LedgerStore;
  readonly files: JournalFiles;
  readonly shipping: Shipping;
}): BudgetServices {
  const { store, files, shipping } = parts;
  const journal = journalAudit(files);
  let replaying = false;
  return {
    async spending({ instance, alone, ...asked }) {
      const sources = { store, journal, shipping, instance, alone, spansOf: figureSpans };
      return await orUnavailable(ledgerSpending(sources, asked));
    },
    async callersLately({ instance, until }) {
      const sources = { store, journal, shipping, instance };
      return await orUnavailable(callersLately(sources, { now: systemClock.now(), until }));
    },
    async replay(asked) {
      if (replaying) throw new Failure('admin_conflict', 'Another simulation is under way.');
      replaying = true;
      try {
        const caughtUp = await shipping.caughtUp(longestWaitMs);
        const sources = { store, journal, shipping, instance: asked.instance, alone: true, spansOf: figureSpans };
        return { ...(await orUnavailable(replayed(sources, asked))), caughtUp };
      } finally {
        replaying = false;
      }
    },
  };
}

async function replayed(
  sources: SpendingSources & { readonly store: Pick<LedgerStore, 'page'> },
  { declarations, from, to, until }: ReplayAsked & Own,
): Promise<ReplayResult> {
  const replay = new Replay({
    traffic: {
      page: async (after, limit) => await sources.store.page({ filter: [], period: { from, to }, after, limit }),
      before: async (asked) => (await ledgerSpending(sources, { ...asked, whose: 'all', until })).own,
    },
    book: createLimitBook(declarations),
    counters: (clock) => new CounterSet({ clock }).connect('replay'),
    from,
    mostAttempts: mostReplayed,
  });
  return await replay.run();
}
