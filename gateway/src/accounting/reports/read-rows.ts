import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { FigureFilter, FiguresRow } from '#model/figures.ts';
import type { ReportDimension } from '@tollgate/contract/usage.ts';
import { spansOf, type Piece } from './pieces.ts';

/** What rows are asked for; a row's `bucket` is the number of its piece. */
export interface RowQuery {
  readonly store: Pick<LedgerStore, 'figures'>;
  readonly by: readonly ReportDimension[];
  readonly filter: readonly FigureFilter[];
  readonly pieces: readonly Piece[];
  /** Only rows behind this one. */
  readonly after: Pick<FiguresRow, 'bucket' | 'keys'> | null;
  /** The most that are held in memory at once. */
  readonly atOnce: number;
}

/** Pieces that one statement asks for: two months of days. A report of no more is read at one moment. */
export const piecesAtOnce = 64;

/** End users stand on records only. */
export const sourceOf = ({ by, filter }: Pick<RowQuery, 'by' | 'filter'>): 'records' | 'roll-ups' =>
  by.includes('end-user') || filter.some((one) => one.dimension === 'end-user') ? 'records' : 'roll-ups';

/**
 * All rows in their order, some at a time. Where many rows belong to a piece, fewer pieces are asked for at once: a
 * statement adds up everything that it is asked for before it gives the first rows.
 */
export async function* readRows(query: RowQuery): AsyncGenerator<readonly FiguresRow[]> {
  const { store, by, filter, pieces, atOnce } = query;
  const source = sourceOf(query);
  let { after } = query;
  let count = piecesAtOnce;
  for (let first = after?.bucket ?? 0; first < pieces.length;) {
    const spans = spansOf(pieces.slice(first, first + count), { first, source });
    const rows = await store.figures({ by, filter, spans, page: { after, limit: atOnce } });
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < atOnce || last === undefined) {
      first += count;
      after = null;
      if (rows.length * 4 < atOnce) count = Math.min(piecesAtOnce, count * 2);
      continue;
    }
    count = Math.max(1, Math.min(count - 1, last.bucket - first));
    first = last.bucket;
    after = last;
  }
}
