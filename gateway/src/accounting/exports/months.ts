/** UTC ms, [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

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

/** The first instant of a month in a time zone: local midnight, or what comes first where the clocks skip it. */
function startOfMonth(month: Temporal.PlainYearMonth, timeZone: string): number {
  return month.toPlainDate({ day: 1 }).toZonedDateTime(timeZone).epochMilliseconds;
}

const monthAt = (at: number, timeZone: string): Temporal.PlainYearMonth =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate().toPlainYearMonth();

/** `2026-11` in a time zone; undefined where that is no month. */
export function monthSpan(name: string, timeZone: string): Span | undefined {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(name)) return undefined;
  const month = Temporal.PlainYearMonth.from(name);
  return { from: startOfMonth(month, timeZone), to: startOfMonth(month.add({ months: 1 }), timeZone) };
}

/** The months that a period touches, in order. */
export function monthsOf(period: Span, timeZone: string): readonly Month[] {
  const months: Month[] = [];
  for (let month = monthAt(period.from, timeZone); ; month = month.add({ months: 1 })) {
    const whole = { from: startOfMonth(month, timeZone), to: startOfMonth(month.add({ months: 1 }), timeZone) };
    if (whole.from >= period.to) return months;
    const [from, to] = [Math.max(whole.from, period.from), Math.min(whole.to, period.to)];
    months.push({ name: month.toString(), from, to, whole });
  }
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
