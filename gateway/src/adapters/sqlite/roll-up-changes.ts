import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { requestBits, type StoredRecord } from '#accounting/ledger/ports.ts';

export interface RollUpKey {
  /** Quarter-hours since the epoch. */
  readonly quarter: number;
  readonly series: number;
  readonly outcome: string;
}

export interface CountedRecord {
  readonly record: StoredRecord;
  /** `requestBits` that the record carries. */
  readonly counts: number;
  readonly toolCalls: number;
}

const columns = [
  'requests',
  'attempts',
  'unpriced_requests',
  'unknown_usage_requests',
  'delivered_only_requests',
  'estimated_requests',
  'input',
  'cached_input',
  'cache_write_input',
  'audio_input',
  'image_input',
  'output',
  'reasoning',
  'audio_output',
  'tool_calls',
  'priced_attempts',
  'cost_nano',
] as const;

class Change {
  readonly key: RollUpKey;
  requests = 0;
  attempts = 0;
  unpriced = 0;
  unknownUsage = 0;
  deliveredOnly = 0;
  estimated = 0;
  input = 0;
  cachedInput = 0;
  cacheWriteInput = 0;
  audioInput = 0;
  imageInput = 0;
  output = 0;
  reasoning = 0;
  audioOutput = 0;
  toolCalls = 0;
  pricedAttempts = 0;
  cost = 0n;

  constructor(key: RollUpKey) {
    this.key = key;
  }

  /** `sign` is 1 or -1. */
  count(bits: number, sign: number): void {
    if ((bits & requestBits.request) !== 0) this.requests += sign;
    if (bits <= requestBits.request) return;
    if ((bits & requestBits.unpriced) !== 0) this.unpriced += sign;
    if ((bits & requestBits.unknownUsage) !== 0) this.unknownUsage += sign;
    if ((bits & requestBits.deliveredOnly) !== 0) this.deliveredOnly += sign;
    if ((bits & requestBits.estimated) !== 0) this.estimated += sign;
  }

  add({ record, counts, toolCalls }: CountedRecord): void {
    const { units, costNano } = record;
    this.attempts += 1;
    this.count(counts, 1);
    this.input += units.input ?? 0;
    this.cachedInput += units.cachedInput ?? 0;
    this.cacheWriteInput += units.cacheWriteInput ?? 0;
    this.audioInput += units.audioInput ?? 0;
    this.imageInput += units.imageInput ?? 0;
    this.output += units.output ?? 0;
    this.reasoning += units.reasoning ?? 0;
    this.audioOutput += units.audioOutput ?? 0;
    this.toolCalls += toolCalls;
    if (costNano === null) return;
    this.pricedAttempts += 1;
    this.cost += costNano;
  }
}

/** What a batch of records changes in the roll-ups: added up here, so that each is written once a transaction. */
export class RollUpChanges {
  readonly #upsert: StatementSync;
  readonly #changes = new Map<string, Change>();

  constructor(connection: DatabaseSync) {
    this.#upsert = connection.prepare(
      `insert into usage_roll_up (quarter, series, outcome, ${columns.join(', ')})
       values (?, ?, ?, ${columns.map(() => '?').join(', ')})
       on conflict do update set ${columns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
    );
  }

  add(key: RollUpKey, record: CountedRecord): void {
    this.#changeOf(key).add(record);
  }

  uncount(key: RollUpKey, bits: number): void {
    this.#changeOf(key).count(bits, -1);
  }

  write(): void {
    for (const change of this.#changes.values())
      this.#upsert.run(
        change.key.quarter,
        change.key.series,
        change.key.outcome,
        change.requests,
        change.attempts,
        change.unpriced,
        change.unknownUsage,
        change.deliveredOnly,
        change.estimated,
        change.input,
        change.cachedInput,
        change.cacheWriteInput,
        change.audioInput,
        change.imageInput,
        change.output,
        change.reasoning,
        change.audioOutput,
        change.toolCalls,
        change.pricedAttempts,
        change.cost,
      );
    this.#changes.clear();
  }

  forget(): void {
    this.#changes.clear();
  }

  #changeOf(key: RollUpKey): Change {
    const text = `${key.quarter} ${key.series} ${key.outcome}`;
    let change = this.#changes.get(text);
    if (change === undefined) {
      change = new Change(key);
      this.#changes.set(text, change);
    }
    return change;
  }
}
