import type { NanoUsd } from '#model/money.ts';
import type { ChargedTo, Measured, OpenedAttempt, Outcome, Units } from '#model/usage-record.ts';

// ── The journal's files ──

/** A byte of the journal: segments are numbered upwards from 1, offsets count from a segment's first byte. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
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

/** The folder of journal segments; the only door to the file system, so that tests can put faults behind it. */
export interface JournalFiles {
  /** All segments, ascending, with their present size in bytes. */
  list(): readonly { readonly segment: number; readonly bytes: number }[];
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
  /** How many settles the journal holds in all, counted since it was begun. */
  settles(): number;
  /** Every attempt opened before it has been settled: what a new start need not read again. */
  lowWater(): Position;
  /** Attempts admitted and not yet settled. */
  openAttempts(): number;
  /** How many of the settles stand in the store. */
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
  /** Every attempt opened before it was settled before `shipped`; recovery starts here. */
  readonly lowWater: Position;
  /** Settles of the journal before `shipped`. */
  readonly settles: number;
}

// ── The store ──

/** Bits that say for which counts of distinct requests a record qualifies; see request-counts.ts for the rule. */
export const requestBits = { request: 1, unpriced: 2, unknownUsage: 4, deliveredOnly: 8, estimated: 16 } as const;

/** What the calls of a caller to an endpoint have in common. Readers share one value between such records. */
export interface Series extends Pick<
  OpenedAttempt,
  'servedBy' | 'operation' | 'stream' | 'requestedModel' | 'priceBook'
> {
  readonly caller: Omit<ChargedTo, 'endUser'>;
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
  readonly costNano: NanoUsd | null;
  readonly unpriced: readonly string[];
  /** A JSON object of the record's other members, in the words of the journal. */
  readonly detail: string;
}

/** A record on its way into a store. */
export interface ShippedRecord {
  readonly record: StoredRecord;
  /** `requestBits` that the record qualifies for. */
  readonly qualifies: number;
}

/** Something that stands in the journal; `at` is where it begins. */
export type JournalItem =
  | { readonly kind: 'segment'; readonly at: Position; readonly follows: number | null }
  | { readonly kind: 'open'; readonly at: Position; readonly id: string }
  | ({ readonly kind: 'settle'; readonly at: Position } & ShippedRecord)
  /** Bytes that are no entry; `torn`: at the end of a segment, as a write leaves them that was cut short. */
  | { readonly kind: 'damage' | 'torn'; readonly at: Position; readonly bytes: number };

/** The whole journal, for whoever checks it. */
export interface JournalAudit {
  segments(): number;
  /** Everything from `from` (null: the first byte) until just before `until`, in the journal's order. */
  items(from: Position | null, until: Position): Iterable<JournalItem>;
}

/** What names a record in every store. */
export interface RecordKey {
  /** UTC ms. */
  readonly at: number;
  readonly id: string;
}

/** Everything that is added up. `toolCalls` are calls of any tool; `cost` is in 10^-9 USD. */
export const measures = [
  'requests',
  'attempts',
  'unpricedRequests',
  'unknownUsageRequests',
  'deliveredOnlyRequests',
  'estimatedRequests',
  'input',
  'cachedInput',
  'cacheWriteInput',
  'audioInput',
  'imageInput',
  'output',
  'reasoning',
  'audioOutput',
  'toolCalls',
  'pricedAttempts',
  'cost',
] as const;
export type Measure = (typeof measures)[number];
/** Exact sums over known values: unknown ones add nothing, and are counted as such. */
export type Figures = Readonly<Record<Measure, bigint>>;

export const figureDimensions = [
  'consumer',
  'cost-centre',
  'product',
  'subscription',
  'model',
  'deployment',
  'deployment-type',
  'region',
  'outcome',
  'day',
] as const;
export type FigureDimension = (typeof figureDimensions)[number];

/** A period of admission, UTC ms, [from, to); null is unbounded. */
export interface Period {
  readonly from: number | null;
  readonly to: number | null;
}

export interface FiguresQuery {
  /** `roll-ups` are kept per quarter-hour: the period has to begin and end on one. */
  readonly source: 'records' | 'roll-ups';
  readonly by: FigureDimension;
  readonly period: Period;
}

export interface FiguresRow {
  /**
   * consumer, product, subscription, region and outcome by name; cost-centre by path; model: the endpoint's base model;
   * deployment: `resource/deployment`, because the name alone is not unique; day: `YYYY-MM-DD`, UTC.
   */
  readonly key: string;
  readonly figures: Figures;
}

/** The length of a roll-up's period, ms. Every time zone in use begins its hours on one. */
export const quarterHourMs = 900_000;

/**
 * Where settled attempts live for reports. One writer. Holds each record once, by its key, whatever is shipped twice;
 * records, roll-ups and checkpoint change together or not at all. Amounts of one record and of one quarter-hour's
 * roll-up are exact up to 2^63; sums of any size are exact.
 */
export interface LedgerStore {
  /** Null where nothing has been shipped yet. */
  checkpoint(): Promise<Checkpoint | null>;
  /** Adds the records that it does not hold yet; resolves with how many those were. */
  append(records: readonly ShippedRecord[], checkpoint: Checkpoint): Promise<number>;
  /** The stored records of these keys, in the keys' order; null where there is none. */
  find(keys: readonly RecordKey[]): Promise<readonly (StoredRecord | null)[]>;
  /** The next records after a key in the order of (`at`, `id`), at most `limit`; null begins at the first. */
  page(after: RecordKey | null, limit: number): Promise<readonly StoredRecord[]>;
  /** Rows in no particular order; only keys that occur. */
  figures(query: FiguresQuery): Promise<readonly FiguresRow[]>;
  /** How many roll-ups are not the sum of their records, missing and superfluous ones included. */
  wrongRollUps(): Promise<number>;
}
