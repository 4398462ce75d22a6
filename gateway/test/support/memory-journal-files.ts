import type { JournalFiles, ListedSegment, Position, SegmentFile } from '../../src/accounting/ledger/ports.ts';

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: told by the test`), { code });
}

/** What a test lets a write do: take everything, fail, or take so many bytes. */
type WriteFault = Error | number | undefined;

/** Journal segments in memory, with faults on request and a list of what was asked of them. */
export class MemoryJournalFiles implements JournalFiles {
  readonly segments = new Map<number, Buffer>();
  /** `write 1`, `sync 1`, `truncate 1`, `create 2`, `remove 2`, `folder`, `set-aside`, `give-back`, in their order. */
  readonly calls: string[] = [];
  /** What stays on a disk that loses power: everything that was synced. */
  readonly synced = new Map<number, number>();
  reserved = 0;
  /** Bytes of the disk: segments and what is set aside share them; a write takes what fits, then there is no room. */
  capacity = Number.POSITIVE_INFINITY;
  /** Asked before every write of the group of records; the header of a new segment counts, too. */
  onWrite: (segment: number) => WriteFault = () => undefined;
  onSync: (segment: number) => Promise<void> = async () => await Promise.resolve();
  onTruncate: () => void = () => undefined;
  onCreate: (segment: number) => void = () => undefined;
  onRemove: (segment: number) => void = () => undefined;
  onSetAside: () => void = () => undefined;

  /** What is left of the disk. */
  free(): number {
    let used = this.reserved;
    for (const content of this.segments.values()) used += content.length;
    return this.capacity - used;
  }

  /** The disk after a loss of power: of every segment what was synced, and nothing of those whose name was not. */
  afterPowerFailure(): MemoryJournalFiles {
    const left = new MemoryJournalFiles();
    for (const [segment, bytes] of this.synced)
      left.segments.set(segment, Buffer.from((this.segments.get(segment) ?? Buffer.alloc(0)).subarray(0, bytes)));
    return left;
  }

  count(call: string): number {
    return this.calls.filter((one) => one.startsWith(call)).length;
  }

  text(segment: number): string {
    return (this.segments.get(segment) ?? Buffer.alloc(0)).toString('utf8');
  }

  list(): readonly ListedSegment[] {
    return [...this.segments]
      .map(([segment, content]) => ({ segment, bytes: content.length, archived: false }))
      .toSorted((one, other) => one.segment - other.segment);
  }

  read(from: Position, into: Uint8Array): number {
    const content = this.segments.get(from.segment);
    if (content === undefined) throw systemError('ENOENT');
    return content.copy(into, 0, from.offset);
  }

  create(segment: number): SegmentFile {
    this.calls.push(`create ${segment}`);
    if (this.segments.has(segment)) throw systemError('EEXIST');
    this.onCreate(segment);
    this.segments.set(segment, Buffer.alloc(0));
    return this.#file(segment);
  }

  append(segment: number): SegmentFile {
    if (!this.segments.has(segment)) throw systemError('ENOENT');
    return this.#file(segment);
  }

  remove(segment: number): void {
    this.calls.push(`remove ${segment}`);
    this.onRemove(segment);
    this.segments.delete(segment);
  }

  async syncFolder(): Promise<void> {
    this.calls.push('folder');
    await Promise.resolve();
  }

  setAside(bytes: number): void {
    this.calls.push('set-aside');
    this.onSetAside();
    if (bytes - this.reserved > this.free()) throw systemError('ENOSPC');
    this.reserved = Math.max(this.reserved, bytes);
  }

  giveBack(): void {
    this.calls.push('give-back');
    this.reserved = 0;
  }

  close(): void {
    this.calls.push('close');
  }

  #file(segment: number): SegmentFile {
    return {
      write: (bytes, offset) => {
        this.calls.push(`write ${segment}`);
        const fault = this.onWrite(segment);
        if (fault instanceof Error) throw fault;
        const before = this.segments.get(segment) ?? Buffer.alloc(0);
        const fits = Math.max(0, this.free() + before.length - offset);
        if (fits === 0) throw systemError('ENOSPC');
        const taken = bytes.subarray(0, Math.min(fault ?? bytes.length, fits));
        const content = Buffer.alloc(Math.max(before.length, offset + taken.length));
        before.copy(content);
        content.set(taken, offset);
        this.segments.set(segment, content);
        return taken.length;
      },
      sync: async () => {
        this.calls.push(`sync ${segment}`);
        const length = this.segments.get(segment)?.length ?? 0;
        await this.onSync(segment);
        this.synced.set(segment, length);
      },
      truncate: (bytes) => {
        this.calls.push(`truncate ${segment}`);
        this.onTruncate();
        this.segments.set(segment, Buffer.from((this.segments.get(segment) ?? Buffer.alloc(0)).subarray(0, bytes)));
      },
      close: () => undefined,
    };
  }
}
