import { write as writeFile } from 'node:fs';
import type { Clock, Timer } from '#kernel/clock.ts';

export interface BufferedOutputOptions {
  /** An open file, pipe or terminal. */
  readonly fd: number;
  readonly clock: Clock;
  /** Lines are handed to the system when so many bytes are there, or so many ms after the first of them. */
  readonly blockBytes?: number;
  readonly delayMs?: number;
  /** What may wait for a reader that does not read; what is beyond is dropped and counted. */
  readonly mostWaitingBytes?: number;
}

/**
 * Where log lines go: collected in blocks and written asynchronously, so that a line costs a copy and no system call,
 * and a terminal or a pipe that nobody reads never stops a request. A destination of pino's.
 *
 * Not pino's own: it measures its whole buffer again with every line (found by a CPU profile; a quarter of what a
 * governed request cost was that).
 */
export class BufferedOutput {
  readonly #options: Required<BufferedOutputOptions>;
  #block: Buffer;
  #used = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing = false;
  #timer: Timer | undefined;
  #idle: (() => void)[] = [];
  #dropped = 0;

  constructor(options: BufferedOutputOptions) {
    this.#options = { blockBytes: 64 * 1024, delayMs: 500, mostWaitingBytes: 16 * 1024 * 1024, ...options };
    this.#block = Buffer.allocUnsafeSlow(this.#options.blockBytes);
  }

  /** Lines that could not be kept because nobody read. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    // A character takes at most three bytes of UTF-8 for each of its UTF-16 units.
    const most = line.length * 3;
    if (most > this.#block.length - this.#used) this.#close();
    if (most > this.#block.length) {
      this.#enqueue(Buffer.from(line));
      return;
    }
    this.#used += this.#block.write(line, this.#used);
    this.#timer ??= this.#options.clock.after(this.#options.delayMs, () => this.#close());
  }

  /** Resolves when everything so far is with the system, or can never be. */
  flush(): Promise<void> {
    this.#close();
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** Ends the block that is being filled. */
  #close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#used === 0) return;
    const full = this.#block.subarray(0, this.#used);
    this.#block = Buffer.allocUnsafeSlow(this.#options.blockBytes);
    this.#used = 0;
    this.#enqueue(full);
  }

  #enqueue(bytes: Buffer): void {
    if (this.#waitingBytes + bytes.length > this.#options.mostWaitingBytes) {
      this.#dropped += bytes.toString().split('\n').length - 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#writing) this.#writeNext();
  }

  #writeNext(): void {
    const [next] = this.#waiting;
    this.#writing = next !== undefined;
    if (next === undefined) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    writeFile(this.#options.fd, next, (error, written) => this.#wrote(next, error, written));
  }

  #wrote(bytes: Buffer, error: NodeJS.ErrnoException | null, written: number): void {
    if (error !== null && error.code === 'EAGAIN') {
      // A pipe that is full for now.
      this.#options.clock.after(10, () => this.#writeNext());
      return;
    }
    // Whatever else is wrong with the output (a closed pipe, a full disk), requests go on without their lines.
    const taken = error === null ? written : bytes.length;
    if (error !== null) this.#dropped += bytes.toString().split('\n').length - 1;
    this.#waitingBytes -= taken;
    if (taken < bytes.length) this.#waiting[0] = bytes.subarray(taken);
    else this.#waiting.shift();
    this.#writeNext();
  }
}
