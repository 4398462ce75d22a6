import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { DeploymentType } from '#model/endpoint.ts';
import { ordinaryMeters, type ModelCatalogue } from '#model/model-catalogue.ts';
import { noUnits, type Units } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { parseModelCatalogue } from '#config/model-catalogue.ts';
import { parseListPrices } from './list-prices.ts';
import { createPriceBook } from './price-book.ts';
import { anyModel, findConflicts } from './price-entry.ts';
import { priceRows } from './price-rows.ts';

const data = (name: string): string => readFileSync(new URL(`../../../data/${name}`, import.meta.url), 'utf8');
const { entries, zones, notPriced } = parseListPrices(data('prices.json'));
const catalogue: ModelCatalogue = parseModelCatalogue(data('models.json'));
const book = createPriceBook({ entries, zones, ordinaryMeters: (model) => ordinaryMeters(catalogue, model) });
const at = Date.parse('2026-11-23T12:00:00Z');

/**
 * Worked out by hand from USD per million tokens: units × price, summed. `[model, type, region, tier]`, the usage, and
 * what it costs in 10^-9 USD. 1 USD for a million tokens is 1,000 nano-USD a token.
 */
const worked: readonly (readonly [readonly [string, DeploymentType, string?, string?], Partial<Units>, bigint])[] = [
  // 0.75 / 0.075 / 4.50: 1000×750 + 500×4500
  [['gpt-5.4-mini', 'GlobalStandard'], { input: 1000, output: 500 }, 3_000_000n],
  // 976 fresh ×750 + 1024 cached ×75 + 300×4500 (120 of them reasoning)
  [['gpt-5.4-mini', 'GlobalStandard'], { input: 2000, cachedInput: 1024, output: 300, reasoning: 120 }, 2_158_800n],
  // one token of each: 750 + 4500
  [['gpt-5.4-mini', 'GlobalStandard'], { input: 1, output: 1 }, 5250n],
  // data zone 0.825 / 0.0825 / 4.95: 1000×825 + 500×4950
  [['gpt-5.4-mini', 'DataZoneStandard', 'westeurope'], { input: 1000, output: 500 }, 3_300_000n],
  // one cached token in the data zone: 82.5 -> half to even: 82
  [['gpt-5.4-mini', 'DataZoneStandard', 'eastus'], { input: 1, cachedInput: 1 }, 82n],
  // three of them: 247.5 -> 248
  [['gpt-5.4-mini', 'DataZoneStandard', 'eastus'], { input: 3, cachedInput: 3 }, 248n],
  // priority 1.50 / 9.00
  [['gpt-5.4-mini', 'GlobalStandard', 'westeurope', 'priority'], { input: 1000, output: 500 }, 6_000_000n],
  // flex 0.375 / 2.25
  [['gpt-5.4-mini', 'GlobalStandard', 'westeurope', 'flex'], { input: 1000, output: 500 }, 1_500_000n],
  // 0.25 / 2.00
  [['gpt-5-mini', 'GlobalStandard'], { input: 10_000, output: 2000 }, 6_500_000n],
  // data zone 0.275 / 0.0275 / 2.20: 9000×275 + 1000×27.5 + 2000×2200
  [['gpt-5-mini', 'DataZoneStandard', 'swedencentral'], { input: 10_000, cachedInput: 1000, output: 2000 }, 6_902_500n],
  // 0.05 / 0.005 / 0.40: one cached token is 5
  [['gpt-5-nano', 'GlobalStandard'], { input: 2, cachedInput: 1, output: 1 }, 455n],
  // 1.25 / 10: 272,000 tokens of input are still ordinary (this model has no long-context price)
  [['gpt-5', 'GlobalStandard'], { input: 272_000, output: 0 }, 340_000_000n],
  // 1.75 / 14
  [['gpt-5.2', 'GlobalStandard'], { input: 100, output: 100 }, 1_575_000n],
  // 2.50 / 15 up to 272,000 …
  [['gpt-5.4', 'GlobalStandard'], { input: 272_000, output: 1000 }, 695_000_000n],
  // … and 5.00 / 22.50 for the whole request from 272,001 on
  [['gpt-5.4', 'GlobalStandard'], { input: 272_001, output: 1000 }, 1_382_505_000n],
  // cache writes 5.00, reads 0.40, fresh 4.00, output 20: 100×4000 + 800×5000 + 100×400 + 10×20000
  [['gpt-5.6-sol', 'GlobalStandard'], { input: 1000, cacheWriteInput: 800, cachedInput: 100, output: 10 }, 4_640_000n],
  // the EU zone of this generation costs a fifth more (2.40 / 12), the US zone a tenth (2.20 / 11)
  [['gpt-6-sol', 'DataZoneStandard', 'swedencentral'], { input: 1000, output: 100 }, 3_600_000n],
  [['gpt-6-sol', 'DataZoneStandard', 'eastus2'], { input: 1000, output: 100 }, 3_300_000n],
  // 2.00 / 8.00, cached 0.50
  [['gpt-4.1', 'GlobalStandard'], { input: 1000, cachedInput: 1000, output: 10 }, 580_000n],
  // 1.10 / 4.40, reasoning is output
  [['o4-mini', 'GlobalStandard'], { input: 100, output: 1000, reasoning: 900 }, 4_510_000n],
  // audio in and out: 10 text ×2500 + 90 audio ×32000 + 20 text ×10000 + 80 audio ×64000
  [['gpt-audio-1.5', 'GlobalStandard'], { input: 100, audioInput: 90, output: 100, audioOutput: 80 }, 8_225_000n],
  // 0.020, and no output; regionally 0.022 in the United States and 0.027 in West Europe
  [['text-embedding-3-small', 'GlobalStandard'], { input: 8 }, 160n],
  [['text-embedding-3-small', 'Standard', 'eastus'], { input: 1_000_000 }, 22_000_000n],
  [['text-embedding-3-small', 'Standard', 'westeurope'], { input: 1_000_000 }, 27_000_000n],
  // 0.143: 7 tokens are 1001
  [['text-embedding-3-large', 'DataZoneStandard', 'francecentral'], { input: 7 }, 1001n],
];

suite('the shipped list prices, worked out by hand', () => {
  for (const [[model, deploymentType, region = 'westeurope', serviceTier = null], used, expected] of worked) {
    const words = [model, deploymentType, region, serviceTier ?? '', JSON.stringify(used)].join(' ');
    test(words, () => {
      const endpoint = endpointNamed('e', { model, deploymentType, region });
      const cost = book.cost({
        endpoint,
        units: { ...noUnits, ...used },
        serviceTier,
        reportedModel: null,
        spilledFrom: null,
        product: null,
        at,
      });
      assert.deepEqual({ nanoUsd: cost.nanoUsd, unpriced: cost.unpriced }, { nanoUsd: expected, unpriced: [] });
    });
  }
});

suite('the shipped list', () => {
  test('has no two prices for one thing', () => assert.deepEqual(findConflicts(entries, zones), []));

  test('has one id for each price', () => {
    assert.equal(new Set(entries.map((one) => one.id)).size, entries.length);
  });

  test('prices every model of the catalogue, or says why not', () => {
    const known = new Set([...entries.map((one) => one.model), ...notPriced.map((one) => one.model)]);
    assert.deepEqual(
      [...catalogue.keys()].filter((model) => !known.has(model)),
      [],
    );
    assert.deepEqual(
      [...new Set(entries.map((one) => one.model))].filter((model) => model !== anyModel && !catalogue.has(model)),
      [],
      'and no model that the catalogue does not have',
    );
  });

  for (const model of ['gpt-5.4-mini', 'gpt-5-mini', 'text-embedding-3-small', 'text-embedding-3-large']) {
    for (const deploymentType of ['GlobalStandard', 'DataZoneStandard'] as const) {
      test(`an ordinary call to ${model} as ${deploymentType} is priced in both zones`, () => {
        for (const region of ['westeurope', 'eastus2']) {
          assert.deepEqual(book.missing(endpointNamed('e', { model, deploymentType, region }), at), []);
        }
      });
    }
  }

  test('a version is needed where versions differ', () => {
    const endpoint = endpointNamed('e', { model: 'gpt-4o' });
    assert.deepEqual(book.missing(endpoint, at), ['input', 'cachedInput', 'output']);
    assert.deepEqual(book.missing({ ...endpoint, modelVersion: '2024-11-20' }, at), []);
  });

  test('is shown with a source, decimal strings and RFC 3339 days', () => {
    const shown = priceRows(entries).find(
      (one) => one.id === 'list/gpt-5.4-mini/DataZoneStandard/zone:eu/cachedInput/2026-03-01',
    );
    assert.deepEqual(shown, {
      id: 'list/gpt-5.4-mini/DataZoneStandard/zone:eu/cachedInput/2026-03-01',
      layer: 'list',
      model: 'gpt-5.4-mini',
      modelVersion: null,
      deploymentType: 'DataZoneStandard',
      region: 'zone:eu',
      serviceTier: null,
      mode: 'online',
      minInputTokens: null,
      meter: 'cachedInput',
      nanoUsdPerMillion: '82500000',
      effectiveFrom: '2026-03-01T00:00:00.000Z',
      effectiveTo: null,
      source: shown?.source,
      meterIds: [],
    });
    assert.match(shown.source, /^Azure Retail Prices API .* copied \d{4}-\d{2}-\d{2} /);
  });
});
