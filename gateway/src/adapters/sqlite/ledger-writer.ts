import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  quarterHourMs,
  requestBits,
  type Checkpoint,
  type Series,
  type ShippedRecord,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { seriesColumns } from './ledger-schema.ts';
import { RollUpChanges } from './roll-up-changes.ts';

const recordColumns = [
  'at',
  'id',
  'request_id',
  'attempt',
  'series',
  'end_user',
  'reserved_nano',
  'outcome',
  'measured_input',
  'measured_output',
  'input',
  'cached_input',
  'cache_write_input',
  'audio_input',
  'image_input',
  'output',
  'reasoning',
  'audio_output',
  'tool_calls',
  'tool_call_count',
  'pricing',
  'cost_nano',
  'unpriced',
  'qualifies',
  'counts',
  'detail',
] as const;

const marks = (columns: readonly string[]): string => columns.map(() => '?').join(', ');

function seriesValues({ caller, servedBy, ...call }: Series): SQLInputValue[] {
  return [
    caller.subscription,
    caller.product,
    caller.consumer,
    caller.costCentrePath,
    servedBy.endpoint,
    servedBy.resource,
    servedBy.region,
    servedBy.deployment,
    servedBy.deploymentType,
    servedBy.model,
    servedBy.modelVersion,
    call.operation,
    call.stream ? 1 : 0,
    call.requestedModel,
    call.priceBook,
  ];
}

function toolCallCount(toolCalls: Readonly<Record<string, number>>): number {
  let count = 0;
  for (const calls of Object.values(toolCalls)) count += calls;
  return count;
}

function integerOf(value: unknown): number {
  if (typeof value !== 'number')
    throw new TypeError('The store holds something else than the integer that was expected.');
  return value;
}

/**
 * The ledger's way into SQLite: prepared statements, because at one record per call they cost half of what a query
 * builder does. Everything here runs inside `SqliteDatabase.exclusive`.
 */
export class LedgerWriter {
  readonly #connection: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #findSeries: StatementSync;
  readonly #insertSeries: StatementSync;
  readonly #siblings: StatementSync;
  readonly #setCounts: StatementSync;
  readonly #setCheckpoint: StatementSync;
  readonly #changes: RollUpChanges;
  /** Ids of the series that readers share between records. */
  #series = new WeakMap<Series, number>();

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
    this.#changes = new RollUpChanges(connection);
    this.#insert = connection.prepare(
      `insert into usage_record (${recordColumns.join(', ')}) values (${marks(recordColumns)}) on conflict do nothing`,
    );
    this.#findSeries = connection.prepare(
      `select id from usage_series where ${seriesColumns.map((column) => `${column} is ?`).join(' and ')}`,
    );
    this.#insertSeries = connection.prepare(
      `insert into usage_series (${seriesColumns.join(', ')}) values (${marks(seriesColumns)})`,
    );
    this.#siblings = connection.prepare(
      `select at, id, attempt, series, outcome, counts from usage_record
       where request_id = ? and qualifies > 1 and (qualifies & ?) <> 0 and id <> ?`,
    );
    this.#setCounts = connection.prepare('update usage_record set counts = ? where at = ? and id = ?');
    this.#setCheckpoint = connection.prepare(
      `insert or replace into ledger_checkpoint
         (id, instance, shipped_segment, shipped_offset, low_segment, low_offset, settles) values (1, ?, ?, ?, ?, ?, ?)`,
    );
  }

  /** One transaction; returns how many records were new. */
  append(records: readonly ShippedRecord[], checkpoint: Checkpoint): number {
    this.#connection.exec('begin immediate');
    try {
      let added = 0;
      for (const one of records) if (this.#add(one)) added += 1;
      this.#changes.write();
      const { instance, shipped, lowWater, settles } = checkpoint;
      this.#setCheckpoint.run(instance, shipped.segment, shipped.offset, lowWater.segment, lowWater.offset, settles);
      this.#connection.exec('commit');
      return added;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('rollback');
      this.#changes.forget();
      // A series may have been made in the transaction.
      this.#series = new WeakMap();
      throw error;
    }
  }

  #add({ record, qualifies }: ShippedRecord): boolean {
    const series = this.#seriesOf(record.series);
    const flags = qualifies & ~requestBits.request;
    const takeOver = flags === 0 ? undefined : this.#siblingsOf(record, flags);
    const counts = takeOver === undefined ? qualifies : qualifies & ~takeOver.carriedElsewhere;
    const { units } = record;
    const noTools = Object.keys(units.toolCalls).length === 0;
    const toolCalls = noTools ? 0 : toolCallCount(units.toolCalls);
    const { changes } = this.#insert.run(
      record.at,
      record.id,
      record.requestId,
      record.attempt,
      series,
      record.endUser,
      record.reservedNano,
      record.outcome,
      record.measuredInput,
      record.measuredOutput,
      units.input,
      units.cachedInput,
      units.cacheWriteInput,
      units.audioInput,
      units.imageInput,
      units.output,
      units.reasoning,
      units.audioOutput,
      noTools ? null : JSON.stringify(units.toolCalls),
      toolCalls,
      record.pricing,
      record.costNano,
      record.unpriced.length === 0 ? null : JSON.stringify(record.unpriced),
      qualifies,
      counts,
      record.detail,
    );
    if (changes === 0) return false;
    takeOver?.take();
    this.#changes.add(
      { quarter: Math.floor(record.at / quarterHourMs), series, outcome: record.outcome },
      {
        record,
        counts,
        toolCalls,
      },
    );
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
    this.#changes.uncount(
      { quarter: Math.floor(at / quarterHourMs), series: integerOf(row['series']), outcome: String(row['outcome']) },
      carried,
    );
  }

  #seriesOf(series: Series): number {
    let id = this.#series.get(series);
    if (id === undefined) {
      const values = seriesValues(series);
      const found = this.#findSeries.get(...values)?.['id'];
      id = found === undefined ? Number(this.#insertSeries.run(...values).lastInsertRowid) : integerOf(found);
      this.#series.set(series, id);
    }
    return id;
  }
}
