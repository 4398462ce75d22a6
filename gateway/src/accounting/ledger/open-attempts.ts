import type { OpenedAttempt } from '#model/usage-record.ts';
import type { Position } from './ports.ts';

/** Where a group of entries begins, once it is written; one value for all attempts that the group opens. */
export interface Place {
  at: Position | undefined;
}

/** An attempt that was opened and whose settle does not count yet. */
export interface OpenAttempt {
  readonly attempt: OpenedAttempt;
  /** Its members as text, for the settle. */
  readonly text: string;
  readonly place: Place;
  /** Its settle is on its way. */
  settling: boolean;
}

interface Entry extends OpenAttempt {
  readonly hash: number;
  inBucket: Entry | undefined;
  older: Entry | undefined;
  newer: Entry | undefined;
}

function hashOf(id: string): number {
  // Ids begin with the time and end with chance.
  let hash = 0;
  for (let at = Math.max(0, id.length - 6); at < id.length; at += 1) hash = Math.imul(hash, 31) + id.charCodeAt(at);
  return hash >>> 0;
}

/**
 * Open attempts by id, in the order of their opens. Not a Map: a Map that is always being filled and emptied is copied
 * into a new table every few operations, and once the old tables are in V8's old generation, each keeps what it held
 * alive until the next full collection. That made garbage collection a fifth of the journal's work.
 */
export class OpenAttempts {
  #buckets: (Entry | undefined)[] = Array.from({ length: 1024 });
  #size = 0;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  get size(): number {
    return this.#size;
  }

  get oldest(): OpenAttempt | undefined {
    return this.#oldest;
  }

  get(id: string): OpenAttempt | undefined {
    let entry = this.#buckets[hashOf(id) & (this.#buckets.length - 1)];
    while (entry !== undefined && entry.attempt.id !== id) entry = entry.inBucket;
    return entry;
  }

  /** The id must not be in it. */
  add(attempt: OpenedAttempt, text: string, place: Place): void {
    if (this.#size >= this.#buckets.length * 2) this.#grow();
    const hash = hashOf(attempt.id);
    const bucket = hash & (this.#buckets.length - 1);
    const older = this.#newest;
    const inBucket = this.#buckets[bucket];
    const entry: Entry = { attempt, text, place, settling: false, hash, inBucket, older, newer: undefined };
    this.#buckets[bucket] = entry;
    if (older === undefined) this.#oldest = entry;
    else older.newer = entry;
    this.#newest = entry;
    this.#size += 1;
  }

  delete(id: string): void {
    const bucket = hashOf(id) & (this.#buckets.length - 1);
    let before: Entry | undefined;
    let entry = this.#buckets[bucket];
    while (entry !== undefined && entry.attempt.id !== id) {
      before = entry;
      entry = entry.inBucket;
    }
    if (entry === undefined) return;
    if (before === undefined) this.#buckets[bucket] = entry.inBucket;
    else before.inBucket = entry.inBucket;
    this.#unlink(entry);
    this.#size -= 1;
  }

  #unlink(entry: Entry): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // A dead entry of the old generation must not keep its neighbours alive.
    entry.older = undefined;
    entry.newer = undefined;
    entry.inBucket = undefined;
  }

  #grow(): void {
    const buckets: (Entry | undefined)[] = Array.from({ length: this.#buckets.length * 2 });
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) {
      const bucket = entry.hash & (buckets.length - 1);
      entry.inBucket = buckets[bucket];
      buckets[bucket] = entry;
    }
    this.#buckets = buckets;
  }
}
