/** A segment's archive as it was made. Sizes in bytes, digests SHA-256 in hex. */
export interface MadeArchive {
  /** Of the archive's file. */
  readonly bytes: number;
  readonly sha256: string;
  /** Of the segment that was compressed. */
  readonly contentBytes: number;
  readonly contentSha256: string;
}

/** An archived segment, as it is found. */
export interface AuditedArchive {
  readonly segment: number;
  /** `removed`: by retention; `altered`: its digest is not the manifest's; `unlisted`: the manifest does not know it. */
  readonly state: 'sound' | 'removed' | 'missing' | 'altered' | 'unlisted';
  readonly records: number;
  readonly adjustments: number;
  /** When the last of the records was admitted, UTC ms; null where there is none, or it is not known. */
  readonly to: number | null;
}

/**
 * The folder of archived segments and its manifest. What a method has done survives a power failure when it resolves.
 * Every method rejects, or throws, with the system's error.
 */
export interface ArchiveFolder {
  /** The segments whose archive lies in the folder, ascending. */
  list(): readonly number[];
  /** The segments whose own file lies in the journal, ascending. */
  segments(): readonly number[];
  /** Compresses a whole segment to a place of its own and reads it back; rejects where that is not what was compressed. */
  compress(segment: number): Promise<MadeArchive>;
  /** Makes what was compressed last the segment's archive, in the place of any other. */
  keep(segment: number): Promise<void>;
  /** The SHA-256 of an archive's file; null where there is none. */
  digest(segment: number): Promise<string | null>;
  /** Removes the segment's own file, or its archive, where it is there. */
  removeSegment(segment: number): Promise<void>;
  removeArchive(segment: number): Promise<void>;
  /** Null where there is no manifest yet. */
  readManifest(): string | null;
  /** Puts the text in the manifest's place: afterwards there is the old one or the new one, never a part. */
  writeManifest(text: string): Promise<void>;
}
