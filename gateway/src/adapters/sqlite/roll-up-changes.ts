import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  dayMs,
  quarterHourMs,
  requestBits,
  type Adjustment,
  type Posting,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { columnOf, countMeasures, moneyMeasures, type CountMeasure, type MoneyMeasure } from './figure-columns.ts';

/** Where something counts. */
export interface Place {
  /** UTC ms. */
  readonly at: number;
  readonly series: number;
  readonly outcome: string;
}

export interface CountedRecord {
  readonly record: StoredRecord;
  /** `requestBits` that the record carries. */
  readonly counts: number;
  readonly toolCalls: number;
  readonly images: number;
}

/** The sums that one roll-up gains; signed. */
class Change {
  readonly period: number;
  readonly place: Place;
  readonly counts: Record<CountMeasure, number>;
  readonly money: Record<MoneyMeasure, bigint>;

  constructor(period: number, place: Place) {
    this.period = period;
    this.place = place;
    this.counts = {
      requests: 0,
      attempts: 0,
      unpricedRequests: 0,
      unknownUsageRequests: 0,
      deliveredOnlyRequests: 0,
      estimatedRequests: 0,
      input: 0,
      cachedInput: 0,
      cacheWriteInput: 0,
      audioInput: 0,
      imageInput: 0,
      output: 0,
      reasoning: 0,
      audioOutput: 0,
      seconds: 0,
      characters: 0,
      images: 0,
      toolCalls: 0,
      pricedAttempts: 0,
      listPricedAttempts: 0,
      internalPricedAttempts: 0,
    };
    this.money = { cost: 0n, listCost: 0n, internalCost: 0n, held: 0n };
  }

  /** `sign` is 1 or -1. */
  carry(bits: number, sign: number): void {
    const { counts } = this;
    if ((bits & requestBits.request) !== 0) counts.requests += sign;
    if (bits <= requestBits.request) return;
    if ((bits & requestBits.unpriced) !== 0) counts.unpricedRequests += sign;
    if ((bits & requestBits.unknownUsage) !== 0) counts.unknownUsageRequests += sign;
    if ((bits & requestBits.deliveredOnly) !== 0) counts.deliveredOnlyRequests += sign;
    if ((bits & requestBits.estimated) !== 0) counts.estimatedRequests += sign;
  }

  add(counted: CountedRecord): void {
    const { record } = counted;
    this.carry(counted.counts, 1);
    this.#addUnits(counted);
    const { counts, money } = this;
    if (record.costNano !== null) {
      counts.pricedAttempts += 1;
      money.cost += record.costNano;
    }
    if (record.listNano !== null) {
      counts.listPricedAttempts += 1;
      money.listCost += record.listNano;
    }
    if (record.internalNano !== null) {
      counts.internalPricedAttempts += 1;
      money.internalCost += record.internalNano;
    }
    if (record.reservedNano !== null && (record.measuredInput === 'unknown' || record.measuredOutput === 'unknown'))
      money.held += record.reservedNano;
  }

  #addUnits({ record: { units }, toolCalls, images }: CountedRecord): void {
    const { counts } = this;
    counts.attempts += 1;
    counts.input += units.input ?? 0;
    counts.cachedInput += units.cachedInput ?? 0;
    counts.cacheWriteInput += units.cacheWriteInput ?? 0;
    counts.audioInput += units.audioInput ?? 0;
    counts.imageInput += units.imageInput ?? 0;
    counts.output += units.output ?? 0;
    counts.reasoning += units.reasoning ?? 0;
    counts.audioOutput += units.audioOutput ?? 0;
    counts.seconds += units.seconds ?? 0;
    counts.characters += units.characters ?? 0;
    counts.toolCalls += toolCalls;
    counts.images += images;
  }

  adjust({ change }: Posting): void {
    const { counts, money } = this;
    money.cost += change.cost;
    money.listCost += change.listCost;
    money.internalCost += change.internalCost;
    money.held += change.held;
    counts.pricedAttempts += change.pricedAttempts;
    counts.listPricedAttempts += change.listPricedAttempts;
    counts.internalPricedAttempts += change.internalPricedAttempts;
  }
}

const columns = [...countMeasures, ...moneyMeasures].map(columnOf);

/** Roll-ups of one length of period, for the time of a batch. */
class PeriodChanges {
  readonly #periodMs: number;
  readonly #upsert: StatementSync;
  readonly #changes = new Map<string, Change>();

  constructor(connection: DatabaseSync, period: { readonly name: 'quarter' | 'day'; readonly ms: number }) {
    this.#periodMs = period.ms;
    this.#upsert = connection.prepare(
      `insert into usage_${period.name} (${period.name}, series, outcome, ${columns.join(', ')})
       values (?, ?, ?, ${columns.map(() => '?').join(', ')})
       on conflict do update set ${columns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
    );
  }

  of(place: Place): Change {
    const period = Math.floor(place.at / this.#periodMs);
    const text = `${period} ${place.series} ${place.outcome}`;
    let change = this.#changes.get(text);
    if (change === undefined) {
      change = new Change(period, place);
      this.#changes.set(text, change);
    }
    return change;
  }

  write(): void {
    for (const { period, place, counts, money } of this.#changes.values())
      this.#upsert.run(
        period,
        place.series,
        place.outcome,
        ...countMeasures.map((one) => counts[one]),
        ...moneyMeasures.map((one) => money[one]),
      );
    this.#changes.clear();
  }

  forget(): void {
    this.#changes.clear();
  }
}

/** What a batch changes in the roll-ups: added up here, so that each is written once a transaction. */
export class RollUpChanges {
  readonly #periods: readonly PeriodChanges[];

  constructor(connection: DatabaseSync) {
    this.#periods = [
      new PeriodChanges(connection, { name: 'quarter', ms: quarterHourMs }),
      new PeriodChanges(connection, { name: 'day', ms: dayMs }),
    ];
  }

  add(place: Place, record: CountedRecord): void {
    for (const period of this.#periods) period.of(place).add(record);
  }

  /** Attempts at a place begin (1) or cease (-1) to carry counts of their requests. */
  carry(place: Place, change: { readonly bits: number; readonly sign: 1 | -1 }): void {
    if (change.bits === 0) return;
    for (const period of this.#periods) period.of(place).carry(change.bits, change.sign);
  }

  adjust(place: Place, posting: Adjustment['postings'][number]): void {
    for (const period of this.#periods) period.of(place).adjust(posting);
  }

  write(): void {
    for (const period of this.#periods) period.write();
  }

  forget(): void {
    for (const period of this.#periods) period.forget();
  }
}
