// Makes twin/data/retail-prices.json, the price list that the twin's Azure Retail Prices API serves, from the copy of
// Azure's list that the PyPI package `azure-genai-prices` carries (MIT; facts only: names, units, prices, days, regions).
//
//   pip download --no-deps azure-genai-prices && unzip the wheel
//   node tools/make-twin-prices.ts azure_genai_prices/data/snapshot.json 0.2.0
//
// The copy has no ids; the twin makes them up. What Azure also serves and the copy does not have (reservations, other
// services, a tiered price) is written below, made up in the same shape, so that a reader meets all of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { copiedListSchema } from './prices/azure-list.ts';

const [file, release] = process.argv.slice(2);
if (file === undefined || release === undefined) {
  console.error('usage: node tools/make-twin-prices.ts FILE RELEASE');
  process.exit(2);
}

const copy = copiedListSchema.parse(
  JSON.parse(readFileSync(file, 'utf8'), (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value,
  ),
);

const regionSets: string[][] = [];
const setNumbers = new Map<string, number>();
function setNumber(regions: readonly string[]): number {
  const sorted = regions.toSorted();
  const key = sorted.join(',');
  const known = setNumbers.get(key);
  if (known !== undefined) return known;
  regionSets.push(sorted);
  setNumbers.set(key, regionSets.length - 1);
  return regionSets.length - 1;
}

/** `2.0` and `2` are one number; prices are kept as the shortest text. */
const shortest = (text: string): string => text.replace(/\.0$/, '');

const meters = copy.items
  .filter((one) => one.productName.includes('OpenAI'))
  .map((one) => [
    one.productName,
    one.meterName,
    one.unitOfMeasure,
    shortest(one.retailPrice),
    one.effectiveStartDate.slice(0, 10),
    setNumber(one.regions),
  ])
  .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

const all = setNumber(['eastus', 'swedencentral', 'westeurope']);
const extra = [
  {
    product: 'Azure OpenAI',
    meter: 'Provisioned Managed Global Unit',
    unit: '1 Hour',
    price: '2652',
    from: '2024-11-01',
    set: all,
    type: 'Reservation',
    term: '1 Year',
  },
  {
    product: 'Azure OpenAI',
    meter: 'Provisioned Managed Global Unit',
    unit: '1 Hour',
    price: '260',
    from: '2024-11-01',
    set: all,
    type: 'Reservation',
    term: '1 Month',
  },
  {
    product: 'Azure OpenAI',
    meter: 'Example Tiered Inp glbl Tokens',
    unit: '1K',
    price: '0.0009',
    from: '2025-01-01',
    set: all,
    tier: 1000000,
  },
  {
    product: 'Azure Grok Models',
    meter: 'Grok 4.1 Inp Glbl Tokens',
    unit: '1K',
    price: '0.0002',
    from: '2026-01-01',
    set: all,
  },
  {
    product: 'Virtual Machines D Series Windows',
    meter: 'D14/DS14 Spot',
    unit: '1 Hour',
    price: '0.236555',
    from: '2022-04-01',
    set: all,
    type: 'DevTestConsumption',
    service: 'Virtual Machines',
    family: 'Compute',
  },
  {
    product: 'Premium SSD Managed Disks',
    meter: 'P6 LRS Disk',
    unit: '1/Month',
    price: '9.613436',
    from: '2018-05-01',
    set: all,
    service: 'Storage',
    family: 'Storage',
  },
];

const line = (one: unknown): string => `    ${JSON.stringify(one)}`;
writeFileSync(
  new URL('../twin/data/retail-prices.json', import.meta.url),
  `{
  "comment": "Meters of Azure OpenAI as Azure's price list had them: product, meter, unit, USD, first day, number of the set of regions. Made by tools/make-twin-prices.ts; extra is made up.",
  "source": "Azure Retail Prices API as copied 2026-08-11 into the PyPI package azure-genai-prices ${release} (MIT)",
  "regionSets": [
${regionSets.map(line).join(',\n')}
  ],
  "meters": [
${meters.map(line).join(',\n')}
  ],
  "extra": [
${extra.map(line).join(',\n')}
  ]
}
`,
);
console.log(`${meters.length} meters, ${regionSets.length} sets of regions`);
