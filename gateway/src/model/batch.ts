import type { ChargedTo, ServedBy } from './usage-record.ts';

/** A batch that was begun, and is not in the ledger yet with what its lines used. */
export interface PendingBatch {
  /** Of the attempt that began it: UTC ms, and its id. Lines count at this time. */
  readonly at: number;
  readonly id: string;
  readonly requestId: string;
  readonly caller: ChargedTo;
  readonly servedBy: ServedBy;
  /** As the caller named the model. */
  readonly requestedModel: string;
  /** The resource's id; null where no reply told it: it has to be looked for. */
  readonly upstreamId: string | null;
  /** What is held for all its lines, 10^-9 USD; null where no budget reserved anything. */
  readonly reservedNano: bigint | null;
}

/** What the ledger has of a line. `lost`: a record that was opened and never finished. */
export type LineState = 'missing' | 'lost' | 'recorded';

/** Which records somebody still has to end. */
export interface UnendedQuery {
  /** As records name it. */
  readonly operation: string;
  /** UTC ms: from here on. */
  readonly from: number;
  /** The id of the adjustment that ends a record is this and the record's id. */
  readonly ends: string;
}

/** A store of records, as whoever ends them sees it. */
export interface UnendedRecords<Stored> {
  /**
   * Records of an operation that do not know their cost, and that no adjustment has ended, in the order of (`at`, `id`).
   * Reads the records of that operation alone.
   */
  unended(query: UnendedQuery): Promise<readonly Stored[]>;
}
