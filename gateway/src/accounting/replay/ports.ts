import type { RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import type { LimitNode } from '#model/limits.ts';
import type { LedgerSums } from '#accounting/budgets/ports.ts';

/** What is replayed, and where it is read. */
export interface RecordedTraffic {
  /** Records of [from, to) in the order of their admission, those behind `after` only. */
  page(after: RecordKey | null, limit: number): Promise<readonly StoredRecord[]>;
  /** What really stands in the ledger of a node, UTC ms, [from, to): of windows that began before what is replayed. */
  before(asked: { readonly node: LimitNode; readonly from: number; readonly to: number }): Promise<LedgerSums>;
}

/** Whose calls a limit would have refused. */
export interface RefusedRow {
  readonly consumer: string;
  readonly subscription: string;
  /** The limit that would have been told. */
  readonly limit: string;
  readonly code: string;
  /** Requests that would not have been served at all. */
  requests: number;
  /** Calls to an upstream that would not have been made, those of these requests included. */
  attempts: number;
  /** UTC ms. */
  readonly firstAt: number;
  lastAt: number;
  /** What they cost by the ledger, 10^-9 USD. */
  cost: bigint;
  /** Attempts among them whose cost nobody knows. */
  unpriced: number;
}

/** A request that would have been refused, and the limit that it would have been told. */
export interface RefusedOne {
  readonly requestId: string;
  /** UTC ms. */
  readonly at: number;
  readonly consumer: string;
  readonly subscription: string;
  readonly limit: string;
  readonly code: string;
  /** 10^-9 USD; null: not known. */
  readonly cost: bigint | null;
}

/** What the limits under trial would have done to the calls of a period. */
export interface ReplayResult {
  readonly requests: number;
  readonly attempts: number;
  /** What all of it cost by the ledger, 10^-9 USD. */
  readonly cost: bigint;
  readonly refusedRequests: number;
  readonly refusedAttempts: number;
  readonly refusedCost: bigint;
  /** Attempts that were reserved at what they cost, because no budget had reserved for them when they were made. */
  readonly reservedAtCost: number;
  /** The dearest first. */
  readonly rows: readonly RefusedRow[];
  /** The first of the requests that would have been refused. */
  readonly refused: readonly RefusedOne[];
}
