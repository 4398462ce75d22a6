/**
 * Sets of names that may be larger than memory: every attempt of a ledger, for one. Made for one piece of work, and gone
 * when it is closed.
 */
export interface NameSets {
  /** Adds names to a set, one after the other; tells of each whether it was new. */
  add(set: string, names: readonly string[]): readonly boolean[];
  /** Tells of each name whether it is in the set. */
  has(set: string, names: readonly string[]): readonly boolean[];
  size(set: string): number;
  close(): void;
}
