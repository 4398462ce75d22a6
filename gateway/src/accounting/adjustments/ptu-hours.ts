import type { Adjustment, LedgerStore } from '#accounting/ledger/ports.ts';
import { quarterHourMs, type FigureFilter, type FiguresRow, type FigureSpan } from '#model/figures.ts';
import { Failure } from '#kernel/errors.ts';
import { isWord, operations } from '#model/words.ts';
import { periodOf } from './cursor.ts';
import { hourMs } from './ptu-basis.ts';
import { usageOf, type HourUsage } from './ptu-detail.ts';
import { quartersOfHour, type HourUse, type TokenUse } from './ptu-shares.ts';

/** What a deployment is called in the ledger. Calls that spilled over name the deployment that served them. */
export interface DeploymentName {
  readonly endpoint: string;
  readonly resource: string;
  readonly deployment: string;
}

function servedByDeployment({ endpoint, resource, deployment }: DeploymentName): readonly FigureFilter[] {
  return [
    { dimension: 'endpoint', values: [endpoint] },
    { dimension: 'deployment', values: [`${resource}/${deployment}`] },
  ];
}

/** Names the allocation of an hour, and each later correction of it: the same whoever books it. */
export function allocationId(endpoint: string, hour: number, revision: number): string {
  return `allocation/${endpoint}/${new Date(hour).toISOString().slice(0, 13)}/${revision}`;
}

/** The allocations of each hour that has any, in the order of their revisions. */
export async function allocationsOf(
  store: Pick<LedgerStore, 'findAdjustments'>,
  endpoint: string,
  hours: readonly number[],
): Promise<ReadonlyMap<number, readonly Adjustment[]>> {
  const found = new Map<number, Adjustment[]>();
  let looking = hours;
  for (let revision = 0; looking.length > 0; revision += 1) {
    const ids = looking.map((hour) => allocationId(endpoint, hour, revision));
    const next: number[] = [];
    for (const [at, adjustment] of (await store.findAdjustments(ids)).entries()) {
      const hour = looking[at];
      if (adjustment === null || hour === undefined) continue;
      found.set(hour, [...(found.get(hour) ?? []), adjustment]);
      next.push(hour);
    }
    looking = next;
  }
  return found;
}

const hourSpan = (hour: number, bucket: number): FigureSpan => ({
  source: 'quarters',
  from: hour,
  to: hour + hourMs,
  bucket,
});

/** What the ledger knows of each hour now, in the order of the hours. */
export async function usageOfHours(
  store: Pick<LedgerStore, 'figures'>,
  name: DeploymentName,
  hours: readonly number[],
): Promise<readonly HourUsage[]> {
  const rows = await store.figures({ by: [], filter: servedByDeployment(name), spans: hours.map(hourSpan) });
  const byBucket = new Map(rows.map((row) => [row.bucket, row.figures]));
  return hours.map((_hour, bucket) => usageOf(byBucket.get(bucket)));
}

const nothing: TokenUse = { input: 0n, cachedInput: 0n, output: 0n };

function useOf(rows: readonly FiguresRow[]): HourUse | undefined {
  const [subscription = '', product = '', consumer = '', costCentrePath = '', operation = ''] = rows[0]?.keys ?? [];
  // Shares of the hour that were allocated before are no calls.
  if (!isWord(operations, operation)) return undefined;
  const quarters = Array.from({ length: quartersOfHour }, () => nothing);
  for (const { bucket, figures } of rows)
    quarters[bucket] = { input: figures.input, cachedInput: figures.cachedInput, output: figures.output };
  return { caller: { subscription, product, consumer, costCentrePath }, operation, quarters };
}

/** Who used the deployment in an hour, in an order that depends on nothing but their names. */
export async function usesOfHour(
  store: Pick<LedgerStore, 'figures'>,
  name: DeploymentName,
  hour: number,
): Promise<readonly HourUse[]> {
  const rows = await store.figures({
    by: ['subscription', 'product', 'consumer', 'cost-centre', 'operation'],
    filter: servedByDeployment(name),
    spans: Array.from({ length: quartersOfHour }, (_one, bucket) => ({
      source: 'quarters',
      from: hour + bucket * quarterHourMs,
      to: hour + (bucket + 1) * quarterHourMs,
      bucket,
    })),
  });
  return [...Map.groupBy(rows, (row) => JSON.stringify(row.keys))]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, group]) => useOf(group) ?? []);
}

const mostHours = 366 * 24;

/** The whole hours of a period: an hour is paid as one. Throws `admin_invalid` for none, and for more than a year. */
export function wholeHours(asked: { readonly from: string; readonly to: string }): {
  readonly from: number;
  readonly to: number;
} {
  const period = periodOf(asked);
  const from = Math.ceil((period.from ?? 0) / hourMs) * hourMs;
  const to = Math.floor((period.to ?? 0) / hourMs) * hourMs;
  if (from >= to) throw new Failure('admin_invalid', 'There is no whole hour (UTC) between `from` and `to`.');
  if (to - from > mostHours * hourMs) throw new Failure('admin_invalid', 'A year at most can be asked for at once.');
  return { from, to };
}
