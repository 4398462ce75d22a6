import type { BreakEven, BreakEvenQuery, BreakEvenRow } from '@tollgate/contract/admin-api/ptu.ts';
import type { Adjustment, LedgerStore, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import { Failure } from '#kernel/errors.ts';
import { isUsageUnknown } from '#model/held.ts';
import type { NanoUsd } from '#model/money.ts';
import type { PriceBook } from '#model/price-book.ts';
import type { ServedBy } from '#model/usage-record.ts';
import { hourMs } from './ptu-basis.ts';
import { parseAllocationDetail } from './ptu-detail.ts';
import { allocationsOf, wholeHours } from './ptu-hours.ts';
import { costBy } from './rerate.ts';
import { valuationInForce } from './valuation.ts';
import { nextTurn } from '#kernel/turn.ts';

type Store = Pick<LedgerStore, 'page' | 'findAdjustments' | 'adjustmentsOf'>;

export interface BreakEvenOptions {
  readonly book: Pick<PriceBook, 'id' | 'cost'>;
  /** The provisioned deployments of the configuration. */
  readonly deployments: readonly ServedBy[];
}

const recordsAtOnce = 1000;
const hoursAtOnce = 744;

/** Adds one row up. */
class Sums {
  readonly #servedBy: ServedBy;
  readonly #from: number;
  #hours = 0;
  #paid = 0n;
  #idle = 0n;
  #used = 0n;
  #capacity: bigint | null = 0n;
  #attempts = 0;
  #unknown = 0;
  #input = 0;
  #cached = 0;
  #output = 0;
  #cost = 0n;
  #listCost = 0n;
  #allListed = true;
  readonly #missing = new Set<string>();
  #spilledAttempts = 0;
  #spilled: bigint | null = 0n;

  constructor(servedBy: ServedBy, from: number) {
    this.#servedBy = servedBy;
    this.#from = from;
  }

  /** An hour with its corrections. */
  addHour(allocations: readonly Adjustment[]): void {
    const last = allocations.at(-1);
    if (last === undefined) return;
    this.#hours += 1;
    for (const { change, outcome } of allocations.flatMap((one) => one.postings)) {
      this.#paid += change.cost;
      if (outcome === 'idle') this.#idle += change.cost;
    }
    const { used, capacity } = parseAllocationDetail(last);
    this.#used += BigInt(used);
    this.#capacity = capacity === null || this.#capacity === null ? null : this.#capacity + BigInt(capacity);
  }

  addCall(record: StoredRecord, book: BreakEvenOptions['book']): void {
    this.#attempts += 1;
    if (isUsageUnknown(record)) {
      this.#unknown += 1;
      return;
    }
    this.#input += record.units.input ?? 0;
    this.#cached += record.units.cachedInput ?? 0;
    this.#output += record.units.output ?? 0;
    // As if Azure had spilled it over: that is what the pay-as-you-go deployment of the same scope would have cost.
    const cost = costBy(book, record, record.series.servedBy.deployment);
    this.#cost += cost.nanoUsd ?? 0n;
    this.#listCost += cost.listNanoUsd ?? 0n;
    if (cost.listNanoUsd === null) this.#allListed = false;
    for (const meter of cost.unpriced) this.#missing.add(meter);
  }

  addSpilled(cost: NanoUsd | null): void {
    this.#spilledAttempts += 1;
    this.#spilled = cost === null || this.#spilled === null ? null : this.#spilled + cost;
  }

  row(): BreakEvenRow {
    const { endpoint, resource, deployment, model, deploymentType } = this.#servedBy;
    const isPriced = this.#missing.size === 0;
    const known = isPriced && this.#cost > 0n && this.#hours > 0;
    const measured = this.#capacity !== null && this.#capacity > 0n ? this.#capacity : null;
    return {
      endpoint,
      deployment: `${resource}/${deployment}`,
      model,
      deploymentType,
      from: new Date(this.#from).toISOString(),
      hours: this.#hours,
      paidNanoUsd: String(this.#paid),
      idleNanoUsd: String(this.#idle),
      attempts: this.#attempts,
      unknownAttempts: this.#unknown,
      inputTokens: this.#input,
      cachedInputTokens: this.#cached,
      outputTokens: this.#output,
      utilization: measured === null ? null : percentOf(this.#used, measured),
      payAsYouGoNanoUsd: isPriced ? String(this.#cost) : null,
      payAsYouGoListNanoUsd: this.#allListed ? String(this.#listCost) : null,
      missingPrices: [...this.#missing].toSorted(),
      breakEvenFactor: known ? fixed(this.#paid, this.#cost, 3) : null,
      breakEvenUtilization:
        known && measured !== null ? percentOf(this.#used * this.#paid, measured * this.#cost) : null,
      spilledAttempts: this.#spilledAttempts,
      spilledNanoUsd: this.#spilled === null ? null : String(this.#spilled),
    };
  }
}

/** A ratio as a decimal, cut to so many digits. */
function fixed(dividend: bigint, divisor: bigint, digits: number): string {
  const scaled = ((dividend * 10n ** BigInt(digits)) / divisor).toString().padStart(digits + 1, '0');
  return `${scaled.slice(0, -digits)}.${scaled.slice(-digits)}`;
}

const percentOf = (part: bigint, whole: bigint): string => fixed(part * 100n, whole, 2);

interface Asked extends BreakEvenOptions {
  readonly store: Store;
  readonly from: number;
  readonly to: number;
  readonly byHour: boolean;
}

/** The rows of a deployment, by the beginning of what they are about. Only hours that are booked count. */
class Rows {
  readonly #rows = new Map<number, Sums>();
  readonly #booked = new Set<number>();
  readonly #servedBy: ServedBy;
  readonly #asked: Asked;

  constructor(servedBy: ServedBy, asked: Asked) {
    this.#servedBy = servedBy;
    this.#asked = asked;
    if (!asked.byHour) this.#at(asked.from);
  }

  addHour(hour: number, allocations: readonly Adjustment[]): void {
    this.#booked.add(hour);
    this.#at(hour).addHour(allocations);
  }

  /** Undefined where the hour is not booked. */
  of({ at }: StoredRecord): Sums | undefined {
    const hour = Math.floor(at / hourMs) * hourMs;
    return this.#booked.has(hour) ? this.#at(hour) : undefined;
  }

  all(): readonly BreakEvenRow[] {
    return [...this.#rows].toSorted(([one], [other]) => one - other).map(([, sums]) => sums.row());
  }

  #at(hour: number): Sums {
    const from = this.#asked.byHour ? hour : this.#asked.from;
    let sums = this.#rows.get(from);
    if (sums === undefined) this.#rows.set(from, (sums = new Sums(this.#servedBy, from)));
    return sums;
  }
}

async function addHours(rows: Rows, { endpoint }: ServedBy, { store, from, to }: Asked): Promise<void> {
  for (let begins = from; begins < to; begins += hoursAtOnce * hourMs) {
    const count = Math.min(hoursAtOnce, Math.ceil((to - begins) / hourMs));
    const hours = Array.from({ length: count }, (_one, at) => begins + at * hourMs);
    for (const [hour, allocations] of await allocationsOf(store, endpoint, hours)) rows.addHour(hour, allocations);
    await nextTurn();
  }
}

/** Spilled calls as they are corrected: they were charged. */
async function addSpilled(rows: Rows, records: readonly StoredRecord[], { store }: Asked): Promise<void> {
  const adjustments = await store.adjustmentsOf(records.map(({ at, id }) => ({ at, id })));
  const corrections = Map.groupBy(
    adjustments.filter((one) => one.kind === 'correction'),
    (one) => one.of?.id ?? '',
  );
  for (const record of records) {
    const { cost } = valuationInForce(record, corrections.get(record.id) ?? []);
    rows.of(record)?.addSpilled(cost);
  }
}

async function addRecords(rows: Rows, servedBy: ServedBy, asked: Asked): Promise<void> {
  const { store, from, to, book } = asked;
  const filter = [{ dimension: 'endpoint' as const, values: [servedBy.endpoint] }];
  const isSpilled = (record: StoredRecord): boolean => record.series.servedBy.deployment !== servedBy.deployment;
  for (let after: RecordKey | null = null; ;) {
    const page: readonly StoredRecord[] = await store.page({
      filter,
      period: { from, to },
      after,
      limit: recordsAtOnce,
    });
    for (const record of page) if (!isSpilled(record)) rows.of(record)?.addCall(record, book);
    await addSpilled(rows, page.filter(isSpilled), asked);
    const last = page.at(-1);
    if (last === undefined || page.length < recordsAtOnce) return;
    after = { at: last.at, id: last.id };
    await nextTurn();
  }
}

/**
 * What the hours of provisioned deployments cost, and what the same calls would have cost by the token. Exact, so it reads
 * every record of the period: prices depend on tiers and on how long each context was.
 */
export async function breakEven(store: Store, query: BreakEvenQuery, options: BreakEvenOptions): Promise<BreakEven> {
  const hours = wholeHours(query);
  const asked: Asked = { ...options, store, ...hours, byHour: query.byHour };
  const chosen = options.deployments.filter((one) => query.endpoint === undefined || one.endpoint === query.endpoint);
  if (query.endpoint !== undefined && chosen.length === 0)
    throw new Failure('admin_not_found', `No endpoint '${query.endpoint}' has \`ptu\` in the configuration.`);
  const rows: BreakEvenRow[] = [];
  for (const servedBy of chosen.toSorted((one, other) => (one.endpoint < other.endpoint ? -1 : 1))) {
    const own = new Rows(servedBy, asked);
    await addHours(own, servedBy, asked);
    await addRecords(own, servedBy, asked);
    rows.push(...own.all());
  }
  return {
    from: new Date(hours.from).toISOString(),
    to: new Date(hours.to).toISOString(),
    priceBook: options.book.id,
    rows,
  };
}
