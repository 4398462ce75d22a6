import type { UnendedRecords } from '#model/batch.ts';
import type { FigureDimension, FigureFilter, FigureSpan, FiguresQuery, FiguresRow, Period } from '#model/figures.ts';
import type { LedgerLine, NanoUsd, PriceLayer } from '#model/money.ts';
import type { Operation } from '#model/operation.ts';
import type { ChargedTo, Measured, OpenedAttempt, Outcome, Units } from '#model/usage-record.ts';
import type { AuditedArchive } from './archive/ports.ts';

// ── The journal's files ──

/** A byte of the journal: segments are numbered upwards from 1, offsets count from a segment's first byte. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

/** Whether a position comes earlier in the journal; two that are the same do not. */
export function isBefore(one: Position, other: Position): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset);
}

/** A segment that is being appended to. Every method throws, or rejects, with the system's error. */
export interface SegmentFile {
  /** Writes at a byte offset and returns how many bytes were taken, which may be fewer than were given. */
  write(bytes: Uint8Array, offset: number): number;
  /** Resolves when everything written before the call survives a power failure. */
  sync(): Promise<void>;
  /** Cuts the file to this many bytes. */
  truncate(bytes: number): void;
  close(): void;
}

/** A segment as the folder has it. */
export interface ListedSegment {
  readonly segment: number;
  /** Its present size; 0 for an archive that cannot be read. */
  readonly bytes: number;
  /** It is read from its archive and never written again. */
  readonly archived: boolean;
}

/** The folder of journal segments; the only door to the file system, so that tests can put faults behind it. */
export interface JournalFiles {
  /** All segments, ascending. */
  list(): readonly ListedSegment[];
  /** Reads into the buffer from a position within one segment; returns the bytes read, 0 at the segment's end. */
  read(from: Position, into: Uint8Array): number;
  /** Makes a new segment; throws where it exists. */
  create(segment: number): SegmentFile;
  /** Opens an existing segment for appending. */
  append(segment: number): SegmentFile;
  /** Removes a segment; used only for one whose making failed. */
  remove(segment: number): void;
  /** Resolves when segments made before the call survive a power failure. */
  syncFolder(): Promise<void>;
  /** Makes sure that this many bytes of disk stay reserved for settles; throws where they cannot be had. */
  setAside(bytes: number): void;
  /** Gives what was set aside back to the file system, so that settles can be written on a full disk. */
  giveBack(): void;
  close(): void;
}

/** The name of a segment's file. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.journal`;
}

// ── What the two sides of the journal know of each other ──

/** How far the journal has got and how far the store has followed; written by the journal's side, read by any thread. */
export interface JournalProgress {
  /** The end of what counts: every byte before it is written (and synced, where durability asks for it). */
  written(): Position;
  /** How many settles and adjustments the journal holds in all, counted since it was begun. */
  settles(): number;
  /** Every attempt opened before it has been settled: what a new start need not read again. */
  lowWater(): Position;
  /** Attempts admitted and not yet settled. */
  openAttempts(): number;
  /** How many of them stand in the store. */
  shipped(): number;
}

/** What carries records from the journal into the store, as reports see it. */
export interface Shipping {
  /** Resolves with true once everything journalled before the call is in the store, with false after `timeoutMs`. */
  caughtUp(timeoutMs: number): Promise<boolean>;
  /** Runs the work while nothing is shipped; `shipped` is how far the store has followed. */
  hold<Result>(work: (shipped: Position) => Promise<Result>): Promise<Result>;
}

/** How far the store has followed the journal; stored with the records, in the same transaction. */
export interface Checkpoint {
  /** The journal's own id: a checkpoint of another journal is worth nothing. */
  readonly instance: string;
  /** Everything before it is in the store. */
  readonly shipped: Position;
  /** Every attempt opened before it was settled before what was written then; recovery starts here, or at `shipped`. */
  readonly lowWater: Position;
  /** Settles and adjustments of the journal before `shipped`. */
  readonly settles: number;
}

// ── What stores hold ──

/** Bits that say for which counts of distinct requests a record qualifies; see request-counts.ts for the rule. */
export const requestBits = { request: 1, unpriced: 2, unknownUsage: 4, deliveredOnly: 8, estimated: 16 } as const;

/** What the calls of a caller to an endpoint have in common. Readers share one value between such records. */
export interface Series extends Pick<OpenedAttempt, 'servedBy' | 'stream' | 'requestedModel' | 'priceBook'> {
  readonly caller: Omit<ChargedTo, 'endUser'>;
  /** `none` only where there was no call: an hour of a provisioned deployment that nobody used. */
  readonly operation: Operation | 'none';
}

/** A usage record as stores keep it: by itself what is looked for or added up, as text what is only shown. */
export interface StoredRecord {
  readonly id: string;
  readonly requestId: string;
  readonly attempt: number;
  /** UTC ms. */
  readonly at: number;
  readonly series: Series;
  readonly endUser: string | null;
  readonly reservedNano: NanoUsd | null;
  readonly outcome: Outcome;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  readonly units: Units;
  readonly pricing: 'token' | 'ptu';
  /** As in `Cost`: contracted where there is such a price, else list; null where it is not known. */
  readonly costNano: NanoUsd | null;
  readonly listNano: NanoUsd | null;
  readonly internalNano: NanoUsd | null;
  readonly unpriced: readonly string[];
  /**
   * JSON text, as `ledgerLinesText` makes it and `parseLedgerLines` reads it: the lines of `ledgerLines`, which add up to
   * the sums above. It goes from the journal into stores as it stands.
   */
  readonly lines: string;
  /** A JSON object of the record's other members, in the words of the journal. */
  readonly detail: string;
}

/** A record on its way into a store. */
export interface ShippedRecord {
  readonly record: StoredRecord;
  /** `requestBits` that the record qualifies for. */
  readonly qualifies: number;
}

/** `allocated`: a share of a provisioned deployment's hour; `idle`: the part of the hour that nobody used. */
export type RollUpOutcome = Outcome | 'allocated' | 'idle';

/** What a posting adds to sums; signed. Amounts in 10^-9 USD. */
export interface FigureChange {
  readonly cost: NanoUsd;
  readonly listCost: NanoUsd;
  readonly internalCost: NanoUsd;
  readonly held: NanoUsd;
  readonly pricedAttempts: number;
  readonly listPricedAttempts: number;
  readonly internalPricedAttempts: number;
}

/** Where an adjustment counts, and what it adds there. */
export interface Posting {
  readonly series: Series;
  readonly outcome: RollUpOutcome;
  readonly change: FigureChange;
  /**
   * Units and amounts are signed: a correction takes the old lines back and adds the new ones. Added up by what they are
   * part of (`lineStanding`), they are the change of the sums above.
   */
  readonly lines: readonly LedgerLine[];
}

/** What names a record in every store. */
export interface RecordKey {
  /** UTC ms. */
  readonly at: number;
  readonly id: string;
}

/** An entry beside usage, for nothing is edited. Immutable; held once by its id, which is made from what it says. */
export interface Adjustment {
  readonly id: string;
  readonly kind: 'correction' | 'allocation' | 'write-off';
  /** UTC ms: the instant at which its postings count. */
  readonly at: number;
  readonly bookedAt: number;
  /** The record that is corrected or written off; null for an allocation. */
  readonly of: RecordKey | null;
  readonly postings: readonly Posting[];
  /** `requestBits` that the corrected record qualifies for from now on; null where that does not change. */
  readonly qualifies: number | null;
  /** A JSON object: who booked it and why, and what it was worked out from. */
  readonly detail: string;
}

/** What the outbox carries into a store. */
export type ShippedEntry =
  | ({ readonly kind: 'usage' } & ShippedRecord)
  | { readonly kind: 'adjustment'; readonly adjustment: Adjustment };

/** Something that stands in the journal; `at` is where it begins. */
export type JournalItem =
  /** `segment`: the number that its content says it has. */
  | { readonly kind: 'segment'; readonly at: Position; readonly segment: number; readonly follows: number | null }
  | { readonly kind: 'open'; readonly at: Position; readonly id: string }
  | ({ readonly kind: 'settle'; readonly at: Position } & ShippedRecord)
  | { readonly kind: 'adjustment'; readonly at: Position; readonly adjustment: Adjustment }
  /** Bytes that are no entry; `torn`: at the end of a segment, as a write leaves them that was cut short. */
  | { readonly kind: 'damage' | 'torn'; readonly at: Position; readonly bytes: number };

/** The whole journal, for whoever checks it. */
export interface JournalAudit {
  segments(): readonly ListedSegment[];
  /** Every archive of the manifest or the folder, ascending; null where the manifest cannot be read. */
  archives(): Promise<readonly AuditedArchive[] | null>;
  /** Everything from `from` (null: the first byte) until just before `until`, in the journal's order. */
  items(from: Position | null, until: Position): Iterable<JournalItem>;
}

// ── What is asked of a store ──

/** Which cost lines are added up. */
export interface LinesQuery {
  readonly filter: readonly FigureFilter[];
  /** Disjoint; `bucket` is of no account. Lines are added up per day: the source is `records` or `days`. */
  readonly spans: readonly FigureSpan[];
}

/** Cost lines of one UTC day, added up. */
export interface LineRow {
  /** The day's beginning, UTC ms. */
  readonly day: number;
  readonly series: Series;
  readonly outcome: RollUpOutcome;
  readonly layer: PriceLayer;
  readonly meter: string;
  /** Empty where the meter has no price. */
  readonly priceId: string;
  /** Bits of `lineStanding`: which sums the amount is part of. */
  readonly standing: number;
  readonly units: bigint;
  readonly nanoUsd: bigint;
}

/** A page in the order of (`at`, `id`); `after: null` begins at the first. */
export interface PageQuery {
  readonly filter: readonly FigureFilter[];
  readonly period: Period;
  readonly after: RecordKey | null;
  readonly limit: number;
  /** Only what the journal with this id has shipped. */
  readonly instance?: string;
}

/** Nothing was appended: the store was put back to an earlier state, or the answer to a batch before was lost. */
export class StoreElsewhere extends Error {
  override readonly name = 'StoreElsewhere';
  constructor() {
    super('The store does not stand where it was left.');
  }
}

/**
 * Where settled attempts live for reports. Holds each record once, by its key, and each adjustment once, by its id;
 * records, adjustments, roll-ups and checkpoint change together or not at all. Amounts of one record and of one roll-up
 * are exact up to 2^63; sums of any size are. Several gateways may fill one store where its kind allows it.
 */
export interface LedgerStore extends UnendedRecords<StoredRecord> {
  /** How far the journal with this id has been followed; null where nothing of it has been shipped yet. */
  checkpoint(instance: string): Promise<Checkpoint | null>;
  /** The ids of all journals of which something has been shipped. */
  journals(): Promise<readonly string[]>;
  /** Adds what it does not hold yet; resolves with how many those were. `from`: rejects with `StoreElsewhere`. */
  append(entries: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): Promise<number>;
  /** The stored records of these keys, in the keys' order; null where there is none. */
  find(keys: readonly RecordKey[]): Promise<readonly (StoredRecord | null)[]>;
  /** The stored adjustments of these ids, in the ids' order; null where there is none. */
  findAdjustments(ids: readonly string[]): Promise<readonly (Adjustment | null)[]>;
  /** All adjustments of these records, in the order of (`bookedAt`, `id`). */
  adjustmentsOf(keys: readonly RecordKey[]): Promise<readonly Adjustment[]>;
  page(query: PageQuery): Promise<readonly StoredRecord[]>;
  /** All attempts of a request, in their order; what it costs does not depend on how many records there are. */
  attemptsOf(requestId: string): Promise<readonly StoredRecord[]>;
  /** Adjustments that count in the period and have a posting that fits the filter, in the order of (`at`, `id`). */
  pageOfAdjustments(query: PageQuery): Promise<readonly Adjustment[]>;
  /** Every value that a dimension has had, in the order of their UTF-8 bytes; reads series, not records. */
  values(dimension: Exclude<FigureDimension, 'outcome' | 'end-user'>): Promise<readonly string[]>;
  /** Only keys that occur; in no particular order, unless a page is asked for. */
  figures(query: FiguresQuery): Promise<readonly FiguresRow[]>;
  /** Rows in no particular order. */
  lines(query: LinesQuery): Promise<readonly LineRow[]>;
  /** The period in which something counts, to the quarter-hour; null where there is nothing. */
  extent(): Promise<{ readonly from: number; readonly to: number } | null>;
  /** How many roll-ups are not the sum of what stands in the store, missing and superfluous ones included. */
  wrongRollUps(): Promise<number>;
  /** True where `holder` alone may do the work for so long; who has it already gets it again, from now on. */
  lease(work: string, holder: string, forMs: number): Promise<boolean>;
}

/** What the outbox carries entries into: the store, or what is told of them beside it. */
export type LedgerSink = Pick<LedgerStore, 'checkpoint' | 'append'>;
