import type { FigureSpan } from '#model/figures.ts';
import type { Currency, CurrencyRate } from './currency.ts';
import { figureSpans } from './spans.ts';
import type { Span, TimeBucket } from './time-buckets.ts';

/** A piece of a period that lies in one bucket and in the time of one rate. Null: unbounded. */
export interface Piece {
  readonly from: number | null;
  readonly to: number | null;
  /** Null where the period is not cut. */
  readonly bucket: TimeBucket | null;
  /** Undefined: USD. */
  readonly rate: CurrencyRate | undefined;
}

const clipped = (span: Span, { from, to }: { readonly from: number; readonly to: number }): Span => ({
  from: Math.max(span.from, from),
  to: Math.min(span.to, to),
});

/** A span cut where rates begin, each part with its rate; time before the first rate is no part of it. */
export function ratedSpans(span: Span, { rates }: Currency): readonly (Span & Pick<Piece, 'rate'>)[] {
  if (rates.length === 0) return [{ ...span, rate: undefined }];
  return rates.flatMap((rate, index) => {
    const part = clipped(span, { from: rate.from, to: rates[index + 1]?.from ?? Infinity });
    return part.from < part.to ? [{ ...part, rate }] : [];
  });
}

/** The pieces of buckets, in order. */
export function piecesOf(buckets: Iterable<TimeBucket>, currency: Currency): readonly Piece[] {
  return [...buckets].flatMap((bucket) => ratedSpans(bucket, currency).map((span) => ({ ...span, bucket })));
}

/** Where the sums of pieces are read; `first` is the number of the first of them. `records`: roll-ups do not know it. */
export function spansOf(
  pieces: readonly Piece[],
  { first, source }: { readonly first: number; readonly source: 'records' | 'roll-ups' },
): readonly FigureSpan[] {
  return pieces.flatMap(({ from, to }, index): readonly FigureSpan[] =>
    source === 'records' ? [{ source, from, to, bucket: first + index }] : figureSpans({ from, to }, first + index),
  );
}
