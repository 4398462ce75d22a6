import { nothingUsed, type UsageFigures, type UsageReport } from '@tollgate/contract/usage.ts';

/** A row by one dimension. */
export const rowOf = (
  keys: UsageReport['rows'][number]['keys'],
  figures: Partial<UsageFigures> = {},
): UsageReport['rows'][number] => ({
  ...nothingUsed,
  key: Object.values(keys)[0] ?? '',
  bucket: null,
  keys,
  ...figures,
});

/** A report by consumer, changed where the test says so. */
export function reportOf(change: Partial<UsageReport> = {}): UsageReport {
  return {
    by: ['consumer'],
    bucketLength: null,
    timeZone: 'UTC',
    from: null,
    to: null,
    filter: [],
    layer: 'contracted',
    currency: { code: 'USD', rates: [{ from: null, perUsd: '1' }] },
    rows: [],
    rest: [],
    restGroups: 0,
    next: null,
    total: nothingUsed,
    roundingDifference: '0',
    lag: { records: 0, openAttempts: 0 },
    ...change,
  };
}
