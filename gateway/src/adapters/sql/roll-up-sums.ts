import { requestBits, type Posting, type StoredRecord } from '#accounting/ledger/ports.ts';
import { dayMs, quarterHourMs } from '#model/figures.ts';
import { heldOf } from '#model/held.ts';
import { countMeasures, moneyMeasures, type CountMeasure, type MoneyMeasure } from './figure-columns.ts';
import { LineSums } from './line-sums.ts';

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

/** What the roll-up of one place gains; signed. */
export class RollUpChange {
  readonly place: Place;
  readonly counts: Record<CountMeasure, number>;
  readonly money: Record<MoneyMeasure, bigint>;
  readonly lines = new LineSums();

  constructor(place: Place) {
    this.place = place;
    this.counts = {
      requests: 0,
      attempts: 0,
      unpricedRequests: 0,
      unknownUsageRequests: 0,
      deliveredOnlyRequests: 0,
      estimatedRequests: 0,
      unknownUsageAttempts: 0,
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

  merge(other: RollUpChange): void {
    for (const one of countMeasures) this.counts[one] += other.counts[one];
    for (const one of moneyMeasures) this.money[one] += other.money[one];
    this.lines.merge(other.lines);
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
    if (record.reservedNano !== null) money.held += heldOf(record);
    if (record.measuredInput === 'unknown' || record.measuredOutput === 'unknown') counts.unknownUsageAttempts += 1;
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

/** What a batch changes in the roll-ups: added up here per quarter-hour, so that each is written once a transaction. */
export class RollUpSums {
  /** By quarter-hour, series and outcome. */
  readonly #changes = new Map<number, Map<number, Map<string, RollUpChange>>>();
  readonly #quarters: RollUpChange[] = [];

  add(place: Place, record: CountedRecord): void {
    const change = this.#of(place);
    change.add(record);
    change.lines.add(record.record.lines);
  }

  /** Attempts at a place begin (1) or cease (-1) to carry counts of their requests. */
  carry(place: Place, change: { readonly bits: number; readonly sign: 1 | -1 }): void {
    if (change.bits !== 0) this.#of(place).carry(change.bits, change.sign);
  }

  /** `lines`: the posting's, as text. */
  adjust(place: Place, posting: Posting, lines: string): void {
    const change = this.#of(place);
    change.adjust(posting);
    change.lines.add(lines);
  }

  /** By quarter-hour, series and outcome. */
  quarters(): readonly RollUpChange[] {
    return this.#quarters;
  }

  /** By day, series and outcome; the quarter-hours are used up for that. */
  days(): Iterable<RollUpChange> {
    const days = new Map<string, RollUpChange>();
    for (const change of this.#quarters) {
      const { at, series, outcome } = change.place;
      const key = `${Math.floor(at / dayMs)} ${series} ${outcome}`;
      const ofDay = days.get(key);
      if (ofDay === undefined) days.set(key, change);
      else ofDay.merge(change);
    }
    this.forget();
    return days.values();
  }

  forget(): void {
    this.#changes.clear();
    this.#quarters.length = 0;
  }

  #of(place: Place): RollUpChange {
    const quarter = Math.floor(place.at / quarterHourMs);
    const ofQuarter = entryOf(this.#changes, quarter, () => new Map<number, Map<string, RollUpChange>>());
    const ofSeries = entryOf(ofQuarter, place.series, () => new Map<string, RollUpChange>());
    let change = ofSeries.get(place.outcome);
    if (change === undefined) {
      change = new RollUpChange(place);
      ofSeries.set(place.outcome, change);
      this.#quarters.push(change);
    }
    return change;
  }
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
