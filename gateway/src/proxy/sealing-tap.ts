import type { ReplyContents } from './routing/affinity/reply-contents.ts';
import type { ReplyIds } from './routing/affinity/reply-ids.ts';
import type { RelayTap } from './upstream/ports.ts';

/** A tap whose bytes get the client's ids, and tags before encrypted content, on their way out; what it meters are the upstream's own. */
export class SealingTap implements RelayTap {
  readonly #inner: RelayTap;
  readonly #ids: ReplyIds;
  readonly #contents: ReplyContents | undefined;
  #held: { readonly bytes: Buffer | undefined } | undefined;

  constructor(inner: RelayTap, ids: ReplyIds, contents: ReplyContents | undefined) {
    this.#inner = inner;
    this.#ids = ids;
    this.#contents = contents;
  }

  push(chunk: Buffer): Buffer | undefined {
    const passed = this.#inner.push(chunk);
    const named = passed === undefined ? undefined : this.#ids.push(passed);
    return named === undefined || this.#contents === undefined ? named : this.#contents.push(named);
  }

  end(): void {
    this.#inner.end();
  }

  get terminal(): boolean {
    return this.#inner.terminal;
  }

  held(): Buffer | undefined {
    this.#held ??= { bytes: this.#last() };
    return this.#held.bytes;
  }

  #last(): Buffer | undefined {
    const named = this.#ids.end(this.#inner.held());
    return this.#contents === undefined ? named : this.#contents.end(named);
  }
}
