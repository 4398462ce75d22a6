import { createPriceBook, type ListedPriceBook } from '../../src/accounting/cost/price-book.ts';
import { entriesOf, type PriceRowValues } from '../../src/accounting/cost/price-row.ts';
import type { InternalRate } from '../../src/accounting/cost/internal-rates.ts';
import type { PriceEntry } from '../../src/accounting/cost/price-entry.ts';
import { deploymentTypes, type DeploymentType } from '../../src/model/endpoint.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';

type Amounts = Readonly<Record<string, bigint>>;

/** Prices of gpt-5.4-mini, of any time, in nano-USD a million; changed where the test says so. */
export function pricesOf(
  nanoUsdPerMillion: Amounts,
  layer: PriceEntry['layer'] = 'list',
  row: Partial<PriceRowValues> = {},
): readonly PriceEntry[] {
  return entriesOf(
    {
      model: 'gpt-5.4-mini',
      type: 'GlobalStandard',
      effectiveFrom: '2026-01-01',
      source: 'a test',
      nanoUsdPerMillion,
      ...row,
    },
    layer,
  );
}

export function bookOf(entries: readonly PriceEntry[], rates: readonly InternalRate[] = []): ListedPriceBook {
  return createPriceBook({ entries, rates, zones: {}, ordinaryMeters: () => [] });
}

function typeOf(text: string): DeploymentType {
  const type = deploymentTypes.find((one) => one === text);
  if (type === undefined) throw new TypeError(`'${text}' is no deployment type.`);
  return type;
}

/** The record as it would have been settled with these prices. */
export function settledWith(book: ListedPriceBook, record: UsageRecord): UsageRecord {
  const { model, modelVersion, deploymentType, region } = record.servedBy;
  const cost = book.cost({
    endpoint: { model, modelVersion, region, deploymentType: typeOf(deploymentType) },
    units: record.units,
    serviceTier: record.serviceTier,
    reportedModel: record.reportedModel,
    spilledFrom: record.spilledFrom,
    product: record.caller.product,
    at: record.at,
  });
  return { ...record, priceBook: book.id, cost };
}
