import {
  measures,
  type FigureDimension,
  type FigureFilter,
  type Measure,
  type Period,
} from '../../src/model/figures.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import type { GeneratedMonth } from './generated-month.ts';

export type ReferenceSums = Record<Measure, bigint>;

interface Asked {
  readonly period: Period;
  readonly filter?: readonly FigureFilter[];
}

/** What counts somewhere: a record, or a posting of an adjustment, by the names that reports group by. */
interface Counting {
  readonly at: number;
  readonly keys: Readonly<Record<FigureDimension, string>>;
  add(sums: ReferenceSums): void;
}

interface Placed extends Pick<UsageRecord, 'servedBy'> {
  readonly caller: Omit<UsageRecord['caller'], 'endUser'>;
  readonly operation: string;
}

function keysOf({ caller, servedBy, operation }: Placed, outcome: string, endUser: string | null) {
  return {
    consumer: caller.consumer,
    'cost-centre': caller.costCentrePath,
    product: caller.product,
    subscription: caller.subscription,
    model: servedBy.model,
    endpoint: servedBy.endpoint,
    deployment: `${servedBy.resource}/${servedBy.deployment}`,
    resource: servedBy.resource,
    'deployment-type': servedBy.deploymentType,
    region: servedBy.region,
    operation,
    outcome,
    'end-user': endUser ?? '',
  };
}

type Flag = 'unpricedRequests' | 'unknownUsageRequests' | 'deliveredOnlyRequests' | 'estimatedRequests';
const flags: readonly Flag[] = [
  'unpricedRequests',
  'unknownUsageRequests',
  'deliveredOnlyRequests',
  'estimatedRequests',
];

function isFlagged(record: UsageRecord, flag: Flag, pricedLater: ReadonlySet<string>): boolean {
  const measured = [record.measuredInput, record.measuredOutput];
  if (flag === 'unknownUsageRequests') return measured.includes('unknown');
  if (flag === 'deliveredOnlyRequests') return measured.includes('delivered');
  if (flag === 'estimatedRequests') return measured.includes('estimated');
  if (pricedLater.has(record.id)) return false;
  return record.cost.nanoUsd === null && !record.cost.unpriced.includes('usage unknown');
}

const total = (counts: Readonly<Record<string, number>>): bigint =>
  BigInt(Object.values(counts).reduce((sum, one) => sum + one, 0));

function addRecord(sums: ReferenceSums, record: UsageRecord, carried: readonly Flag[]): void {
  const { units, cost } = record;
  for (const [unit, value] of Object.entries(units))
    if (typeof value === 'number') sums[unit as Measure] += BigInt(value);
  sums.toolCalls += total(units.toolCalls);
  sums.images += total(units.images);
  sums.attempts += 1n;
  if (record.attempt === 1) sums.requests += 1n;
  for (const flag of carried) sums[flag] += 1n;
  for (const [amount, sum, count] of [
    [cost.nanoUsd, 'cost', 'pricedAttempts'],
    [cost.listNanoUsd, 'listCost', 'listPricedAttempts'],
    [cost.internalNanoUsd, 'internalCost', 'internalPricedAttempts'],
  ] as const) {
    if (amount === null) continue;
    sums[sum] += amount;
    sums[count] += 1n;
  }
  const measured = [record.measuredInput, record.measuredOutput];
  if (measured.includes('unknown')) sums.unknownUsageAttempts += 1n;
  sums.held += heldOf(record);
}

/** What was reserved and may still have been spent: all but the known cost, where usage or cost is not known exactly. */
function heldOf({ measuredInput, measuredOutput, cost, reservedNano }: UsageRecord): bigint {
  const isExact = [measuredInput, measuredOutput].every((one) => ['reported', 'tokenized', 'none'].includes(one));
  if (isExact && cost.nanoUsd !== null) return 0n;
  const rest = (reservedNano ?? 0n) - (cost.nanoUsd ?? 0n);
  return rest < 0n ? 0n : rest;
}

function counting({ records, adjustments }: GeneratedMonth): readonly Counting[] {
  const pricedLater = new Set(adjustments.flatMap((one) => (one.qualifies === null ? [] : [one.of?.id ?? ''])));
  const byRequest = Map.groupBy(records, (one) => one.requestId);
  const ofRecords = records.map((record): Counting => {
    const siblings = byRequest.get(record.requestId) ?? [];
    const carried = flags.filter((flag) => {
      const flagged = siblings.filter((one) => isFlagged(one, flag, pricedLater));
      return flagged.toSorted((one, other) => one.attempt - other.attempt)[0] === record;
    });
    return {
      at: record.at,
      keys: keysOf(record, record.outcome, record.caller.endUser),
      add: (sums) => addRecord(sums, record, carried),
    };
  });
  const endUsers = new Map(records.map((one) => [one.id, one.caller.endUser]));
  const ofAdjustments = adjustments.flatMap(({ at, of, postings }) =>
    postings.map(({ series, outcome, change }): Counting => {
      const endUser = of === null ? null : (endUsers.get(of.id) ?? null);
      return {
        at,
        keys: keysOf(series, outcome, endUser),
        add(sums) {
          for (const [measure, amount] of Object.entries(change)) sums[measure as Measure] += BigInt(amount);
        },
      };
    }),
  );
  return [...ofRecords, ...ofAdjustments];
}

function fits(one: Counting, { period, filter = [] }: Asked): boolean {
  if (period.from !== null && one.at < period.from) return false;
  if (period.to !== null && one.at >= period.to) return false;
  return filter.every(({ dimension, values, exact = false }) =>
    values.some(
      (value) =>
        one.keys[dimension] === value ||
        (dimension === 'cost-centre' && !exact && one.keys[dimension].startsWith(`${value}/`)),
    ),
  );
}

/** Everything added up one by one: no store, no roll-ups, no buckets. Rows by their keys, joined with a line break. */
export function referenceRows(
  month: GeneratedMonth,
  asked: Asked & { readonly by?: readonly FigureDimension[] },
): ReadonlyMap<string, ReferenceSums> {
  const rows = new Map<string, ReferenceSums>();
  for (const one of counting(month)) {
    if (!fits(one, asked)) continue;
    const name = (asked.by ?? []).map((dimension) => one.keys[dimension]).join('\n');
    const sums = rows.get(name) ?? (Object.fromEntries(measures.map((measure) => [measure, 0n])) as ReferenceSums);
    one.add(sums);
    rows.set(name, sums);
  }
  return rows;
}

/** The sums of everything that fits. */
export function referenceTotal(month: GeneratedMonth, asked: Asked): ReferenceSums {
  const [only] = referenceRows(month, asked).values();
  return only ?? (Object.fromEntries(measures.map((measure) => [measure, 0n])) as ReferenceSums);
}
