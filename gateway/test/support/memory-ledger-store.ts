import {
  requestBits,
  StoreElsewhere,
  type Adjustment,
  type Checkpoint,
  type LedgerStore,
  type LineRow,
  type LinesQuery,
  type PageQuery,
  type Position,
  type Posting,
  type RecordKey,
  type RollUpOutcome,
  type Series,
  type ShippedEntry,
  type ShippedRecord,
  type StoredRecord,
} from '../../src/accounting/ledger/ports.ts';
import {
  dayMs,
  quarterHourMs,
  type FigureDimension,
  type FigureFilter,
  type Figures,
  type FiguresQuery,
  type FiguresRow,
  type Measure,
  type Period,
} from '../../src/model/figures.ts';
import { Leases } from '../../src/adapters/sql/leases.ts';
import { measures } from '../../src/model/figures.ts';
import { heldOf } from '../../src/model/held.ts';
import { parseLedgerLines } from '../../src/model/cost-lines.ts';
import type { UnendedQuery } from '#model/batch.ts';
import type { LedgerLine } from '../../src/model/money.ts';

/** Something that counts: a record, or a posting of an adjustment. */
interface Counting {
  readonly at: number;
  readonly instance: string;
  readonly series: Series;
  readonly outcome: RollUpOutcome;
  readonly endUser: string | null;
  readonly lines: readonly LedgerLine[];
  readonly of: ShippedRecord | Posting;
}

const keyOf: Record<FigureDimension, (one: Counting) => string> = {
  consumer: ({ series }) => series.caller.consumer,
  'cost-centre': ({ series }) => series.caller.costCentrePath,
  product: ({ series }) => series.caller.product,
  subscription: ({ series }) => series.caller.subscription,
  model: ({ series }) => series.servedBy.model,
  endpoint: ({ series }) => series.servedBy.endpoint,
  deployment: ({ series }) => `${series.servedBy.resource}/${series.servedBy.deployment}`,
  resource: ({ series }) => series.servedBy.resource,
  'deployment-type': ({ series }) => series.servedBy.deploymentType,
  region: ({ series }) => series.servedBy.region,
  operation: ({ series }) => series.operation,
  outcome: ({ outcome }) => outcome,
  'end-user': ({ endUser }) => endUser ?? '',
};

const isIn = (at: number, { from, to }: Period): boolean => (from === null || at >= from) && (to === null || at < to);

function fits(one: Counting, filters: readonly FigureFilter[]): boolean {
  return filters.every(({ dimension, values, exact }) => {
    const key = keyOf[dimension](one);
    const isBelow = (value: string): boolean =>
      dimension === 'cost-centre' && exact !== true && `/${key}/`.includes(`/${value}/`);
    return values.some((value) => key === value || isBelow(value));
  });
}

const isAfter = (one: RecordKey, after: RecordKey | null): boolean =>
  after === null || one.at > after.at || (one.at === after.at && one.id > after.id);

const byKey = (one: RecordKey, other: RecordKey): number => one.at - other.at || (one.id < other.id ? -1 : 1);

const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

type Place = Pick<FiguresRow, 'bucket' | 'keys'>;
const byPlace = (one: Place, other: Place): number =>
  one.keys.reduce((order, key, at) => order || byBytes(key, other.keys[at] ?? ''), one.bucket - other.bucket);

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, one) => sum + one, 0);

/** The store without a database, for tests. It adds nothing up in advance: every answer comes from what was shipped. */
export class MemoryLedgerStore implements LedgerStore {
  readonly #records = new Map<string, ShippedRecord & { readonly instance: string }>();
  readonly #adjustments = new Map<string, { readonly adjustment: Adjustment; readonly instance: string }>();
  readonly #leases = new Leases();
  readonly #checkpoints = new Map<string, Checkpoint>();

  /** Loses a record, as a store that was damaged does. */
  forget(id: string): void {
    for (const [name, { record }] of this.#records) if (record.id === id) this.#records.delete(name);
  }

  /** Returns what puts it back to the state of now, as a backup does. */
  snapshot(): () => void {
    const [records, adjustments, checkpoints] = [
      [...this.#records],
      [...this.#adjustments],
      [...this.#checkpoints],
    ] as const;
    return () => {
      for (const map of [this.#records, this.#adjustments, this.#checkpoints]) map.clear();
      for (const [name, one] of records) this.#records.set(name, one);
      for (const [name, one] of adjustments) this.#adjustments.set(name, one);
      for (const [name, one] of checkpoints) this.#checkpoints.set(name, one);
    };
  }

  async checkpoint(instance: string): Promise<Checkpoint | null> {
    return await Promise.resolve(this.#checkpoints.get(instance) ?? null);
  }

  async journals(): Promise<readonly string[]> {
    return await Promise.resolve([...this.#checkpoints.keys()]);
  }

  async append(entries: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): Promise<number> {
    const { instance } = checkpoint;
    const stands = this.#checkpoints.get(instance)?.shipped;
    if (from !== undefined && (stands?.segment !== from.segment || stands.offset !== from.offset))
      throw new StoreElsewhere();
    const before = this.#records.size + this.#adjustments.size;
    for (const one of entries) {
      if (one.kind === 'adjustment') {
        const { adjustment } = one;
        if (!this.#adjustments.has(adjustment.id)) this.#adjustments.set(adjustment.id, { adjustment, instance });
        continue;
      }
      const { record, qualifies } = one;
      const name = `${record.at} ${record.id}`;
      if (!this.#records.has(name)) this.#records.set(name, { record, qualifies, instance });
    }
    this.#checkpoints.set(instance, checkpoint);
    return await Promise.resolve(this.#records.size + this.#adjustments.size - before);
  }

  async find(keys: readonly RecordKey[]): Promise<readonly (StoredRecord | null)[]> {
    return await Promise.resolve(keys.map(({ at, id }) => this.#records.get(`${at} ${id}`)?.record ?? null));
  }

  async findAdjustments(ids: readonly string[]): Promise<readonly (Adjustment | null)[]> {
    return await Promise.resolve(ids.map((id) => this.#adjustments.get(id)?.adjustment ?? null));
  }

  async adjustmentsOf(keys: readonly RecordKey[]): Promise<readonly Adjustment[]> {
    const names = new Set(keys.map(({ at, id }) => `${at} ${id}`));
    return await Promise.resolve(
      [...this.#adjustments.values()]
        .map((one) => one.adjustment)
        .filter(({ of }) => of !== null && names.has(`${of.at} ${of.id}`))
        .toSorted((one, other) => one.bookedAt - other.bookedAt || (one.id < other.id ? -1 : 1)),
    );
  }

  async page({ filter, period, after, limit, instance }: PageQuery): Promise<readonly StoredRecord[]> {
    const found = this.#counting()
      .flatMap((one) => ('record' in one.of ? [{ one, record: one.of.record }] : []))
      .filter(
        ({ one, record }) =>
          fits(one, filter) &&
          isIn(one.at, period) &&
          isAfter(record, after) &&
          (instance === undefined || one.instance === instance),
      );
    return await Promise.resolve(
      found
        .map(({ record }) => record)
        .toSorted(byKey)
        .slice(0, limit),
    );
  }

  async unended({ operation, from, ends }: UnendedQuery): Promise<readonly StoredRecord[]> {
    return await Promise.resolve(
      [...this.#records.values()]
        .map((one) => one.record)
        .filter(({ at, id, series, costNano }) => {
          const isOpen = costNano === null && !this.#adjustments.has(`${ends}${id}`);
          return isOpen && series.operation === operation && at >= from;
        })
        .toSorted(byKey),
    );
  }

  async attemptsOf(requestId: string): Promise<readonly StoredRecord[]> {
    return await Promise.resolve(
      [...this.#records.values()]
        .map((one) => one.record)
        .filter((one) => one.requestId === requestId)
        .toSorted((one, other) => one.attempt - other.attempt || byKey(one, other)),
    );
  }

  async values(dimension: Exclude<FigureDimension, 'outcome' | 'end-user'>): Promise<readonly string[]> {
    return await Promise.resolve([...new Set(this.#counting().map(keyOf[dimension]))].toSorted(byBytes));
  }

  async pageOfAdjustments({ filter, period, after, limit, instance }: PageQuery): Promise<readonly Adjustment[]> {
    const counting = this.#counting();
    const hasPosting = ({ postings }: Adjustment): boolean =>
      counting.some((one) => postings.some((posting) => posting === one.of) && fits(one, filter));
    return await Promise.resolve(
      [...this.#adjustments.values()]
        .filter((one) => instance === undefined || one.instance === instance)
        .map((one) => one.adjustment)
        .filter((one) => isIn(one.at, period) && isAfter(one, after) && (filter.length === 0 || hasPosting(one)))
        .toSorted(byKey)
        .slice(0, limit),
    );
  }

  async figures({ by, filter, spans, instance, page }: FiguresQuery): Promise<readonly FiguresRow[]> {
    const groups = Map.groupBy(
      spans.flatMap((span) =>
        this.#counting()
          .filter((one) => isIn(one.at, span) && fits(one, filter))
          .filter((one) => instance === undefined || one.instance === instance)
          .map((one) => ({ bucket: span.bucket, one })),
      ),
      ({ bucket, one }) => JSON.stringify([bucket, ...by.map((dimension) => keyOf[dimension](one))]),
    );
    const rows = [...groups].map(([name, group]): FiguresRow => {
      const [bucket, ...keys] = JSON.parse(name) as [number, ...string[]];
      return { bucket, keys, figures: this.#figures(group.map(({ one }) => one)) };
    });
    if (page === undefined) return await Promise.resolve(rows);
    const { after, limit } = page;
    const following = rows.toSorted(byPlace).filter((one) => after === null || byPlace(one, after) > 0);
    return await Promise.resolve(following.slice(0, limit));
  }

  async lines({ filter, spans }: LinesQuery): Promise<readonly LineRow[]> {
    const rows = new Map<string, LineRow>();
    for (const span of spans)
      for (const one of this.#counting().filter((each) => isIn(each.at, span) && fits(each, filter)))
        for (const { layer, meter, priceId, standing, units, nanoUsd } of one.lines) {
          const day = Math.floor(one.at / dayMs) * dayMs;
          const { series, outcome } = one;
          const place = { day, series, outcome, layer, meter, priceId, standing };
          const key = JSON.stringify(Object.values(place));
          const sum = rows.get(key) ?? { ...place, units: 0n, nanoUsd: 0n };
          rows.set(key, { ...sum, units: sum.units + BigInt(units), nanoUsd: sum.nanoUsd + nanoUsd });
        }
    return await Promise.resolve([...rows.values()]);
  }

  async extent(): Promise<{ readonly from: number; readonly to: number } | null> {
    const times = this.#counting().map((one) => Math.floor(one.at / quarterHourMs) * quarterHourMs);
    if (times.length === 0) return await Promise.resolve(null);
    return await Promise.resolve({ from: Math.min(...times), to: Math.max(...times) + quarterHourMs });
  }

  async lease(work: string, holder: string, forMs: number): Promise<boolean> {
    return await Promise.resolve(this.#leases.take(work, holder, forMs));
  }

  async wrongRollUps(): Promise<number> {
    return await Promise.resolve(0);
  }

  #counting(): readonly Counting[] {
    const records = [...this.#records.values()].map(({ instance, ...shipped }): Counting => {
      const { at, series, outcome, endUser } = shipped.record;
      const lines = parseLedgerLines(shipped.record.lines) ?? [];
      return { at, instance, series, outcome, endUser, lines, of: shipped };
    });
    const postings = [...this.#adjustments.values()].flatMap(({ adjustment, instance }) => {
      const { of, at } = adjustment;
      const endUser = of === null ? null : (this.#records.get(`${of.at} ${of.id}`)?.record.endUser ?? null);
      return adjustment.postings.map((posting): Counting => ({ ...posting, at, instance, endUser, of: posting }));
    });
    return [...records, ...postings];
  }

  #figures(group: readonly Counting[]): Figures {
    const sums = Object.fromEntries(measures.map((one) => [one, 0n])) as Record<Measure, bigint>;
    for (const { of } of group) {
      const added = 'record' in of ? this.#ofRecord(of) : of.change;
      for (const [measure, value] of Object.entries(added)) sums[measure as Measure] += BigInt(value ?? 0);
    }
    return sums;
  }

  #ofRecord(one: ShippedRecord): Partial<Record<Measure, number | bigint | null>> {
    const { units, costNano, listNano, internalNano, measuredInput, measuredOutput } = one.record;
    const carries = (bit: number): number => (this.#carries(one, bit) ? 1 : 0);
    const isUnknown = measuredInput === 'unknown' || measuredOutput === 'unknown';
    return {
      ...units,
      toolCalls: total(units.toolCalls),
      images: total(units.images),
      requests: carries(requestBits.request),
      attempts: 1,
      unpricedRequests: carries(requestBits.unpriced),
      unknownUsageRequests: carries(requestBits.unknownUsage),
      deliveredOnlyRequests: carries(requestBits.deliveredOnly),
      estimatedRequests: carries(requestBits.estimated),
      unknownUsageAttempts: isUnknown ? 1 : 0,
      pricedAttempts: costNano === null ? 0 : 1,
      cost: costNano,
      listPricedAttempts: listNano === null ? 0 : 1,
      listCost: listNano,
      internalPricedAttempts: internalNano === null ? 0 : 1,
      internalCost: internalNano,
      held: heldOf(one.record),
    };
  }

  #bitsOf({ record, qualifies }: ShippedRecord): number {
    const corrections = [...this.#adjustments.values()]
      .map((one) => one.adjustment)
      .filter(({ of, qualifies: bits }) => bits !== null && of?.at === record.at && of.id === record.id)
      .toSorted((one, other) => one.bookedAt - other.bookedAt || (one.id < other.id ? -1 : 1));
    return corrections.at(-1)?.qualifies ?? qualifies;
  }

  /** Of all attempts of its request that qualify, the one with the lowest number. */
  #carries(one: ShippedRecord, bit: number): boolean {
    if ((this.#bitsOf(one) & bit) === 0) return false;
    return ![...this.#records.values()].some(
      (other) =>
        (this.#bitsOf(other) & bit) !== 0 &&
        other.record.requestId === one.record.requestId &&
        other.record.attempt < one.record.attempt,
    );
  }
}
