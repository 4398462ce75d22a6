import fs from 'node:fs';

/** A Zstandard frame: its bytes in the file, and the bytes that it turns back into. */
export interface Frame {
  readonly compressed: number;
  readonly content: number;
}

/** Throws where the file ends before. */
export function readExactly(handle: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let taken = 0;
  while (taken < length) {
    const count = fs.readSync(handle, bytes, taken, length - taken, offset + taken);
    if (count === 0) throw new Error('The archive ends before its frames do.');
    taken += count;
  }
  return bytes;
}

const magic = 0xfd2fb528;
const blockHeaderBytes = 3;
const checksumBytes = 4;
const runLength = 1;
const longestHeaderBytes = 18;

/** What stands at the beginning of a frame (RFC 8878, 3.1.1.1); undefined where none begins, or its size is not told. */
function headerOf(
  bytes: Buffer,
): { readonly length: number; readonly content: number; readonly checksum: boolean } | undefined {
  if (bytes.length < longestHeaderBytes || bytes.readUInt32LE(0) !== magic) return undefined;
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  const checksum = (descriptor & 4) !== 0;
  if (sizeFlag === 0) return singleSegment ? { length: at + 1, content: bytes.readUInt8(at), checksum } : undefined;
  if (sizeFlag === 1) return { length: at + 2, content: bytes.readUInt16LE(at) + 256, checksum };
  if (sizeFlag === 2) return { length: at + 4, content: bytes.readUInt32LE(at), checksum };
  return { length: at + 8, content: Number(bytes.readBigUInt64LE(at)), checksum };
}

/** The frame that begins at the offset; undefined where no whole one does. */
function frameAt(handle: number, offset: number, size: number): Frame | undefined {
  if (offset + longestHeaderBytes > size) return undefined;
  const header = headerOf(readExactly(handle, offset, longestHeaderBytes));
  if (header === undefined) return undefined;
  let at = offset + header.length;
  for (let last = false; !last;) {
    if (at + blockHeaderBytes > size) return undefined;
    const block = readExactly(handle, at, blockHeaderBytes).readUIntLE(0, blockHeaderBytes);
    last = (block & 1) !== 0;
    at += blockHeaderBytes + (((block >> 1) & 3) === runLength ? 1 : block >> 3);
  }
  at += header.checksum ? checksumBytes : 0;
  return at > size ? undefined : { compressed: at - offset, content: header.content };
}

/** The whole frames at the file's beginning, found by their headers; none larger than `longest` was ever written. */
export function walkFrames(handle: number, longest: number): readonly Frame[] {
  const { size } = fs.fstatSync(handle);
  const frames: Frame[] = [];
  for (let offset = 0; ;) {
    const frame = frameAt(handle, offset, size);
    if (frame === undefined || frame.content === 0 || frame.content > longest) return frames;
    frames.push(frame);
    offset += frame.compressed;
  }
}
