// Makes gateway/data/prices.json from the price list that the PyPI package `litellm` carries (MIT; facts only).
//
//   pip download --no-deps litellm && unzip the wheel
//   node tools/import-list-prices.ts --list litellm/model_prices_and_context_window_backup.json \
//     --release 1.109.1 --as-of 2026-11-23
//
// Amounts are read as decimals from the text of the file, never as floats. Whatever cannot be confirmed by the checks
// below (errors of exactly these kinds have been reported against such lists) is left out and listed under `notPriced`:
// an unpriced call is visible, a wrong price is not.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

type Meter = 'input' | 'cachedInput' | 'cacheWriteInput' | 'output' | 'audioInput' | 'audioOutput';
type Tier = 'default' | 'priority' | 'flex' | 'batch';
/** 10^-9 USD for a million, by meter. */
type Amounts = Map<Meter, bigint>;

interface Row {
  readonly model: string;
  readonly modelVersion?: string;
  readonly type: string;
  readonly zone?: string;
  readonly serviceTier?: string;
  readonly mode?: 'batch';
  readonly minInputTokens?: number;
  readonly effectiveFrom: string;
  readonly source: string;
  readonly note?: string;
  readonly nanoUsdPerMillion: Readonly<Record<string, number>>;
}
interface NotPriced {
  readonly model: string;
  readonly type: string;
  readonly meters: readonly string[];
  readonly why: string;
}

const { values: options } = parseArgs({
  options: { list: { type: 'string' }, release: { type: 'string' }, 'as-of': { type: 'string' } },
});
if (options.list === undefined || options.release === undefined || options['as-of'] === undefined) {
  console.error('usage: node tools/import-list-prices.ts --list FILE --release VERSION --as-of YYYY-MM-DD');
  process.exit(2);
}
const asOf = options['as-of'];
const root = new URL('../', import.meta.url);

/** Every number as the text that stands in the file. */
const list: Readonly<Record<string, Readonly<Record<string, unknown>>>> = JSON.parse(
  readFileSync(options.list, 'utf8'),
  (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value,
);
const {
  models,
}: { models: readonly { readonly name: string; readonly versions: readonly { readonly version: string }[] }[] } =
  JSON.parse(readFileSync(new URL('gateway/data/models.json', root), 'utf8'));

const rows: Row[] = [];
const notPriced: NotPriced[] = [];

const meterKeys: readonly (readonly [Meter, string])[] = [
  ['input', 'input_cost_per_token'],
  ['cachedInput', 'cache_read_input_token_cost'],
  ['cacheWriteInput', 'cache_creation_input_token_cost'],
  ['output', 'output_cost_per_token'],
  ['audioInput', 'input_cost_per_audio_token'],
  ['audioOutput', 'output_cost_per_audio_token'],
];
const tierKeys: Readonly<Record<Tier, string>> = {
  default: '',
  priority: '_priority',
  flex: '_flex',
  batch: '_batches',
};
const tiers = ['default', 'priority', 'flex', 'batch'] as const;
/** "above 272k tokens": from the next token on, for the whole request. */
const longContext = { key: '_above_272k_tokens', minInputTokens: 272_001 };

const places = [
  { prefix: '', type: 'GlobalStandard', batch: 'GlobalBatch', zone: undefined },
  { prefix: 'us/', type: 'DataZoneStandard', batch: 'DataZoneBatch', zone: 'us' },
  { prefix: 'eu/', type: 'DataZoneStandard', batch: 'DataZoneBatch', zone: 'eu' },
] as const;
type Place = (typeof places)[number];

/** Azure's regions by data zone, as far as the documentation names them. */
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
};

/** `8.25e-07` USD a token -> 10^-9 USD for a million tokens, exactly. */
function nanoPerMillion(text: string): bigint {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) throw new Error(`'${text}' is no decimal`);
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = 15 + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  if (digits % divisor !== 0n) throw new Error(`'${text}' is finer than 10^-9 USD for a million`);
  return digits / divisor;
}

function amountsOf(entry: Readonly<Record<string, unknown>>, tier: Tier, band: string): Amounts {
  const found: Amounts = new Map();
  for (const [meter, key] of meterKeys) {
    const text = entry[`${key}${band}${tierKeys[tier]}`];
    // A price of 0 in such a list means "does not apply".
    if (typeof text === 'string' && Number(text) > 0) found.set(meter, nanoPerMillion(text));
  }
  return found;
}

const ratio = (a: bigint, b: bigint): number => Number((a * 1_000_000n) / b) / 1_000_000;
const near = (value: number, wanted: number, tolerance: number): boolean => Math.abs(value / wanted - 1) <= tolerance;

interface Check {
  readonly amounts: Amounts;
  /** Takes meters out and says why. */
  readonly drop: (meters: readonly Meter[], why: string) => void;
}

/** The parts of the input must stand in the proportions that Azure's own price pages show. */
function checkParts({ amounts, drop }: Check): void {
  const input = amounts.get('input');
  const cached = amounts.get('cachedInput');
  const written = amounts.get('cacheWriteInput');
  if (input === undefined) return;
  if (cached !== undefined && cached >= input) {
    drop(['cachedInput'], 'a cached token would cost at least as much as a fresh one');
  }
  if (written !== undefined && written < input) {
    drop(['cacheWriteInput'], 'a cache write would cost less than a fresh token');
  }
}

/** A data-zone price is the global one with one surcharge on every meter. */
function checkZone({ amounts, drop }: Check, global: Amounts): void {
  const [input, globalInput] = [amounts.get('input'), global.get('input')];
  if (input === undefined || globalInput === undefined) return;
  const surcharge = ratio(input, globalInput);
  for (const [meter, amount] of amounts) {
    const base = global.get(meter);
    if (base === undefined) drop([meter], 'the global list has no such meter');
    else if (surcharge < 1 || surcharge > 1.25 || !near(ratio(amount, base), surcharge, 0.02)) {
      drop([meter], `its surcharge over the global price differs from that of the input (${surcharge})`);
    }
  }
}

/** Long context doubles the input and makes the output half as dear again. */
function checkLongContext({ amounts, drop }: Check, base: Amounts): void {
  for (const [meter, amount] of amounts) {
    const ordinary = base.get(meter);
    const wanted = meter === 'output' ? 1.5 : 2;
    if (ordinary !== undefined && near(ratio(amount, ordinary), wanted, 0.06)) continue;
    drop([meter], `above 272k tokens it is not ${wanted} times the ordinary price of its tier`);
  }
}

/** Batch and flex are half price; priority is dearer. */
function checkTier({ amounts, drop }: Check, tier: Tier, standard: Amounts): void {
  for (const [meter, amount] of amounts) {
    const base = standard.get(meter);
    const fits =
      base !== undefined && (tier === 'priority' ? ratio(amount, base) > 1 : near(ratio(amount, base), 0.5, 0.06));
    if (fits) continue;
    drop([meter], tier === 'priority' ? 'it is not dearer than the default tier' : 'it is not half the default price');
  }
}

const embeddingNote =
  'Other public pages name a price a tenth lower for Global Standard; the dearer one is taken until it is confirmed.';
const firstDay: Readonly<Record<string, string>> = {
  'text-embedding-3-small': '2024-01-25',
  'text-embedding-3-large': '2024-01-25',
  'text-embedding-ada-002': '2022-12-15',
};

interface Subject {
  readonly model: string;
  readonly modelVersion: string | undefined;
  readonly keys: readonly string[];
  readonly effectiveFrom: string;
}

function sourceKey(entry: Readonly<Record<string, unknown>>): string | undefined {
  const source = typeof entry['source'] === 'string' ? entry['source'] : '';
  if (source.startsWith('https://prices.azure.com/')) return 'retail-prices';
  if (/^https:\/\/azure\.microsoft\.com\/[a-z-]+\/pricing\//.test(source)) return 'price-page';
  if (/^https:\/\/(azure|learn|techcommunity)\.microsoft\.com\//.test(source)) return 'announcement';
  return undefined;
}

/** The list has a model under its name and under its dated name; where they differ, neither is believed. */
function entryOf(subject: Subject, place: Place): Readonly<Record<string, unknown>> | undefined {
  const [first, second] = subject.keys
    .map((key) => list[`azure/${place.prefix}${key}`])
    .filter((entry) => entry !== undefined);
  if (first === undefined || second === undefined) return first;
  const differing = Object.keys(first).filter(
    (key) =>
      key.includes('_cost') &&
      typeof first[key] === 'string' &&
      second[key] !== undefined &&
      second[key] !== first[key],
  );
  if (differing.length === 0) return sourceKey(first) === undefined ? second : first;
  notPriced.push({
    model: subject.model,
    type: place.type,
    meters: differing,
    why: 'the list has two prices, under the name and under the dated name',
  });
  return undefined;
}

interface Line {
  readonly subject: Subject;
  readonly place: Place;
  readonly tier: Tier;
  readonly long: boolean;
}

/** What has been believed of one model at one place, by tier and band. */
type Kept = ReadonlyMap<string, Amounts>;
const lineKey = (tier: Tier, long: boolean): string => `${tier}${long ? ' long' : ''}`;
const nothing: Amounts = new Map();

/** All rows of one model at one place. `global`: what it costs in Global Standard, for the checks of the data zones. */
function importPlace(subject: Subject, place: Place, global: Kept): Kept {
  const kept = new Map<string, Amounts>();
  const entry = entryOf(subject, place);
  if (entry === undefined) return kept;
  const source = sourceKey(entry);
  if (source === undefined) {
    const why = 'the list cites no source of Microsoft';
    notPriced.push({ model: subject.model, type: typeWords(place, 'default'), meters: ['all'], why });
    return kept;
  }
  for (const tier of tiers) {
    for (const long of [false, true]) {
      const line = { subject, place, tier, long };
      const amounts = believed(amountsOf(entry, tier, long ? longContext.key : ''), line, { kept, global });
      if (amounts === undefined) continue;
      kept.set(lineKey(tier, long), amounts);
      rows.push(rowOf(line, amounts, source));
    }
  }
  return kept;
}

/** The amounts that pass every check; undefined where too little is left to bill an ordinary call with. */
function believed(
  amounts: Amounts,
  { subject, place, tier, long }: Line,
  { kept, global }: { readonly kept: Kept; readonly global: Kept },
): Amounts | undefined {
  if (amounts.size === 0) return undefined;
  const type = lineWords({ subject, place, tier, long });
  const drop = (meters: readonly Meter[], why: string): void => {
    notPriced.push({ model: subject.model, type, meters, why });
    for (const meter of meters) amounts.delete(meter);
  };
  const check = { amounts, drop };
  checkParts(check);
  if (place.zone !== undefined) checkZone(check, global.get(lineKey(tier, long)) ?? nothing);
  if (tier !== 'default') checkTier(check, tier, kept.get(lineKey('default', long)) ?? nothing);
  if (long) checkLongContext(check, kept.get(lineKey(tier, false)) ?? nothing);
  const needed: readonly Meter[] = isEmbedding(subject) ? ['input'] : ['input', 'output'];
  const lacking = needed.filter((meter) => !amounts.has(meter));
  if (lacking.length === 0) return amounts;
  if (amounts.size > 0) drop([...amounts.keys()], `there is no price for ${lacking.join(' and ')} beside it`);
  return undefined;
}

const isEmbedding = (subject: Subject): boolean => subject.model.startsWith('text-embedding');

function lineWords({ place, tier, long }: Line): string {
  const tierWords = tier === 'default' || tier === 'batch' ? '' : ` ${tier}`;
  return `${typeWords(place, tier)}${tierWords}${long ? ' above 272k' : ''}`;
}

function typeWords(place: Place, tier: Tier): string {
  const type = tier === 'batch' ? place.batch : place.type;
  return place.zone === undefined ? type : `${type} (${place.zone})`;
}

function rowOf({ subject, place, tier, long }: Line, amounts: Amounts, source: string): Row {
  const { model, modelVersion, effectiveFrom } = subject;
  return {
    model,
    ...(modelVersion === undefined ? {} : { modelVersion }),
    type: tier === 'batch' ? place.batch : place.type,
    ...(place.zone === undefined ? {} : { zone: place.zone }),
    ...(tier === 'default' || tier === 'batch' ? {} : { serviceTier: tier }),
    ...(tier === 'batch' ? { mode: tier } : {}),
    ...(long ? { minInputTokens: longContext.minInputTokens } : {}),
    effectiveFrom,
    source,
    ...(isEmbedding(subject) && place.zone === undefined ? { note: embeddingNote } : {}),
    nanoUsdPerMillion: Object.fromEntries([...amounts].map(([meter, amount]) => [meter, Number(amount)])),
  };
}

/** Where the zones' lists lack a part that the global one has, the part is doubtful there too. */
function dropUnconfirmedParts(subject: Subject, inZones: readonly Kept[]): void {
  const confirming = inZones.flatMap((kept) => kept.get(lineKey('default', false)) ?? []);
  if (confirming.length === 0) return;
  rows.forEach((row, index) => {
    if (row.model !== subject.model || row.modelVersion !== subject.modelVersion || row.type !== 'GlobalStandard')
      return;
    const doubtful = (['cachedInput', 'cacheWriteInput'] as const).filter(
      (meter) => row.nanoUsdPerMillion[meter] !== undefined && !confirming.some((one) => one.has(meter)),
    );
    if (doubtful.length === 0) return;
    const left = Object.entries(row.nanoUsdPerMillion).filter(([meter]) => !doubtful.some((one) => one === meter));
    rows[index] = { ...row, nanoUsdPerMillion: Object.fromEntries(left) };
    const type = `${row.type}${row.minInputTokens === undefined ? '' : ' above 272k'}`;
    notPriced.push({ model: row.model, type, meters: doubtful, why: 'only the global list has this meter' });
  });
}

function importModel(subject: Subject): void {
  const [global, ...zonal] = places;
  const globally = importPlace(subject, global, new Map());
  dropUnconfirmedParts(
    subject,
    zonal.map((place) => importPlace(subject, place, globally)),
  );
  if (!isEmbedding(subject)) {
    notPriced.push({
      model: subject.model,
      type: 'Standard',
      meters: ['all'],
      why: 'the list has no regional prices',
    });
    return;
  }
  // The price page names one price for embeddings: that of a regional deployment.
  const page = rows.find((row) => row.model === subject.model && row.type === 'GlobalStandard');
  if (page?.source === 'price-page') {
    const { note: _note, ...rest } = page;
    rows.push({ ...rest, type: 'Standard' });
  }
}

for (const { name, versions } of models) {
  if (name === 'model-router') {
    const why = 'it bills a surcharge and the model that it chose: not modelled yet';
    notPriced.push({ model: name, type: 'GlobalStandard', meters: ['all'], why });
    continue;
  }
  const newest = versions[0]?.version;
  const dated = (version: string): string => firstDay[name] ?? (/^\d{4}-/.test(version) ? version : asOf);
  if (name === 'gpt-4o') {
    // Its versions cost differently: an endpoint has to say which it is.
    for (const { version } of versions) {
      importModel({ model: name, modelVersion: version, keys: [`${name}-${version}`], effectiveFrom: dated(version) });
    }
    continue;
  }
  const keys = newest === undefined ? [name] : [name, `${name}-${newest}`];
  importModel({ model: name, modelVersion: undefined, keys, effectiveFrom: dated(newest ?? '') });
}
notPriced.push(
  {
    model: 'gpt-6.1-sol',
    type: 'DataZoneStandard (apac)',
    meters: ['all'],
    why: 'which regions make up the zone is not confirmed',
  },
  {
    model: 'gpt-6.1-terra',
    type: 'DataZoneStandard (apac)',
    meters: ['all'],
    why: 'which regions make up the zone is not confirmed',
  },
);
for (const tool of ['web_search', 'file_search', 'code_interpreter']) {
  const why = 'whether and where Azure charges its calls for each deployment type is not confirmed';
  notPriced.push({ model: 'every model', type: 'every type', meters: [`toolCall:${tool}`], why });
}

const litellm = `the PyPI package litellm ${options.release} (MIT), read ${asOf}`;
const file = {
  comment:
    'List prices of Azure OpenAI in 10^-9 USD for a million tokens, without tax. effectiveFrom is the release of the ' +
    'model: the source does not say when a price began. Made by tools/import-list-prices.ts, which checks each figure ' +
    'and leaves out what it cannot confirm; corrections to single rows belong under `prices` of the configuration.',
  sources: {
    'retail-prices': `Azure Retail Prices API (prices.azure.com, service Foundry Models), as listed in ${litellm}`,
    'price-page': `Azure OpenAI price page (azure.microsoft.com/pricing), as listed in ${litellm}`,
    announcement: `Microsoft's announcement or model page, as listed in ${litellm}`,
  },
  zones,
};
const head = JSON.stringify(file, null, 2).replace(/\n\}$/, '');
const lines = (items: readonly object[]): string => items.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
writeFileSync(
  new URL('gateway/data/prices.json', root),
  `${head},\n  "prices": [\n${lines(rows)}\n  ],\n  "notPriced": [\n${lines(notPriced)}\n  ]\n}\n`,
);
console.log(`${rows.length} rows, ${notPriced.length} left out`);
for (const one of notPriced) console.log(`  ${one.model} ${one.type}: ${one.meters.join(', ')}: ${one.why}`);
