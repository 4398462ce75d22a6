const lineFeed = 0x0a;

/** Cuts what arrives in pieces into lines. What is no whole line yet is kept as it came and joined once, however long it is. */
export class LineSplitter {
  #pieces: Buffer[] = [];
  #pending = 0;

  /** Bytes of a line whose end has not come. */
  get pending(): number {
    return this.#pending;
  }

  /** The lines that end within these bytes, without their line feed. */
  *push(bytes: Buffer): Generator<Buffer> {
    let from = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, from)) {
      const piece = bytes.subarray(from, end);
      from = end + 1;
      yield this.#joined(piece);
    }
    if (from === bytes.length) return;
    this.#pieces.push(bytes.subarray(from));
    this.#pending += bytes.length - from;
  }

  /** What came behind the last line feed. */
  end(): Buffer {
    return this.#joined(Buffer.alloc(0));
  }

  #joined(last: Buffer): Buffer {
    if (this.#pieces.length === 0) return last;
    const line = Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pending = 0;
    return line;
  }
}
