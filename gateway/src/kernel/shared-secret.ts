/** Bytes of a secret, at most; a vault holds no longer ones. */
const mostBytes = 32 * 1024;
const cells = { version: 0, bytes: 1, refusals: 2 } as const;
const headBytes = Object.keys(cells).length * 4;

/**
 * A secret that one thread sets and others read at any moment, also one that is started later: nobody sends a message for
 * it. Whoever was refused with it says so, and the thread that sets it looks for another one.
 */
export class SharedSecret {
  /** Given to the other thread, which makes its own SharedSecret of it. */
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer = new SharedArrayBuffer(headBytes + mostBytes)) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer, 0, Object.keys(cells).length);
    this.#bytes = new Uint8Array(buffer, headBytes);
  }

  /** Whether there is room for it. */
  static holds(text: string): boolean {
    return Buffer.byteLength(text) <= mostBytes;
  }

  /** For one thread alone. Throws where it is too long, and then nothing has changed. */
  set(text: string): void {
    if (!SharedSecret.holds(text)) throw new Error(`A secret of more than ${mostBytes / 1024} KiB is no password.`);
    const bytes = Buffer.from(text);
    // Odd while it is written.
    Atomics.add(this.#cells, cells.version, 1);
    this.#bytes.set(bytes);
    Atomics.store(this.#cells, cells.bytes, bytes.length);
    Atomics.add(this.#cells, cells.version, 1);
  }

  get(): string {
    for (;;) {
      const version = Atomics.load(this.#cells, cells.version);
      const text = Buffer.from(this.#bytes.slice(0, Atomics.load(this.#cells, cells.bytes))).toString();
      if (version % 2 === 0 && version === Atomics.load(this.#cells, cells.version)) return text;
    }
  }

  /** Whoever asked for it was refused with it. */
  refuse(): void {
    Atomics.add(this.#cells, cells.refusals, 1);
  }

  /** How often; grows. */
  refusals(): number {
    return Atomics.load(this.#cells, cells.refusals);
  }
}
