import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { ArchiveFolder, MadeArchive } from '#accounting/ledger/archive/ports.ts';
import { segmentName } from '#accounting/ledger/ports.ts';
import { frameContentBytes, frameOptions, seekTable } from './seekable-archive.ts';
import type { Frame } from './zstd-frames.ts';
import { isMissing, syncFolder } from './folders.ts';

const archiveFolderName = 'archive';
const manifestName = 'manifest.json';
const ownerOnly = 0o600;

// The work is done by threads of libuv; this one only hands the pieces over.
const compressed = promisify(zstdCompress);
const decompressed = promisify(zstdDecompress);

export const archiveFolderOf = (journalFolder: string): string => join(journalFolder, archiveFolderName);
export const archivePath = (journalFolder: string, segment: number): string =>
  join(archiveFolderOf(journalFolder), `${segmentName(segment)}.zst`);

/** The numbers of the files in a folder whose names are a segment's with this ending, ascending; none where it is missing. */
export function numbersIn(folder: string, ending: string): number[] {
  const pattern = /^(\d{8,})\.journal(.*)$/;
  let names: string[] = [];
  try {
    names = fs.readdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return names
    .map((name) => pattern.exec(name))
    .flatMap((found) => (found?.[2] === ending ? [Number(found[1])] : []))
    .toSorted((one, other) => one - other);
}

async function* pieces(handle: FileHandle, sizes: Iterable<number>): AsyncIterable<Buffer> {
  let offset = 0;
  for (const size of sizes) {
    const piece = Buffer.allocUnsafe(size);
    const { bytesRead } = await handle.read(piece, 0, size, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function* forever(size: number): Iterable<number> {
  for (;;) yield size;
}

/** Writes the frames and their table; returns what was written. */
async function writeFrames(from: FileHandle, to: FileHandle): Promise<MadeArchive & { readonly frames: Frame[] }> {
  const content = createHash('sha256');
  const file = createHash('sha256');
  const frames: Frame[] = [];
  for await (const piece of pieces(from, forever(frameContentBytes))) {
    content.update(piece);
    // With its size in it, so that a frame can be read although the table is lost.
    const frame = await compressed(piece, { ...frameOptions, pledgedSrcSize: piece.length });
    file.update(frame);
    await to.writeFile(frame);
    frames.push({ compressed: frame.length, content: piece.length });
  }
  const table = seekTable(frames);
  file.update(table);
  await to.writeFile(table);
  await to.sync();
  const sum = (of: keyof Frame): number => frames.reduce((bytes, frame) => bytes + frame[of], 0);
  return {
    bytes: sum('compressed') + table.length,
    sha256: file.digest('hex'),
    contentBytes: sum('content'),
    contentSha256: content.digest('hex'),
    frames,
  };
}

/** The SHA-256 of what the frames hold, read from the disk. */
async function readBack(path: string, frames: readonly Frame[]): Promise<string> {
  const content = createHash('sha256');
  const handle = await open(path, 'r');
  try {
    for await (const frame of pieces(
      handle,
      frames.map((one) => one.compressed),
    ))
      content.update(await decompressed(frame));
  } finally {
    await handle.close();
  }
  return content.digest('hex');
}

async function digestOf(path: string): Promise<string | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const digest = createHash('sha256');
    for await (const piece of pieces(handle, forever(frameContentBytes))) digest.update(piece);
    return digest.digest('hex');
  } finally {
    await handle.close();
  }
}

/** `archive/` in the journal's folder: `00000001.journal.zst` and so on, and `manifest.json`. */
export function openArchiveFolder(journalFolder: string): ArchiveFolder {
  const folder = archiveFolderOf(journalFolder);
  const manifest = join(folder, manifestName);
  const segmentPath = (segment: number): string => join(journalFolder, segmentName(segment));
  /** One piece of work at a time is compressed, and what a killed process left of another is worth nothing. */
  const unfinished = join(folder, 'unfinished');
  return {
    list: () => numbersIn(folder, '.zst'),
    segments: () => numbersIn(journalFolder, ''),
    async compress(segment) {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const from = await open(segmentPath(segment), 'r');
      const to = await open(unfinished, 'w', ownerOnly);
      try {
        const { frames, ...made } = await writeFrames(from, to);
        if ((await readBack(unfinished, frames)) !== made.contentSha256)
          throw new Error(`What was compressed of ${segmentName(segment)} cannot be read back.`);
        return made;
      } catch (error) {
        // On a full disk it would be in the way of the settles.
        await rm(unfinished, { force: true });
        throw error;
      } finally {
        await Promise.all([from.close(), to.close()]);
      }
    },
    async keep(segment) {
      await rename(unfinished, archivePath(journalFolder, segment));
      await syncFolder(folder);
      await syncFolder(journalFolder);
    },
    digest: async (segment) => await digestOf(archivePath(journalFolder, segment)),
    async removeSegment(segment) {
      await rm(segmentPath(segment), { force: true });
      await syncFolder(journalFolder);
    },
    async removeArchive(segment) {
      await rm(archivePath(journalFolder, segment), { force: true });
      await syncFolder(folder);
    },
    readManifest: () => (fs.existsSync(manifest) ? fs.readFileSync(manifest, 'utf8') : null),
    async writeManifest(text) {
      const fresh = `${manifest}.new`;
      const handle = await open(fresh, 'w', ownerOnly);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(fresh, manifest);
      await syncFolder(folder);
    },
  };
}
