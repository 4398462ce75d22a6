import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { segmentName, type JournalFiles, type ListedSegment, type SegmentFile } from '#accounting/ledger/ports.ts';
import { archiveFolderOf, archivePath, numbersIn } from './archive-folder.ts';
import { openArchive } from './seekable-archive.ts';
import { isMissing } from './folders.ts';

const reserveName = 'reserve';
const zeros = Buffer.alloc(64 * 1024);

/** Resolves or rejects as the callback is called; `fs.promises` would open a second handle. */
async function completed(start: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    start((error) => (error === null ? resolve() : reject(error)));
  });
}

function segmentFile(handle: number): SegmentFile {
  return {
    write: (bytes, offset) => fs.writeSync(handle, bytes, 0, bytes.length, offset),
    sync: async () => await completed((done) => fs.fdatasync(handle, done)),
    truncate: (bytes) => fs.ftruncateSync(handle, bytes),
    close: () => fs.closeSync(handle),
  };
}

async function syncEntries(folder: string): Promise<void> {
  const handle = fs.openSync(folder, 'r');
  try {
    await completed((done) => fs.fsync(handle, done));
  } finally {
    fs.closeSync(handle);
  }
}

/** A file of real zeros, because a sparse one would reserve nothing. */
function fill(handle: number, from: number, to: number): void {
  for (let at = from; at < to; at += zeros.length) {
    const length = Math.min(zeros.length, to - at);
    if (fs.writeSync(handle, zeros, 0, length, at) < length) throw new Error('The disk takes nothing more.');
  }
}

interface SegmentReader {
  read(offset: number, into: Uint8Array): number;
  close(): void;
}

/** Undefined where there is no such file. */
function openIfThere(path: string): number | undefined {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The segment's own file, or its archive where it has been archived. */
function openSegment(folder: string, segment: number): SegmentReader {
  const handle = openIfThere(join(folder, segmentName(segment)));
  if (handle === undefined) return openArchive(archivePath(folder, segment));
  return {
    read: (offset, into) => fs.readSync(handle, into, 0, into.length, offset),
    close: () => fs.closeSync(handle),
  };
}

/** The size of an archived segment. One that cannot be read is empty to its readers, who then miss it. */
function archivedBytes(path: string): number {
  try {
    const archive = openArchive(path);
    archive.close();
    return archive.bytes;
  } catch {
    return 0;
  }
}

/**
 * The journal's segments in a folder, which has to exist: `00000001.journal` and so on. A segment that was archived is
 * read from its archive.
 */
export function openJournalFiles(folder: string): JournalFiles {
  const pathOf = (segment: number): string => join(folder, segmentName(segment));
  /** An archive does not change while it is one. */
  const archived = new Map<number, number>();
  let open: { readonly segment: number; readonly reader: SegmentReader } | undefined;
  let reserve: number | undefined;

  // Reading goes forward: what was read before is done with.
  const readerOf = (segment: number): SegmentReader => {
    if (open?.segment === segment) return open.reader;
    open?.reader.close();
    open = undefined;
    open = { segment, reader: openSegment(folder, segment) };
    return open.reader;
  };

  const archives = (own: ReadonlySet<number>): ListedSegment[] =>
    numbersIn(archiveFolderOf(folder), '.zst').flatMap((segment) => {
      if (own.has(segment)) return [];
      const bytes = archived.get(segment) ?? archivedBytes(archivePath(folder, segment));
      archived.set(segment, bytes);
      return [{ segment, bytes, archived: true }];
    });

  return {
    list() {
      const own = numbersIn(folder, '').flatMap((segment) => {
        // One that was archived since the folder was read stands among the archives by now.
        const bytes = fs.statSync(pathOf(segment), { throwIfNoEntry: false })?.size;
        return bytes === undefined ? [] : [{ segment, bytes, archived: false }];
      });
      const others = archives(new Set(own.map((one) => one.segment)));
      return [...others, ...own].toSorted((one, other) => one.segment - other.segment);
    },
    read: (from, into) => readerOf(from.segment).read(from.offset, into),
    create: (segment) => segmentFile(fs.openSync(pathOf(segment), 'wx', 0o600)),
    append: (segment) => segmentFile(fs.openSync(pathOf(segment), 'r+')),
    remove: (segment) => fs.unlinkSync(pathOf(segment)),
    async syncFolder() {
      // The folder's own name stands in the one above it, and may be as new as the segment.
      await syncEntries(folder);
      await syncEntries(dirname(folder));
    },
    setAside(bytes) {
      reserve ??= fs.openSync(join(folder, reserveName), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
      const has = fs.fstatSync(reserve).size;
      try {
        fill(reserve, has, bytes);
      } catch (error) {
        fs.ftruncateSync(reserve, has);
        throw error;
      }
    },
    giveBack() {
      if (reserve !== undefined) fs.ftruncateSync(reserve, 0);
    },
    close() {
      open?.reader.close();
      open = undefined;
      if (reserve !== undefined) fs.closeSync(reserve);
      reserve = undefined;
    },
  };
}
