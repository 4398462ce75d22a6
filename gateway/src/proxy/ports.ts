import type { Admission, Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { CallTrace, TracedCall } from '#model/call-trace.ts';
import type { LineState, PendingBatch } from '#model/batch.ts';
import type { Cost } from '#model/money.ts';
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

/** Limits that a call has passed, or is passing. */
export interface PassedLimits {
  /** Headers that say what remains: name, value, name, value … */
  headers(): readonly string[];
  /** The request is over. */
  end(): void;
}

/** The limits and budgets that one request passes. */
export interface RequestLimits extends PassedLimits {
  /**
   * Reserves for one attempt, admitted at `at` (UTC ms), in everything that the caller passes or in nothing. Not a
   * promise where nobody has to be asked. Throws or rejects with the Failure to tell.
   */
  reserve(at: number): Reservation | Promise<Reservation>;
  /** Attempts that are reserved for from now on are of this admission: the call falls back to another model. */
  follow(admission: Admission): void;
}

/** The limits of a call that uses no tokens and costs nothing. */
interface UnmeteredLimits extends PassedLimits {
  /** Counts it as a request, and as one under way; `at`: UTC ms. Rejects with the Failure to tell. */
  admit(at: number): Promise<void>;
}

/** The most that calls may use; null: nothing bounds it, or nobody knows the price. */
export interface MostUsed {
  /** 10^-9 USD. */
  readonly nano: bigint | null;
  /** Input and output together. */
  readonly tokens: number | null;
}

/** What the ledger knows of batches: which are not metered yet, and what of their lines it has. */
export interface BatchBook {
  /**
   * Null where another gateway follows batches, or the ledger does not know everything yet. `now`: UTC ms. `leaseMs`: how
   * long the others keep away, from the last sign of work on.
   */
  pending(asked: { readonly now: number; readonly leaseMs: number }): Promise<readonly PendingBatch[] | null>;
  /** Of records by their keys, in their order; null where another gateway has taken over meanwhile. */
  lineStates(keys: readonly { readonly at: number; readonly id: string }[]): Promise<readonly LineState[] | null>;
  /** All lines of a batch are recorded: what is held for it is given back. `cost`: of a batch without any line. Once. */
  end(batch: { readonly at: number; readonly id: string }, cost: Cost): Promise<void>;
  /** Whether what a batch used is in the ledger; `attemptId`: of the attempt that began it. Rejects where nobody can say. */
  isMetered(attemptId: string): Promise<boolean>;
}

/** The limits and budgets that one batch passes. */
interface BatchLimits extends PassedLimits {
  /** A budget of money is among them: what is held must be reckoned with the prices in force. */
  readonly ofMoney: boolean;
  /** As `RequestLimits.reserve`, for all lines at once. */
  reserve(at: number): Promise<Reservation>;
}

/** Limits and budgets as the request path sees them. */
export interface Limits {
  /** The most that a call may use which is admitted at `at` (UTC ms). */
  mostOf(admission: Admission, at: number): MostUsed;
  /**
   * For a batch: it is one request. Tokens per minute are not for batches, which the provider runs when it can; quotas of
   * tokens must have room for `most`, and count what was used when the batch has ended.
   */
  beginBatch(caller: Caller, arrival: Arrival, most: MostUsed): BatchLimits;
  /** A record that nothing was reserved for by itself, such as a line of a batch: it counts from now on. */
  recorded(record: UsageRecord): void;
  /** Costs nothing until something is reserved. */
  begin(admission: Admission): RequestLimits;
  /**
   * For a call that leaves no record: it passes the limits on requests per period and on requests under way. Quotas are
   * counted from records, so they do not know it.
   */
  beginUnmetered(caller: Caller, arrival: Arrival): UnmeteredLimits;
}

/** Where the traces of calls go. Neither method waits for anybody, and neither throws. */
export interface Telemetry {
  /** Decides whether a call is kept, by what its caller says of its trace (`traceparent`, `tracestate`); undefined: it is not. */
  begin(headers: Readonly<Record<string, string | readonly string[] | undefined>>): CallTrace | undefined;
  /** The call is over, with everything that was sent for it. */
  end(call: TracedCall): void;
}

/** Where the line of each request goes. */
export interface RequestLog {
  /** `members`: of a JSON object, without its braces. */
  write(members: string): void;
}
