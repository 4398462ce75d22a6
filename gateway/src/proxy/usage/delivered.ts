import { EventBoundaries, parseEvent } from '#kernel/sse.ts';

import { DeliveredText } from './counting/delivered-text.ts';
import type { TapOptions } from './tap.ts';

/**
 * Keeps what reached the client until its usage is known, without copying: references to the buffers, up to `keepBytes`
 * (the buffers share their memory with the socket's reads). A long stream does not end there: beyond the limit, its oldest
 * events are boiled down to the text in them, some 2 % of their bytes, at the price of one JSON.parse per further event;
 * `keepBytes` bounds that text too, so twice that is held at most. What comes after both are full is not counted.
 */
export class DeliveredBytes {
  readonly #options: TapOptions;
  readonly #boundaries = new EventBoundaries();
  #condensed: DeliveredText;
  #references: Buffer[] = [];
  #bytes = 0;
  #keeping: boolean;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#condensed = new DeliveredText(options.operation);
    // Of an embedding, nothing can be counted but its input.
    this.#keeping = options.keepBytes > 0 && options.operation !== 'embeddings';
  }

  /** Of a stream: whole events only. */
  add(bytes: Buffer): void {
    if (!this.#keeping) return;
    this.#references.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes > this.#options.keepBytes) this.#makeRoom();
  }

  /** The usage is known: nothing is kept any more. */
  free(): void {
    this.#keeping = false;
    this.#condensed = new DeliveredText(this.#options.operation);
    this.#references = [];
    this.#bytes = 0;
  }

  list(): readonly Buffer[] {
    return [...this.#condensed.toEvents(), ...this.#references];
  }

  #makeRoom(): void {
    if (this.#options.stream && this.#condensed.length < this.#options.keepBytes) this.#condenseOldest();
    else this.#cutNewest();
  }

  #condenseOldest(): void {
    const oldest = this.#references.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.length;
    let from = 0;
    for (let end = this.#boundaries.next(oldest, from); end !== -1; end = this.#boundaries.next(oldest, from)) {
      this.#condensed.addEvent(parseEvent(oldest.subarray(from, end)));
      from = end;
    }
  }

  #cutNewest(): void {
    const excess = this.#bytes - this.#options.keepBytes;
    const newest = this.#references.pop();
    if (newest !== undefined && newest.length > excess)
      this.#references.push(newest.subarray(0, newest.length - excess));
    this.#bytes = this.#options.keepBytes;
    this.#keeping = false;
  }
}
