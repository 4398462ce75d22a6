import type { OpenedAttempt, UsageRecord } from '#model/usage-record.ts';
import { unknownUnits } from '#model/usage-record.ts';
import { EntryDecoder, type Entry } from './decode-entry.ts';
import { UnreadableEntry } from './entry-members.ts';
import type { SegmentHeader } from './encode-entry.ts';
import { framingBytes } from './framing.ts';
import { JournalReader, type Damage, type Scanned } from './journal-reader.ts';
import { isBefore, type Checkpoint, type JournalFiles, type Position } from './ports.ts';

export const journalStart: Position = { segment: 1, offset: 0 };

/** The end of the last segment's file, whole records or not; null where there is no segment. */
export function fileEnd(files: JournalFiles): Position | null {
  const last = files.list().at(-1);
  return last === undefined ? null : { segment: last.segment, offset: last.bytes };
}

export interface ReadEntry {
  readonly kind: 'entry';
  readonly at: Position;
  readonly entry: Entry;
}

/** Decodes what a reader has found: whole records that are no entries count as damage. Throws `LaterVersion`. */
export function readEntry(scanned: Scanned, decoder: EntryDecoder): ReadEntry | Damage {
  if (scanned.kind !== 'record') return scanned;
  try {
    return { kind: 'entry', at: scanned.at, entry: decoder.decode(scanned.json.toString('utf8')) };
  } catch (error) {
    if (!(error instanceof UnreadableEntry)) throw error;
    return { kind: 'damage', at: scanned.at, bytes: scanned.json.length + framingBytes };
  }
}

/** What stands at the beginning of a segment; null where that is no header that can be read. */
export function headerOf(files: JournalFiles, segment: number): SegmentHeader | null {
  const bytes = files.list().find((one) => one.segment === segment)?.bytes ?? 0;
  const scanned = new JournalReader(files, { segment, offset: 0 }).next({ segment, offset: bytes });
  const read = scanned === undefined ? undefined : readEntry(scanned, new EntryDecoder());
  return read?.kind === 'entry' && read.entry.kind === 'header' ? read.entry.header : null;
}

/** The journal's own id, from the newest header that can be read; null where there is none. */
export function instanceOf(files: JournalFiles): string | null {
  for (const { segment } of files.list().toReversed()) {
    const header = headerOf(files, segment);
    if (header !== null) return header.instance;
  }
  return null;
}

/**
 * Where the store goes on reading. A checkpoint that does not fit the journal (another one's, or beyond what is left
 * of it) is not believed: everything is shipped again, which changes nothing in the store.
 */
export function usableCheckpoint(stored: Checkpoint | null, files: JournalFiles, instance: string): Checkpoint {
  const sizes = new Map(files.list().map(({ segment, bytes }) => [segment, bytes]));
  const exists = (position: Position): boolean => position.offset <= (sizes.get(position.segment) ?? -1);
  if (stored?.instance === instance && exists(stored.shipped) && exists(stored.lowWater)) return stored;
  return nothingShipped(files, instance);
}

/** The checkpoint of a store that has followed nothing of what is left of the journal. */
export function nothingShipped(files: JournalFiles, instance: string): Checkpoint {
  const beginning = { segment: files.list().at(0)?.segment ?? journalStart.segment, offset: 0 };
  return { instance, shipped: beginning, lowWater: beginning, settles: 0 };
}

/** What the journal said when it was opened. */
export interface Recovered {
  readonly checkpoint: Checkpoint;
  /** The end of the last whole record; null where there is no segment. */
  readonly end: Position | null;
  /** Settles and adjustments in all. */
  readonly settles: number;
  /** Attempts whose gateway died before it could settle them, in the order of their admission. */
  readonly lost: readonly OpenedAttempt[];
  /** Bytes at the journal's end that are the beginning of a record only; cut off before anything is written. */
  readonly tornTailBytes: number;
  /** What cannot be read, by position. Everything behind it was recovered. */
  readonly damage: readonly Damage[];
  /** Segments that the ones behind them name as the one before, and that are not there, or hold another's content. */
  readonly missing: readonly number[];
}

/**
 * Reads the journal from where the store stands, or all of it where the two do not fit. Then the checkpoint is another
 * one than was stored, and has to be stored before anything is appended: what the old one points at, and is not there
 * now, could be there by the time somebody reads it again. Throws `LaterVersion`.
 */
export function recoverFrom(stored: Checkpoint | null, files: JournalFiles, instance: string): Recovered {
  const recovered = recoverJournal(files, usableCheckpoint(stored, files, instance));
  const { shipped, lowWater } = recovered.checkpoint;
  const { end } = recovered;
  // What is about to be cut off as torn had been shipped, or held the end of attempts that were not looked for.
  if (end === null || !(isBefore(end, shipped) || isBefore(end, lowWater))) return recovered;
  return recoverJournal(files, nothingShipped(files, instance));
}

/** Reads what is not in the store yet, and what may hold an attempt without an end. Throws `LaterVersion`. */
export function recoverJournal(files: JournalFiles, checkpoint: Checkpoint): Recovered {
  const end = fileEnd(files);
  if (end === null)
    return { checkpoint, end, settles: checkpoint.settles, lost: [], tornTailBytes: 0, damage: [], missing: [] };
  const open = new Map<string, OpenedAttempt>();
  const damage: Damage[] = [];
  const { shipped, lowWater } = checkpoint;
  const from = isBefore(shipped, lowWater) ? shipped : lowWater;
  let settles = checkpoint.settles;
  let torn: Damage | undefined;
  const missing = new Set<number>();
  let { segment } = from;
  const take = ({ at, entry }: ReadEntry): void => {
    if (entry.kind === 'header') {
      const { follows } = entry.header;
      // Where reading began with this segment, nothing was read before it.
      const before = at.segment === from.segment ? null : segment;
      if (follows !== null && follows !== before) missing.add(follows);
      if (entry.header.segment !== at.segment) missing.add(at.segment);
    }
    segment = at.segment;
    if (entry.kind === 'open') open.set(entry.attempt.id, entry.attempt);
    if (entry.kind !== 'settle' && entry.kind !== 'adjustment') return;
    if (entry.kind === 'settle') open.delete(entry.record.id);
    if (!isBefore(at, shipped)) settles += 1;
  };
  const decoder = new EntryDecoder();
  const reader = new JournalReader(files, from);
  for (let scanned = reader.next(end); scanned !== undefined; scanned = reader.next(end)) {
    const read = readEntry(scanned, decoder);
    if (read.kind === 'entry') take(read);
    else if (read.kind === 'torn' && read.at.segment === end.segment) torn = read;
    else damage.push(read);
  }
  return {
    checkpoint,
    end: torn === undefined ? end : torn.at,
    settles,
    lost: [...open.values()],
    tornTailBytes: torn?.bytes ?? 0,
    damage,
    missing: [...missing].toSorted((one, other) => one - other),
  };
}

/** The record of an attempt whose gateway died: that it was made is certain, what it used is not. */
export function lostRecord(attempt: OpenedAttempt, finishedAt: number): UsageRecord {
  return {
    ...attempt,
    finishedAt,
    outcome: 'gateway-lost',
    httpStatus: null,
    units: unknownUnits,
    measuredInput: 'unknown',
    measuredOutput: 'unknown',
    serviceTier: null,
    reportedModel: null,
    spilledFrom: null,
    upstreamRequestId: null,
    // Nobody measured it: the outcome tells that these are no measurements.
    timing: { queueMs: 0, firstByteMs: null, upstreamMs: 0, totalMs: 0 },
    cost: {
      pricing: 'token',
      lines: [],
      nanoUsd: null,
      listNanoUsd: null,
      internalNanoUsd: null,
      unpriced: ['usage unknown'],
    },
  };
}
