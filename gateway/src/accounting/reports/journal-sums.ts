import { requestBits, type Figures, type Measure, type ShippedRecord } from '#accounting/ledger/ports.ts';
import { figuresWith } from './figures.ts';

const flagged = [
  ['unpricedRequests', requestBits.unpriced],
  ['unknownUsageRequests', requestBits.unknownUsage],
  ['deliveredOnlyRequests', requestBits.deliveredOnly],
  ['estimatedRequests', requestBits.estimated],
] as const satisfies readonly (readonly [Measure, number])[];

/**
 * Adds records up anew, without a store's help: what store and roll-ups are checked against. Distinct requests are
 * remembered by id, but only those that are flagged.
 */
export class JournalSums {
  readonly #sums: Record<Measure, bigint> = figuresWith(() => 0n);
  readonly #flagged = new Map<Measure, Set<string>>(flagged.map(([measure]) => [measure, new Set()]));

  add({ record, qualifies }: ShippedRecord): void {
    const { units, costNano } = record;
    this.#count('attempts', 1);
    this.#count('input', units.input);
    this.#count('cachedInput', units.cachedInput);
    this.#count('cacheWriteInput', units.cacheWriteInput);
    this.#count('audioInput', units.audioInput);
    this.#count('imageInput', units.imageInput);
    this.#count('output', units.output);
    this.#count('reasoning', units.reasoning);
    this.#count('audioOutput', units.audioOutput);
    for (const calls of Object.values(units.toolCalls)) this.#count('toolCalls', calls);
    if (costNano !== null) {
      this.#count('pricedAttempts', 1);
      this.#sums.cost += costNano;
    }
    if ((qualifies & requestBits.request) !== 0) this.#count('requests', 1);
    for (const [measure, bit] of flagged)
      if ((qualifies & bit) !== 0) this.#flagged.get(measure)?.add(record.requestId);
  }

  total(): Figures {
    return figuresWith((measure) => BigInt(this.#flagged.get(measure)?.size ?? this.#sums[measure]));
  }

  #count(measure: Measure, units: number | null): void {
    if (units !== null) this.#sums[measure] += BigInt(units);
  }
}
