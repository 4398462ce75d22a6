import type { Clock, Timer } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { OpenedAttempt, UsageRecord } from '#model/usage-record.ts';
import { adjustmentText, attemptText, openText, settleText, storedSettleText } from './encode-entry.ts';
import { EntryGroup } from './entry-group.ts';
import { FrameBuffer, refuseTooLong } from './framing.ts';
import type { JournalInstruments } from './instruments.ts';
import { OpenAttempts, type OpenAttempt } from './open-attempts.ts';
import type { Adjustment, JournalFiles, Position, StoredRecord } from './ports.ts';
import type { SharedProgress } from './progress.ts';
import type { SegmentAppender } from './segment-appender.ts';

export interface JournalOptions {
  readonly appender: SegmentAppender;
  readonly files: Pick<JournalFiles, 'setAside' | 'giveBack'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly instruments: JournalInstruments;
  readonly progress: Pick<SharedProgress, 'publish' | 'nudge'>;
  /** `process`: an entry counts once it is written; `disk`: once it is synced, too. */
  readonly durability: 'process' | 'disk';
  /** Settles and adjustments that the journal holds already. */
  readonly settles: number;
  /** Attempts that the journal holds without a settle; they may be settled here. */
  readonly openAttempts: readonly OpenedAttempt[];
  /** None of them was opened before it. */
  readonly lowWater: Position;
  /** Called when there is something new for the store's side and it does not know. */
  readonly onWritten: () => void;
}

/** What an open reserves for its settle, bytes: several times an ordinary one. */
const settleRoomBytes = 4096;
/** Room is set aside for so many attempts at a time. */
const roomStep = 512;
const shortestPauseMs = 100;
const longestPauseMs = 5_000;

function unavailable(): Failure {
  return new Failure('ledger_unavailable', 'The call cannot be recorded now, so it is not made.', {
    retryAfterSeconds: 5,
  });
}

function sameAttempt(opened: OpenedAttempt, record: UsageRecord): boolean {
  return (
    opened.caller === record.caller &&
    opened.servedBy === record.servedBy &&
    opened.requestId === record.requestId &&
    opened.attempt === record.attempt &&
    opened.at === record.at &&
    opened.operation === record.operation &&
    opened.stream === record.stream &&
    opened.requestedModel === record.requestedModel &&
    opened.reservedNano === record.reservedNano &&
    opened.priceBook === record.priceBook
  );
}

/**
 * The journal as the request path sees it. Entries of one turn of the event loop are written with one call (group
 * commit). When that fails, nothing more is admitted: opens are refused, settles are kept and tried again until they
 * are written, and admission begins again when they are and there is room for those to come.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #attempts = new OpenAttempts();
  /** What gathers for the next write. */
  #group = new EntryGroup();
  /** The other group: being synced, or spare. */
  #spare = new EntryGroup();
  #settles: number;
  #roomFor = 0;
  #admitting = true;
  #scheduled = false;
  /** Being synced. */
  #syncing: Promise<void> | undefined;
  /** The segment cannot be written to, or what it holds is in doubt. */
  #broken = false;
  /** Groups that failed; the gathering one is not among them. */
  readonly #unwritten: EntryGroup[] = [];
  #mending: Promise<void> | undefined;
  #pause: { readonly timer: Timer; end(): void } | undefined;
  #closing = false;
  #closed = false;

  /** Throws where the room for settles cannot be had. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#settles = options.settles;
    const place = { at: options.lowWater };
    for (const attempt of options.openAttempts) this.#attempts.add(attempt, attemptText(attempt), place);
    this.#makeRoom();
    this.#publish();
  }

  /** False while nothing can be recorded. */
  get admitting(): boolean {
    return this.#admitting && !this.#closing;
  }

  /** When the oldest attempt that is open was admitted, UTC ms; null where none is. */
  get openSince(): number | null {
    return this.#attempts.oldest?.attempt.at ?? null;
  }

  /** See `Ledger.open`: resolves when the entry counts, rejects with `ledger_unavailable`. */
  open(attempt: OpenedAttempt): Promise<void> {
    try {
      if (!this.admitting) throw unavailable();
      if (this.#attempts.get(attempt.id) !== undefined) throw new Error(`The attempt ${attempt.id} is open already.`);
      if (this.#attempts.size >= this.#roomFor) this.#makeRoomOrRefuse();
      const text = attemptText(attempt);
      const group = this.#group;
      group.opens.add(openText(text));
      group.openIds.push(attempt.id);
      this.#attempts.add(attempt, text, group.place);
      this.#schedule();
      group.opened ??= Promise.withResolvers();
      return group.opened.promise;
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * See `Ledger.settle`: resolves when the record counts, however long that takes; rejects where the attempt is not
   * open (it was settled before, or never admitted), where the record holds an amount that is none, and at the
   * journal's end with what could not be written.
   */
  settle(record: UsageRecord): Promise<void> {
    return this.#settle(record.id, (open) =>
      sameAttempt(open.attempt, record) ? settleText(record, open.text) : settleText(record),
    );
  }

  /** Settles an attempt as the store has it: for one whose settle the journal has lost. As `settle`. */
  settleAsStored(record: StoredRecord): Promise<void> {
    return this.#settle(record.id, () => storedSettleText(record));
  }

  #settle(id: string, textOf: (open: OpenAttempt) => string): Promise<void> {
    try {
      if (this.#closed) throw unavailable();
      const open = this.#attempts.get(id);
      if (open === undefined || open.settling)
        throw new Error(`The attempt ${id} is not open: it can be settled only once.`);
      const group = this.#group;
      group.settles.add(textOf(open));
      group.settledIds.push(id);
      open.settling = true;
      this.#schedule();
      group.settled ??= Promise.withResolvers();
      return group.settled.promise;
    } catch (error) {
      this.#options.log.error({ err: error, attempt: id }, 'a record cannot be journalled');
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Books adjustments: resolves when they count. Rejects with `ledger_unavailable` while nothing is admitted (they can
   * wait, unlike the settle of a call that was made), and where one holds an amount that is none, or is too long to be read again; then none is booked.
   */
  book(adjustments: readonly Adjustment[]): Promise<void> {
    try {
      if (!this.admitting) throw unavailable();
      if (adjustments.length === 0) return Promise.resolve();
      const texts = adjustments.map(adjustmentText);
      for (const text of texts) refuseTooLong(text);
      const group = this.#group;
      for (const text of texts) group.settles.add(text);
      group.booked += texts.length;
      this.#schedule();
      group.settled ??= Promise.withResolvers();
      return group.settled.promise;
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Refuses what is new, writes what is waiting, and rejects what cannot be written even now. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#drain();
    while (this.#mending !== undefined) {
      this.#pause?.end();
      await this.#mending;
      // While it was mended, more may have been settled.
      await this.#drain();
    }
    this.#closed = true;
    this.#options.appender.close();
  }

  async #drain(): Promise<void> {
    while (this.#syncing !== undefined || (!this.#group.empty && !this.#broken)) {
      if (this.#syncing === undefined) this.#flush();
      await this.#syncing;
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#broken || this.#syncing !== undefined) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#broken || this.#syncing !== undefined || this.#group.empty) return;
    const group = this.#group;
    const bytes = group.bytes;
    try {
      group.place.at = this.#options.appender.append(bytes);
    } catch (error) {
      this.#fail(error, group);
      return;
    }
    this.#options.instruments.writes.add(1);
    this.#options.instruments.bytes.add(bytes.length);
    if (this.#options.durability === 'disk') this.#syncing = this.#sync(group);
    else this.#succeed(group);
  }

  async #sync(group: EntryGroup): Promise<void> {
    const { clock, instruments, appender } = this.#options;
    this.#group = this.#spare;
    this.#spare = group;
    const began = clock.monotonic();
    try {
      await appender.sync();
      instruments.syncSeconds.observe((clock.monotonic() - began) / 1000);
      this.#succeed(group);
    } catch (error) {
      this.#fail(error, group);
    }
    this.#syncing = undefined;
    this.#flush();
  }

  #succeed(group: EntryGroup): void {
    const { appender, instruments } = this.#options;
    appender.confirm();
    this.#settles += group.settledIds.length + group.booked;
    instruments.opens.add(group.openIds.length);
    instruments.settles.add(group.settledIds.length);
    for (const id of group.settledIds) this.#attempts.delete(id);
    const { opened, settled } = group;
    group.clear();
    this.#publish();
    opened?.resolve();
    settled?.resolve();
  }

  #publish(): void {
    const { progress, appender, onWritten } = this.#options;
    const written = appender.confirmed;
    // Attempts stand in the order of their opens, and one whose group does not count yet lies behind what does.
    const lowWater = this.#attempts.oldest?.place.at ?? written;
    progress.publish({ written, lowWater, settles: this.#settles, openAttempts: this.#attempts.size });
    if (progress.nudge()) onWritten();
  }

  #fail(error: unknown, group: EntryGroup): void {
    const { log, instruments, files } = this.#options;
    instruments.failures.add(1);
    log.error({ err: error }, 'the journal cannot be written: nothing more is admitted');
    this.#broken = true;
    this.#admit(false);
    this.#refuseOpens(group);
    if (group !== this.#group) this.#refuseOpens(this.#group);
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      this.#roomFor = 0;
      files.giveBack();
    }
    if (group !== this.#group) this.#unwritten.push(group);
    this.#mending ??= this.#mend();
  }

  #refuseOpens(group: EntryGroup): void {
    for (const id of group.openIds) this.#attempts.delete(id);
    const { opened } = group;
    group.clearOpens();
    opened?.reject(unavailable());
  }

  #admit(admitting: boolean): void {
    this.#admitting = admitting;
    this.#options.instruments.state.admitting = admitting;
  }

  /** Goes on until the settles are written and there is room for new attempts; at the journal's end, tries once more. */
  async #mend(): Promise<void> {
    const { log } = this.#options;
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const last = this.#closing;
      try {
        await this.#mendOnce();
        log.info({}, 'the journal can be written again');
        this.#mending = undefined;
        this.#admit(true);
        return;
      } catch (error) {
        log.error({ err: error, again: !last }, 'the journal still cannot be written');
        if (last) {
          this.#mending = undefined;
          for (const group of [...this.#unwritten, this.#group]) group.settled?.reject(unavailable());
          return;
        }
      }
      await this.#wait(pauseMs);
    }
  }

  async #mendOnce(): Promise<void> {
    const { appender, durability } = this.#options;
    if (this.#broken) {
      appender.replace();
      if (!this.#group.empty) {
        this.#unwritten.push(this.#group);
        this.#group = new EntryGroup();
      }
      // In one piece, so that all of it stands in the new segment: what the next replacement has to cut off.
      const settles = new FrameBuffer(0);
      for (const group of this.#unwritten) settles.addAll(group.settles);
      if (settles.length > 0) appender.append(settles.bytes);
      if (durability === 'disk') await appender.sync();
      this.#broken = false;
      for (const group of this.#unwritten.splice(0)) this.#succeed(group);
      this.#flush();
    }
    this.#makeRoom();
  }

  async #wait(pauseMs: number): Promise<void> {
    if (this.#closing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = { timer: this.#options.clock.after(pauseMs, resolve), end: resolve };
    await promise;
    this.#pause.timer.cancel();
    this.#pause = undefined;
  }

  /** Sets room aside for the settles of all open attempts and some more. */
  #makeRoom(): void {
    const attempts = (Math.floor(this.#attempts.size / roomStep) + 1) * roomStep;
    this.#options.files.setAside(attempts * settleRoomBytes);
    this.#roomFor = attempts;
  }

  #makeRoomOrRefuse(): void {
    try {
      this.#makeRoom();
    } catch (error) {
      this.#options.log.error({ err: error }, 'no room on disk for the records of more attempts');
      throw unavailable();
    }
  }
}
