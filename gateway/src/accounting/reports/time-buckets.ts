import type { ReportBucket } from '@tollgate/contract/usage.ts';

/** A piece of time with both ends, UTC ms, [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface TimeBucket extends Span {
  /** What people call it in the time zone; no two buckets of a length share one. */
  readonly label: string;
}

type CalendarBucket = Exclude<ReportBucket, 'quarter-hour' | 'hour'>;

interface Calendar {
  /** The first day of the piece that a day lies in. */
  readonly firstDay: (day: Temporal.PlainDate) => Temporal.PlainDate;
  readonly length: Temporal.DurationLike;
  readonly label: (firstDay: Temporal.PlainDate) => string;
}

const quarterOf = (day: Temporal.PlainDate): number => Math.ceil(day.month / 3);

const calendars: Readonly<Record<CalendarBucket, Calendar>> = {
  day: { firstDay: (day) => day, length: { days: 1 }, label: String },
  week: {
    firstDay: (day) => day.subtract({ days: day.dayOfWeek - 1 }),
    length: { days: 7 },
    label: (day) => `${day.yearOfWeek}-W${String(day.weekOfYear).padStart(2, '0')}`,
  },
  month: {
    firstDay: (day) => day.with({ day: 1 }),
    length: { months: 1 },
    label: (day) => day.toString().slice(0, -3),
  },
  quarter: {
    firstDay: (day) => day.with({ month: quarterOf(day) * 3 - 2, day: 1 }),
    length: { months: 3 },
    label: (day) => `${day.toString().slice(0, -6)}-Q${quarterOf(day)}`,
  },
  year: {
    firstDay: (day) => day.with({ month: 1, day: 1 }),
    length: { years: 1 },
    label: (day) => day.toString().slice(0, -6),
  },
};

/** The first instant of a local day, UTC ms: midnight, or what comes first where the clocks skip it. */
export function startOfDay(day: Temporal.PlainDate, timeZone: string): number {
  return day.toZonedDateTime(timeZone).epochMilliseconds;
}

function* calendarBuckets({ from, to }: Span, calendar: Calendar, timeZone: string): Generator<TimeBucket> {
  const { firstDay, length, label } = calendar;
  const startOf = (day: Temporal.PlainDate): number => startOfDay(day, timeZone);
  let day = firstDay(Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone).toPlainDate());
  for (let start = startOf(day); start < to;) {
    const next = day.add(length);
    const end = startOf(next);
    // A day may pass twice where the clocks go back over midnight; one that a zone skipped has no length.
    if (end > from && end > start) yield { label: label(day), from: start, to: end };
    day = next;
    start = end;
  }
}

const clockLengths = { 'quarter-hour': 900_000, hour: 3_600_000 } as const;

/** Time during which the clocks are not set, and how far they are ahead of UTC. */
interface Stretch extends Span {
  readonly offsetMs: number;
  /** `+01:00` */
  readonly offset: string;
}

function* stretches({ from, to }: Span, timeZone: string): Generator<Stretch> {
  const at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone);
  const last = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous');
  let start = last?.epochMilliseconds ?? -Infinity;
  for (let time = at; ;) {
    const next = time.getTimeZoneTransition('next');
    const end = next?.epochMilliseconds ?? Infinity;
    yield { from: start, to: end, offsetMs: time.offsetNanoseconds / 1e6, offset: time.offset };
    if (next === null || end >= to) return;
    time = next;
    start = end;
  }
}

/** Hours and quarter-hours of the local clock; where it is set, a new one begins, so that none holds both times. */
function* clockBuckets(period: Span, lengthMs: number, timeZone: string): Generator<TimeBucket> {
  for (const { from, to, offsetMs, offset } of stretches(period, timeZone)) {
    const first = Math.max(period.from, from);
    const last = Math.min(period.to, to);
    for (let start = Math.floor((first + offsetMs) / lengthMs) * lengthMs - offsetMs; start < last;) {
      const end = start + lengthMs;
      const begins = Math.max(start, from);
      const label = `${new Date(begins + offsetMs).toISOString().slice(0, 16)}${offset}`;
      yield { label, from: begins, to: Math.min(end, to) };
      start = end;
    }
  }
}

/**
 * The whole pieces that a period touches, in order and without gaps. Their edges are
 * instants of the time zone's clock as the IANA database tells it: days have 23, 24 or 25 hours and begin with their first
 * valid instant, hours may begin at :15, :30 or :45 UTC.
 */
export function timeBuckets(
  period: Span,
  { length, timeZone }: { readonly length: ReportBucket; readonly timeZone: string },
): Iterable<TimeBucket> {
  if (period.from >= period.to) return [];
  return length === 'quarter-hour' || length === 'hour'
    ? clockBuckets(period, clockLengths[length], timeZone)
    : calendarBuckets(period, calendars[length], timeZone);
}
