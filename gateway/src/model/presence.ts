/**
 * Whether the client of a request is still there. One per request, fed by the one listener on its connection; whoever
 * works on the request at the moment watches, one at a time.
 */
export class Presence {
  #gone = false;
  #onGone: (() => void) | undefined;

  get gone(): boolean {
    return this.#gone;
  }

  /** `onGone` is called when the client goes, at once where it has gone. Takes the place of an earlier watch. */
  watch(onGone: () => void): void {
    if (this.#gone) onGone();
    else this.#onGone = onGone;
  }

  unwatch(): void {
    this.#onGone = undefined;
  }

  /** The connection is closed, or the answer has been sent whole: whoever still watches is told. */
  leave(): void {
    this.#gone = true;
    const told = this.#onGone;
    this.#onGone = undefined;
    told?.();
  }
}
