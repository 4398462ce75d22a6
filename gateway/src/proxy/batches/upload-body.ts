import { Readable } from 'node:stream';

/** The body of an upload on its way to a resource: takes no more than the resource does. */
export class UploadBody extends Readable {
  #wake: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 64 * 1024 });
    this.once('close', () => this.#go());
    // Whoever sends it is told by the request itself.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#go();
  }

  /** Resolves when more may be written; does nothing where the request is over. */
  async write(bytes: Buffer): Promise<void> {
    if (this.destroyed || this.push(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  finish(): void {
    if (!this.destroyed) this.push(null);
  }

  #go(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
