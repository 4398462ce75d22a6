import type { LedgerSpending, LedgerSums, SpendingLedger } from '#accounting/budgets/ports.ts';
import { heldOf } from '#model/held.ts';
import type { Budget, CallerLimits, Concurrency, LimitBook, LimitNode, Rate } from '#model/limits.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import type { ChargedTo, UsageRecord } from '#model/usage-record.ts';
import { budgetInstruments } from '#accounting/budgets/instruments.ts';
import { Engine, type EngineOptions } from '#accounting/budgets/engine.ts';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { ManualClock } from './manual-clock.ts';
import { usageRecord } from './records.ts';

export const usd = 1_000_000_000n;

export function node(kind: LimitNode['kind'], name: string, product: string | null = null): LimitNode {
  return { kind, name, product };
}

/** A hard budget of a month in UTC, changed where the test says so. */
export function budgetOf(on: LimitNode, amount: bigint, changes: Partial<Budget> = {}): Budget {
  return {
    id: `${on.kind}/${on.name}/month`,
    node: on,
    name: 'month',
    calendar: { every: 'month', timeZone: 'UTC', fiscalYearStart: { month: 1, day: 1 } },
    unit: 'nano-usd',
    amount,
    hard: true,
    layer: 'contracted',
    warnAt: [],
    carryOver: null,
    topUps: new Map(),
    ...changes,
  };
}

export function rateOf(on: LimitNode, changes: Partial<Rate> = {}): Rate {
  const amount = changes.amount ?? 60;
  return {
    id: `${on.kind}/${on.name}/${changes.unit ?? 'requests'}`,
    node: on,
    unit: 'requests',
    perMs: 60_000,
    shape: 'bucket',
    ...changes,
    amount,
    burst: changes.burst ?? amount,
  };
}

export function concurrencyOf(on: LimitNode, permits: number): Concurrency {
  return { id: `${on.kind}/${on.name}/concurrent`, node: on, permits };
}

export function limitsOf(limits: Partial<CallerLimits>): CallerLimits {
  return { version: 1, budgets: [], rates: [], concurrency: [], ...limits };
}

/** All limits of a test; of a caller, those whose node it passes. */
export class ChangingBook implements LimitBook {
  limits: CallerLimits;
  readonly #known = new Map<string, CallerLimits>();

  constructor(limits: Partial<CallerLimits>) {
    this.limits = limitsOf(limits);
  }

  get version(): number {
    return this.limits.version;
  }

  of(caller: ChargedTo): CallerLimits {
    const key = JSON.stringify([this.version, caller]);
    let known = this.#known.get(key);
    if (known === undefined) {
      const { version, budgets, rates, concurrency } = this.limits;
      const passes = (limit: { readonly node: LimitNode }): boolean => countsAt(limit.node, caller);
      known = {
        version,
        budgets: budgets.filter(passes),
        rates: rates.filter(passes),
        concurrency: concurrency.filter(passes),
      };
      this.#known.set(key, known);
    }
    return known;
  }

  change(limits: Partial<CallerLimits>): CallerLimits {
    this.limits = { ...this.limits, ...limits, version: this.limits.version + 1 };
    return this.limits;
  }
}

/** Whether a caller passes a node. */
export function countsAt({ kind, name, product }: LimitNode, caller: ChargedTo): boolean {
  if (product !== null && caller.product !== product) return false;
  const values: Readonly<Record<LimitNode['kind'], boolean>> = {
    organisation: caller.costCentrePath.split('/')[0] === name,
    'cost-centre': caller.costCentrePath.split('/').slice(1).includes(name),
    product: caller.product === name,
    consumer: caller.consumer === name,
    subscription: caller.subscription === name,
    'end-user': (caller.endUser ?? '') === name,
  };
  return values[kind];
}

function sumsOf(records: readonly UsageRecord[]): LedgerSums {
  const sum = (of: (record: UsageRecord) => bigint | number | null): bigint =>
    records.reduce((all, one) => all + BigInt(of(one) ?? 0), 0n);
  return {
    cost: sum(({ cost }) => cost.nanoUsd),
    listCost: sum(({ cost }) => cost.listNanoUsd),
    internalCost: sum(({ cost }) => cost.internalNanoUsd),
    held: sum((record) => heldOf({ ...record, costNano: record.cost.nanoUsd })),
    tokens: sum(({ units }) => (units.input ?? 0) + (units.output ?? 0)),
    requests: sum(({ attempt }) => (attempt === 1 ? 1 : 0)),
  };
}

/** What all gateways of a test have settled; of other journals only what has been shipped is seen. */
export class TestLedger {
  readonly records = new Map<string, UsageRecord[]>();
  readonly shipped = new Map<string, number>();
  failing = false;
  reads = 0;

  settle(journal: string, record: UsageRecord): void {
    const records = this.records.get(journal);
    if (records === undefined) this.records.set(journal, [record]);
    else records.push(record);
  }

  ship(journal: string): void {
    this.shipped.set(journal, this.records.get(journal)?.length ?? 0);
  }

  all(): UsageRecord[] {
    return [...this.records.values()].flat();
  }

  seenBy(journal: string): SpendingLedger {
    return {
      journal,
      spending: async (asked) => {
        this.reads += 1;
        const counts = (record: UsageRecord): boolean =>
          record.at >= asked.from && record.at < asked.to && countsAt(asked.node, record.caller);
        const own = sumsOf((this.records.get(journal) ?? []).filter(counts));
        const others = new Map<string, LedgerSums>();
        for (const [other, records] of asked.whose === 'own' ? [] : this.records) {
          const seen = records.slice(0, this.shipped.get(other) ?? 0).filter(counts);
          if (other !== journal && seen.length > 0) others.set(other, sumsOf(seen));
        }
        if (this.failing) throw new Error('The ledger cannot be read.');
        return await Promise.resolve({ own, others } satisfies LedgerSpending);
      },
      callersLately: async () => await Promise.resolve((this.records.get(journal) ?? []).map(({ caller }) => caller)),
    };
  }
}

export interface TestEngine {
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly ledger: TestLedger;
  readonly book: ChangingBook;
  readonly counters: CounterSet;
  readonly metrics: Metrics;
}

/** An engine alone with its counters. */
export function engineWith(limits: Partial<CallerLimits>, changes: Partial<EngineOptions> = {}): TestEngine {
  const clock = new ManualClock();
  const ledger = new TestLedger();
  const book = new ChangingBook(limits);
  const counters = new CounterSet({ clock });
  const metrics = new Metrics();
  const engine = new Engine({
    store: counters.connect('journal-1'),
    ledger: ledger.seenBy('journal-1'),
    clock,
    log: silentLog,
    instruments: budgetInstruments(metrics),
    book: () => book,
    leaseMs: 5000,
    leasePercent: 5,
    ...changes,
  });
  return { engine, clock, ledger, book, counters, metrics };
}

/** The record of an attempt that used this much, known exactly unless the test says otherwise. */
export function recordOf(
  id: string,
  used: {
    readonly at: number;
    readonly nano: bigint | null;
    readonly reserved: bigint | null;
    readonly tokens?: number;
    readonly attempt?: number;
    readonly caller?: Partial<ChargedTo>;
    readonly measured?: UsageRecord['measuredInput'];
  },
): UsageRecord {
  const { at, nano, reserved, tokens = 0, attempt = 1, measured = nano === null ? 'unknown' : 'reported' } = used;
  return usageRecord(id, {
    at,
    attempt,
    requestId: id.split('#')[0] ?? id,
    reservedNano: reserved,
    measuredInput: measured,
    measuredOutput: measured,
    ...(used.caller === undefined ? {} : { caller: used.caller }),
    units: { input: nano === null ? null : tokens, output: nano === null ? null : 0 },
    cost: { lines: [], nanoUsd: nano, listNanoUsd: nano, internalNanoUsd: nano },
  });
}
