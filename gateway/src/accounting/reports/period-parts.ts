import { quarterHourMs, type FiguresQuery, type Period } from '#accounting/ledger/ports.ts';

/** A piece of a period and where its figures are read. */
export type PeriodPart = Pick<FiguresQuery, 'source' | 'period'>;

const floor = (time: number): number => Math.floor(time / quarterHourMs) * quarterHourMs;
const ceil = (time: number): number => Math.ceil(time / quarterHourMs) * quarterHourMs;
const isEmpty = ({ period: { from, to } }: PeriodPart): boolean => from !== null && to !== null && from >= to;

/**
 * Whole quarter-hours are read from the roll-ups; what sticks out at either end, and a period that holds no whole one,
 * from the records: so any instants will do, and the figures are exact.
 */
export function periodParts({ from, to }: Period): readonly PeriodPart[] {
  const firstWhole = from === null ? null : ceil(from);
  const lastWhole = to === null ? null : floor(to);
  const whole: PeriodPart = { source: 'roll-ups', period: { from: firstWhole, to: lastWhole } };
  if (firstWhole !== null && lastWhole !== null && firstWhole > lastWhole)
    return [{ source: 'records' as const, period: { from, to } }].filter((part) => !isEmpty(part));
  const parts: PeriodPart[] = [whole];
  if (from !== null) parts.unshift({ source: 'records', period: { from, to: firstWhole } });
  if (to !== null) parts.push({ source: 'records', period: { from: lastWhole, to } });
  return parts.filter((part) => !isEmpty(part));
}
