import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { OneAtATime } from '#kernel/one-at-a-time.ts';
import { SteadyClock } from '#kernel/steady-clock.ts';
import { journalAudit } from '../journal-audit.ts';
import { segmentName, type JournalFiles, type Position } from '../ports.ts';
import { headerOf } from '../recovery.ts';
import { manifestText, readManifest, type ArchiveEntry } from './manifest.ts';
import type { ArchiveFolder } from './ports.ts';
import { nextTurn } from '#kernel/turn.ts';

export interface ArchiverOptions {
  readonly folder: ArchiveFolder;
  /** Handles of the archiver's own. */
  readonly files: JournalFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Whatever touches the files of whole segments takes turns here. */
  readonly turns: OneAtATime;
  /** Everything before it stands in the store for good, and no attempt is open there. */
  done(): Position;
  /** How long a segment stays as it is after the next one was begun, ms. */
  readonly afterMs: number;
  /** How long an archive is kept after it was made, ms; null: for ever. */
  readonly keepForMs: number | null;
}

/** A clock that has jumped is usually set right within minutes; only then is anything thrown away by it. */
const steadyEnoughMs = 3_600_000;
const itemsPerTurn = 500;

/** Of two clock readings the later one: a clock that stood at the year 1970 for a while makes no archive old. */
const keptSince = ({ closedAt, archivedAt }: ArchiveEntry): number => Math.max(closedAt, archivedAt);

type Counted = Pick<ArchiveEntry, 'settles' | 'adjustments' | 'from' | 'to'>;

/**
 * Turns segments that are done with into archives, and removes archives that have been kept long enough. Every step
 * leaves something to go on from, whatever ends the process behind it:
 *
 * 1. compress beside the archive, sync, read back   (ended here: done again)
 * 2. rename to the archive                          (ended here: there are both; done again)
 * 3. write the manifest                             (ended here: there are both; the segment's own file goes)
 * 4. remove the segment's own file
 *
 * and for removal: write it down in the manifest, remove the archive (ended between: removed the next time).
 */
export class Archiver {
  readonly #options: ArchiverOptions;
  readonly #steady: SteadyClock;
  #closed = false;
  /** The step that is under way. */
  #step: Promise<unknown> = Promise.resolve();

  constructor(options: ArchiverOptions) {
    this.#options = options;
    this.#steady = new SteadyClock(options.clock);
  }

  /** Does what is due. Rejects where a file cannot be read or written; call it again later. */
  async tidy(): Promise<void> {
    const { folder } = this.#options;
    const steady = this.#steady.steadyForMs() >= steadyEnoughMs;
    await this.#inTurn(async () => await this.#finish());
    for (const segment of folder.segments()) {
      const archived = await this.#inTurn(async () => await this.#archive(segment));
      // Segments close in their order: where one is not due, the next is not either.
      if (archived !== true) break;
    }
    if (steady) await this.#inTurn(async () => await this.#removeOld());
  }

  /** Lets the step under way end; begins no other, and does not wait for whoever else has the turn. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#step.catch(() => undefined);
  }

  /** Undefined where the archiver was closed before its turn came. */
  async #inTurn<Result>(step: () => Promise<Result>): Promise<Result | undefined> {
    return await this.#options.turns.run(async () => {
      if (this.#closed) return undefined;
      const running = step();
      this.#step = running;
      return await running;
    });
  }

  /** What an earlier process did not come to. */
  async #finish(): Promise<void> {
    const { folder } = this.#options;
    const own = new Set(folder.segments());
    const archives = new Set(folder.list());
    for (const entry of readManifest(folder.readManifest())) {
      if (entry.removedAt !== null && archives.has(entry.segment)) await folder.removeArchive(entry.segment);
      if (own.has(entry.segment) && (await folder.digest(entry.segment)) === entry.sha256)
        await folder.removeSegment(entry.segment);
    }
  }

  async #archive(segment: number): Promise<boolean> {
    const { folder, files, clock, log, afterMs } = this.#options;
    if (segment >= this.#options.done().segment) return false;
    const closedAt = this.#closedAt(segment);
    if (closedAt === null || closedAt + afterMs > clock.now()) return false;
    const follows = headerOf(files, segment)?.follows ?? null;
    const counted = await this.#count(segment);
    const made = await folder.compress(segment);
    await folder.keep(segment);
    const entry: ArchiveEntry = {
      segment,
      follows,
      closedAt,
      ...made,
      ...counted,
      archivedAt: clock.now(),
      removedAt: null,
    };
    await this.#note([entry]);
    await folder.removeSegment(segment);
    log.info({ segment: segmentName(segment), from: made.contentBytes, to: made.bytes }, 'a segment was archived');
    return true;
  }

  async #removeOld(): Promise<void> {
    const { folder, clock, log, keepForMs } = this.#options;
    if (keepForMs === null) return;
    // What a store that was lost has still to be told is not old, whatever its age.
    const done = this.#options.done().segment;
    const due = readManifest(folder.readManifest()).filter(
      (one) => one.removedAt === null && one.segment < done && keptSince(one) + keepForMs <= clock.now(),
    );
    if (due.length === 0) return;
    await this.#note(due.map((one) => ({ ...one, removedAt: clock.now() })));
    for (const { segment } of due) await folder.removeArchive(segment);
    log.info({ segments: due.map(({ segment }) => segmentName(segment)) }, 'archives were removed by retention');
  }

  async #note(entries: readonly ArchiveEntry[]): Promise<void> {
    const { folder } = this.#options;
    const replaced = new Set(entries.map((one) => one.segment));
    const others = readManifest(folder.readManifest()).filter((one) => !replaced.has(one.segment));
    const all = [...others, ...entries].toSorted((one, other) => one.segment - other.segment);
    await folder.writeManifest(manifestText(all));
  }

  /** When the next segment was begun whose beginning can be read; null where there is none. */
  #closedAt(segment: number): number | null {
    const { files } = this.#options;
    for (const next of files.list()) {
      const header = next.segment > segment ? headerOf(files, next.segment) : null;
      if (header !== null) return header.createdAt;
    }
    return null;
  }

  async #count(segment: number): Promise<Counted> {
    const { files } = this.#options;
    const bytes = files.list().find((one) => one.segment === segment)?.bytes ?? 0;
    let settles = 0;
    let adjustments = 0;
    let [from, to]: [number | null, number | null] = [null, null];
    let items = 0;
    for (const item of journalAudit(files).items({ segment, offset: 0 }, { segment, offset: bytes })) {
      items += 1;
      if (items % itemsPerTurn === 0) await nextTurn();
      if (item.kind === 'adjustment') adjustments += 1;
      if (item.kind !== 'settle') continue;
      settles += 1;
      const { at } = item.record;
      from = from === null ? at : Math.min(from, at);
      to = to === null ? at : Math.max(to, at);
    }
    return { settles, adjustments, from, to };
  }
}
