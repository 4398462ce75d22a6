import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailure, systemErrorCode } from '#failure.ts';

/** A file that appears under its name when it is whole, and leaves nothing behind when it is not. */
export class PartFile {
  readonly #file: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  #state: 'open' | 'closed' | 'gone' = 'open';

  private constructor(file: string, part: string, handle: FileHandle) {
    this.#file = file;
    this.#part = part;
    this.#handle = handle;
  }

  /** Throws CommandFailure where nothing can be written there; so do the other methods. */
  static async open(file: string): Promise<PartFile> {
    const part = `${file}.${process.pid}.part`;
    return await told(file, async () => new PartFile(file, part, await open(part, 'w')));
  }

  async write(piece: Uint8Array): Promise<void> {
    await told(this.#file, async () => await this.#handle.appendFile(piece));
  }

  /** Puts it in its place, where it replaces what was there. */
  async finish(): Promise<void> {
    await told(this.#file, async () => {
      await this.#handle.sync();
      await this.#handle.close();
      this.#state = 'closed';
      await rename(this.#part, this.#file);
      this.#state = 'gone';
    });
  }

  /** Removes what was written, unless it is finished. */
  async discard(): Promise<void> {
    if (this.#state === 'open') await this.#handle.close();
    if (this.#state !== 'gone') await unlink(this.#part);
    this.#state = 'gone';
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
};

async function told<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    throw new CommandFailure(
      `${path.resolve(file)} cannot be written: ${reasons[code] ?? code}. Nothing was written.`,
      {
        cause: thrown,
      },
    );
  }
}
