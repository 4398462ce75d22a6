import type { UsageReport } from '@tollgate/contract/usage.ts';
import { grouped } from '#output/money.ts';
import type { Line } from './columns.ts';

const startOf = (line: Line): string => line.bucket?.from ?? '';

/** The rows of a report, and behind those of each bucket what is left of it. */
export function linesOf(report: UsageReport): readonly Line[] {
  const rows = report.rows.map((row): Line => ({ ...row, names: report.by.map((one) => row.keys[one] ?? '') }));
  const names = [`(the other ${grouped(report.restGroups)})`];
  const rest = report.rest.map((row): Line => ({ ...row, names }));
  // Sorting is stable: the rest of a bucket stays behind its rows.
  return [...rows, ...rest].toSorted((one, other) => startOf(one).localeCompare(startOf(other)));
}

/** The total under a table. */
export function totalLine({ bucketLength, total }: UsageReport): Line {
  return bucketLength === null
    ? { ...total, bucket: null, names: ['total'] }
    : { ...total, bucket: null, names: [], title: 'total' };
}
