// Makes gateway/data/prices.json from two public copies of Azure's prices (both MIT; facts only):
//
//   pip download --no-deps litellm azure-genai-prices && unzip both wheels
//   node tools/import-list-prices.ts \
//     --list litellm/model_prices_and_context_window_backup.json --release 1.110.2 --as-of 2026-11-25 \
//     --azure azure_genai_prices/data/snapshot.json --azure-release 0.2.0
//
// The second is Azure's own price list (the Azure Retail Prices API), meter by meter and region by region, of the day it
// was copied: it is believed. The first is newer and made by people: it confirms, adds what came later, and is checked.
// Amounts are read as decimals from the text of the files, never as floats. What cannot be confirmed is left out and
// listed under `notPriced`: an unpriced call is visible, a wrong price is not.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileRows, priceFileText } from '../gateway/src/accounting/retail/file-rows.ts';
import { parseMeterRules } from '../gateway/src/accounting/retail/meter-rules.ts';
import { dimensionKey, type TablePrice } from '../gateway/src/accounting/retail/price-table.ts';
import { parseModelCatalogue } from '../gateway/src/config/model-catalogue.ts';
import { ordinaryMeters, type ModelFacts } from '../gateway/src/model/model-catalogue.ts';
import { copiedListSchema, readAzureList } from './prices/azure-list.ts';
import { communityListSchema, CommunityReader, type ListedPrice, type Subject } from './prices/community-list.ts';
import { joinNotes, type PriceNote } from './prices/notes.ts';

const { values: options } = parseArgs({
  options: {
    list: { type: 'string' },
    release: { type: 'string' },
    'as-of': { type: 'string' },
    azure: { type: 'string' },
    'azure-release': { type: 'string' },
  },
});
const { list: listFile, release, 'as-of': asOf, azure: azureFile, 'azure-release': azureRelease } = options;
if (
  listFile === undefined ||
  release === undefined ||
  asOf === undefined ||
  azureFile === undefined ||
  azureRelease === undefined
) {
  console.error(
    'usage: node tools/import-list-prices.ts --list FILE --release V --as-of DAY --azure FILE --azure-release V',
  );
  process.exit(2);
}

const data = (name: string): URL => new URL(`../gateway/data/${name}`, import.meta.url);
/** Numbers stay the text that they are in the file. */
function readNumbersAsText(file: string): unknown {
  return JSON.parse(
    readFileSync(file, 'utf8'),
    (_key: string, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? (context?.source ?? String(value)) : value,
  );
}

const rules = parseMeterRules(readFileSync(data('retail-meters.json'), 'utf8'));
const catalogue = parseModelCatalogue(readFileSync(data('models.json'), 'utf8'));

/** Azure's regions by data zone, as far as the documentation and the price list name them. */
const zones = {
  us: ['centralus', 'eastus', 'eastus2', 'northcentralus', 'southcentralus', 'westus', 'westus2', 'westus3'],
  eu: [
    'austriaeast',
    'belgiumcentral',
    'francecentral',
    'germanywestcentral',
    'italynorth',
    'northeurope',
    'polandcentral',
    'spaincentral',
    'swedencentral',
    'westeurope',
  ],
  apac: [
    'australiaeast',
    'centralindia',
    'eastasia',
    'japaneast',
    'japanwest',
    'jioindiawest',
    'koreacentral',
    'southeastasia',
    'southindia',
  ],
};

/**
 * From when on the newer prices of the community's list hold, where they differ from Azure's list of before: the days
 * that Azure's list named when it was read by others. Of any other difference nobody knows the day.
 */
const changes: readonly { readonly models: readonly string[]; readonly from: string; readonly source: string }[] = [
  { models: ['gpt-5.6-terra', 'gpt-5.6-luna'], from: '2026-08-01', source: 'azure-change-2026-08' },
  { models: ['gpt-5.6-sol'], from: '2026-09-01', source: 'azure-change-2026-09' },
];

const azure = readAzureList(copiedListSchema.parse(readNumbersAsText(azureFile)), rules, zones);
const community = new CommunityReader(communityListSchema.parse(readNumbersAsText(listFile)));
const notes: PriceNote[] = [];

/** Days on which models were first sold whose versions are not days. */
const firstDay: Readonly<Record<string, string>> = {
  'text-embedding-3-small': '2024-01-25',
  'text-embedding-3-large': '2024-01-25',
  'text-embedding-ada-002': '2022-12-15',
};

function subjectsOf({ name, versions, capabilities }: ModelFacts): readonly Subject[] {
  const first = (version: string | undefined): string =>
    firstDay[name] ?? (version !== undefined && /^\d{4}-/.test(version) ? version : (asOf ?? ''));
  const common = {
    model: name,
    needed: ordinaryMeters(catalogue, name).filter((meter) => meter !== 'cachedInput'),
    makesImages: capabilities.includes('images.generations'),
  };
  if (name === 'gpt-4o') {
    // Its versions cost differently: an endpoint has to say which it is.
    return versions.map(({ version }) => ({
      ...common,
      modelVersion: version,
      keys: [`${name}-${version}`],
      from: first(version),
    }));
  }
  const newest = versions[0]?.version;
  const oldest = versions.map(({ version }) => version).toSorted()[0];
  const keys = newest === undefined ? [name] : [name, `${name}-${newest}`];
  return [{ ...common, modelVersion: undefined, keys, from: first(oldest) }];
}

const notServed: Readonly<Record<string, string>> = {
  realtime: 'realtime sessions are not served by the gateway',
  video: 'video is not served by the gateway',
};
for (const facts of catalogue.values()) {
  const why =
    facts.name === 'model-router'
      ? 'it bills a surcharge and the model that it chose: not modelled yet'
      : facts.capabilities.map((one) => notServed[one]).find((one) => one !== undefined);
  if (why !== undefined) notes.push({ model: facts.name, type: 'every type', meters: ['all'], why });
  else for (const subject of subjectsOf(facts)) community.read(subject);
}

const placeKey = (one: TablePrice): string => JSON.stringify(one.place);
/** What Azure's list says last, by thing and place. */
const inAzure = new Map<string, TablePrice>();
for (const one of azure.prices.toSorted((a, b) => a.from.localeCompare(b.from))) {
  inAzure.set(`${dimensionKey(one)} ${placeKey(one)}`, one);
}
/** Whether Azure's list sells this model like that at all. */
const lineKey = (one: TablePrice): string =>
  [one.model, one.modelVersion, one.type, placeKey(one), one.serviceTier, one.minInputTokens].join('|');
const linesOfAzure = new Set(azure.prices.map(lineKey));
const modelsOfAzure = new Set(azure.prices.map((one) => one.model));

const later: ListedPrice[] = [];
let confirmed = 0;
for (const one of community.prices) {
  const known = inAzure.get(`${dimensionKey(one)} ${placeKey(one)}`);
  if (known?.amount === one.amount) confirmed += 1;
  else if (known === undefined && linesOfAzure.has(lineKey(one))) note(one, "Azure's price list has no such meter");
  else {
    const change = changes.find((each) => each.models.includes(one.model ?? ''));
    if (change !== undefined) later.push({ ...one, from: change.from });
    else if (known === undefined) later.push(one);
    else
      console.log(
        `  ${one.model} ${one.type} ${one.meter}: ${known.amount} in Azure's list, ${one.amount} in the other`,
      );
  }
}

/** `DataZoneStandard (eu) priority above 272k` */
function typeWords(one: TablePrice): string {
  const zone = one.place?.kind === 'zone' ? ` (${one.place.name})` : '';
  const tier = one.serviceTier === 'default' ? '' : ` ${one.serviceTier}`;
  const band = one.minInputTokens === 0 ? '' : ' above 272k';
  return `${one.type}${zone}${tier}${band}`;
}

function note(one: ListedPrice, why: string): void {
  notes.push({ model: one.model ?? '', type: typeWords(one), meters: [one.meter], why });
}

const pricedByAzure = new Set(azure.prices.map((one) => `${one.model} ${typeWords(one)} ${one.meter}`));
/** What the community's list does not know well is no matter where Azure's own list has it. */
function stillOpen(one: PriceNote): readonly PriceNote[] {
  if (one.meters[0] === 'all') return pricedTypes.has(`${one.model} ${one.type}`) ? [] : [one];
  const meters = one.meters.filter((meter) => !pricedByAzure.has(`${one.model} ${one.type} ${meter}`));
  return meters.length === 0 ? [] : [{ ...one, meters }];
}

const rows = [
  fileRows(azure.prices, 'azure-list'),
  ...[...Map.groupBy(later, citedSource)].map(([source, group]) => fileRows(group, source)),
];
const prices = rows
  .flatMap((each) => each.prices)
  .toSorted((a, b) => order(a).localeCompare(order(b)) || a.effectiveFrom.localeCompare(b.effectiveFrom));

function citedSource(one: ListedPrice): string {
  const change = changes.find((each) => each.from === one.from && each.models.includes(one.model ?? ''));
  return change?.source ?? one.source;
}

function order(row: (typeof prices)[number]): string {
  const position = [...catalogue.keys()].indexOf(row.model);
  return [
    String(position === -1 ? 999 : position).padStart(3, '0'),
    row.modelVersion ?? '',
    row.type,
    row.serviceTier ?? '',
    row.zone ?? row.regions?.join() ?? '',
    String(row.minInputTokens ?? 0).padStart(7, '0'),
  ].join('|');
}

const tokenTypes = ['GlobalStandard', 'DataZoneStandard', 'Standard', 'GlobalBatch', 'DataZoneBatch'];
const pricedTypes = new Set(prices.map((row) => `${row.model} ${row.type}`));
for (const { name, capabilities } of catalogue.values()) {
  if (notes.some((one) => one.model === name && one.type === 'every type')) continue;
  const lacking = tokenTypes.filter((type) => !pricedTypes.has(`${name} ${type}`));
  const why = modelsOfAzure.has(name)
    ? "Azure's price list has no such meter: it is not sold like that"
    : 'neither list has it';
  if (lacking.length > 0) notes.push({ model: name, type: lacking.join(', '), meters: ['all'], why });
  if (capabilities.includes('images.generations') && name !== 'dall-e-3') {
    const cachedWhy = 'cached tokens of images and of text have two prices, and are reported as one number';
    notes.push({ model: name, type: 'every type', meters: ['cachedInput'], why: cachedWhy });
  }
}
notes.push({
  model: 'gpt-image-1.5',
  type: 'every type',
  meters: ['output'],
  why: 'the text that it writes costs a third of an image, is reported in one number with it, and charged like it',
});
notes.push(
  {
    model: 'every model',
    type: 'every type',
    meters: ['toolCall:web_search'],
    why: 'whether and where Azure charges its calls is not confirmed',
  },
  {
    model: 'every model',
    type: 'every type',
    meters: ['toolCall:code_interpreter'],
    why: 'Azure charges by the session, and the reply names calls',
  },
  {
    model: 'every model',
    type: 'fine-tuned',
    meters: ['all'],
    why: 'fine-tuned deployments, their hosting and their training are not priced yet',
  },
);

const listWords = `as listed in the PyPI package litellm ${release} (MIT), read ${asOf}`;
writeFileSync(
  data('prices.json'),
  priceFileText({
    comment:
      'List prices of Azure OpenAI in 10^-9 USD, without tax. Made by tools/import-list-prices.ts, which checks each figure ' +
      'and leaves out what it cannot confirm; corrections to single rows belong under `prices` of the configuration. ' +
      'Where the source names no first day, effectiveFrom is the release of the model.',
    sources: {
      'azure-list': `Azure Retail Prices API (prices.azure.com, service Foundry Models) as copied 2026-08-11 into the PyPI package azure-genai-prices ${azureRelease} (MIT), with Azure's first days`,
      'azure-change-2026-08': `Azure Retail Prices API, ${listWords}; begins 2026-08-01, as public readings of the API of 2026-08-20 say`,
      'azure-change-2026-09': `Azure Retail Prices API, ${listWords}; begins 2026-09-01, as public readings of the API of 2026-09-14 say`,
      'list-retail': `Azure Retail Prices API, ${listWords}`,
      'list-page': `Azure OpenAI price page (azure.microsoft.com/pricing), ${listWords}`,
      'list-announcement': `Microsoft's announcement or model page, ${listWords}`,
    },
    zones,
    prices,
    provisioned: rows.flatMap((each) => each.provisioned),
    notPriced: joinNotes([...community.notes.flatMap(stillOpen), ...notes]),
  }),
);
console.log(`${prices.length} rows; ${confirmed} prices of Azure's list confirmed by the other, ${later.length} newer`);
for (const [why, names] of azure.unread) console.log(`  not read: ${names.length} meters: ${why}`);
for (const one of azure.ambiguous) console.log(`  ambiguous: ${JSON.stringify(one)}`);
