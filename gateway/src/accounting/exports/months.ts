import { timeBuckets, type Span } from '#accounting/reports/time-buckets.ts';

export type { Span };

/** A month of the organisation, as far as a period has part in it. */
export interface Month extends Span {
  /** `2026-11`. */
  readonly name: string;
  /** The whole month. */
  readonly whole: Span;
}

/** A piece of one UTC day. */
export interface DayPiece extends Span {
  /** The whole day: its sums are kept. Otherwise records are read. */
  readonly isWhole: boolean;
}

const dayMs = 86_400_000;

/** The months that a period touches, in order. */
export function monthsOf(period: Span, timeZone: string): readonly Month[] {
  return Array.from(timeBuckets(period, { length: 'month', timeZone }), ({ label, ...whole }) => ({
    name: label,
    from: Math.max(whole.from, period.from),
    to: Math.min(whole.to, period.to),
    whole,
  }));
}

/**
 * The UTC days of a span, in order: whole ones, and what sticks out at either end, because the months of a time zone
 * rarely begin on one.
 */
export function dayPieces({ from, to }: Span): readonly DayPiece[] {
  const pieces: DayPiece[] = [];
  for (let at = from; at < to;) {
    const day = Math.floor(at / dayMs) * dayMs;
    const end = Math.min(day + dayMs, to);
    pieces.push({ from: at, to: end, isWhole: at === day && end === day + dayMs });
    at = end;
  }
  return pieces;
}
