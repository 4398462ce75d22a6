/** Who works on a request, and is told when its client goes. */
export interface Watcher {
  clientLeft(): void;
}

/**
 * Whether the client of a request is still there. One per request, fed by the one listener on its connection; whoever
 * works on the request at the moment watches, one at a time.
 */
export class Presence {
  #gone = false;
  #watcher: Watcher | undefined;

  get gone(): boolean {
    return this.#gone;
  }

  /** Tells `watcher` when the client goes, at once where it has gone. It takes the place of an earlier one. */
  watch(watcher: Watcher): void {
    if (this.#gone) watcher.clientLeft();
    else this.#watcher = watcher;
  }

  unwatch(): void {
    this.#watcher = undefined;
  }

  /** The connection is closed, or the answer has been sent whole: whoever still watches is told. */
  leave(): void {
    this.#gone = true;
    const told = this.#watcher;
    this.#watcher = undefined;
    told?.clientLeft();
  }
}
