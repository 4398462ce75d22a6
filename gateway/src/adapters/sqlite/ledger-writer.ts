import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  requestBits,
  StoreElsewhere,
  type Checkpoint,
  type Position,
  type ShippedEntry,
  type ShippedRecord,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { AdjustmentWriter } from './adjustment-writer.ts';
import { countedRecord } from '../sql/record-values.ts';
import { RecordInserts } from './record-inserts.ts';
import { RollUpChanges } from './roll-up-changes.ts';
import { integerOf, SeriesIds } from './series-ids.ts';

/**
 * The ledger's way into SQLite: prepared statements, because at one record per call they cost half of what a query
 * builder does. Everything here runs inside `SqliteDatabase.exclusive`.
 */
export class LedgerWriter {
  readonly #connection: DatabaseSync;
  readonly #inserts: RecordInserts;
  readonly #siblings: StatementSync;
  readonly #setCounts: StatementSync;
  readonly #setCheckpoint: StatementSync;
  readonly #moveCheckpoint: StatementSync;
  readonly #series: SeriesIds;
  readonly #sums: RollUpChanges;
  readonly #adjustments: AdjustmentWriter;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
    this.#series = new SeriesIds(connection);
    this.#sums = new RollUpChanges(connection);
    this.#adjustments = new AdjustmentWriter({
      connection,
      series: this.#series,
      sums: this.#sums,
    });
    this.#inserts = new RecordInserts(connection);
    this.#siblings = connection.prepare(
      `select at, id, attempt, series, outcome, counts from usage_record
       where request_id = ? and qualifies > 1 and (qualifies & ?) <> 0 and id <> ?`,
    );
    this.#setCounts = connection.prepare('update usage_record set counts = ? where at = ? and id = ?');
    this.#setCheckpoint = connection.prepare(
      `insert into ledger_journal
         (instance, shipped_segment, shipped_offset, low_segment, low_offset, settles) values (?, ?, ?, ?, ?, ?)
       on conflict (instance) do update set shipped_segment = excluded.shipped_segment,
         shipped_offset = excluded.shipped_offset, low_segment = excluded.low_segment, low_offset = excluded.low_offset,
         settles = excluded.settles
       returning id`,
    );
    this.#moveCheckpoint = connection.prepare(
      `update ledger_journal set shipped_segment = ?2, shipped_offset = ?3, low_segment = ?4, low_offset = ?5, settles = ?6
       where instance = ?1 and shipped_segment = ?7 and shipped_offset = ?8 returning id`,
    );
  }

  /** One transaction; returns how many entries were new. */
  append(entries: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): number {
    this.#connection.exec('begin immediate');
    try {
      const journal = this.#follow(checkpoint, from);
      let added = 0;
      for (const one of entries) {
        const isNew = one.kind === 'usage' ? this.#add(one, journal) : this.#adjustments.add(one.adjustment, journal);
        if (isNew) added += 1;
      }
      this.#sums.write();
      this.#connection.exec('commit');
      return added;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('rollback');
      this.#sums.forget();
      this.#series.forget();
      throw error;
    }
  }

  /** Returns the journal's id in the store. */
  #follow({ instance, shipped, lowWater, settles }: Checkpoint, from: Position | undefined): number {
    const { segment, offset } = lowWater;
    const values = [instance, shipped.segment, shipped.offset, segment, offset, settles];
    if (from === undefined) return integerOf(this.#setCheckpoint.get(...values)?.['id']);
    const moved = this.#moveCheckpoint.get(...values, from.segment, from.offset);
    if (moved === undefined) throw new StoreElsewhere();
    return integerOf(moved['id']);
  }

  #add(shipped: ShippedRecord, journal: number): boolean {
    const { record } = shipped;
    const qualifies = this.#adjustments.correctedBits(record.at, record.id) ?? shipped.qualifies;
    const series = this.#series.of(record.series);
    const flags = qualifies & ~requestBits.request;
    const takeOver = flags === 0 ? undefined : this.#siblingsOf(record, flags);
    const counts = takeOver === undefined ? qualifies : qualifies & ~takeOver.carriedElsewhere;
    const counted = countedRecord(record, counts);
    if (!this.#inserts.insert(counted, { qualifies, series, journal })) return false;
    takeOver?.take();
    const place = { at: record.at, series, outcome: record.outcome };
    this.#sums.add(place, counted);
    return true;
  }

  /** Which of the counts an earlier attempt of the request carries, and how to take the others from later ones. */
  #siblingsOf(record: StoredRecord, flags: number): { readonly carriedElsewhere: number; take(): void } {
    let carriedElsewhere = 0;
    const later: (() => void)[] = [];
    for (const row of this.#siblings.all(record.requestId, flags, record.id)) {
      const carried = integerOf(row['counts']) & flags;
      if (integerOf(row['attempt']) < record.attempt) carriedElsewhere |= carried;
      else if (carried !== 0) later.push(() => this.#takeFrom(row, carried));
    }
    return {
      carriedElsewhere,
      take() {
        for (const take of later) take();
      },
    };
  }

  #takeFrom(row: Record<string, unknown>, carried: number): void {
    const at = integerOf(row['at']);
    this.#setCounts.run(integerOf(row['counts']) & ~carried, at, String(row['id']));
    this.#sums.carry(
      { at, series: integerOf(row['series']), outcome: String(row['outcome']) },
      { bits: carried, sign: -1 },
    );
  }
}
