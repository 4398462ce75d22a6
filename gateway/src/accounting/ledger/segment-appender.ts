import type { Clock } from '#kernel/clock.ts';
import { headerText } from './encode-entry.ts';
import { FrameBuffer } from './framing.ts';
import type { JournalFiles, ListedSegment, Position, SegmentFile } from './ports.ts';

export interface AppenderOptions {
  readonly files: JournalFiles;
  readonly clock: Clock;
  /** The journal's id, written into every segment. */
  readonly instance: string;
  /** A segment that would grow beyond this is followed by a new one. */
  readonly segmentBytes: number;
  /** Where the last whole record ends; what lies behind it in its segment is cut off. Null where there is no segment. */
  readonly end: Position | null;
}

/**
 * The end of the journal. Bytes are appended in groups; a group that was not confirmed is cut off again when the
 * segment is replaced, so that no reader ever meets a part of it.
 */
export class SegmentAppender {
  readonly #options: AppenderOptions;
  readonly #header = new FrameBuffer(256);
  /** Undefined after a replacement that failed half-way. */
  #file: SegmentFile | undefined;
  /** The segment that the next one follows. */
  #segment: number;
  /** The segment that this one follows; 0 where there is none. */
  #before = 0;
  /** Whether a position in this segment was ever told to anybody. */
  #told = true;
  /** The highest number ever tried; never used again. */
  #tried: number;
  #confirmed: number;
  #written: number;
  /** A segment was made, maybe by a process that died before it synced, that the folder may forget in a power failure. */
  #folderChanged = true;

  constructor(options: AppenderOptions) {
    this.#options = options;
    const { files, end } = options;
    this.#tried = end?.segment ?? 0;
    this.#segment = this.#tried;
    this.#confirmed = end?.offset ?? 0;
    this.#written = this.#confirmed;
    const last = files.list().at(-1);
    // What was archived is never written again.
    if (end !== null && end.offset > 0 && last?.archived === false) this.#goOn(end);
    else this.#beginAfter(last);
  }

  /** The end of what counts. */
  get confirmed(): Position {
    return { segment: this.#segment, offset: this.#confirmed };
  }

  /** Writes the group behind what was written before and says where; throws where not all of it could be. */
  append(group: Uint8Array): Position {
    if (this.#written + group.length > this.#options.segmentBytes && this.#written > this.#header.length)
      this.#rotate();
    if (this.#file === undefined) throw new Error('The journal has no segment to write to.');
    const start = { segment: this.#segment, offset: this.#written };
    this.#written = writeAll(this.#file, group, this.#written);
    return start;
  }

  /** Resolves when what was appended survives a power failure. */
  async sync(): Promise<void> {
    const folderChanged = this.#folderChanged;
    await this.#file?.sync();
    if (!folderChanged) return;
    await this.#options.files.syncFolder();
    this.#folderChanged = false;
  }

  /** What was appended counts from now on. */
  confirm(): void {
    this.#confirmed = this.#written;
    this.#told = true;
  }

  /**
   * Cuts off what was not confirmed and begins a new segment: after a failed sync the system may believe that a page
   * is on disk which is not, so nothing is ever written to that file again. Where none of it ever counted, the file goes,
   * so that a disk that fails for hours is not left full of empty segments. Throws where either fails; it can be called
   * again.
   */
  replace(): void {
    if (this.#file !== undefined) {
      this.#file.truncate(this.#confirmed);
      this.#file.close();
      this.#file = undefined;
      if (!this.#told) this.#giveUp();
    }
    this.#create();
  }

  /** Removes a segment in which nobody was ever told a position. Where that fails it stays, and the next one follows it. */
  #giveUp(): void {
    try {
      this.#options.files.remove(this.#segment);
    } catch {
      return;
    }
    this.#segment = this.#before;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #goOn(end: Position): void {
    this.#file = this.#options.files.append(end.segment);
    this.#file.truncate(end.offset);
  }

  #beginAfter(last: ListedSegment | undefined): void {
    const { files } = this.#options;
    // A segment without a whole record never counted for anything.
    if (last?.archived === false) files.remove(last.segment);
    this.#segment = files.list().at(-1)?.segment ?? 0;
    this.#create();
    // The journal begins here, or goes on here: whoever opens it is told so.
    this.#told = true;
  }

  #rotate(): void {
    const old = this.#file;
    this.#create();
    old?.close();
  }

  #create(): void {
    const { files, clock, instance } = this.#options;
    this.#tried += 1;
    const segment = this.#tried;
    const follows = this.#segment === 0 ? null : this.#segment;
    this.#header.clear();
    this.#header.add(headerText({ segment, follows, instance, createdAt: clock.now() }));
    const file = files.create(segment);
    try {
      writeAll(file, this.#header.bytes, 0);
    } catch (error) {
      discard(() => file.close());
      discard(() => files.remove(segment));
      throw error;
    }
    this.#file = file;
    this.#before = this.#segment;
    this.#segment = segment;
    this.#told = false;
    this.#confirmed = this.#header.length;
    this.#written = this.#confirmed;
    this.#folderChanged = true;
  }
}

/** Tidies up after an error that is more telling than its own would be. */
function discard(tidy: () => void): void {
  try {
    tidy();
  } catch {
    // A segment that stays behind without a whole record is skipped by every reader.
  }
}

/** Returns the offset behind the bytes. A short write is no error yet: what stopped it fails the next one. */
function writeAll(file: SegmentFile, bytes: Uint8Array, offset: number): number {
  let taken = 0;
  while (taken < bytes.length) {
    const count = file.write(bytes.subarray(taken), offset + taken);
    if (count <= 0) throw new Error('The disk takes nothing more.');
    taken += count;
  }
  return offset + bytes.length;
}
