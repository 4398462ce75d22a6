import type { Admission } from '#model/admission.ts';
import type { UsageRecord } from '#model/usage-record.ts';

/** What is held for one attempt. Ends with exactly one of `settle` and `release`. */
export interface Reservation {
  /** What budgets of money hold for it, 10^-9 USD; null where the caller has none. */
  readonly nano: bigint | null;
  /** The attempt's record counts. */
  settle(record: UsageRecord): void;
  /** The attempt was never sent. */
  release(): void;
}

/** The limits and budgets that one request passes. */
export interface RequestLimits {
  /**
   * Reserves for one attempt, admitted at `at` (UTC ms), in everything that the caller passes or in nothing. Not a
   * promise where nobody has to be asked. Throws or rejects with the Failure to tell.
   */
  reserve(at: number): Reservation | Promise<Reservation>;
  /** Headers that say what remains: name, value, name, value … */
  headers(): readonly string[];
  /** The request is over. */
  end(): void;
}

/** Limits and budgets as the request path sees them. */
export interface Limits {
  /** Costs nothing until something is reserved. */
  begin(admission: Admission): RequestLimits;
}
