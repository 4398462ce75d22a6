import { seriesColumns, type SeriesColumns } from '../sql/ledger-schema.ts';
import type { RecordRow } from '../sql/ledger-rows.ts';
import { fromStored, linesFromStored } from './text.ts';

/** The same row with its texts as they were before they were stored. */
export function seriesFromStored<Row extends SeriesColumns>(row: Row): Row {
  const plain = { ...row };
  for (const name of seriesColumns) {
    const value: unknown = plain[name];
    if (typeof value === 'string') Object.assign(plain, { [name]: fromStored(value) });
  }
  return plain;
}

export function recordFromStored(row: RecordRow): RecordRow {
  return {
    ...seriesFromStored(row),
    id: fromStored(row.id),
    request_id: fromStored(row.request_id),
    end_user: row.end_user === null ? null : fromStored(row.end_user),
    lines: linesFromStored(row.lines),
  };
}
