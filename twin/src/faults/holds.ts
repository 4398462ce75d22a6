/** Replies that wait until somebody lets them go. */
export class Holds {
  private readonly waiting = new Set<{ readonly attempt: string; readonly go: () => void }>();

  get count(): number {
    return this.waiting.size;
  }

  /** Calls `go` once when released; what it returns gives up the place. */
  add(attempt: string, go: () => void): () => void {
    const entry = { attempt, go };
    this.waiting.add(entry);
    return () => this.waiting.delete(entry);
  }

  /** Lets one attempt go, or all; how many they were. */
  release(attempt?: string): number {
    const released = [...this.waiting].filter((entry) => attempt === undefined || entry.attempt === attempt);
    for (const entry of released) {
      this.waiting.delete(entry);
      entry.go();
    }
    return released.length;
  }
}
