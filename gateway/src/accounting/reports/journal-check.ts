import type { AuditedArchive } from '#accounting/ledger/archive/ports.ts';
import { isBefore, segmentName, type JournalAudit, type JournalItem, type Position } from '#accounting/ledger/ports.ts';
import type { Findings } from './ledger-findings.ts';

/** What retention has removed: records that no comparison can reach any more. */
export interface Removed {
  readonly segments: number;
  readonly records: number;
  readonly adjustments: number;
  /** When the last of the records was admitted, UTC ms; null where there is none. */
  readonly to: number | null;
  /** The last of the segments. */
  readonly last: number;
}

interface Damaged {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
}

const mostDamageTold = 100;

function removedOf(archives: readonly AuditedArchive[]): Removed | null {
  const removed = archives.filter((one) => one.state === 'removed');
  const last = removed.at(-1);
  if (last === undefined) return null;
  return {
    segments: removed.length,
    records: removed.reduce((sum, one) => sum + one.records, 0),
    adjustments: removed.reduce((sum, one) => sum + one.adjustments, 0),
    to: removed.reduce((latest: number | null, one) => Math.max(latest ?? 0, one.to ?? 0) || null, null),
    last: last.segment,
  };
}

/**
 * Whether the journal is whole by itself: its files, its archives, and that every record follows an admission. Keeps
 * nothing for a record, and for an attempt only while it is open.
 */
export class JournalCheck {
  readonly #findings: Findings;
  /** Attempts admitted and not settled so far, and where they were. */
  readonly #open = new Map<string, Position>();
  readonly damaged: Damaged[] = [];
  removed: Removed | null = null;
  opened = 0;
  settled = 0;
  tornTailBytes = 0;
  /** The segment that was read last; 0 before the first. */
  #segment = 0;
  /** Segments that are missed as archives. */
  readonly #missed = new Set<number>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get open(): number {
    return this.#open.size;
  }

  async checkArchives(journal: JournalAudit): Promise<void> {
    const archives = await journal.archives();
    if (archives === null) {
      this.#findings.addMany('unreadable-manifest', 1);
      return;
    }
    this.removed = removedOf(archives);
    const faults = { missing: 'missing-archive', altered: 'altered-archive', unlisted: 'unlisted-archive' } as const;
    for (const { segment, state } of archives) {
      if (state === 'sound' || state === 'removed') continue;
      this.#findings.add(faults[state], segmentName(segment));
      this.#missed.add(segment);
    }
  }

  /** True where it is a record or an adjustment; `end` is where reading ends. */
  take(item: JournalItem, end: Position): void {
    if (item.kind === 'segment') this.#takeSegment(item);
    else if (item.kind === 'open') {
      this.opened += 1;
      this.#open.set(item.id, item.at);
    } else if (item.kind === 'settle' || item.kind === 'adjustment') this.settled += 1;
    else this.#takeDamage(item, end);
    this.#segment = item.at.segment;
  }

  /** Whether the attempt was admitted before; from now on it is settled. */
  settle(id: string): boolean {
    return this.#open.delete(id);
  }

  /** A record that no admission stands before: once the archives with earlier entries are gone, that is no fault. */
  tellLostOpen(id: string, at: number): void {
    if (at > (this.removed?.to ?? 0)) this.#findings.add('lost-open', id);
  }

  /** Attempts that were admitted before `lowWater` and have no record: everything before it was settled. */
  tellLostSettles(lowWater: Position): void {
    for (const [id, at] of this.#open) if (isBefore(at, lowWater)) this.#findings.add('lost-settle', id);
  }

  #takeSegment({ at, follows, segment }: Extract<JournalItem, { kind: 'segment' }>): void {
    if (segment !== at.segment) this.#findings.add('foreign-segment', segmentName(at.segment));
    if (follows === null || follows === this.#segment) return;
    if (this.#segment === 0 && this.removed !== null && follows <= this.removed.last) return;
    if (segment === at.segment && !this.#missed.has(follows))
      this.#findings.add('missing-segment', segmentName(follows));
  }

  #takeDamage({ kind, at, bytes }: Extract<JournalItem, { bytes: number }>, end: Position): void {
    if (kind === 'torn' && at.segment === end.segment) {
      this.tornTailBytes = bytes;
      return;
    }
    const segment = segmentName(at.segment);
    if (this.damaged.length < mostDamageTold) this.damaged.push({ segment, offset: at.offset, bytes });
    this.#findings.add('damage', `${segment}, ${bytes} bytes from ${at.offset} on`);
  }
}
