import { dayMs, quarterHourMs, type FigureSpan, type Period } from '#model/figures.ts';

const ceil = (time: number | null, unit: number): number | null =>
  time === null ? null : Math.ceil(time / unit) * unit;
const floor = (time: number | null, unit: number): number | null =>
  time === null ? null : Math.floor(time / unit) * unit;
const holds = (from: number | null, to: number | null): boolean => from === null || to === null || from < to;

interface Cut {
  readonly period: Period;
  readonly unit: number;
  /** Where whole units are read, and where the ends that stick out are. */
  readonly whole: (period: Period) => readonly Omit<FigureSpan, 'bucket'>[];
  readonly ends: (period: Period) => readonly Omit<FigureSpan, 'bucket'>[];
}

function cut({ period, unit, whole, ends }: Cut): readonly Omit<FigureSpan, 'bucket'>[] {
  if (!holds(period.from, period.to)) return [];
  const [first, last] = [ceil(period.from, unit), floor(period.to, unit)];
  if (!holds(first, last)) return ends(period);
  return [
    ...(period.from === first ? [] : ends({ from: period.from, to: first })),
    ...whole({ from: first, to: last }),
    ...(period.to === last ? [] : ends({ from: last, to: period.to })),
  ];
}

const reading =
  (source: FigureSpan['source']) =>
  (period: Period): readonly Omit<FigureSpan, 'bucket'>[] => [{ ...period, source }];

/**
 * Whole days (UTC) are read from the days' roll-ups, the quarter-hours that are left from theirs, and what sticks out of
 * those from the records: so any instants will do, and the figures are exact.
 */
export function figureSpans(period: Period, bucket = 0): readonly FigureSpan[] {
  const quarters = (whole: Period) =>
    cut({ period: whole, unit: dayMs, whole: reading('days'), ends: reading('quarters') });
  return cut({ period, unit: quarterHourMs, whole: quarters, ends: reading('records') }).map((span) => ({
    ...span,
    bucket,
  }));
}

/** The same for cost lines, which are added up per day only. */
export function lineSpans(period: Period): readonly FigureSpan[] {
  return cut({ period, unit: dayMs, whole: reading('days'), ends: reading('records') }).map((span) => ({
    ...span,
    bucket: 0,
  }));
}
