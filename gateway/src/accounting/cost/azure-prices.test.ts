// What calls to real models cost, worked out by hand from Azure's own price list: the Azure Retail Prices API as copied
// 2026-08-11 into the PyPI package azure-genai-prices 0.2.0, unless another source is named. Each row quotes the meters;
// an amount of USD per 1K units is that many million nano-USD per unit divided by 1,000: 0.00275 is 2,750 a token.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { parseModelCatalogue } from '#config/model-catalogue.ts';
import type { DeploymentType } from '#model/endpoint.ts';
import { ordinaryMeters } from '#model/model-catalogue.ts';
import type { Cost } from '#model/money.ts';
import { noUnits, unknownUnits, type Units } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { parseListPrices } from './list-prices.ts';
import { createPriceBook } from './price-book.ts';

const data = (name: string): string => readFileSync(new URL(`../../../data/${name}`, import.meta.url), 'utf8');
const catalogue = parseModelCatalogue(data('models.json'));
const list = parseListPrices(data('prices.json'));
const book = createPriceBook({
  entries: list.entries,
  zones: list.zones,
  ordinaryMeters: (model) => ordinaryMeters(catalogue, model),
});

interface Call {
  readonly model: string;
  readonly version?: string;
  readonly type: DeploymentType;
  /** Default: westeurope. */
  readonly region?: string;
  readonly tier?: string;
  /** UTC; default: 23 November 2026. */
  readonly on?: string;
  readonly used: Partial<Units>;
}

function costOf({ model, version, type, region = 'westeurope', tier, on = '2026-11-23T12:00:00Z', used }: Call): Cost {
  return book.cost({
    endpoint: endpointNamed('e', { model, modelVersion: version ?? null, deploymentType: type, region }),
    // What is not sold by tokens has none to report.
    units: { ...(used.input === undefined ? unknownUnits : noUnits), ...used },
    serviceTier: tier ?? null,
    reportedModel: null,
    spilledFrom: null,
    product: null,
    at: Date.parse(on),
  });
}

const words = ({ model, version, type, region, tier, on, used }: Call): string =>
  [model, version, type, region, tier, on, JSON.stringify(used)].filter((one) => one !== undefined).join(' ');

type Worked = Call & { readonly nanoUsd: bigint };

const parts = { input: 1000, cachedInput: 400, output: 100 } as const;

const regions: readonly Worked[] = [
  // gpt 4o 1120 Inp / cached Inp / Outp regnl 0.00275 / 0.001375 / 0.011 per 1K: 600×2750 + 400×1375 + 100×11000
  { model: 'gpt-4o', version: '2024-11-20', type: 'Standard', region: 'eastus', used: parts, nanoUsd: 3_300_000n },
  // the same meters in Canada East, 0.003025 / 0.001513 / 0.0121: 1,815,000 + 605,200 + 1,210,000
  { model: 'gpt-4o', version: '2024-11-20', type: 'Standard', region: 'canadaeast', used: parts, nanoUsd: 3_630_200n },
  // … in North Europe since June 2026, 0.0033 / 0.00165 / 0.0132: 1,980,000 + 660,000 + 1,320,000
  { model: 'gpt-4o', version: '2024-11-20', type: 'Standard', region: 'northeurope', used: parts, nanoUsd: 3_960_000n },
  // … in the government's cloud, 0.003438 / 0.001719 / 0.01375: 2,062,800 + 687,600 + 1,375,000
  {
    model: 'gpt-4o',
    version: '2024-11-20',
    type: 'Standard',
    region: 'usgovvirginia',
    used: parts,
    nanoUsd: 4_125_400n,
  },
  // gpt 4o 1120 Inp / cached Inp / Outp Data Zone 0.00275 / 0.001375 / 0.011, in Asia too
  {
    model: 'gpt-4o',
    version: '2024-11-20',
    type: 'DataZoneStandard',
    region: 'japaneast',
    used: parts,
    nanoUsd: 3_300_000n,
  },
  // 5.4 mini Inp / cd Inp / Opt Dz 0.9 / 0.09 / 5.4 per 1M in Asia: 600×900 + 400×90 + 100×5400
  { model: 'gpt-5.4-mini', type: 'DataZoneStandard', region: 'southindia', used: parts, nanoUsd: 1_116_000n },
  // … and 0.825 / 0.0825 / 4.95 in Europe: 495,000 + 33,000 + 495,000
  { model: 'gpt-5.4-mini', type: 'DataZoneStandard', region: 'francecentral', used: parts, nanoUsd: 1_023_000n },
  // gpt 4.1 … Standard in Sweden 2.42 / 0.605 / 9.68 per 1M: 1,452,000 + 242,000 + 968,000
  { model: 'gpt-4.1', type: 'Standard', region: 'swedencentral', used: parts, nanoUsd: 2_662_000n },
];

const tiers: readonly Worked[] = [
  // gpt-4.1 priority, global 3.5 / 0.875 / 14 per 1M: 2,100,000 + 350,000 + 1,400,000
  { model: 'gpt-4.1', type: 'GlobalStandard', tier: 'priority', used: parts, nanoUsd: 3_850_000n },
  // data zone, 0.963 per 1M cached: 3×963
  { model: 'gpt-4.1', type: 'DataZoneStandard', tier: 'priority', used: { input: 3, cachedInput: 3 }, nanoUsd: 2889n },
  // a reply that names no tier, and those of other words for it, are the default tier: 2 / 0.5 / 8
  { model: 'gpt-4.1', type: 'GlobalStandard', tier: 'standard', used: parts, nanoUsd: 2_200_000n },
  { model: 'gpt-4.1', type: 'GlobalStandard', tier: 'auto', used: parts, nanoUsd: 2_200_000n },
  // 5.4 mini pp Inp / cd Inp / Opt Gl 1.5 / 0.15 / 9: 900,000 + 60,000 + 900,000
  { model: 'gpt-5.4-mini', type: 'GlobalStandard', tier: 'priority', used: parts, nanoUsd: 1_860_000n },
];

const batch: readonly Worked[] = [
  // gpt 4o 1120 Batch Inp / Outp glbl 0.00125 / 0.005 per 1K: 1000×1250 + 100×5000
  {
    model: 'gpt-4o',
    version: '2024-11-20',
    type: 'GlobalBatch',
    used: { input: 1000, output: 100 },
    nanoUsd: 1_750_000n,
  },
  // 5.4 mini Batch Inp / cd Inp / Opt Gl 0.375 / 0.0375 / 2.25 per 1M: 225,000 + 15,000 + 225,000
  { model: 'gpt-5.4-mini', type: 'GlobalBatch', used: parts, nanoUsd: 465_000n },
  // … Dz 0.4125 / 0.04125 / 2.475: one cached token is 41.25, rounded to 41; three are 123.75, rounded to 124
  { model: 'gpt-5.4-mini', type: 'DataZoneBatch', used: { input: 1, cachedInput: 1 }, nanoUsd: 41n },
  { model: 'gpt-5.4-mini', type: 'DataZoneBatch', used: { input: 3, cachedInput: 3 }, nanoUsd: 124n },
  // two are 82.5, half to even: 82; six are 247.5, half to even: 248
  { model: 'gpt-5.4-mini', type: 'DataZoneBatch', used: { input: 2, cachedInput: 2 }, nanoUsd: 82n },
  { model: 'gpt-5.4-mini', type: 'DataZoneBatch', used: { input: 6, cachedInput: 6 }, nanoUsd: 248n },
  // 0.000083 / 0.00033 per 1K: 1000×83 + 100×330
  { model: 'gpt-4o-mini', type: 'DataZoneBatch', used: { input: 1000, output: 100 }, nanoUsd: 116_000n },
];

const reasoning = { input: 10, output: 100, reasoning: 90 } as const;
const longAndReasoning: readonly Worked[] = [
  // o1 … Data Zone 16.5 / 66 per 1M, reasoning is output: 10×16500 + 100×66000
  { model: 'o1', type: 'DataZoneStandard', used: reasoning, nanoUsd: 6_765_000n },
  // 5.6 luna LongCo … Std Gl 2 / 0.2 / 9 per 1M in July 2026, for the whole request: 300,000×2000 + 1000×9000
  {
    model: 'gpt-5.6-luna',
    type: 'GlobalStandard',
    on: '2026-07-15T00:00:00Z',
    used: { input: 300_000, output: 1000 },
    nanoUsd: 609_000_000n,
  },
  // one token less than long: ShortCo 1 / 6: 272,000×1000 + 1000×6000
  {
    model: 'gpt-5.6-luna',
    type: 'GlobalStandard',
    on: '2026-07-15T00:00:00Z',
    used: { input: 272_000, output: 1000 },
    nanoUsd: 278_000_000n,
  },
  // PyPI package litellm 1.110.2, azure/eu/gpt-5.6-luna above 272k, priority, 0.88 / 3.96: 264,000,000 + 3,960,000
  {
    model: 'gpt-5.6-luna',
    type: 'DataZoneStandard',
    tier: 'priority',
    used: { input: 300_000, output: 1000 },
    nanoUsd: 267_960_000n,
  },
];

const written = { input: 1000, cachedInput: 100, cacheWriteInput: 200, output: 50 } as const;
const dated: readonly Worked[] = [
  // 5.6 luna ShortCo Inp / Cd Inp / Cd Wr / Opt Std Gl 1 / 0.1 / 1.25 / 6: 700,000 + 10,000 + 250,000 + 300,000
  { model: 'gpt-5.6-luna', type: 'GlobalStandard', on: '2026-07-31T23:59:59.999Z', used: written, nanoUsd: 1_260_000n },
  // from 1 August 2026, 0.2 / 0.02 / 0.25 / 1.2 (litellm 1.110.2): 140,000 + 2,000 + 50,000 + 60,000
  { model: 'gpt-5.6-luna', type: 'GlobalStandard', on: '2026-08-01T00:00:00.000Z', used: written, nanoUsd: 252_000n },
  // 5.6 sol ShortCo … 5 / 0.5 / 6.25 / 30: 3,500,000 + 50,000 + 1,250,000 + 1,500,000
  { model: 'gpt-5.6-sol', type: 'GlobalStandard', on: '2026-08-31T23:59:59.999Z', used: written, nanoUsd: 6_300_000n },
  // from 1 September 2026, 4 / 0.4 / 5 / 20 (litellm 1.110.2): 2,800,000 + 40,000 + 1,000,000 + 1,000,000
  { model: 'gpt-5.6-sol', type: 'GlobalStandard', on: '2026-09-01T00:00:00.000Z', used: written, nanoUsd: 4_840_000n },
];

const media: readonly Worked[] = [
  // Speech-to-Text-Batch-Whisper-glbl Unit, 0.36 an hour: 0.0001 a second: 61×100,000
  { model: 'whisper', type: 'GlobalStandard', used: { seconds: 61 }, nanoUsd: 6_100_000n },
  // … regnl Unit in West Europe, 0.4752 an hour: 0.000132 a second: 61×132,000
  { model: 'whisper', type: 'Standard', used: { seconds: 61 }, nanoUsd: 8_052_000n },
  // Speech-Text to Speech-global Characters, 15 per 1M: 1234×15,000
  { model: 'tts', type: 'GlobalStandard', used: { characters: 1234 }, nanoUsd: 18_510_000n },
  // Speech-Text to Speech HD-Regional Characters, 36.3 per 1M in Sweden: 1234×36,300
  { model: 'tts-hd', type: 'Standard', region: 'swedencentral', used: { characters: 1234 }, nanoUsd: 44_794_200n },
  // Image-Dall-E-3 Std LowRes-glbl 4 per 100, HD HighRes-glbl 12 per 100: 2×0.04 + 1×0.12
  {
    model: 'dall-e-3',
    type: 'GlobalStandard',
    used: { images: { 'standard/1024x1024': 2, 'hd/1792x1024': 1 } },
    nanoUsd: 200_000_000n,
  },
  // … regnl EP in Sweden 4.84 and 14.52 per 100: 0.0484 + 0.1452
  {
    model: 'dall-e-3',
    type: 'Standard',
    region: 'swedencentral',
    used: { images: { 'standard/1024x1024': 1, 'hd/1024x1792': 1 } },
    nanoUsd: 193_600_000n,
  },
  // gpt-image-1 by tokens, 5 text, 10 image, 40 out per 1M, however many images: 50×5000 + 1000×10000 + 4160×40000
  {
    model: 'gpt-image-1',
    type: 'GlobalStandard',
    used: { input: 1050, imageInput: 1000, output: 4160, images: { 'high/1024x1024': 1 } },
    nanoUsd: 176_650_000n,
  },
  // gpt-4o-transcribe regional in Sweden 3.025 text, 7.26 audio, 12.1 out per 1M: 20×3025 + 480×7260 + 60×12100
  {
    model: 'gpt-4o-transcribe',
    type: 'Standard',
    region: 'swedencentral',
    used: { input: 500, audioInput: 480, output: 60 },
    nanoUsd: 4_271_300n,
  },
  // gpt4o mn tts txt in / aud out gl 1215 0.6 / 12 per 1M: 30×600 + 900×12000
  {
    model: 'gpt-4o-mini-tts',
    version: '2025-12-15',
    type: 'GlobalStandard',
    used: { input: 30, output: 900, audioOutput: 900 },
    nanoUsd: 10_818_000n,
  },
  // gpt aud mini txt Inp / Inp / txt Outp / Outp DZone 0.00066 / 0.011 / 0.00264 / 0.022 per 1K:
  // 50×660 + 150×11000 + 20×2640 + 100×22000
  {
    model: 'gpt-audio-mini',
    version: '2025-10-06',
    type: 'DataZoneStandard',
    used: { input: 200, audioInput: 150, output: 120, audioOutput: 100 },
    nanoUsd: 3_935_800n,
  },
];

const searched = { input: 1000, output: 10, toolCalls: { file_search: 3 } } as const;
const tools: readonly Worked[] = [
  // file-search-tool-calls-glbl Calls, 2.5 per 1K, beside gpt-4.1 at 2 / 8: 2,000,000 + 80,000 + 3×2,500,000
  { model: 'gpt-4.1', type: 'GlobalStandard', used: searched, nanoUsd: 9_580_000n },
  // … datazone 2.75, gpt-4.1 2.2 / 8.8: 2,200,000 + 88,000 + 8,250,000
  { model: 'gpt-4.1', type: 'DataZoneStandard', used: searched, nanoUsd: 10_538_000n },
  // … rgnl in Sweden 3.025, gpt-4.1 2.42 / 9.68: 2,420,000 + 96,800 + 9,075,000
  { model: 'gpt-4.1', type: 'Standard', region: 'swedencentral', used: searched, nanoUsd: 11_591_800n },
];

for (const [title, calls] of Object.entries({
  'by region and data zone': regions,
  'by service tier': tiers,
  'in batches': batch,
  'with a long context, and with reasoning': longAndReasoning,
  'before and after a price changed': dated,
  'of speech, sound and images': media,
  'with tools that Azure charges': tools,
})) {
  suite(`calls ${title}`, () => {
    for (const { nanoUsd: expected, ...one } of calls) {
      test(words(one), () => {
        const { nanoUsd, listNanoUsd, internalNanoUsd, unpriced } = costOf(one);
        assert.deepEqual(
          { nanoUsd, listNanoUsd, internalNanoUsd, unpriced },
          { nanoUsd: expected, listNanoUsd: expected, internalNanoUsd: null, unpriced: [] },
        );
      });
    }
  });
}

/** Calls that have no price, and the meters that lack one: they are never charged as something alike. */
const unpriced: readonly (Call & { readonly lacks: readonly string[] })[] = [
  // sold by version, and the endpoint names none
  { model: 'gpt-4o', type: 'GlobalStandard', used: parts, lacks: ['input', 'cachedInput', 'output'] },
  // a version that the list does not have
  {
    model: 'gpt-4o',
    version: '2031-01-01',
    type: 'GlobalStandard',
    used: parts,
    lacks: ['input', 'cachedInput', 'output'],
  },
  // not sold regionally, there or at all
  { model: 'gpt-4o', version: '2024-11-20', type: 'Standard', used: parts, lacks: ['input', 'cachedInput', 'output'] },
  { model: 'gpt-5.4-mini', type: 'Standard', used: parts, lacks: ['input', 'cachedInput', 'output'] },
  // no batch price for cached tokens of this model
  { model: 'gpt-4o', version: '2024-11-20', type: 'GlobalBatch', used: parts, lacks: ['cachedInput'] },
  // no such tier in the list
  {
    model: 'gpt-4o',
    version: '2024-11-20',
    type: 'GlobalStandard',
    tier: 'flex',
    used: parts,
    lacks: ['input', 'cachedInput', 'output'],
  },
  {
    model: 'gpt-4.1',
    type: 'GlobalStandard',
    tier: 'a new one',
    used: parts,
    lacks: ['input', 'cachedInput', 'output'],
  },
  // before its first day
  {
    model: 'gpt-5.4-mini',
    type: 'GlobalStandard',
    on: '2026-02-28T23:59:59Z',
    used: parts,
    lacks: ['input', 'cachedInput', 'output'],
  },
  // a tool that nobody knows the price of
  {
    model: 'gpt-4.1',
    type: 'GlobalStandard',
    used: { input: 1, output: 1, toolCalls: { code_interpreter: 1 } },
    lacks: ['toolCall:code_interpreter'],
  },
  // an image of a size that the list does not have
  {
    model: 'dall-e-3',
    type: 'GlobalStandard',
    used: { images: { 'standard/512x512': 1 } },
    lacks: ['image:standard/512x512'],
  },
  // a model that is newer than the list
  { model: 'gpt-9', type: 'GlobalStandard', used: parts, lacks: ['input', 'cachedInput', 'output'] },
];

suite('calls that have no price', () => {
  for (const { lacks, ...one } of unpriced) {
    test(words(one), () => {
      const cost = costOf(one);
      assert.deepEqual(cost.unpriced, lacks);
      assert.equal(cost.nanoUsd, null);
    });
  }
});

test('a call to a provisioned deployment costs nothing by itself: the hours are paid', () => {
  const call = { model: 'gpt-5.4-mini', type: 'GlobalProvisionedManaged', used: parts } as const;
  const { nanoUsd, unpriced: lacking } = costOf(call);
  assert.deepEqual({ nanoUsd, lacking }, { nanoUsd: 0n, lacking: [] });
});

suite('what is said to have no price', () => {
  test('has none', () => {
    const priced = new Set(list.entries.map((one) => `${one.model} ${one.deploymentType}`));
    const contradicted = list.notPriced
      .filter((one) => one.meters.includes('all'))
      .flatMap((one) => one.type.split(', ').map((type) => `${one.model} ${type}`))
      .filter((line) => priced.has(line));
    assert.deepEqual(contradicted, []);
  });

  test('has a reason', () => {
    for (const one of list.notPriced) assert.match(one.why, /\w{3,}/, one.model);
  });

  test('is every deployment type of every model of the catalogue that has no price', () => {
    const types = ['GlobalStandard', 'DataZoneStandard', 'Standard', 'GlobalBatch', 'DataZoneBatch'];
    const priced = new Set(list.entries.map((one) => `${one.model} ${one.deploymentType}`));
    const named = new Set(
      list.notPriced.flatMap((one) =>
        (one.type === 'every type' ? types : one.type.split(', ')).map((type) => `${one.model} ${type}`),
      ),
    );
    const silent = [...catalogue.keys()]
      .flatMap((model) => types.map((type) => `${model} ${type}`))
      .filter((line) => !priced.has(line) && !named.has(line));
    assert.deepEqual(silent, []);
  });
});
