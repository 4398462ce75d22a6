import type { Measured, UsageRecord } from './usage-record.ts';

function isExact(measured: Measured): boolean {
  return measured === 'reported' || measured === 'tokenized' || measured === 'none';
}

/** Whether nobody can say what an attempt used. */
export function isUsageUnknown(record: Pick<UsageRecord, 'measuredInput' | 'measuredOutput'>): boolean {
  return record.measuredInput === 'unknown' || record.measuredOutput === 'unknown';
}

/** Whether what an attempt used is known to the token, rather than a lower bound, an estimate, or unknown. */
export function isUsageExact(record: Pick<UsageRecord, 'measuredInput' | 'measuredOutput'>): boolean {
  return isExact(record.measuredInput) && isExact(record.measuredOutput);
}

/**
 * What stays debited of a settled attempt beside its cost, 10^-9 USD: of a call whose usage is not known exactly, all
 * that was reserved for it less what is known to have been spent, because that much it may have cost.
 */
export function heldOf(
  record: Pick<UsageRecord, 'measuredInput' | 'measuredOutput' | 'reservedNano'> & { readonly costNano: bigint | null },
): bigint {
  const { reservedNano, costNano } = record;
  if (reservedNano === null || (costNano !== null && isUsageExact(record))) return 0n;
  const rest = reservedNano - (costNano ?? 0n);
  return rest > 0n ? rest : 0n;
}
