/** An attempt whose request is counted apart, because its usage or its price is in doubt; `bits` are `requestBits`. */
interface FlaggedAttempt {
  readonly id: string;
  readonly requestId: string;
  readonly bits: number;
}

/** What an attempt's bits are from a correction on; the one that was booked last holds. */
export interface CorrectedAttempt extends FlaggedAttempt {
  readonly bookedAt: number;
  readonly correction: string;
}

/**
 * What a verification has to remember of every record: it may be larger than memory. Made for one verification, and gone
 * when it is closed.
 */
export interface VerificationScratch {
  /** Adds names to a set, one after the other; tells of each whether it was new. */
  add(set: 'records' | 'adjustments', names: readonly string[]): readonly boolean[];
  /** Tells of each name whether it is in the set. */
  has(set: 'records' | 'adjustments', names: readonly string[]): readonly boolean[];
  flag(attempts: readonly FlaggedAttempt[]): void;
  correct(attempts: readonly CorrectedAttempt[]): void;
  /** How many requests have an attempt with the bit. */
  requestsWith(bit: number): number;
  close(): void;
}

/** A file of a backup. */
export interface CopiedFile {
  /** Below the backup's folder; `journal/00000001.journal` for one. */
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** A file that a backup takes from the data folder. */
export interface JournalFile {
  /** Below the data folder. */
  readonly name: string;
  readonly bytes: number;
  /** The number of the segment whose own file it is; null for archives and their manifest. */
  readonly segment: number | null;
}

/** A new folder that a backup is written to. What a method has written survives a power failure when it resolves. */
export interface BackupFolder {
  /** Rejects with a `Failure` where the folder is not empty, or cannot be made. */
  begin(): Promise<void>;
  /** The files of the journal as they are now, archives first. */
  journal(): readonly JournalFile[];
  /** Copies a file of the journal, the first `bytes` of it; null where it is there no longer. */
  copy(file: JournalFile, bytes: number): Promise<CopiedFile | null>;
  /** The place of a file that somebody else writes. */
  pathOf(name: string): string;
  /** Syncs a file that somebody else has written, and reads it. */
  seal(name: string): Promise<CopiedFile>;
  /** Makes the folder a backup. */
  finish(manifest: string): Promise<void>;
}

/** How the store is copied while it is used. */
export type StoreCopy =
  | {
      readonly kind: 'sqlite';
      /** Its size now. */
      bytes(): number;
      /** Writes a database of one moment to the path; that moment is not before the call. */
      copyTo(path: string, onBytes: (done: number) => void): Promise<void>;
    }
  /** A server of its own, with tools of its own. */
  | { readonly kind: 'postgresql' };
