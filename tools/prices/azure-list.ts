// Reads a copy of Azure's own price list: the file that the PyPI package `azure-genai-prices` carries (MIT; facts only)
// holds the meters of the Azure Retail Prices API, with their regions and first days, but without their ids.
import { z } from 'zod';
import type { MeterRules } from '../../gateway/src/accounting/retail/meter-rules.ts';
import { tabulate, type PriceTable } from '../../gateway/src/accounting/retail/price-table.ts';
import { readItem, type MappedPrice } from '../../gateway/src/accounting/retail/read-meter.ts';
import type { RetailItem } from '../../gateway/src/accounting/retail/retail-item.ts';

/** The file: one item for each meter and price, every number as the text that stands in it. */
export const copiedListSchema = z.object({
  items: z.array(
    z.object({
      productName: z.string(),
      meterName: z.string(),
      unitOfMeasure: z.string(),
      retailPrice: z.string(),
      effectiveStartDate: z.string(),
      regions: z.array(z.string()),
    }),
  ),
});
type CopiedList = z.output<typeof copiedListSchema>;
type CopiedMeter = CopiedList['items'][number];

export interface AzureList extends PriceTable {
  /** Names of meters that no rule reads, by why; `known` are those that are none of ours. */
  readonly unread: ReadonlyMap<string, readonly string[]>;
}

const toItem = (meter: CopiedMeter): RetailItem => ({
  currencyCode: 'USD',
  retailPrice: meter.retailPrice,
  tierMinimumUnits: '0',
  regions: Object.fromEntries(meter.regions.map((region) => [region, ''])),
  meterName: meter.meterName,
  productName: meter.productName,
  skuName: '',
  unitOfMeasure: meter.unitOfMeasure,
  type: 'Consumption',
  effectiveStartDate: meter.effectiveStartDate,
});

export function readAzureList(
  copy: CopiedList,
  rules: MeterRules,
  zones: Readonly<Record<string, readonly string[]>>,
): AzureList {
  const mapped: MappedPrice[] = [];
  const unread = new Map<string, string[]>();
  for (const meter of copy.items.filter((one) => one.productName.includes('OpenAI'))) {
    const read = readItem(toItem(meter), rules);
    if (read.ok) {
      mapped.push(read.price);
      continue;
    }
    const names = unread.get(read.why) ?? [];
    if (!names.includes(meter.meterName)) names.push(meter.meterName);
    unread.set(read.why, names);
  }
  return { ...tabulate(mapped, { zones, otherClouds: rules.otherClouds }), unread };
}
