import type { ExportProfile } from '@tollgate/contract/admin-api/exports.ts';
import type { CsvCell } from '@tollgate/contract/csv.ts';
import { decimalText, usdOfNano, zero, type Decimal } from '@tollgate/contract/decimal.ts';
import { focusHeader } from '@tollgate/contract/focus/schema.ts';
import { paidByTheHour } from '#model/money.ts';
import { chargedInside, type ChargeRow, type Priced } from './charge-rows.ts';
import type { ExportFacts } from './facts.ts';
import { meterWords, unknownUsageMeter } from './meters.ts';
import type { Span } from './months.ts';
import { regionName } from './regions.ts';
import { pricingQuantity, shownPrice, type ShownPrice } from './row-prices.ts';

/** A charge and what is known about the calls behind it. */
export interface Charge {
  readonly row: ChargeRow;
  /** The piece of a day in which the calls were admitted. */
  readonly period: Span;
  /** The whole month that it belongs to. */
  readonly billing: Span & { readonly name: string };
  /** Something of an earlier month is corrected. */
  readonly correction: boolean;
  readonly deliveredOnly: boolean;
  readonly estimated: boolean;
  /** 10^-9 USD that budgets hold beside the cost, because it is not known exactly. */
  readonly heldNano: bigint;
  /** The rule by which the hours of a provisioned deployment were shared out; null for other charges. */
  readonly allocatedBy: string | null;
}

export interface FocusOptions {
  readonly facts: ExportFacts;
  readonly profile: ExportProfile;
}

const usdDigits = 9;
const instant = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
const number = (value: Decimal, leastDigits = 0): CsvCell => ({ number: decimalText(value, leastDigits) });
const usd = (nanoUsd: bigint): CsvCell => number(usdOfNano(nanoUsd), usdDigits);
const orNull = (text: string): string | null => (text === '' ? null : text);

type Cells = Readonly<Record<string, CsvCell>>;

/** The header of the file, as CSV cells. */
export const focusHeaderCells: readonly CsvCell[] = focusHeader;

/** One row of a FOCUS 1.4 file, in the order of its header. */
export function focusRow(charge: Charge, options: FocusOptions): readonly CsvCell[] {
  const cells: Cells = {
    ...issuer(charge, options),
    ...when(charge),
    ...what(charge),
    ...amounts(charge, options),
    ...where(charge),
    ...who(charge),
    ...remarks(charge, options),
  };
  return focusHeader.map((column) => cells[column] ?? null);
}

/** What the consumer is charged: by the ledger's cost, or by internal rates where those are what is invoiced. */
function effectiveNano(row: ChargeRow, profile: ExportProfile): bigint {
  return profile === 'internal-invoice' ? (chargedInside(row) ?? 0n) : countedNano(row.charged);
}

function issuer({ row, billing }: Charge, { facts, profile }: FocusOptions): Cells {
  const internal = profile === 'internal-invoice';
  return {
    BilledCost: internal ? usd(effectiveNano(row, profile)) : { number: '0' },
    BillingAccountId: facts.billingAccountId,
    BillingAccountName: facts.organisationName,
    BillingCurrency: 'USD',
    HostProviderName: 'Microsoft',
    InvoiceId: internal ? facts.statementId(row.series.caller.costCentrePath, billing) : null,
    InvoiceIssuerName: internal ? facts.organisationName : 'Microsoft',
    ServiceProviderName: 'Microsoft',
  };
}

function when({ row, period, billing, correction }: Charge): Cells {
  return {
    BillingPeriodStart: instant(billing.from),
    BillingPeriodEnd: instant(billing.to),
    ChargePeriodStart: instant(period.from),
    ChargePeriodEnd: instant(period.to),
    ChargeCategory: 'Usage',
    ChargeClass: correction ? 'Correction' : null,
    ChargeFrequency: row.meter === 'ptu' ? 'Recurring' : 'Usage-Based',
  };
}

function what({ row, correction }: Charge): Cells {
  const { title } = meterWords(row.meter);
  const { model, deployment, deploymentType } = row.series.servedBy;
  const state = descriptions(row, correction).join('; ');
  return {
    ChargeDescription: `${title}, ${model}, ${deployment} (${deploymentType})${state === '' ? '' : ` – ${state}`}`,
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: 'Azure OpenAI',
    ServiceSubcategory: 'Generative AI',
    SkuMeter: title,
  };
}

function descriptions(row: ChargeRow, correction: boolean): readonly string[] {
  return [
    correction ? 'correction of an earlier month' : '',
    row.outcome === 'idle' ? 'nobody used these hours' : '',
    row.outcome === 'allocated' ? 'share of a provisioned deployment' : '',
    row.charged?.priceId === paidByTheHour ? 'the hour of the deployment is charged instead' : '',
    row.meter === unknownUsageMeter ? 'what they used and cost is not known' : '',
    row.unpriced ? 'a price is missing, the cost is not known' : '',
  ].filter((text) => text !== '');
}

/** The prices of a row; where there is none, the 0 that FOCUS asks for, and the remarks that say so. */
interface RowPrices {
  readonly list: ShownPrice | null;
  readonly charged: ShownPrice | null;
}

function pricesOf({ row }: Charge, { facts }: FocusOptions): RowPrices {
  return {
    list: row.list === null ? null : shownPrice(row, row.list, facts.priceById),
    charged: row.charged === null ? null : shownPrice(row, row.charged, facts.priceById),
  };
}

/** What is sold, where no price says it. */
function plainSku(row: ChargeRow): string {
  const { model, deploymentType } = row.series.servedBy;
  return `${model}/${deploymentType}/${row.meter}`;
}

/** The price, and what it is a price of: the price's id without its layer and its day. */
function skuOf(row: ChargeRow, { list, charged }: RowPrices): { readonly sku: string; readonly skuPrice: string } {
  const priceId = list?.priceId ?? charged?.priceId ?? row.internal?.priceId;
  const sku = plainSku(row);
  if (priceId === paidByTheHour) return { sku, skuPrice: `${paidByTheHour}/${sku}` };
  if (priceId === undefined)
    return { sku, skuPrice: `${row.meter === unknownUsageMeter ? 'unknown' : 'unpriced'}/${sku}` };
  const [, ofId = priceId] = /^[^/]+\/(.+?)(?:\/\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?)?$/.exec(priceId) ?? [];
  return { sku: ofId, skuPrice: priceId };
}

function amounts(charge: Charge, options: FocusOptions): Cells {
  const { row } = charge;
  const prices = pricesOf(charge, options);
  const { unit, pricingUnit } = meterWords(row.meter);
  const { sku, skuPrice } = skuOf(row, prices);
  const byTheHour = row.charged?.priceId === paidByTheHour;
  return {
    ConsumedQuantity: row.units,
    ConsumedUnit: unit,
    PricingQuantity: number(pricingQuantity(row)),
    PricingUnit: pricingUnit,
    PricingCategory: byTheHour ? 'Other' : 'Standard',
    ListUnitPrice: number(prices.list?.unitPrice ?? zero),
    ListCost: number(prices.list?.cost ?? zero, usdDigits),
    ContractedUnitPrice: number(prices.charged?.unitPrice ?? zero),
    ContractedCost: number(prices.charged?.cost ?? zero, usdDigits),
    EffectiveCost: usd(effectiveNano(row, options.profile)),
    SkuId: sku,
    SkuPriceId: skuPrice,
    SkuPriceDetails: JSON.stringify({
      x_Layer: skuPrice.split('/')[0],
      x_Meter: row.meter,
      x_Model: row.series.servedBy.model,
      x_ModelVersion: row.series.servedBy.modelVersion,
      x_DeploymentType: row.series.servedBy.deploymentType,
    }),
  };
}

function where({ row }: Charge): Cells {
  const { region, resource, deployment, deploymentType, endpoint, model, modelVersion } = row.series.servedBy;
  return {
    RegionId: orNull(region),
    RegionName: orNull(regionName(region)),
    ResourceId: `${resource}/deployments/${deployment}`,
    ResourceName: deployment,
    ResourceType: 'Azure OpenAI deployment',
    x_DeploymentType: deploymentType,
    x_EndpointName: endpoint,
    x_Model: model,
    x_ModelVersion: modelVersion,
  };
}

function who({ row }: Charge): Cells {
  const { consumer, costCentrePath, product, subscription } = row.series.caller;
  return {
    SubAccountId: orNull(consumer),
    SubAccountName: orNull(consumer),
    Tags: JSON.stringify({ consumer, 'cost-centre': costCentrePath, product, subscription }),
    x_ConsumerId: orNull(consumer),
    x_CostCentrePath: costCentrePath,
    x_ProductName: orNull(product),
    x_SubscriptionName: orNull(subscription),
  };
}

function remarks(charge: Charge, options: FocusOptions): Cells {
  const { row, heldNano, deliveredOnly, estimated } = charge;
  const { costCentrePath } = row.series.caller;
  return {
    ...priceRemarks(charge, options),
    x_AllocationRule: charge.allocatedBy,
    x_AttemptOutcome: row.outcome,
    x_CostCentreName: options.facts.costCentreName(costCentrePath),
    x_DeliveredOnly: deliveredOnly,
    x_Estimated: estimated,
    x_HeldCost: usd(heldNano),
    x_Meter: row.meter,
    x_Operation: row.series.operation,
    x_PriceBook: orNull(row.series.priceBook),
  };
}

const countedNano = (priced: Priced | null): bigint => (priced?.counts === true ? priced.nanoUsd : 0n);

function priceRemarks(charge: Charge, options: FocusOptions): Cells {
  const { row } = charge;
  const { list, charged } = pricesOf(charge, options);
  const unknown = row.meter === unknownUsageMeter;
  return {
    x_ContractedPriceId: row.charged?.priceId.startsWith('contracted/') === true ? row.charged.priceId : null,
    x_InternalCost: usd(countedNano(row.internal)),
    x_InternalPriceId: row.internal?.priceId ?? null,
    x_LedgerListCost: usd(countedNano(row.list)),
    x_ListUnpriced: !unknown && row.list === null,
    x_Unpriced: row.unpriced,
    x_UnitPriceDerived: list?.derived === true || charged?.derived === true,
    x_UsageUnknown: unknown,
  };
}
