import { startOfDay, type Span } from './time-buckets.ts';

/** For errors. */
export const momentSyntax =
  "expected an RFC 3339 time with its zone, a day (2026-11-23), a month (2026-11), a year (2026), 'today', 'yesterday' or 'now'";

interface Clock {
  readonly timeZone: string;
  /** UTC ms. */
  readonly now: number;
}

/** UTC ms; a fraction of a millisecond rounds up, as both ends of a period need it. */
function instant(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  try {
    const nanoseconds = Temporal.Instant.from(text).epochNanoseconds;
    const floor = nanoseconds / 1_000_000n - (nanoseconds % 1_000_000n < 0n ? 1n : 0n);
    return Number(floor * 1_000_000n < nanoseconds ? floor + 1n : floor);
  } catch {
    return undefined;
  }
}

function calendarDay(text: string): Temporal.PlainDate | undefined {
  const found = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/.exec(text);
  if (found === null) return undefined;
  const [, year = '', month = '01', day = '01'] = found;
  try {
    return Temporal.PlainDate.from(
      { year: Number(year), month: Number(month), day: Number(day) },
      { overflow: 'reject' },
    );
  } catch {
    return undefined;
  }
}

function word(text: string, { timeZone, now }: Clock): number | undefined {
  if (text === 'now') return now;
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  if (text === 'today') return startOfDay(today, timeZone);
  return text === 'yesterday' ? startOfDay(today.subtract({ days: 1 }), timeZone) : undefined;
}

/** UTC ms: days, months and years mean their beginning in the time zone. Undefined where it is none of these. */
export function parseMoment(text: string, clock: Clock): number | undefined {
  const day = calendarDay(text);
  return day === undefined ? (word(text, clock) ?? instant(text)) : startOfDay(day, clock.timeZone);
}

/** A whole month of the time zone, `2026-11`. */
export function monthSpan(text: string, timeZone: string): Span | undefined {
  const first = /^\d{4}-\d{2}$/.test(text) ? calendarDay(text) : undefined;
  if (first === undefined) return undefined;
  return { from: startOfDay(first, timeZone), to: startOfDay(first.add({ months: 1 }), timeZone) };
}
