import type { ExportKind } from '@tollgate/contract/admin-api/exports.ts';
import { monthName, statementId, type ExportRequest } from './request.ts';
import { monthSpan } from '#accounting/reports/moments.ts';
import type { Span } from './months.ts';

const contentTypes: Readonly<Record<ExportKind, string>> = {
  focus: 'text/csv; charset=utf-8; header=present',
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
  'statement-csv': 'text/csv; charset=utf-8; header=present',
  'statement-html': 'text/html; charset=utf-8',
};

export const contentTypeOf = (kind: ExportKind): string => contentTypes[kind];

/** What the file of an export is called where nobody says otherwise: letters, digits, dots and dashes only. */
export function fileNameOf({ kind, period, facts, costCentrePath }: ExportRequest): string {
  const when = periodName(period, facts.timeZone);
  if (kind === 'focus') return `focus-${when}.csv`;
  if (kind === 'csv' || kind === 'json') return `charges-${when}.${kind}`;
  const id = statementId(costCentrePath ?? facts.organisation, monthName(period, facts.timeZone));
  return `statement-${plain(id)}.${kind.slice('statement-'.length)}`;
}

/** `2026-11` where it is one month, else both ends: `20261101T000000Z-20261108T000000Z`. */
function periodName(period: Span, timeZone: string): string {
  const name = monthName(period, timeZone);
  const month = monthSpan(name, timeZone);
  if (month?.from === period.from && month.to === period.to) return name;
  return [period.from, period.to].map(compact).join('-');
}

const compact = (at: number): string => new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');

const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9.-]+/g, '-');
