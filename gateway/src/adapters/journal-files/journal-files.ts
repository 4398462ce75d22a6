import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { segmentName, type JournalFiles, type SegmentFile } from '#accounting/ledger/ports.ts';

const namePattern = /^(\d{8,})\.journal$/;
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

/** The journal's segments in a folder, which has to exist: `00000001.journal` and so on. */
export function openJournalFiles(folder: string): JournalFiles {
  const pathOf = (segment: number): string => join(folder, segmentName(segment));
  const readers = new Map<number, number>();
  let reserve: number | undefined;

  const readerOf = (segment: number): number => {
    let handle = readers.get(segment);
    if (handle === undefined) {
      // Reading goes forward: what was read before is done with.
      for (const one of readers.values()) fs.closeSync(one);
      readers.clear();
      handle = fs.openSync(pathOf(segment), 'r');
      readers.set(segment, handle);
    }
    return handle;
  };

  return {
    list: () =>
      fs
        .readdirSync(folder)
        .flatMap((name) => {
          const number = namePattern.exec(name)?.[1];
          return number === undefined ? [] : [{ segment: Number(number), bytes: fs.statSync(join(folder, name)).size }];
        })
        .toSorted((one, other) => one.segment - other.segment),
    read: (from, into) => fs.readSync(readerOf(from.segment), into, 0, into.length, from.offset),
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
      for (const handle of readers.values()) fs.closeSync(handle);
      readers.clear();
      if (reserve !== undefined) fs.closeSync(reserve);
      reserve = undefined;
    },
  };
}
