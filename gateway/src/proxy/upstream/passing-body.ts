import { Readable } from 'node:stream';

/**
 * A request body that is let go piece by piece. The connection keeps the body that it is given until the reply has ended,
 * which for a large prompt and a long stream is much memory for nothing.
 */
export class PassingBody extends Readable {
  static readonly pieceBytes = 64 * 1024;
  #rest: Buffer | undefined;

  constructor(bytes: Buffer) {
    super({ highWaterMark: PassingBody.pieceBytes });
    this.#rest = bytes;
  }

  override _read(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    const { pieceBytes } = PassingBody;
    this.#rest = rest.length > pieceBytes ? rest.subarray(pieceBytes) : undefined;
    this.push(rest.length > pieceBytes ? rest.subarray(0, pieceBytes) : rest);
    if (this.#rest === undefined) this.push(null);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#rest = undefined;
    done(error);
  }
}
