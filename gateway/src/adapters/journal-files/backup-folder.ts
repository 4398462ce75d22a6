import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, open, readdir, rename, type FileHandle } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { segmentName } from '#accounting/ledger/ports.ts';
import type { BackupFolder, CopiedFile, JournalFile } from '#accounting/reports/ports.ts';
import { Failure } from '#kernel/errors.ts';
import { numbersIn } from './archive-folder.ts';
import { isMissing, syncFolder } from './folders.ts';

const chunkBytes = 1024 * 1024;
const ownerOnly = 0o600;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';

/** The first `limit` bytes of a file, piece by piece. */
async function* piecesOf(handle: FileHandle, limit: number): AsyncIterable<Buffer> {
  for (let offset = 0; offset < limit;) {
    const piece = Buffer.allocUnsafe(Math.min(chunkBytes, limit - offset));
    const { bytesRead } = await handle.read(piece, 0, piece.length, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** Files of the journal below a data folder: what was archived, its manifest, and the segments themselves. */
function journalFilesIn(dataFolder: string): JournalFile[] {
  const sized = (name: string, segment: number | null): JournalFile[] => {
    const bytes = fs.statSync(join(dataFolder, name), { throwIfNoEntry: false })?.size;
    return bytes === undefined ? [] : [{ name, bytes, segment }];
  };
  return [
    ...sized('journal/archive/manifest.json', null),
    ...numbersIn(join(dataFolder, 'journal', 'archive'), '.zst').flatMap((segment) =>
      sized(`journal/archive/${segmentName(segment)}.zst`, null),
    ),
    ...numbersIn(join(dataFolder, 'journal'), '').flatMap((segment) =>
      sized(`journal/${segmentName(segment)}`, segment),
    ),
  ];
}

/** A backup of a data folder's journal in a folder of its own; only its owner may read it. */
export function openBackupFolder(path: string, dataFolder: string): BackupFolder {
  const pathOf = (name: string): string => join(path, name);
  const digestOf = async (name: string): Promise<CopiedFile> => {
    const handle = await open(pathOf(name), 'r');
    try {
      await handle.sync();
      const digest = createHash('sha256');
      let bytes = 0;
      for await (const piece of piecesOf(handle, Number.POSITIVE_INFINITY)) {
        digest.update(piece);
        bytes += piece.length;
      }
      return { name, bytes, sha256: digest.digest('hex') };
    } finally {
      await handle.close();
    }
  };
  const write = async (name: string, from: FileHandle, limit: number): Promise<CopiedFile> => {
    await mkdir(dirname(pathOf(name)), { recursive: true, mode: 0o700 });
    const to = await open(pathOf(name), 'wx', ownerOnly);
    try {
      const digest = createHash('sha256');
      let bytes = 0;
      for await (const piece of piecesOf(from, limit)) {
        digest.update(piece);
        await to.writeFile(piece);
        bytes += piece.length;
      }
      await to.sync();
      return { name, bytes, sha256: digest.digest('hex') };
    } finally {
      await to.close();
    }
  };
  return {
    async begin() {
      if (!isAbsolute(path)) throw new Failure('admin_invalid', `The folder has to be an absolute path, not ${path}.`);
      try {
        await mkdir(path, { recursive: true, mode: 0o700 });
        if ((await readdir(path)).length === 0) return;
      } catch (error) {
        throw new Failure('admin_invalid', `The folder ${path} cannot be used (${codeOf(error)}).`, { cause: error });
      }
      throw new Failure('admin_invalid', `The folder ${path} is not empty: a backup needs one of its own.`);
    },
    journal: () => journalFilesIn(dataFolder),
    async copy(file, bytes) {
      let from: FileHandle;
      try {
        from = await open(join(dataFolder, file.name), 'r');
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
      try {
        return await write(file.name, from, bytes);
      } finally {
        await from.close();
      }
    },
    pathOf,
    seal: digestOf,
    async finish(manifest) {
      for (const folder of ['journal/archive', 'journal', '.'])
        if (fs.existsSync(pathOf(folder))) await syncFolder(pathOf(folder));
      const handle = await open(pathOf('backup.json.new'), 'wx', ownerOnly);
      try {
        await handle.writeFile(manifest);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(pathOf('backup.json.new'), pathOf('backup.json'));
      await syncFolder(path);
    },
  };
}
