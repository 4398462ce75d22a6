import type { Adjustment, Posting } from '#accounting/ledger/ports.ts';
import { ledgerLinesText } from '#model/cost-lines.ts';
import type { RollUpSums } from '../sql/roll-up-sums.ts';
import { arraysOf, namesOf, unnested, type Column } from './columns.ts';
import type { Transaction } from './open.ts';
import type { SeriesIds } from './series-ids.ts';
import { fromStored, linesToStored, toStored } from './text.ts';

interface Booked {
  readonly adjustment: Adjustment;
  readonly journal: number;
}

interface BookedPosting extends Booked {
  readonly posting: Posting;
  readonly position: number;
  readonly series: number;
  /** As JSON text. */
  readonly lines: string;
}

const columns: readonly Column<Booked>[] = [
  { name: 'id', type: 'text', value: ({ adjustment }) => toStored(adjustment.id) },
  { name: 'kind', type: 'text', value: ({ adjustment }) => adjustment.kind },
  { name: 'at', type: 'bigint', value: ({ adjustment }) => adjustment.at },
  { name: 'booked_at', type: 'bigint', value: ({ adjustment }) => adjustment.bookedAt },
  { name: 'of_at', type: 'bigint', value: ({ adjustment }) => adjustment.of?.at ?? null },
  {
    name: 'of_id',
    type: 'text',
    value: ({ adjustment }) => (adjustment.of === null ? null : toStored(adjustment.of.id)),
  },
  { name: 'qualifies', type: 'smallint', value: ({ adjustment }) => adjustment.qualifies },
  { name: 'detail', type: 'text', value: ({ adjustment }) => toStored(adjustment.detail) },
  { name: 'journal', type: 'integer', value: ({ journal }) => journal },
];
const insert = {
  name: 'insert-adjustments',
  text: `insert into ledger_adjustment (${namesOf(columns)}) select * from ${unnested(columns)}
    on conflict (id) do nothing returning id`,
};

const postingColumns: readonly Column<BookedPosting>[] = [
  { name: 'at', type: 'bigint', value: ({ adjustment }) => adjustment.at },
  { name: 'adjustment', type: 'text', value: ({ adjustment }) => toStored(adjustment.id) },
  { name: 'position', type: 'integer', value: ({ position }) => position },
  { name: 'series', type: 'integer', value: ({ series }) => series },
  { name: 'outcome', type: 'text', value: ({ posting }) => posting.outcome },
  { name: 'cost', type: 'bigint', value: ({ posting }) => posting.change.cost },
  { name: 'list_cost', type: 'bigint', value: ({ posting }) => posting.change.listCost },
  { name: 'internal_cost', type: 'bigint', value: ({ posting }) => posting.change.internalCost },
  { name: 'held', type: 'bigint', value: ({ posting }) => posting.change.held },
  { name: 'priced_attempts', type: 'bigint', value: ({ posting }) => posting.change.pricedAttempts },
  { name: 'list_priced_attempts', type: 'bigint', value: ({ posting }) => posting.change.listPricedAttempts },
  { name: 'internal_priced_attempts', type: 'bigint', value: ({ posting }) => posting.change.internalPricedAttempts },
  { name: 'lines', type: 'text', value: ({ lines }) => linesToStored(lines) },
  { name: 'journal', type: 'integer', value: ({ journal }) => journal },
];
const insertPostings = {
  name: 'insert-postings',
  text: `insert into ledger_posting (${namesOf(postingColumns)}) select * from ${unnested(postingColumns)}`,
};

export interface AdjustmentBatch {
  /** Each once, by its id. */
  readonly adjustments: readonly Adjustment[];
  readonly journal: number;
  readonly series: SeriesIds;
  readonly sums: RollUpSums;
}

/** Stores those that are not there yet, with their postings, adds them to the sums, and returns them. */
export async function insertAdjustments(
  transaction: Transaction,
  { adjustments, journal, series, sums }: AdjustmentBatch,
): Promise<readonly Adjustment[]> {
  if (adjustments.length === 0) return [];
  const inOrder = adjustments.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const booked = inOrder.map((adjustment) => ({ adjustment, journal }));
  const { rows } = await transaction.run<{ id: string }>(insert, arraysOf(columns, booked));
  const ids = new Set(rows.map(({ id }) => fromStored(id)));
  const added = inOrder.filter(({ id }) => ids.has(id));
  const postings = added.flatMap((adjustment) =>
    adjustment.postings.map((posting, position): BookedPosting => {
      const lines = ledgerLinesText(posting.lines);
      return { adjustment, journal, posting, position, series: series.of(posting.series), lines };
    }),
  );
  if (postings.length > 0) await transaction.run(insertPostings, arraysOf(postingColumns, postings));
  for (const { adjustment, posting, series: id, lines } of postings)
    sums.adjust({ at: adjustment.at, series: id, outcome: posting.outcome }, posting, lines);
  return added;
}
