import { CommandFailure, exitCodes } from './failure.ts';

const minute = 60_000;
const unitMs = { m: minute, h: 60 * minute, d: 24 * 60 * minute, w: 7 * 24 * 60 * minute } as const;

/** What `--from` and `--to` take, for help and errors. */
export const momentSyntax =
  '2026-11-23 (a day in UTC), an RFC 3339 time such as 2026-11-01T00:00+01:00, today, yesterday, now, or -7d (m, h, d, w) before now';

function utcDay(at: number): number {
  return at - (((at % unitMs.d) + unitMs.d) % unitMs.d);
}

function calendarDay(text: string): number | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (found === null) return undefined;
  const at = Date.parse(`${text}T00:00:00Z`);
  // JavaScript takes 2026-02-30 for 2 March.
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? undefined : at;
}

function rfc3339(text: string): number | undefined {
  const found = /^(\d{4}-\d{2}-\d{2})[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/.exec(text);
  if (found?.[1] === undefined || calendarDay(found[1]) === undefined) return undefined;
  const at = Date.parse(text.replace(' ', 'T').toUpperCase());
  return Number.isNaN(at) ? undefined : at;
}

function relative(text: string, now: number): number | undefined {
  const found = /^-(\d{1,6})([mhdw])$/.exec(text);
  const unit = found?.[2];
  if (unit !== 'm' && unit !== 'h' && unit !== 'd' && unit !== 'w') return undefined;
  return now - Number(found?.[1]) * unitMs[unit];
}

/**
 * A moment as people type it, as an RFC 3339 time in UTC. Days are UTC days and mean their beginning; `-7d` means seven
 * times 24 hours before `now` (UTC milliseconds). Throws CommandFailure (usage).
 */
export function parseMoment(text: string, now: number): string {
  const words = new Map([
    ['now', now],
    ['today', utcDay(now)],
    ['yesterday', utcDay(now) - unitMs.d],
  ]);
  const at = words.get(text) ?? calendarDay(text) ?? rfc3339(text) ?? relative(text, now);
  if (at === undefined) {
    throw new CommandFailure(`'${text}' is no time.`, {
      exitCode: exitCodes.usage,
      hints: [`Understood: ${momentSyntax}. Days are UTC days.`],
    });
  }
  return new Date(at).toISOString();
}

/** What `--from` and `--to` of reports take. */
export const reportMomentSyntax =
  '2026-11-23, 2026-11, 2026, today or yesterday (their beginning in the time zone), an RFC 3339 time, now, or -7d (m, h, d, w) before now';

/**
 * A moment of a report: days, months and years are left to the gateway, which knows the time zone; whatever names an
 * instant by itself becomes an RFC 3339 time in UTC. Throws CommandFailure (usage).
 */
export function reportMoment(text: string, now: number): string {
  const isName = ['now', 'today', 'yesterday'].includes(text);
  const isCalendar = calendarDay(text.length === 7 ? `${text}-01` : text) !== undefined || /^\d{4}$/.test(text);
  if (isName || isCalendar) return text;
  const at = rfc3339(text) ?? relative(text, now);
  if (at !== undefined) return new Date(at).toISOString();
  throw new CommandFailure(`'${text}' is no time.`, {
    exitCode: exitCodes.usage,
    hints: [`Understood: ${reportMomentSyntax}.`],
  });
}

/** A duration as people type it, `90s`, `10m`, `2h`, `1d`: whole seconds. Throws CommandFailure (usage). */
export function parseSeconds(text: string): number {
  const found = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = found?.[2];
  const seconds = Number(found?.[1]);
  if (seconds > 0 && unit === 's') return seconds;
  if (seconds > 0 && (unit === 'm' || unit === 'h' || unit === 'd')) return (seconds * unitMs[unit]) / 1000;
  throw new CommandFailure(`'${text}' is no duration.`, {
    exitCode: exitCodes.usage,
    hints: ['Understood: a whole number above 0 with its unit, such as 90s, 10m, 2h, 1d.'],
  });
}

export interface PeriodOptions {
  readonly from?: string;
  readonly to?: string;
}

/** `--from` and `--to` as RFC 3339 times; what is not given is left out. Throws CommandFailure (usage). */
export function parsePeriod(options: PeriodOptions, now: number): PeriodOptions {
  const from = options.from === undefined ? undefined : parseMoment(options.from, now);
  const to = options.to === undefined ? undefined : parseMoment(options.to, now);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new CommandFailure(`The period is empty: it begins at ${from} and ends before ${to}.`, {
      exitCode: exitCodes.usage,
    });
  }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
