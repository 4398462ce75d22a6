import type { ReplyIds } from './routing/affinity/reply-ids.ts';
import type { RelayTap } from './upstream/ports.ts';

/** A tap whose bytes get the client's ids on their way out; what it meters are the upstream's own. */
export class SealingTap implements RelayTap {
  readonly #inner: RelayTap;
  readonly #ids: ReplyIds;
  #held: { readonly bytes: Buffer | undefined } | undefined;

  constructor(inner: RelayTap, ids: ReplyIds) {
    this.#inner = inner;
    this.#ids = ids;
  }

  push(chunk: Buffer): Buffer | undefined {
    const passed = this.#inner.push(chunk);
    return passed === undefined ? undefined : this.#ids.push(passed);
  }

  end(): void {
    this.#inner.end();
  }

  get terminal(): boolean {
    return this.#inner.terminal;
  }

  held(): Buffer | undefined {
    this.#held ??= { bytes: this.#ids.end(this.#inner.held()) };
    return this.#held.bytes;
  }
}
