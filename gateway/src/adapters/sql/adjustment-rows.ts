import type { Adjustment, FigureChange, Posting } from '#accounting/ledger/ports.ts';
import { parseLedgerLines } from '#model/cost-lines.ts';
import { isWord, rollUpOutcomes, type Words } from '#model/words.ts';
import { seriesOf } from './ledger-rows.ts';
import type { SeriesColumns } from './ledger-schema.ts';

const kinds: Words<Adjustment['kind']> = { correction: true, allocation: true, 'write-off': true };

/** A row of `ledger_adjustment`. */
export interface AdjustmentRow {
  readonly id: string;
  readonly kind: string;
  readonly at: number;
  readonly booked_at: number;
  readonly of_at: number | null;
  readonly of_id: string | null;
  readonly qualifies: number | null;
  readonly detail: string;
}

/** A row of `ledger_posting` with its series; amounts of money as text. */
export type PostingRow = SeriesColumns & {
  readonly adjustment: string;
  readonly outcome: string;
  readonly lines: string;
  readonly priced_attempts: number;
  readonly list_priced_attempts: number;
  readonly internal_priced_attempts: number;
} & Readonly<Record<'cost' | 'list_cost' | 'internal_cost' | 'held', string>>;

function changeOf(row: PostingRow): FigureChange {
  return {
    cost: BigInt(row.cost),
    listCost: BigInt(row.list_cost),
    internalCost: BigInt(row.internal_cost),
    held: BigInt(row.held),
    pricedAttempts: row.priced_attempts,
    listPricedAttempts: row.list_priced_attempts,
    internalPricedAttempts: row.internal_priced_attempts,
  };
}

export function postingOf(row: PostingRow): Posting {
  const lines = parseLedgerLines(row.lines);
  if (lines === undefined || !isWord(rollUpOutcomes, row.outcome))
    throw new TypeError('The store holds a posting that was never written to it.');
  return { series: seriesOf(row), outcome: row.outcome, change: changeOf(row), lines };
}

export function adjustmentOf(row: AdjustmentRow, postings: readonly Posting[]): Adjustment {
  if (!isWord(kinds, row.kind)) throw new TypeError('The store holds an adjustment that was never written to it.');
  return {
    id: row.id,
    kind: row.kind,
    at: row.at,
    bookedAt: row.booked_at,
    of: row.of_at === null || row.of_id === null ? null : { at: row.of_at, id: row.of_id },
    postings,
    qualifies: row.qualifies,
    detail: row.detail,
  };
}
