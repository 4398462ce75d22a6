import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { EntryDecoder, LaterVersion } from './decode-entry.ts';
import { isOpen, JournalReader } from './journal-reader.ts';
import {
  isBefore,
  StoreElsewhere,
  type Checkpoint,
  type JournalFiles,
  type LedgerSink,
  type Position,
  type ShippedEntry,
  type Shipping,
} from './ports.ts';
import type { SharedProgress } from './progress.ts';
import { nothingShipped, readEntry, usableCheckpoint } from './recovery.ts';
import { qualifies } from './request-counts.ts';
import { nextTurn } from '#kernel/turn.ts';

export interface OutboxOptions {
  readonly files: JournalFiles;
  readonly store: LedgerSink;
  readonly progress: Pick<SharedProgress, 'written' | 'lowWater' | 'settles' | 'look' | 'ship'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Waiter {
  readonly target: Position;
  resolve(reached: boolean): void;
}

/** After a nudge, so long is waited for more to come: a transaction costs more than its records. */
const gatherMs = 50;
const batchRecords = 1000;
const shortestPauseMs = 250;
const longestPauseMs = 30_000;

/**
 * Carries settles and adjustments from the journal's files into the store, in the journal's order. Where it stands is stored with the
 * records, in the same transaction; whatever is read twice changes nothing. A store that fails is tried again for ever,
 * while its backlog waits in the journal and shows as lag.
 */
export class Outbox implements Shipping {
  readonly #options: OutboxOptions;
  readonly #decoder = new EntryDecoder();
  #reader: JournalReader | undefined;
  #instance = '';
  #batch: ShippedEntry[] = [];
  /** There is more than the latest batch could take, or it has to go again. */
  #again = false;
  #settles = 0;
  #shipped: Position = { segment: 0, offset: 0 };
  #stored: Position = { segment: 0, offset: 0 };
  /** Where the store was left; undefined where it knows nothing of the journal. */
  #left: Position | undefined;
  /** The furthest that this outbox has ever shipped. */
  #furthest: Position = { segment: 0, offset: 0 };
  #waiters: Waiter[] = [];
  #gathering: Timer | undefined;
  /** One piece of work with journal and store at a time. */
  #work: Promise<void> = Promise.resolve();
  #pumping = false;
  #closed = false;
  #endPause: () => void = () => undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The place that the store itself knows of: where another outbox would go on. */
  get stored(): Position {
    return this.#stored;
  }

  /** Begins where the store stands; `instance` is the journal's id. Nothing is shipped before. Once is enough. */
  async start(instance: string): Promise<void> {
    const stored = await this.#options.store.checkpoint(instance);
    if (this.#reader !== undefined) return;
    this.#instance = instance;
    this.#goOnFrom(stored);
    this.#tellProgress();
    // Who asked before the start may wait for nothing.
    this.#tellWaiters();
    this.#pump();
  }

  /** There is more in the journal. */
  nudge(): void {
    // While it is pumping it looks for more by itself.
    if (this.#reader === undefined || this.#closed || this.#pumping) return;
    this.#pumpAfter(gatherMs);
  }

  /** Resolves with true once everything journalled before the call is in the store, with false after `timeoutMs`. */
  async caughtUp(timeoutMs: number): Promise<boolean> {
    const target = this.#options.progress.written();
    if (!isBefore(this.#shipped, target)) return true;
    if (timeoutMs <= 0 || this.#closed) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiters.push({ target, resolve });
    const timer = this.#options.clock.after(timeoutMs, () => resolve(false));
    this.#pump();
    const reached = await promise;
    timer.cancel();
    this.#waiters = this.#waiters.filter((one) => one.resolve !== resolve);
    return reached;
  }

  /** Runs the work while nothing is shipped; `shipped` is how far the store has followed. */
  async hold<Result>(work: (shipped: Position) => Promise<Result>): Promise<Result> {
    return await this.#inTurn(async () => await work(this.#shipped));
  }

  /**
   * Ships the whole journal again, from its beginning: the store adds what it lacks and leaves alone what it has. That it
   * begins again is stored first, so that another outbox would go on with it. Resolves when shipping has begun again.
   */
  async reship(): Promise<void> {
    const { files, store } = this.#options;
    await this.#inTurn(async () => {
      const beginning = nothingShipped(files, this.#instance);
      await store.append([], beginning);
      this.#goOnFrom(beginning);
    });
    this.#pump();
  }

  /**
   * The store may have been put back, or another one stand in its place, that lacks what this one had: that is shipped
   * again. Whoever ships finds out by itself; this is for when there is nothing to ship. Rejects where the store cannot
   * be asked.
   */
  async lookAgain(): Promise<void> {
    if (this.#reader === undefined || this.#closed) return;
    // The store can be asked again, it seems.
    this.#endPause();
    await this.#inTurn(async () => {
      if (this.#closed || this.#batch.length > 0) return;
      // As with a batch: the store refuses what does not go on from where it stands.
      if (this.#lacks(await this.#options.store.checkpoint(this.#instance))) await this.#append(this.#shipped);
    });
    this.#pump();
  }

  /** Whether the store stands before the place where it was left. */
  #lacks(stored: Checkpoint | null): boolean {
    if (this.#left === undefined) return false;
    return stored === null || isBefore(stored.shipped, this.#left);
  }

  #goOnFrom(stored: Checkpoint | null): void {
    const { files } = this.#options;
    const { settles, shipped } = usableCheckpoint(stored, files, this.#instance);
    this.#batch = [];
    this.#settles = settles;
    this.#shipped = shipped;
    this.#stored = shipped;
    this.#left = stored?.shipped;
    this.#reader = new JournalReader(files, shipped);
  }

  /** Nothing is shipped any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Where shipping has got to. */
  get shipped(): Position {
    return this.#shipped;
  }

  /** Ends the shipping where it stands. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#gathering?.cancel();
    this.#endPause();
    await this.#inTurn(async () => {
      if (this.#batch.length === 0 && isBefore(this.#stored, this.#shipped)) await this.#append(this.#shipped);
    });
    for (const one of this.#waiters) one.resolve(false);
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(work);
    this.#work = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }

  #pump(): void {
    if (this.#pumping || this.#reader === undefined || this.#closed) return;
    this.#pumping = true;
    void this.#pumpAll();
  }

  async #pumpAll(): Promise<void> {
    const { progress, log } = this.#options;
    let pauseMs = shortestPauseMs;
    try {
      for (let begun = false; !this.#closed;) {
        // First, so that whatever is written after the next line brings a nudge.
        progress.look();
        if (!isBefore(this.#shipped, progress.written())) break;
        if (begun && !this.#isBehind()) {
          this.#pumpAfter(gatherMs);
          break;
        }
        const stored = await this.#inTurn(async () => await this.#shipBatch());
        if (!stored) {
          // Not in turn: reports do not wait for a store that refuses records.
          await this.#pause(pauseMs);
          pauseMs = Math.min(pauseMs * 2, longestPauseMs);
          continue;
        }
        pauseMs = shortestPauseMs;
        begun = true;
        this.#tellWaiters();
        // Calls of the other thread are answered in between.
        await nextTurn();
      }
    } catch (error) {
      log.error({ error: String(error) }, 'the journal cannot be read; the store does not follow');
      // What a later version wrote may not be skipped. Anything else may pass.
      if (error instanceof LaterVersion) this.#closed = true;
      else this.#pumpAfter(longestPauseMs);
    }
    this.#pumping = false;
  }

  /**
   * Whether the next batch goes at once: one that is kept, one behind a full one, or one that somebody waits for. Under load
   * a few have always come meanwhile: shipped at once, and then the ones that come during that, they cost more than a
   * large batch.
   */
  #isBehind(): boolean {
    return this.#again || this.#batch.length > 0 || this.#waiters.length > 0;
  }

  #pumpAfter(ms: number): void {
    this.#gathering ??= this.#options.clock.after(ms, () => {
      this.#gathering = undefined;
      this.#pump();
    });
  }

  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = this.#options.clock.after(ms, resolve);
    await promise;
    timer.cancel();
  }

  /** False where the store refuses the batch, which is kept for the next time. */
  async #shipBatch(): Promise<boolean> {
    const { log } = this.#options;
    const reader = this.#reader;
    if (reader === undefined) return true;
    this.#gather(reader);
    this.#again = this.#batch.length === batchRecords;
    if (this.#batch.length > 0) {
      try {
        if (!(await this.#append(reader.position))) return true;
      } catch (error) {
        log.error({ error: String(error), records: this.#batch.length }, 'the store refuses records; trying again');
        return false;
      }
      this.#batch = [];
    }
    const { segment, offset } = this.#shipped;
    if (!isBefore(this.#shipped, reader.position))
      throw new Error(`The journal ends at ${segment}:${offset}, before what was written.`);
    this.#shipped = reader.position;
    this.#tellProgress();
    return true;
  }

  /** False where the store did not stand where it was left; then it is tried again from where it stands. */
  async #append(to: Position): Promise<boolean> {
    try {
      await this.#options.store.append(this.#batch, this.#checkpoint(to), this.#left);
    } catch (error) {
      if (!(error instanceof StoreElsewhere)) throw error;
      await this.#findStore(to);
      return false;
    }
    this.#stored = to;
    this.#left = to;
    return true;
  }

  async #findStore(to: Position): Promise<void> {
    const { store, log } = this.#options;
    this.#again = true;
    const left = this.#left;
    const stored = await store.checkpoint(this.#instance);
    if (stored === null || this.#lacks(stored)) {
      log.error({ left, stored: stored?.shipped }, 'the store was put back: what it has lost is shipped again');
      this.#goOnFrom(stored);
      this.#tellProgress();
      return;
    }
    // Up to there it is the batch itself, whose answer was lost. All of it is told again, and adds nothing twice.
    this.#left = stored.shipped;
    if (isBefore(to, stored.shipped))
      log.error(
        { to, stored: stored.shipped },
        'somebody else ships this journal: does a second gateway run on a copy?',
      );
  }

  /** What is shipped once more is no backlog: the store had it. */
  #tellProgress(): void {
    const { progress } = this.#options;
    // Before the position: what is counted by now stands before it. Of archives that were removed nobody counts it again.
    const counted = progress.settles();
    if (!isBefore(this.#shipped, progress.written())) this.#settles = Math.max(this.#settles, counted);
    if (isBefore(this.#furthest, this.#shipped)) this.#furthest = this.#shipped;
    progress.ship(this.#settles, this.#furthest);
  }

  #gather(reader: JournalReader): void {
    const until = this.#options.progress.written();
    while (this.#batch.length < batchRecords) {
      const scanned = reader.next(until);
      if (scanned === undefined) return;
      if (scanned.kind !== 'record' || !isOpen(scanned.json)) this.#take(readEntry(scanned, this.#decoder));
    }
  }

  #take(read: ReturnType<typeof readEntry>): void {
    if (read.kind !== 'entry') {
      this.#options.log.error({ at: read.at, bytes: read.bytes }, 'damage in the journal');
      return;
    }
    const { entry } = read;
    if (entry.kind === 'settle')
      this.#batch.push({ kind: 'usage', record: entry.record, qualifies: qualifies(entry.record) });
    else if (entry.kind === 'adjustment') this.#batch.push(entry);
    else return;
    this.#settles += 1;
  }

  #checkpoint(shipped: Position): Checkpoint {
    return {
      instance: this.#instance,
      shipped,
      lowWater: this.#options.progress.lowWater(),
      settles: this.#settles,
    };
  }

  #tellWaiters(): void {
    for (const one of this.#waiters) if (!isBefore(this.#shipped, one.target)) one.resolve(true);
  }
}
