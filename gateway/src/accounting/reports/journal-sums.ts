import { requestBits, type Adjustment, type ShippedRecord, type StoredRecord } from '#accounting/ledger/ports.ts';
import { figuresWith, type Figures, type Measure } from '#model/figures.ts';
import { heldOf } from '#model/held.ts';
import type { CorrectedAttempt, VerificationScratch } from './ports.ts';

/** Measures that count distinct requests, and what one of their attempts has to qualify for. */
const flagged = [
  ['unpricedRequests', requestBits.unpriced],
  ['unknownUsageRequests', requestBits.unknownUsage],
  ['deliveredOnlyRequests', requestBits.deliveredOnly],
  ['estimatedRequests', requestBits.estimated],
] as const satisfies readonly (readonly [Measure, number])[];

/**
 * Adds records up anew, without a store's help: what store and roll-ups are checked against. Distinct requests are
 * remembered by id, but only those that are flagged, and not in memory.
 */
export class JournalSums {
  readonly #sums: Record<Measure, bigint> = figuresWith(() => 0n);
  readonly #scratch: VerificationScratch;

  constructor(scratch: VerificationScratch) {
    this.#scratch = scratch;
  }

  add(records: readonly ShippedRecord[]): void {
    for (const { record, qualifies } of records) {
      this.#addUnits(record);
      this.#addMoney(record);
      if ((qualifies & requestBits.request) !== 0) this.#count('requests', 1);
    }
    this.#scratch.flag(
      records
        .filter(({ qualifies }) => (qualifies & ~requestBits.request) !== 0)
        .map(({ record, qualifies }) => ({ id: record.id, requestId: record.requestId, bits: qualifies })),
    );
  }

  /** Records that an adjustment says something else of than they say themselves. */
  correct(attempts: readonly CorrectedAttempt[]): void {
    this.#scratch.correct(attempts);
  }

  adjust({ postings }: Adjustment): void {
    for (const { change } of postings) {
      this.#sums.cost += change.cost;
      this.#sums.listCost += change.listCost;
      this.#sums.internalCost += change.internalCost;
      this.#sums.held += change.held;
      this.#count('pricedAttempts', change.pricedAttempts);
      this.#count('listPricedAttempts', change.listPricedAttempts);
      this.#count('internalPricedAttempts', change.internalPricedAttempts);
    }
  }

  #addUnits({ units }: StoredRecord): void {
    this.#count('attempts', 1);
    this.#count('input', units.input);
    this.#count('cachedInput', units.cachedInput);
    this.#count('cacheWriteInput', units.cacheWriteInput);
    this.#count('audioInput', units.audioInput);
    this.#count('imageInput', units.imageInput);
    this.#count('output', units.output);
    this.#count('reasoning', units.reasoning);
    this.#count('audioOutput', units.audioOutput);
    this.#count('seconds', units.seconds);
    this.#count('characters', units.characters);
    for (const calls of Object.values(units.toolCalls)) this.#count('toolCalls', calls);
    for (const images of Object.values(units.images)) this.#count('images', images);
  }

  #addMoney(record: StoredRecord): void {
    const { costNano, listNano, internalNano } = record;
    this.#count('pricedAttempts', costNano === null ? 0 : 1);
    this.#count('listPricedAttempts', listNano === null ? 0 : 1);
    this.#count('internalPricedAttempts', internalNano === null ? 0 : 1);
    this.#sums.cost += costNano ?? 0n;
    this.#sums.listCost += listNano ?? 0n;
    this.#sums.internalCost += internalNano ?? 0n;
    this.#sums.held += heldOf(record);
    if (record.measuredInput === 'unknown' || record.measuredOutput === 'unknown')
      this.#count('unknownUsageAttempts', 1);
  }

  total(): Figures {
    for (const [measure, bit] of flagged) this.#sums[measure] = BigInt(this.#scratch.requestsWith(bit));
    return { ...this.#sums };
  }

  #count(measure: Measure, units: number | null): void {
    if (units !== null) this.#sums[measure] += BigInt(units);
  }
}
