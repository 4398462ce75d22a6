import type { CsvCell } from '@tollgate/contract/csv.ts';
import { decimalText, usdOfNano } from '@tollgate/contract/decimal.ts';
import type { Priced } from './charge-rows.ts';
import type { Charge } from './focus-rows.ts';
import { meterWords, unknownUsageMeter } from './meters.ts';

/** A charge as the CSV and JSON exports tell it. Amounts are 10^-9 USD; null: not known, or no price on that layer. */
interface ToldCharge {
  readonly from: string;
  readonly to: string;
  readonly month: string;
  readonly consumer: string;
  readonly costCentre: string;
  readonly product: string;
  readonly subscription: string;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly resource: string;
  readonly deployment: string;
  readonly deploymentType: string;
  readonly region: string;
  readonly endpoint: string;
  readonly operation: string;
  readonly outcome: string;
  readonly meter: string;
  readonly units: bigint;
  readonly unit: string;
  readonly cost: bigint | null;
  readonly list: bigint | null;
  readonly internal: bigint | null;
  readonly held: bigint;
  readonly chargedPrice: string | null;
  readonly listPrice: string | null;
  readonly internalPrice: string | null;
  readonly priceBook: string | null;
  readonly correction: boolean;
  readonly unpriced: boolean;
  readonly usageUnknown: boolean;
  readonly deliveredOnly: boolean;
  readonly estimated: boolean;
}

const counted = (priced: Priced | null): bigint | null => (priced?.counts === true ? priced.nanoUsd : null);
const instant = (at: number): string => new Date(at).toISOString();

function toldCharge(charge: Charge): ToldCharge {
  const { row, period, billing } = charge;
  const { caller, servedBy, operation, priceBook } = row.series;
  return {
    from: instant(period.from),
    to: instant(period.to),
    month: billing.name,
    consumer: caller.consumer,
    costCentre: caller.costCentrePath,
    product: caller.product,
    subscription: caller.subscription,
    model: servedBy.model,
    modelVersion: servedBy.modelVersion,
    resource: servedBy.resource,
    deployment: servedBy.deployment,
    deploymentType: servedBy.deploymentType,
    region: servedBy.region,
    endpoint: servedBy.endpoint,
    operation,
    outcome: row.outcome,
    meter: row.meter,
    units: row.units,
    unit: meterWords(row.meter).unit,
    cost: counted(row.charged),
    list: counted(row.list),
    internal: counted(row.internal),
    held: charge.heldNano,
    chargedPrice: row.charged?.priceId ?? null,
    listPrice: row.list?.priceId ?? null,
    internalPrice: row.internal?.priceId ?? null,
    priceBook: priceBook === '' ? null : priceBook,
    correction: charge.correction,
    unpriced: row.unpriced,
    usageUnknown: row.meter === unknownUsageMeter,
    deliveredOnly: charge.deliveredOnly,
    estimated: charge.estimated,
  };
}

const usd = (nanoUsd: bigint | null): CsvCell =>
  nanoUsd === null ? null : { number: decimalText(usdOfNano(nanoUsd), 9) };

/** The columns of the CSV file, in their order. Amounts in USD are for people and spreadsheets, and exact. */
const columns: readonly (readonly [string, (one: ToldCharge) => CsvCell])[] = [
  ['from', (one) => one.from],
  ['to', (one) => one.to],
  ['month', (one) => one.month],
  ['consumer', (one) => one.consumer],
  ['costCentre', (one) => one.costCentre],
  ['product', (one) => one.product],
  ['subscription', (one) => one.subscription],
  ['model', (one) => one.model],
  ['modelVersion', (one) => one.modelVersion],
  ['resource', (one) => one.resource],
  ['deployment', (one) => one.deployment],
  ['deploymentType', (one) => one.deploymentType],
  ['region', (one) => one.region],
  ['endpoint', (one) => one.endpoint],
  ['operation', (one) => one.operation],
  ['outcome', (one) => one.outcome],
  ['meter', (one) => one.meter],
  ['units', (one) => one.units],
  ['unit', (one) => one.unit],
  ['costUsd', (one) => usd(one.cost)],
  ['listUsd', (one) => usd(one.list)],
  ['internalUsd', (one) => usd(one.internal)],
  ['heldUsd', (one) => usd(one.held)],
  ['chargedPrice', (one) => one.chargedPrice],
  ['listPrice', (one) => one.listPrice],
  ['internalPrice', (one) => one.internalPrice],
  ['priceBook', (one) => one.priceBook],
  ['correction', (one) => one.correction],
  ['unpriced', (one) => one.unpriced],
  ['usageUnknown', (one) => one.usageUnknown],
  ['deliveredOnly', (one) => one.deliveredOnly],
  ['estimated', (one) => one.estimated],
];

export const chargeCsvHeader: readonly string[] = columns.map(([name]) => name);

export function chargeCsvCells(charge: Charge): readonly CsvCell[] {
  const told = toldCharge(charge);
  return columns.map(([, cell]) => cell(told));
}

const text = (amount: bigint | null): string | null => (amount === null ? null : String(amount));

/** One charge as JSON: whole numbers of units and of 10^-9 USD as decimal strings, or null. */
export function chargeJson(charge: Charge): string {
  const { cost, list, internal, held, ...told } = toldCharge(charge);
  return JSON.stringify({
    ...told,
    units: String(told.units),
    costNanoUsd: text(cost),
    listNanoUsd: text(list),
    internalNanoUsd: text(internal),
    heldNanoUsd: text(held),
  });
}
