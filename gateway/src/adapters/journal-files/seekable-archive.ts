import fs from 'node:fs';
import { constants, zstdDecompressSync } from 'node:zlib';
import { readExactly, walkFrames, type Frame } from './zstd-frames.ts';

/**
 * The format of an archive: Zstandard frames, each of them a piece of the segment, and behind them a seek table in a
 * skippable frame (the "Zstandard seekable format", 0.1.0). So `zstd -d` turns it back into the segment, and any byte can
 * be read by decompressing one frame, whatever the segment's size.
 */

/** Bytes of a segment that make one frame: what a reader holds in memory. */
export const frameContentBytes = 1024 * 1024;
/** With a checksum over every frame, so that a flipped bit is noticed where it is. */
export const frameOptions = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

const skippableMagic = 0x184d2a5e;
const seekableMagic = 0x8f92eab1;
const headerBytes = 8;
const entryBytes = 8;
const footerBytes = 9;

export function seekTable(frames: readonly Frame[]): Buffer {
  const table = Buffer.alloc(headerBytes + frames.length * entryBytes + footerBytes);
  table.writeUInt32LE(skippableMagic, 0);
  table.writeUInt32LE(table.length - headerBytes, 4);
  for (const [at, frame] of frames.entries()) {
    table.writeUInt32LE(frame.compressed, headerBytes + at * entryBytes);
    table.writeUInt32LE(frame.content, headerBytes + at * entryBytes + 4);
  }
  const footer = table.length - footerBytes;
  table.writeUInt32LE(frames.length, footer);
  table.writeUInt8(0, footer + 4);
  table.writeUInt32LE(seekableMagic, footer + 5);
  return table;
}

/** Throws where the file has no seek table that describes it. */
function readSeekTable(handle: number): readonly Frame[] {
  const { size } = fs.fstatSync(handle);
  if (size < headerBytes + footerBytes) throw new Error('The archive is too short to be one.');
  const footer = readExactly(handle, size - footerBytes, footerBytes);
  const count = footer.readUInt32LE(0);
  const tableBytes = headerBytes + count * entryBytes + footerBytes;
  if (footer.readUInt32LE(5) !== seekableMagic || footer.readUInt8(4) !== 0 || tableBytes > size)
    throw new Error('The archive has no seek table.');
  const table = readExactly(handle, size - tableBytes, tableBytes);
  const frames = Array.from({ length: count }, (_, at) => ({
    compressed: table.readUInt32LE(headerBytes + at * entryBytes),
    content: table.readUInt32LE(headerBytes + at * entryBytes + 4),
  }));
  const described = frames.reduce((sum, frame) => sum + frame.compressed, 0);
  if (table.readUInt32LE(0) !== skippableMagic || described + tableBytes !== size)
    throw new Error('The seek table of the archive describes another file.');
  if (frames.some((frame) => frame.content > frameContentBytes || frame.content === 0))
    throw new Error('The archive has a frame of a size that was never written.');
  return frames;
}

/** An archive whose table is damaged, or that was cut off, still has frames. */
function framesIn(handle: number): readonly Frame[] {
  try {
    return readSeekTable(handle);
  } catch {
    return walkFrames(handle, frameContentBytes);
  }
}

/** An archive as its segment was. */
export interface ArchivedSegment {
  /** Bytes of the segment. */
  readonly bytes: number;
  /** Reads into the buffer from an offset; returns the bytes read, 0 at the end. */
  read(offset: number, into: Uint8Array): number;
  close(): void;
}

class OpenArchive implements ArchivedSegment {
  readonly bytes: number;
  readonly #handle: number;
  /** Where each frame begins, in the file and in the segment. */
  readonly #frames: readonly (Frame & { readonly at: number; readonly from: number })[];
  #latest: { readonly frame: Frame; readonly content: Buffer } | undefined;

  constructor(handle: number) {
    this.#handle = handle;
    let at = 0;
    let from = 0;
    this.#frames = framesIn(handle).map((frame) => {
      const placed = { ...frame, at, from };
      at += frame.compressed;
      from += frame.content;
      return placed;
    });
    this.bytes = from;
  }

  read(offset: number, into: Uint8Array): number {
    const frame = this.#frames.findLast((one) => one.from <= offset);
    if (frame === undefined || offset >= frame.from + frame.content) return 0;
    if (this.#latest?.frame !== frame) this.#latest = { frame, content: this.#contentOf(frame) };
    const piece = this.#latest.content.subarray(offset - frame.from, offset - frame.from + into.length);
    into.set(piece);
    return piece.length;
  }

  close(): void {
    fs.closeSync(this.#handle);
  }

  /** A frame that cannot be read is zeros: its reader finds damage of that length, and goes on behind it. */
  #contentOf({ at, compressed, content }: Frame & { readonly at: number }): Buffer {
    try {
      const bytes = zstdDecompressSync(readExactly(this.#handle, at, compressed), { maxOutputLength: content });
      if (bytes.length === content) return bytes;
    } catch {
      // Told by the reader as damage, and by the digest of the whole file.
    }
    return Buffer.alloc(content);
  }
}

/** Of a damaged archive it is what can be read, which may be nothing. Throws the system's error. */
export function openArchive(path: string): ArchivedSegment {
  const handle = fs.openSync(path, 'r');
  try {
    return new OpenArchive(handle);
  } catch (error) {
    fs.closeSync(handle);
    throw error;
  }
}
