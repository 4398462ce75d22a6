import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { parseMeterRules } from './meter-rules.ts';
import { readItem, type MappedPrice } from './read-meter.ts';
import { nanoUsd, type RetailItem } from './retail-item.ts';

const rules = parseMeterRules(readFileSync(new URL('../../../data/retail-meters.json', import.meta.url), 'utf8'));

const item = (meterName: string, changes: Partial<RetailItem> = {}): RetailItem => ({
  currencyCode: 'USD',
  retailPrice: '1.0',
  tierMinimumUnits: '0.0',
  regions: { westeurope: 'id-1' },
  meterName,
  productName: 'Azure OpenAI',
  skuName: meterName,
  unitOfMeasure: meterName.includes('1M') ? '1M' : '1K',
  type: 'Consumption',
  effectiveStartDate: '2026-03-01T00:00:00Z',
  ...changes,
});

function read(meterName: string, changes: Partial<RetailItem> = {}): MappedPrice {
  const mapped = readItem(item(meterName, changes), rules);
  assert.ok(mapped.ok, mapped.ok ? '' : `${meterName}: ${mapped.why}`);
  return mapped.price;
}

/**
 * Real names of meters, in the spellings that Azure has used since 2024.
 * Source: Azure Retail Prices API, copied 2026-08-11 (PyPI azure-genai-prices 0.2.0); the last three are quoted by public
 * readings of September and October 2026.
 */
const names: readonly (readonly [name: string, model: string, where: string, meter: string])[] = [
  ['GPT 5 Inpt Glbl 1M Tokens', 'gpt-5', 'GlobalStandard', 'input'],
  ['GPT 5 outpt DZone 1M Tokens', 'gpt-5', 'DataZoneStandard', 'output'],
  ['GPT 5 cchd Inpt Glbl 1M Tokens', 'gpt-5', 'GlobalStandard', 'cachedInput'],
  ['GPT 5 Batch Inpt cchd Dzone 1M Tokens', 'gpt-5', 'DataZoneBatch', 'cachedInput'],
  ['5 pp opt Gl 1M Tokens', 'gpt-5', 'GlobalStandard priority', 'output'],
  ['GPT 5 Mini Inpt Glbl 1M Tokens', 'gpt-5-mini', 'GlobalStandard', 'input'],
  ['5 mini pp cd Inp Dz 1M Tokens', 'gpt-5-mini', 'DataZoneStandard priority', 'cachedInput'],
  ['gpt 5 pro batch out glbl Tokens', 'gpt-5-pro', 'GlobalBatch', 'output'],
  ['gpt-5-codex-ccchd-inp-dzone Tokens', 'gpt-5-codex', 'DataZoneStandard', 'cachedInput'],
  ['5.1 codex max cd inp Gl 1M Tokens', 'gpt-5.1-codex-max', 'GlobalStandard', 'cachedInput'],
  ['5.4 longco batch opt Dz 1M Tokens', 'gpt-5.4', 'DataZoneBatch from 272001', 'output'],
  ['5.5 ShortCo PP cd inp Gl 1M Tokens', 'gpt-5.5', 'GlobalStandard priority', 'cachedInput'],
  ['5.6 luna ShortCo Cd Wr Std DZ 1M Tokens', 'gpt-5.6-luna', 'DataZoneStandard', 'cacheWriteInput'],
  ['5.6 sol LongCo Opt Std Gl 1M Tokens', 'gpt-5.6-sol', 'GlobalStandard from 272001', 'output'],
  ['gpt-4o-0806-Inp-glbl Tokens', 'gpt-4o@2024-08-06', 'GlobalStandard', 'input'],
  ['gpt 4o 1120 cached Inp Data Zone Tokens', 'gpt-4o@2024-11-20', 'DataZoneStandard', 'cachedInput'],
  ['gpt 4o 0513 Output regional Tokens', 'gpt-4o@2024-05-13', 'Standard', 'output'],
  ['gpt 4o mini0718 BatchOutp DataZone Tokens', 'gpt-4o-mini', 'DataZoneBatch', 'output'],
  ['gpt 4.1 mini cached Inp DZone Tokens', 'gpt-4.1-mini', 'DataZoneStandard', 'cachedInput'],
  ['4.1 mini pp Opt Gl Tokens', 'gpt-4.1-mini', 'GlobalStandard priority', 'output'],
  ['gpt 4.1 nano Outp regnl Tokens', 'gpt-4.1-nano', 'Standard', 'output'],
  ['o1 1217 Inp glbl Tokens', 'o1', 'GlobalStandard', 'input'],
  ['o3-deep research 0626-inp-cchd-glbl 1M Tokens', 'o3-deep-research', 'GlobalStandard', 'cachedInput'],
  ['o4-mini 0416 cached Inp DataZone Tokens', 'o4-mini', 'DataZoneStandard', 'cachedInput'],
  ['computer-use-outp-rgnl Tokens', 'computer-use-preview', 'Standard', 'output'],
  ['gpt-oss-120B Inp DZone Tokens', 'gpt-oss-120b', 'DataZoneStandard', 'input'],
  ['text-embedding-3-small-regional Tokens', 'text-embedding-3-small', 'Standard', 'input'],
  ['text embedding 3 large DZ Tokens', 'text-embedding-3-large', 'DataZoneStandard', 'input'],
  ['embedding-ada-glbl Tokens', 'text-embedding-ada-002', 'GlobalStandard', 'input'],
  ['gpt aud 1.5 inp Gl 1M Tokens', 'gpt-audio-1.5', 'GlobalStandard', 'audioInput'],
  ['gpt aud 1.5 txt opt Dz 1M Tokens', 'gpt-audio-1.5', 'DataZoneStandard', 'output'],
  ['gpt aud mn out gl 1215 1M Tokens', 'gpt-audio-mini@2025-12-15', 'GlobalStandard', 'audioOutput'],
  ['gpt aud mini txt Inp DZone Tokens', 'gpt-audio-mini@2025-10-06', 'DataZoneStandard', 'input'],
  ['gpt4omini-aud1217-txt Outp regnl Tokens', 'gpt-4o-mini-audio-preview', 'Standard', 'output'],
  ['gpt-4o-transcribe-aud-inp-glbl Tokens', 'gpt-4o-transcribe', 'GlobalStandard', 'audioInput'],
  ['gpt 4o tcrb d txt out dz Tokens', 'gpt-4o-transcribe-diarize', 'DataZoneStandard', 'output'],
  ['gpt4o mn tts aud out gl 1215 1M Tokens', 'gpt-4o-mini-tts@2025-12-15', 'GlobalStandard', 'audioOutput'],
  ['gpt img 1.5 in img DZ 1M Tokens', 'gpt-image-1.5', 'DataZoneStandard', 'imageInput'],
  ['Image 2 img Batch opt Gl 1M Tokens', 'gpt-image-2', 'GlobalBatch', 'output'],
  ['file-search-tool-calls-datazone Calls', '*', 'DataZoneStandard', 'toolCall:file_search'],
  ['6-astra ShortCo Cd Inp Std Gl 1M Tokens', 'gpt-6-astra', 'GlobalStandard', 'cachedInput'],
  ['56sol ShCo Inp Fl Gl 1M Tokens', 'gpt-5.6-sol', 'GlobalStandard flex', 'input'],
  ['5.6 terra LongCo Cd Wr PP Gl 1M Tokens', 'gpt-5.6-terra', 'GlobalStandard priority from 272001', 'cacheWriteInput'],
];

suite('names of meters', () => {
  for (const [name, model, where, meter] of names) {
    test(`${name} -> ${model} ${where} ${meter}`, () => {
      const price = read(name);
      const version = price.modelVersion === undefined ? '' : `@${price.modelVersion}`;
      const tier = price.serviceTier === 'default' ? '' : ` ${price.serviceTier}`;
      const band = price.minInputTokens === 0 ? '' : ` from ${price.minInputTokens}`;
      assert.deepEqual(
        [`${price.model}${version}`, `${price.type}${tier}${band}`, price.meters],
        [model, where, [meter]],
      );
    });
  }
});

suite('amounts, worked out by hand', () => {
  const amounts: readonly (readonly [string, string, string, bigint])[] = [
    // 1.25 USD for a million is 1,250,000,000 nano-USD for a million.
    ['GPT 5 Inpt Glbl 1M Tokens', '1M', '1.25', 1_250_000_000n],
    // 0.0025 USD for a thousand is 2.5 USD for a million.
    ['gpt-4o-0806-Inp-glbl Tokens', '1K', '0.0025', 2_500_000_000n],
    // As the API writes 0.000025: 0.025 USD for a million.
    ['gpt 4.1 nano cached Inp glbl Tokens', '1K', '2.5E-05', 25_000_000n],
    // 0.36 USD an hour is 0.0001 USD a second: 100 USD for a million seconds.
    ['Speech-to-Text-Batch-Whisper-glbl Unit', '1 Hour', '0.36', 100_000_000_000n],
    // 15 USD for a million characters.
    ['Speech-Text to Speech-global Characters', '1M', '15.0', 15_000_000_000n],
    // 4 USD for a hundred images is 0.04 USD each.
    ['Image-Dall-E-3 Std LowRes-glbl Images', '100', '4.0', 40_000_000n],
    // 2.5 USD for a thousand calls is 0.0025 USD each.
    ['file-search-tool-calls-glbl Calls', '1K', '2.5', 2_500_000n],
    // 1 USD for a unit and hour.
    ['Provisioned Managed Global Unit', '1/Hour', '1.0', 1_000_000_000n],
  ];
  for (const [name, unitOfMeasure, retailPrice, expected] of amounts) {
    test(`${retailPrice} USD per ${unitOfMeasure} of ${name}`, () => {
      assert.equal(read(name, { unitOfMeasure, retailPrice }).amount, expected);
    });
  }

  test('an image in high resolution is two of our meters', () => {
    const name = 'Image-Dall-E-3 HD HighRes-glbl Images';
    assert.deepEqual(read(name, { unitOfMeasure: '100' }).meters, ['image:hd/1024x1792', 'image:hd/1792x1024']);
  });

  test('a decimal is never rounded, and never a float', () => {
    // 0.1 + 0.2 as a float is 0.30000000000000004.
    assert.equal(nanoUsd('0.30000000000000004', 1000n, 1_000_000n), undefined);
    assert.equal(nanoUsd('0.000000000001', 1n, 1_000_000n), 1000n);
    assert.equal(nanoUsd('123456789.123456789', 1_000_000n, 1_000_000n), 123_456_789_123_456_789n);
    assert.equal(nanoUsd('1e-400', 1n, 1n), undefined);
    assert.equal(nanoUsd('-1', 1n, 1n), undefined);
    assert.equal(nanoUsd('NaN', 1n, 1n), undefined);
  });
});

suite('what is not read', () => {
  const cases: readonly (readonly [string, Partial<RetailItem>, string, boolean])[] = [
    ['7-nova ShortCo Inp Std Gl 1M Tokens', {}, 'no rule knows its model', false],
    ['5.4 turbo inp Gl 1M Tokens', {}, "nobody knows what 'turbo' says of gpt-5.4", false],
    ['5.4 inp 1M Tokens', {}, 'it does not name one deployment type', false],
    ['5.4 inp Gl Dz 1M Tokens', {}, 'it does not name one deployment type', false],
    ['5.4 Gl 1M Tokens', {}, 'it does not say whether it is input or output', false],
    ['5.4 inp opt Gl 1M Tokens', {}, 'it does not say whether it is input or output', false],
    ['5.4 pp std inp Gl 1M Tokens', {}, 'it says two things at once', false],
    ['5.4 inp inp Gl 1M Tokens', {}, "it says 'inp' twice", false],
    ['5.4 cd opt Gl 1M Tokens', {}, 'output is not cached', false],
    ['5.4 wr inp Gl 1M Tokens', {}, 'only text is written to a cache', false],
    ['gpt-4o-1224-Inp-glbl Tokens', {}, 'no rule knows its model', false],
    ['5.4 inp Gl 1M Tokens', { unitOfMeasure: '1 Furlong' }, "nobody knows how many units '1 Furlong' are", false],
    ['5.4 inp Gl 1M Tokens', { retailPrice: '0.0' }, 'a price of 0 is not believed', false],
    ['5.4 inp Gl 1M Tokens', { retailPrice: '99999999.9' }, 'a price as high as that is not believed', false],
    ['5.4 inp Gl 1M Tokens', { tierMinimumUnits: '1000.0' }, 'its price depends on how much was used before', false],
    ['5.4 inp Gl 1M Tokens', { effectiveStartDate: '2026-03-01T12:00:00Z' }, 'it begins in the middle of a day', false],
    [
      '5.4 inp Gl 1M Tokens',
      { type: 'Reservation' },
      'prices of the kind Reservation are not charged by the call',
      true,
    ],
    ['gpt-4.1-ft input global Tokens', {}, 'fine-tuned deployments are not priced yet', true],
    ['gpt rt 1.5 txt inp Gl 1M Tokens', {}, 'realtime sessions are not served by the gateway', true],
    ['GPT 5.1 chat inp Gl 1M Tokens', {}, 'its model can no longer be deployed', true],
    ['Image 2 txt cd inp Gl 1M Tokens', {}, 'cached tokens are not reported by what they are', true],
  ];
  for (const [name, changes, why, known] of cases) {
    test(`${name} ${JSON.stringify(changes)}: ${why}`, () => {
      assert.deepEqual(readItem(item(name, changes), rules), { ok: false, why, known });
    });
  }
});
