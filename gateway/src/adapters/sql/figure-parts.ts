import { dayMs, quarterHourMs, type FigureDimension, type FiguresQuery, type FigureSpan } from '#model/figures.ts';
import type { RowKind } from './figure-columns.ts';
import { seriesKeys } from './series-filter.ts';

/** A table that holds something of a source; `unit`: what its time column counts, ms. */
export interface Part {
  readonly source: FigureSpan['source'];
  readonly kind: RowKind;
  readonly table: string;
  readonly time: string;
  readonly unit: number;
}

const parts: readonly Part[] = [
  { source: 'records', kind: 'record', table: 'usage_record', time: 'at', unit: 1 },
  { source: 'records', kind: 'posting', table: 'ledger_posting', time: 'at', unit: 1 },
  { source: 'quarters', kind: 'rollUp', table: 'usage_quarter', time: 'quarter', unit: quarterHourMs },
  { source: 'days', kind: 'rollUp', table: 'usage_day', time: 'day', unit: dayMs },
];

/** An adjustment belongs to the end user of the record that it adjusts. */
export const endUserOf: Readonly<Record<RowKind, string>> = {
  record: 'usage_record.end_user',
  posting: `(select record.end_user from ledger_adjustment join usage_record as record
    on record.at = of_at and record.id = of_id where ledger_adjustment.id = ledger_posting.adjustment)`,
  rollUp: 'null',
};

/** What a row with `series`, `outcome` and `end_user_key` is called in a dimension. */
export function keyOf(dimension: FigureDimension): string {
  if (dimension === 'outcome') return 'outcome';
  return dimension === 'end-user' ? "coalesce(end_user_key, '')" : seriesKeys[dimension];
}

export const usesEndUser = ({ by, filter }: FiguresQuery): boolean =>
  by.includes('end-user') || filter.some((one) => one.dimension === 'end-user');

/** The parts that spans are read from. Throws where roll-ups cannot tell what only records can. */
export function usedParts({ spans }: Pick<FiguresQuery, 'spans'>, recordsOnly: boolean): readonly Part[] {
  if (recordsOnly && spans.some((one) => one.source !== 'records'))
    throw new TypeError('Roll-ups know neither end users nor journals: such a query reads records.');
  return parts.filter((part) => spans.some((span) => span.source === part.source));
}
