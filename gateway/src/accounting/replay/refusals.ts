import type { Failure } from '#kernel/errors.ts';
import type { StoredRecord } from '#accounting/ledger/ports.ts';
import type { RefusedOne, RefusedRow } from './ports.ts';

/** So many requests are told one by one. */
const mostTold = 1000;

/** Why an attempt would not have been made. */
export interface Refused {
  readonly limit: string;
  readonly code: Failure['code'];
}

/** Adds up what would have been refused. */
export class Refusals {
  requests = 0;
  attempts = 0;
  cost = 0n;
  readonly #rows = new Map<string, RefusedRow>();
  readonly #told: RefusedOne[] = [];

  add(record: StoredRecord, { limit, code }: Refused): void {
    const { at, attempt, costNano, requestId } = record;
    const { consumer, subscription } = record.series.caller;
    const isRequest = attempt === 1;
    this.attempts += 1;
    this.cost += costNano ?? 0n;
    const key = JSON.stringify([consumer, subscription, limit, code]);
    let row = this.#rows.get(key);
    if (row === undefined) {
      const none = { requests: 0, attempts: 0, lastAt: at, cost: 0n, unpriced: 0 };
      this.#rows.set(key, (row = { consumer, subscription, limit, code, firstAt: at, ...none }));
    }
    row.attempts += 1;
    row.lastAt = at;
    row.cost += costNano ?? 0n;
    if (costNano === null) row.unpriced += 1;
    if (!isRequest) return;
    this.requests += 1;
    row.requests += 1;
    if (this.#told.length < mostTold)
      this.#told.push({ requestId, at, consumer, subscription, limit, code, cost: costNano });
  }

  get rows(): readonly RefusedRow[] {
    return [...this.#rows.values()].toSorted((one, other) => {
      if (one.cost !== other.cost) return one.cost > other.cost ? -1 : 1;
      return other.attempts - one.attempts || one.firstAt - other.firstAt;
    });
  }

  get told(): readonly RefusedOne[] {
    return this.#told;
  }
}
