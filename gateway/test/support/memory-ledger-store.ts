import {
  requestBits,
  type Checkpoint,
  type FigureDimension,
  type Figures,
  type FiguresQuery,
  type FiguresRow,
  type LedgerStore,
  type Period,
  type RecordKey,
  type ShippedRecord,
  type StoredRecord,
} from '../../src/accounting/ledger/ports.ts';

const keyOf: Record<FigureDimension, (record: StoredRecord) => string> = {
  consumer: (record) => record.series.caller.consumer,
  'cost-centre': (record) => record.series.caller.costCentrePath,
  product: (record) => record.series.caller.product,
  subscription: (record) => record.series.caller.subscription,
  model: (record) => record.series.servedBy.model,
  deployment: (record) => `${record.series.servedBy.resource}/${record.series.servedBy.deployment}`,
  'deployment-type': (record) => record.series.servedBy.deploymentType,
  region: (record) => record.series.servedBy.region,
  outcome: (record) => record.outcome,
  day: (record) => new Date(record.at).toISOString().slice(0, 10),
};

const isIn = (at: number, { from, to }: Period): boolean => (from === null || at >= from) && (to === null || at < to);

const sum = (values: readonly (number | null)[]): bigint => values.reduce((total, one) => total + BigInt(one ?? 0), 0n);

/** The store without a database, for tests. It adds nothing up in advance: every answer comes from the records. */
export class MemoryLedgerStore implements LedgerStore {
  readonly #records = new Map<string, ShippedRecord>();
  #checkpoint: Checkpoint | null = null;

  async checkpoint(): Promise<Checkpoint | null> {
    return await Promise.resolve(this.#checkpoint);
  }

  async append(records: readonly ShippedRecord[], checkpoint: Checkpoint): Promise<number> {
    const before = this.#records.size;
    for (const one of records) {
      const name = `${one.record.at} ${one.record.id}`;
      if (!this.#records.has(name)) this.#records.set(name, one);
    }
    this.#checkpoint = checkpoint;
    return await Promise.resolve(this.#records.size - before);
  }

  async find(keys: readonly RecordKey[]): Promise<readonly (StoredRecord | null)[]> {
    return await Promise.resolve(keys.map(({ at, id }) => this.#records.get(`${at} ${id}`)?.record ?? null));
  }

  async page(after: RecordKey | null, limit: number): Promise<readonly StoredRecord[]> {
    const all = [...this.#records.values()]
      .map((one) => one.record)
      .toSorted((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
    const rest =
      after === null ? all : all.filter((one) => one.at > after.at || (one.at === after.at && one.id > after.id));
    return await Promise.resolve(rest.slice(0, limit));
  }

  async figures(query: FiguresQuery): Promise<readonly FiguresRow[]> {
    const groups = Map.groupBy(
      [...this.#records.values()].filter(({ record }) => isIn(record.at, query.period)),
      ({ record }) => keyOf[query.by](record),
    );
    return await Promise.resolve([...groups].map(([key, group]) => ({ key, figures: this.#figures(group) })));
  }

  async wrongRollUps(): Promise<number> {
    return await Promise.resolve(0);
  }

  #figures(group: readonly ShippedRecord[]): Figures {
    const units = (
      unit:
        | 'input'
        | 'cachedInput'
        | 'cacheWriteInput'
        | 'audioInput'
        | 'imageInput'
        | 'output'
        | 'reasoning'
        | 'audioOutput',
    ): bigint => sum(group.map(({ record }) => record.units[unit]));
    const count = (bit: number): bigint => BigInt(group.filter((one) => this.#carries(one, bit)).length);
    const costs = group.flatMap(({ record }) => (record.costNano === null ? [] : [record.costNano]));
    return {
      requests: count(requestBits.request),
      attempts: BigInt(group.length),
      unpricedRequests: count(requestBits.unpriced),
      unknownUsageRequests: count(requestBits.unknownUsage),
      deliveredOnlyRequests: count(requestBits.deliveredOnly),
      estimatedRequests: count(requestBits.estimated),
      input: units('input'),
      cachedInput: units('cachedInput'),
      cacheWriteInput: units('cacheWriteInput'),
      audioInput: units('audioInput'),
      imageInput: units('imageInput'),
      output: units('output'),
      reasoning: units('reasoning'),
      audioOutput: units('audioOutput'),
      toolCalls: sum(group.flatMap(({ record }) => Object.values(record.units.toolCalls))),
      pricedAttempts: BigInt(costs.length),
      cost: costs.reduce((total, one) => total + one, 0n),
    };
  }

  /** Of all attempts of its request that qualify, the one with the lowest number. */
  #carries(one: ShippedRecord, bit: number): boolean {
    if ((one.qualifies & bit) === 0) return false;
    return ![...this.#records.values()].some(
      (other) =>
        (other.qualifies & bit) !== 0 &&
        other.record.requestId === one.record.requestId &&
        other.record.attempt < one.record.attempt,
    );
  }
}
