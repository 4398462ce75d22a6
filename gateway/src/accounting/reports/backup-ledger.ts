import type { BackupReport } from '@tollgate/contract/admin-api/ledger.ts';
import type { BackupManifest } from '@tollgate/contract/backup.ts';
import type { JournalProgress, Position } from '#accounting/ledger/ports.ts';
import type { BackupFolder, CopiedFile, JournalFile, StoreCopy } from './ports.ts';

export interface BackupSources {
  readonly target: { readonly path: string; readonly folder: BackupFolder };
  readonly store: StoreCopy;
  readonly progress: Pick<JournalProgress, 'written'>;
  /** UTC ms. */
  readonly now: () => number;
  readonly onProgress: (done: number, total: number) => void;
}

const storeName = 'tollgate.sqlite';

const notesOn: Readonly<Record<StoreCopy['kind'], readonly string[]>> = {
  sqlite: [],
  postgresql: [
    'The store is PostgreSQL and not in this backup: back it up with pg_dump, before each backup of the journal.',
    'A database that is older than the journal catches up by itself; one that is newer holds records without a journal.',
  ],
};

const size = (files: readonly { readonly bytes: number }[]): number => files.reduce((sum, file) => sum + file.bytes, 0);

/**
 * Copies store and journal while they are used. The store comes first: its copy then never knows of anything that the
 * copied journal lacks, and what the journal has beyond it is shipped by the next start. The journal is copied as far as
 * it counts after that, which is the moment of the backup. Nothing may archive or remove segments meanwhile.
 */
export async function backupLedger(sources: BackupSources): Promise<BackupReport> {
  const { target, store, progress, now } = sources;
  const { folder } = target;
  await folder.begin();
  const storeBytes = store.kind === 'sqlite' ? store.bytes() : 0;
  const total = storeBytes + size(folder.journal());
  let done = 0;
  const tell = (bytes: number): void => sources.onProgress(Math.min(total, done + bytes), total);
  const files: CopiedFile[] = [];
  tell(0);
  if (store.kind === 'sqlite') {
    await store.copyTo(folder.pathOf(storeName), tell);
    files.push(await folder.seal(storeName));
    done = storeBytes;
  }
  const end = progress.written();
  const madeAt = new Date(now()).toISOString();
  for (const file of folder.journal()) {
    const copied = await copyOf(folder, file, end);
    if (copied === null) continue;
    files.push(copied);
    done += copied.bytes;
    tell(0);
  }
  const manifest: BackupManifest = { version: 1, madeAt, store: store.kind, files };
  await folder.finish(`${JSON.stringify(manifest, undefined, 1)}\n`);
  return {
    folder: target.path,
    madeAt,
    files: files.length,
    bytes: size(files),
    store: store.kind,
    storeCopied: store.kind === 'sqlite',
    notes: [...notesOn[store.kind]],
  };
}

/** What stands behind `end` does not count yet. */
async function copyOf(folder: BackupFolder, file: JournalFile, end: Position): Promise<CopiedFile | null> {
  if (file.segment === null || file.segment < end.segment) return await folder.copy(file, file.bytes);
  return file.segment === end.segment ? await folder.copy(file, end.offset) : null;
}
