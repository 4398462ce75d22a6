import { requestBits, type StoredRecord } from './ports.ts';

/**
 * How distinct requests are counted, although records are attempts.
 *
 * - A request counts (`requests`) where its attempt number 1 was admitted: in that attempt's quarter-hour, under its
 *   caller, endpoint and outcome.
 * - It counts as unpriced, of unknown usage, delivered-only or estimated where its lowest-numbered attempt that is so
 *   was admitted. So the row of a deployment without a price shows what it did, although the request began elsewhere.
 *
 * Each of the five counts is therefore carried by exactly one attempt of a request, whichever period or dimension is
 * asked for: rows add up to totals, and no request is counted twice. A store keeps with every record which counts it
 * carries. It moves a count from a later attempt to an earlier one when they arrive in that order, so that the result
 * does not depend on the order of arrival. The attempts of a request have different numbers.
 */
export function qualifies(record: StoredRecord): number {
  const { measuredInput, measuredOutput } = record;
  const either = (measured: string): boolean => measuredInput === measured || measuredOutput === measured;
  return (
    (record.attempt === 1 ? requestBits.request : 0) |
    (isUnpriced(record) ? requestBits.unpriced : 0) |
    (either('unknown') ? requestBits.unknownUsage : 0) |
    (either('delivered') ? requestBits.deliveredOnly : 0) |
    (either('estimated') ? requestBits.estimated : 0)
  );
}

/** A cost that is missing only because the usage is unknown is told as that. */
function isUnpriced({ costNano, unpriced }: StoredRecord): boolean {
  if (costNano !== null) return false;
  return unpriced.length === 0 || unpriced.some((reason) => reason !== 'usage unknown');
}
