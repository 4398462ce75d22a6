import { z } from 'zod';
import { parseJson } from '#kernel/json.ts';

const bytes = z.int().nonnegative();
const moment = z.int();
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const archiveEntrySchema = z.strictObject({
  segment: z.int().positive(),
  /** The segment before it; null for the journal's first. */
  follows: z.int().positive().nullable(),
  /** When the segment after it was begun, UTC ms. */
  closedAt: moment,
  /** Of the archive's file. */
  bytes,
  sha256: digest,
  /** Of the segment. */
  contentBytes: bytes,
  contentSha256: digest,
  /** Records and adjustments in it, and when the first and the last record was admitted, UTC ms; null: there is none. */
  settles: z.int().nonnegative(),
  adjustments: z.int().nonnegative(),
  from: moment.nullable(),
  to: moment.nullable(),
  /** UTC ms. */
  archivedAt: moment,
  /** When retention removed it, UTC ms; null while it is kept. */
  removedAt: moment.nullable(),
});
export type ArchiveEntry = Readonly<z.infer<typeof archiveEntrySchema>>;

const manifestSchema = z.strictObject({ version: z.literal(1), archives: z.array(archiveEntrySchema) });

/** The manifest is there and cannot be understood; nothing is archived or removed until it is. */
export class UnreadableManifest extends Error {
  override readonly name = 'UnreadableManifest';
  constructor() {
    super('The manifest of the archived segments cannot be read: put it back from a backup.');
  }
}

/** Every archive that was ever made, ascending; also those that retention has removed. Throws `UnreadableManifest`. */
export function readManifest(text: string | null): readonly ArchiveEntry[] {
  if (text === null) return [];
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new UnreadableManifest();
  return parsed.data.archives.toSorted((one, other) => one.segment - other.segment);
}

export function manifestText(archives: readonly ArchiveEntry[]): string {
  return `${JSON.stringify({ version: 1, archives }, undefined, 1)}\n`;
}

/** What retention has removed, added up; null where it has removed nothing. */
export interface RemovedArchives {
  readonly segments: number;
  readonly records: number;
  readonly adjustments: number;
  /** When the first and the last of the records were admitted, UTC ms; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** The last segment of them. */
  readonly last: number;
}

export function removedArchives(archives: readonly ArchiveEntry[]): RemovedArchives | null {
  const removed = archives.filter((one) => one.removedAt !== null);
  const last = removed.at(-1);
  if (last === undefined) return null;
  const times = removed.flatMap(({ from, to }) => (from === null || to === null ? [] : [from, to]));
  return {
    segments: removed.length,
    records: removed.reduce((sum, one) => sum + one.settles, 0),
    adjustments: removed.reduce((sum, one) => sum + one.adjustments, 0),
    from: times.length === 0 ? null : Math.min(...times),
    to: times.length === 0 ? null : Math.max(...times),
    last: last.segment,
  };
}
