import { readManifest, UnreadableManifest, type ArchiveEntry } from './manifest.ts';
import type { ArchiveFolder, AuditedArchive } from './ports.ts';

type Folder = Pick<ArchiveFolder, 'list' | 'segments' | 'digest' | 'readManifest'>;

async function stateOf(
  folder: Folder,
  entry: ArchiveEntry,
  own: ReadonlySet<number>,
): Promise<AuditedArchive['state']> {
  if (entry.removedAt !== null) return 'removed';
  const digest = await folder.digest(entry.segment);
  if (digest === entry.sha256) return 'sound';
  // While its segment is there, the archive is not needed, and is made anew.
  if (own.has(entry.segment)) return 'sound';
  return digest === null ? 'missing' : 'altered';
}

/** Every archive of the manifest or the folder, ascending, read whole; null where the manifest cannot be read. */
export async function auditArchives(folder: Folder): Promise<readonly AuditedArchive[] | null> {
  let entries: readonly ArchiveEntry[];
  try {
    entries = readManifest(folder.readManifest());
  } catch (error) {
    if (error instanceof UnreadableManifest) return null;
    throw error;
  }
  const own = new Set(folder.segments());
  const audited: AuditedArchive[] = [];
  for (const entry of entries) {
    const { segment, settles: records, adjustments, to } = entry;
    audited.push({ segment, state: await stateOf(folder, entry, own), records, adjustments, to });
  }
  const listed = new Set(entries.map((one) => one.segment));
  for (const segment of folder.list())
    if (!listed.has(segment) && !own.has(segment))
      audited.push({ segment, state: 'unlisted', records: 0, adjustments: 0, to: null });
  return audited.toSorted((one, other) => one.segment - other.segment);
}
