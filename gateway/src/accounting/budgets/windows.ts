import type { Calendar, Every } from '#model/limits.ts';

/**
 * How far clocks may be wrong, of machines beside each other and of one before and after it was set, ms. Whoever began to
 * count so shortly before a window did cannot say that nothing stands in it: somebody may have been ahead.
 */
export const clockErrorMs = 600_000;

/** One window of a calendar: [start, end), UTC ms. */
export interface CalendarWindow {
  /** The local day on which it begins and its length, as ISO 8601 writes an interval: `2026-03-01/P1M`. */
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

const lengths: Readonly<Record<Every, { readonly text: string; readonly add: Temporal.DurationLike }>> = {
  day: { text: 'P1D', add: { days: 1 } },
  week: { text: 'P1W', add: { days: 7 } },
  month: { text: 'P1M', add: { months: 1 } },
  quarter: { text: 'P3M', add: { months: 3 } },
  year: { text: 'P1Y', add: { years: 1 } },
};

/** The day on which the window begins that holds this local day. */
function firstDay(day: Temporal.PlainDate, { every, fiscalYearStart }: Calendar): Temporal.PlainDate {
  if (every === 'day') return day;
  if (every === 'week') return day.subtract({ days: day.dayOfWeek - 1 });
  if (every === 'month') return day.with({ day: 1 });
  let year = day.with(fiscalYearStart);
  if (Temporal.PlainDate.compare(year, day) > 0) year = year.subtract({ years: 1 });
  if (every === 'year') return year;
  const months = year.until(day, { largestUnit: 'months' }).months;
  return year.add({ months: months - (months % 3) });
}

/**
 * Where a local day begins: its first valid instant. That is not always midnight (clocks may be moved forward over it),
 * nor always one instant (clocks may be moved back over it): then it is the earlier one.
 */
function startOf(day: Temporal.PlainDate, timeZone: string): number {
  return day.toZonedDateTime({ timeZone }).epochMilliseconds;
}

/** Where a day (`2026-03-01`) begins in a time zone, UTC ms. */
export function startOfDay(day: string, timeZone: string): number {
  return startOf(Temporal.PlainDate.from(day), timeZone);
}

function windowFrom(first: Temporal.PlainDate, { every, timeZone }: Calendar): CalendarWindow {
  const { text, add } = lengths[every];
  return {
    id: `${first.toString()}/${text}`,
    start: startOf(first, timeZone),
    end: startOf(first.add(add), timeZone),
  };
}

function dayOf(instant: number, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone).toPlainDate();
}

/** The window that holds an instant (UTC ms). */
export function windowAt(calendar: Calendar, instant: number): CalendarWindow {
  const first = firstDay(dayOf(instant, calendar.timeZone), calendar);
  const window = windowFrom(first, calendar);
  if (instant >= window.start && instant < window.end) return window;
  // Where clocks are moved back over midnight, an hour has the date of the day that has ended.
  const { add } = lengths[calendar.every];
  return windowFrom(instant < window.start ? first.subtract(add) : first.add(add), calendar);
}

function isDay(text: string): boolean {
  const at = Date.parse(text);
  // JavaScript takes 2026-02-30 for 2 March.
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The window that has this id; undefined where the calendar has none. */
export function windowNamed(calendar: Calendar, id: string): CalendarWindow | undefined {
  const [, day] = /^(\d{4}-\d{2}-\d{2})\/P\d[DWMY]$/.exec(id) ?? [];
  if (day === undefined || !isDay(day)) return undefined;
  const window = windowAt(calendar, startOfDay(day, calendar.timeZone));
  return window.id === id ? window : undefined;
}

/** The window before; what it left may be carried over. */
export function windowBefore(calendar: Calendar, window: CalendarWindow): CalendarWindow {
  return windowAt(calendar, window.start - 1);
}

/** Where the windows of one calendar stand, looked up again only when one has ended. */
export class WindowClock {
  readonly calendar: Calendar;
  #current: CalendarWindow | undefined;

  constructor(calendar: Calendar) {
    this.calendar = calendar;
  }

  at(instant: number): CalendarWindow {
    const known = this.#current;
    if (known !== undefined && instant >= known.start && instant < known.end) return known;
    this.#current = windowAt(this.calendar, instant);
    return this.#current;
  }
}
