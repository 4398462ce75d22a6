import {
  requestBits,
  StoreElsewhere,
  type Adjustment,
  type Checkpoint,
  type Position,
  type RecordKey,
  type Series,
  type ShippedEntry,
  type ShippedRecord,
} from '#accounting/ledger/ports.ts';
import { countedRecord } from '../sql/record-values.ts';
import { RollUpSums } from '../sql/roll-up-sums.ts';
import { insertAdjustments } from './adjustment-inserts.ts';
import type { PostgresDatabase, Transaction } from './open.ts';
import { Partitions } from './partitions.ts';
import { insertRecords, keysInOrder, storedKeys, type NewRecord } from './record-inserts.ts';
import {
  assignCounts,
  attemptsByKey,
  correctedBits,
  flaggedAttempts,
  nameOf,
  setCounts,
  type Attempt,
} from './request-counts.ts';
import { addToRollUps } from './roll-up-upserts.ts';
import { SeriesIds } from './series-ids.ts';
import { arrayText, toStored } from './text.ts';

/** Advisory locks, in the order in which a batch takes them; the buckets share the first number. */
const correctionsLock = 8_390_046;
const requestsLock = 8_390_047;
const requestBuckets = 64;

const lockCorrections = { name: 'lock-corrections', text: `select pg_advisory_xact_lock(${correctionsLock}, 0)` };
const shareCorrections = {
  name: 'share-corrections',
  text: `select pg_advisory_xact_lock_shared(${correctionsLock}, 0)`,
};
const lockRequests = {
  name: 'lock-requests',
  text: `select pg_advisory_xact_lock(${requestsLock}, bucket) from unnest($1::integer[]) as bucket`,
};
const journalFound = 'id, exists (select from ledger_adjustment where qualifies is not null) as corrected';
const setCheckpoint = {
  name: 'set-checkpoint',
  text: `insert into ledger_journal
      (instance, shipped_segment, shipped_offset, low_segment, low_offset, settles) values ($1, $2, $3, $4, $5, $6)
    on conflict (instance) do update set shipped_segment = excluded.shipped_segment,
      shipped_offset = excluded.shipped_offset, low_segment = excluded.low_segment, low_offset = excluded.low_offset,
      settles = excluded.settles
    returning ${journalFound}`,
};
const moveCheckpoint = {
  name: 'move-checkpoint',
  text: `update ledger_journal set shipped_segment = $2, shipped_offset = $3, low_segment = $4, low_offset = $5, settles = $6
    where instance = $1 and shipped_segment = $7 and shipped_offset = $8
    returning ${journalFound}`,
};

/** How far the store follows the journal, and where it has to stand before that; undefined: anywhere. */
interface Step {
  readonly checkpoint: Checkpoint;
  readonly from: Position | undefined;
}

/** A batch, each record and each adjustment in it once. */
interface Batch {
  readonly records: readonly ShippedRecord[];
  readonly adjustments: readonly Adjustment[];
}

/**
 * Some records of the batch are stored already, or were corrected before they came: nearly never, after a crash or when
 * a store is made anew. Then the batch is begun again, alone, and looks first.
 */
class CareNeeded extends Error {}

const recordKey = ({ record }: ShippedRecord): RecordKey => record;
const corrects = ({ qualifies, of }: Adjustment): boolean => qualifies !== null && of !== null;

function batchOf(entries: readonly ShippedEntry[]): Batch {
  const records: ShippedRecord[] = [];
  const adjustments = new Map<string, Adjustment>();
  for (const one of entries)
    if (one.kind === 'usage') records.push(one);
    else if (!adjustments.has(one.adjustment.id)) adjustments.set(one.adjustment.id, one.adjustment);
  records.sort((one, other) => keysInOrder(one.record, other.record));
  const isFirst = ({ record }: ShippedRecord, at: number): boolean => {
    const before = records[at - 1]?.record;
    return before === undefined || keysInOrder(before, record) !== 0;
  };
  return { records: records.filter(isFirst), adjustments: [...adjustments.values()] };
}

function* seriesOf({ records, adjustments }: Batch): Iterable<Series> {
  for (const { record } of records) yield record.series;
  for (const { postings } of adjustments) for (const { series } of postings) yield series;
}

function* timesOf({ records, adjustments }: Batch): Iterable<number> {
  for (const { record } of records) yield record.at;
  for (const { at } of adjustments) yield at;
}

/** FNV-1a, which spreads ids over the buckets. */
function bucketOf(requestId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < requestId.length; at += 1) hash = Math.imul(hash ^ requestId.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % requestBuckets;
}

/**
 * The ledger's way into PostgreSQL: a batch is one transaction of few statements, each over arrays.
 *
 * Several gateways write at once. What is taken exclusively is taken in one order everywhere: corrections, requests by
 * bucket, the journal, records and adjustments by key, roll-ups by key. Gateways meet only in the roll-ups of the same
 * series, and where one books a correction, for which all others wait: it may be of anybody's record.
 */
export class LedgerWriter {
  readonly #database: PostgresDatabase;
  readonly #partitions: Partitions;
  readonly #series: SeriesIds;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#partitions = new Partitions(database);
    this.#series = new SeriesIds(database);
  }

  /** Resolves with how many entries were new. */
  async append(entries: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): Promise<number> {
    const batch = batchOf(entries);
    const step: Step = { checkpoint, from };
    try {
      await this.#series.ensure(seriesOf(batch));
      await this.#partitions.ensure(timesOf(batch));
      return await this.#store(batch, step);
    } catch (error) {
      // A month was dropped that had been there, or the server that answers next has lost what this one had.
      this.#partitions.forget();
      this.#series.forget();
      throw error;
    }
  }

  async #store(batch: Batch, step: Step): Promise<number> {
    try {
      return await this.#tryToStore(batch, step, false);
    } catch (error) {
      if (error instanceof CareNeeded) return await this.#tryToStore(batch, step, true);
      throw error;
    }
  }

  async #tryToStore(batch: Batch, step: Step, careful: boolean): Promise<number> {
    return await this.#database.transaction(async (transaction) => {
      const one = new BatchTransaction({ transaction, series: this.#series, careful });
      return await one.store(batch, step);
    });
  }
}

/** One try to store one batch. */
class BatchTransaction {
  readonly #transaction: Transaction;
  readonly #series: SeriesIds;
  readonly #careful: boolean;
  readonly #sums = new RollUpSums();

  constructor(parts: { readonly transaction: Transaction; readonly series: SeriesIds; readonly careful: boolean }) {
    this.#transaction = parts.transaction;
    this.#series = parts.series;
    this.#careful = parts.careful;
  }

  async store(batch: Batch, step: Step): Promise<number> {
    const transaction = this.#transaction;
    await this.#lock(batch);
    const { journal, corrected } = await this.#moveCheckpoint(step);
    const added = await insertAdjustments(transaction, {
      adjustments: batch.adjustments,
      journal,
      series: this.#series,
      sums: this.#sums,
    });
    const corrections = added.filter(corrects).flatMap(({ of }) => of ?? []);
    const records = await this.#newOf(batch.records);
    const bits = await this.#correctedBits(corrected ? records : [], corrections);
    const counts = await this.#moveCounts({ records, corrections, bits });
    const rows = records.map(({ record, qualifies }): NewRecord => {
      const name = nameOf(record);
      const now = bits.get(name) ?? qualifies;
      const counted = countedRecord(record, counts.get(name) ?? now & requestBits.request);
      return { counted, keys: { qualifies: now, series: this.#series.of(record.series), journal } };
    });
    if ((await insertRecords(transaction, rows)) !== rows.length) throw new CareNeeded();
    for (const { counted, keys } of rows) {
      const { at, outcome } = counted.record;
      this.#sums.add({ at, series: keys.series, outcome }, counted);
    }
    await addToRollUps(transaction, this.#sums);
    return rows.length + added.length;
  }

  async #lock({ records, adjustments }: Batch): Promise<void> {
    const alone = this.#careful || adjustments.some(corrects);
    await this.#transaction.run(alone ? lockCorrections : shareCorrections, []);
    const buckets = new Set<number>();
    for (const { record, qualifies } of records)
      if ((qualifies & ~requestBits.request) !== 0) buckets.add(bucketOf(record.requestId));
    if (buckets.size === 0) return;
    await this.#transaction.run(lockRequests, [arrayText([...buckets].toSorted((one, other) => one - other))]);
  }

  async #newOf(records: readonly ShippedRecord[]): Promise<readonly ShippedRecord[]> {
    if (!this.#careful) return records;
    const stored = new Set((await storedKeys(this.#transaction, records.map(recordKey))).map(nameOf));
    return records.filter(({ record }) => !stored.has(nameOf(record)));
  }

  /** By `nameOf`. A correction that came before its record can concern a request whose bucket is not locked. */
  async #correctedBits(
    records: readonly ShippedRecord[],
    corrections: readonly RecordKey[],
  ): Promise<ReadonlyMap<string, number>> {
    const keys = records.map(recordKey);
    const bits = await correctedBits(this.#transaction, [...keys, ...corrections]);
    if (!this.#careful && keys.some((key) => bits.has(nameOf(key)))) throw new CareNeeded();
    return bits;
  }

  async #moveCheckpoint({
    checkpoint,
    from,
  }: Step): Promise<{ readonly journal: number; readonly corrected: boolean }> {
    const { instance, shipped, lowWater, settles } = checkpoint;
    const values = [
      toStored(instance),
      shipped.segment,
      shipped.offset,
      lowWater.segment,
      lowWater.offset,
      settles,
      ...(from === undefined ? [] : [from.segment, from.offset]),
    ];
    const statement = from === undefined ? setCheckpoint : moveCheckpoint;
    const { rows } = await this.#transaction.run<{ id: number; corrected: boolean }>(statement, values);
    const [row] = rows;
    if (row === undefined) throw new StoreElsewhere();
    return { journal: row.id, corrected: row.corrected };
  }

  /**
   * What the new records carry for their requests, by `nameOf`; those that qualify for the plain count at most are
   * missing. What stored attempts carry now is written.
   */
  async #moveCounts(change: {
    readonly records: readonly ShippedRecord[];
    readonly corrections: readonly RecordKey[];
    /** `requestBits` of corrected records, by `nameOf`. */
    readonly bits: ReadonlyMap<string, number>;
  }): Promise<ReadonlyMap<string, number>> {
    const fresh = change.records.flatMap((one) => this.#flagged(one, change.bits));
    const corrected = await attemptsByKey(this.#transaction, change.corrections);
    const requestIds = new Set([...fresh, ...corrected].map(({ requestId }) => requestId));
    if (requestIds.size === 0) return new Map();
    const stored = new Map<string, Attempt>();
    for (const one of [...corrected, ...(await flaggedAttempts(this.#transaction, [...requestIds]))])
      stored.set(nameOf(one), one);
    const attempts = new Map<string, Attempt>(fresh.map((one) => [nameOf(one), one]));
    for (const [name, one] of stored) attempts.set(name, { ...one, qualifies: change.bits.get(name) ?? one.qualifies });
    const moved: Attempt[] = [];
    const counts = new Map<string, number>();
    for (const one of assignCounts(attempts.values())) {
      const before = stored.get(nameOf(one));
      if (before === undefined) counts.set(nameOf(one), one.counts);
      else if (before.counts !== one.counts || before.qualifies !== one.qualifies) {
        moved.push(one);
        this.#sums.carry(one, { bits: one.counts & ~before.counts, sign: 1 });
        this.#sums.carry(one, { bits: before.counts & ~one.counts, sign: -1 });
      }
    }
    await setCounts(this.#transaction, moved);
    return counts;
  }

  #flagged({ record, qualifies }: ShippedRecord, bits: ReadonlyMap<string, number>): readonly Attempt[] {
    const now = bits.get(nameOf(record)) ?? qualifies;
    if ((now & ~requestBits.request) === 0) return [];
    const { at, id, requestId, attempt, outcome } = record;
    const series = this.#series.of(record.series);
    return [{ at, id, requestId, attempt, series, outcome, qualifies: now, counts: 0 }];
  }
}
