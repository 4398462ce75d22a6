import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseJson } from '#kernel/json.ts';

const shippedFile = new URL('../../data/retail-prices.json', import.meta.url);

const extraSchema = z.strictObject({
  product: z.string(),
  meter: z.string(),
  unit: z.string(),
  price: z.string(),
  from: z.string(),
  /** Where it ends; left out for prices without an end, as most are. */
  to: z.string().optional(),
  set: z.number().int().nonnegative().optional(),
  regions: z.array(z.string()).optional(),
  type: z.string().default('Consumption'),
  term: z.string().optional(),
  tier: z.number().nonnegative().default(0),
  service: z.string().default('Foundry Models'),
  family: z.string().default('AI + Machine Learning'),
});
export const addedPriceSchema = extraSchema.omit({ set: true }).required({ regions: true });
export type AddedPrice = z.input<typeof addedPriceSchema>;

const dataSchema = z.strictObject({
  comment: z.string(),
  source: z.string(),
  regionSets: z.array(z.array(z.string())),
  /** Product, meter, unit, USD, first day, number of the set of regions. */
  meters: z.array(z.tuple([z.string(), z.string(), z.string(), z.string(), z.string(), z.number()])),
  extra: z.array(extraSchema),
});

/** A price of the list, in Azure's words. */
export interface RetailPrice {
  /** A decimal, as text. */
  readonly retailPrice: string;
  readonly tierMinimumUnits: number;
  readonly reservationTerm: string | undefined;
  readonly armRegionName: string;
  readonly location: string;
  readonly effectiveStartDate: string;
  readonly effectiveEndDate: string | undefined;
  readonly meterId: string;
  readonly meterName: string;
  readonly productId: string;
  readonly skuId: string;
  readonly productName: string;
  readonly skuName: string;
  readonly serviceName: string;
  readonly serviceId: string;
  readonly serviceFamily: string;
  readonly unitOfMeasure: string;
  readonly type: string;
  readonly armSkuName: string;
}

/** The price list in a file of our making; the shipped one unless another is named. Throws where it cannot be read. */
export function readPrices(file: string | undefined): readonly RetailPrice[] {
  const { regionSets, meters, extra } = dataSchema.parse(parseJson(readFileSync(file ?? shippedFile, 'utf8')));
  return [
    ...meters.flatMap(([product, meter, unit, price, from, set]) =>
      pricesOf({ ...plain, product, meter, unit, price, from, regions: regionSets[set] ?? [] }),
    ),
    ...extra.flatMap((one) => pricesOf({ ...one, regions: one.regions ?? regionSets[one.set ?? -1] ?? [] })),
  ];
}

const plain = { type: 'Consumption', tier: 0, service: 'Foundry Models', family: 'AI + Machine Learning' };

/** One price for each region. */
export function pricesOf(one: z.output<typeof addedPriceSchema>): readonly RetailPrice[] {
  const skuName = one.meter.replace(/ (1M )?Tokens$| Unit$| Images$| Characters$| Calls$/, '');
  const productId = `DZH318Z${codeOf(one.product, 5)}`;
  return one.regions.map((region) => ({
    retailPrice: one.price,
    tierMinimumUnits: one.tier,
    reservationTerm: one.term,
    armRegionName: region,
    location: locations[region] ?? region,
    effectiveStartDate: `${one.from}T00:00:00Z`,
    effectiveEndDate: one.to === undefined ? undefined : `${one.to}T00:00:00Z`,
    meterId: idOf(`${one.product}|${one.meter}|${region}`),
    meterName: one.meter,
    productId,
    skuId: `${productId}/${codeOf(skuName, 4)}`,
    productName: one.product,
    skuName,
    serviceName: one.service,
    serviceId: `DZH31${codeOf(one.service, 7)}`,
    serviceFamily: one.family,
    unitOfMeasure: one.unit,
    type: one.type,
    armSkuName: skuName,
  }));
}

const digestOf = (text: string): string => createHash('sha1').update(text).digest('hex');
const codeOf = (text: string, length: number): string => digestOf(text).slice(0, length).toUpperCase();

/** In the shape of Azure's: a UUID of version 5. */
function idOf(text: string): string {
  const hex = digestOf(text);
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

/** How Azure's price list calls its regions, as far as it is known. */
const locations: Readonly<Record<string, string>> = {
  australiaeast: 'AU East',
  brazilsouth: 'BR South',
  canadacentral: 'CA Central',
  canadaeast: 'CA East',
  centralindia: 'IN Central',
  centralus: 'US Central',
  eastasia: 'AP East',
  eastus: 'US East',
  eastus2: 'US East 2',
  francecentral: 'FR Central',
  germanywestcentral: 'DE West Central',
  italynorth: 'IT North',
  japaneast: 'JA East',
  japanwest: 'JA West',
  koreacentral: 'KR Central',
  northcentralus: 'US North Central',
  northeurope: 'EU North',
  norwayeast: 'NO East',
  southafricanorth: 'ZA North',
  southcentralus: 'US South Central',
  southeastasia: 'AP Southeast',
  southindia: 'IN South',
  swedencentral: 'SE Central',
  switzerlandnorth: 'CH North',
  uaenorth: 'AE North',
  uksouth: 'UK South',
  westeurope: 'EU West',
  westus: 'US West',
  westus2: 'US West 2',
  westus3: 'US West 3',
};
