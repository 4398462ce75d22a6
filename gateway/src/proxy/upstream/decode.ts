import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { ReplySink } from './reply-sink.ts';

/** Undoes a content-encoding that the upstream was asked not to use, flushing whatever each chunk yields. */
export interface Decoder {
  write(chunk: Buffer): void;
  end(): void;
}

const decompressors: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', () => createGunzip({ flush: constants.Z_SYNC_FLUSH })],
  ['x-gzip', () => createGunzip({ flush: constants.Z_SYNC_FLUSH })],
  ['deflate', () => createInflate({ flush: constants.Z_SYNC_FLUSH })],
  ['br', () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
  ['zstd', () => createZstdDecompress()],
]);

/** Undefined where the reply is not compressed. An encoding that nobody can undo ends the reply with an error. */
export function decoderFor(encoding: string | undefined, sink: ReplySink): Decoder | undefined {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return undefined;
  const make = decompressors.get(encoding.trim().toLowerCase());
  if (make === undefined) {
    const refuse = (): void => sink.error(new Error('The reply came in an unknown content-encoding.'));
    return { write: refuse, end: refuse };
  }
  const stream = make();
  stream.on('data', (chunk: Buffer) => sink.data(chunk));
  stream.once('end', () => sink.end());
  stream.once('error', (error) => sink.error(error));
  return {
    write: (chunk) => void stream.write(chunk),
    end: () => void stream.end(),
  };
}
