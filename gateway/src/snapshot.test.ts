import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import type { SubscriptionDirectory } from '#model/caller.ts';
import { defaultHealthRules } from '#model/health-rules.ts';
import type { LimitBook } from './model/limits.ts';
import type { PriceBook } from '#model/price-book.ts';
import { realLoader } from '../test/golden/config/config-cases.ts';
import { atOnce } from '#kernel/steps.ts';
import type { Config } from './config-sections.ts';
import { parseModelCatalogue } from './config/model-catalogue.ts';
import { readShippedData } from './config/shipped-data.ts';
import { buildSnapshot, costCentrePath, declaredDirectory, resourceNameOf } from './snapshot.ts';

const key = 'a-key-of-the-environment-with-forty-characters';
const text = `
organisation: contoso
listen: { maxBodyBytes: 1MiB }
costCentres: { sales: {}, marketing: { parent: sales } }
products:
  standard: { models: [chat], caps: { maxOutputTokens: 4_096 } }
  free: { models: [chat, mixed], unpriced: allow-and-flag }
subscriptions:
  web: { product: standard, consumer: web-team, costCentre: marketing, keys: { secondary: '\${KEY}' } }
  app: { product: free, consumer: app-team, costCentre: sales, suspended: true, expiresAt: '2027-01-01T00:00:00Z' }
endpoints:
  weu:
    resource: https://contoso-weu.openai.azure.com/
    region: westeurope
    deployment: chat-weu
    model: gpt-5.4-mini
    modelVersion: '2026-03-17'
    type: DataZoneStandard
    surface: 2024-10-21
    health: { slowAfter: 20s }
    auth: { key: '\${KEY}' }
  swc:
    resource: http://127.0.0.1:8090/contoso-swc
    region: swedencentral
    deployment: chat-swc
    model: gpt-5.4-mini
    type: GlobalStandard
    auth: { key: '\${KEY}' }
  emb: { resource: 'https://e.openai.azure.com', region: eastus, deployment: e, model: text-embedding-3-small, type: Standard, auth: { key: '\${KEY}' } }
health: { openFor: 1s }
models:
  chat: { tiers: [[{ endpoint: weu, weight: 70 }, { endpoint: swc, weight: 0.5 }]], deadline: 10s, idleTimeout: 5s, maxAttempts: 2, onClientDisconnect: drain }
  mixed: { tiers: [[swc], [emb]] }
`;

function configOf(yaml: string): Config {
  const result = realLoader().loadText(yaml, '/nowhere/config.yaml', { KEY: key });
  assert.ok(result.ok, JSON.stringify(result));
  return result.loaded.config;
}

const affinityKey = 'the-key-of-the-data-folder-0123456789';
const config = configOf(text);
const directory: SubscriptionDirectory = {
  products: new Map(),
  subscriptions: new Map(),
  byKeyDigest: () => undefined,
};
const prices: PriceBook = {
  id: 'test',
  terms: () => assert.fail('nothing is priced here'),
  cost: () => assert.fail('nothing is priced here'),
  missing: () => [],
  edition: () => 'test',
};
const catalogue = parseModelCatalogue(readShippedData('models.json'));
const limitBook: LimitBook = { version: 1, of: () => assert.fail('nobody calls here') };
const snapshot = buildSnapshot({ version: 7, config, directory, prices, limitBook, catalogue, affinityKey });

suite('the snapshot', () => {
  test('joins what it was given', () => {
    assert.equal(snapshot.version, 7);
    assert.equal(snapshot.organisation, 'contoso');
    assert.equal(snapshot.directory, directory);
    assert.equal(snapshot.prices, prices);
    assert.equal(snapshot.limitBook, limitBook);
    assert.deepEqual(snapshot.limits, { maxBodyBytes: 1024 ** 2 });
  });

  test('has every endpoint as the model describes it', () => {
    assert.deepEqual(snapshot.endpoints.get('weu'), {
      name: 'weu',
      resource: 'https://contoso-weu.openai.azure.com',
      resourceName: 'contoso-weu',
      region: 'westeurope',
      deployment: 'chat-weu',
      deploymentType: 'DataZoneStandard',
      model: 'gpt-5.4-mini',
      modelVersion: '2026-03-17',
      surface: { kind: 'classic', apiVersion: '2024-10-21' },
      credential: { kind: 'api-key', key },
      health: { ...defaultHealthRules, openMs: 1_000, slowMs: 20_000 },
      yieldAt: null,
      maxInFlight: null,
      drain: false,
    });
    assert.deepEqual(snapshot.endpoints.get('swc')?.surface, { kind: 'v1' });
    assert.deepEqual(snapshot.endpoints.get('swc')?.health, { ...defaultHealthRules, openMs: 1_000 });
  });

  test('keeps endpoints and models as they are while the configuration is the same', () => {
    const next = buildSnapshot({ version: 8, config, directory, prices, limitBook, catalogue, affinityKey });
    assert.equal(next.models.get('chat'), snapshot.models.get('chat'));
    assert.equal(next.endpoints.get('weu'), snapshot.endpoints.get('weu'));
  });

  test('has every model with its tiers, the same endpoint objects, and the tokenizer of its family', () => {
    const chat = snapshot.models.get('chat');
    assert.ok(chat);
    const { tiers, endpoints, ...rest } = chat;
    assert.deepEqual(rest, {
      name: 'chat',
      batch: [],
      sessionKey: { from: 'prompt_cache_key' },
      deadlineMs: 10_000,
      streamDeadlineMs: 10_000,
      firstByteTimeoutMs: 60_000,
      replyTimeoutMs: null,
      idleTimeoutMs: 5_000,
      maxAttempts: 2,
      retries: { share: 0.2, atLeast: 3 },
      queue: null,
      onClientDisconnect: 'drain',
      maxInput: 272_000,
      maxOutput: 128_000,
      tokenizer: 'o200k_base',
    });
    assert.deepEqual(
      tiers.map((tier) => tier.endpoints.map(({ endpoint, weight }) => [endpoint.name, weight])),
      [
        [
          ['weu', 70],
          ['swc', 0.5],
        ],
      ],
    );
    assert.deepEqual(
      endpoints.map(({ name }) => name),
      ['weu', 'swc'],
    );
    assert.equal(tiers[0]?.endpoints[0]?.endpoint, snapshot.endpoints.get('weu'));
  });

  test('counts a model of two tokenizer families by neither', () => {
    assert.equal(snapshot.models.get('mixed')?.tokenizer, null);
  });

  test('is frozen', () => {
    for (const value of [
      snapshot,
      snapshot.limits,
      snapshot.endpoints.get('weu'),
      snapshot.models.get('chat')?.tiers,
    ]) {
      assert.ok(Object.isFrozen(value));
    }
  });
});

suite('what the file declares of products and subscriptions', () => {
  const declared = atOnce(declaredDirectory(config));

  test('products with their caps; what is not capped is null', () => {
    assert.deepEqual(declared.products, [
      {
        name: 'standard',
        models: new Set(['chat']),
        caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: null },
        unpriced: 'refuse',
        batches: false,
        routing: { priority: 'standard', fallback: new Map(), hedging: null },
      },
      {
        name: 'free',
        models: new Set(['chat', 'mixed']),
        caps: { maxOutputTokens: null, maxChoices: null, maxRequestBytes: null },
        unpriced: 'allow-and-flag',
        batches: false,
        routing: { priority: 'standard', fallback: new Map(), hedging: null },
      },
    ]);
  });

  test('subscriptions with the path of their cost centre', () => {
    const [standard, free] = declared.products;
    assert.deepEqual(declared.subscriptions, [
      {
        name: 'web',
        product: standard,
        consumer: 'web-team',
        costCentrePath: 'contoso/sales/marketing',
        suspended: false,
        expiresAt: null,
      },
      {
        name: 'app',
        product: free,
        consumer: 'app-team',
        costCentrePath: 'contoso/sales',
        suspended: true,
        expiresAt: Date.parse('2027-01-01T00:00:00Z'),
      },
    ]);
  });

  test('keys that came by reference, as digests only', () => {
    const digest = createHash('sha256').update(key).digest('hex');
    assert.deepEqual(declared.keys, [{ subscription: 'web', slot: 'secondary', digest }]);
    assert.doesNotMatch(JSON.stringify(declared), new RegExp(key));
  });

  test('a cost centre that does not exist has no path', () => {
    assert.throws(() => costCentrePath(config, 'nowhere'), /no cost centre 'nowhere'/);
  });
});

suite('what reports call a resource', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['https://contoso-weu.openai.azure.com', 'contoso-weu'],
    ['https://gateway.contoso.com/openai-weu', 'gateway'],
    ['http://127.0.0.1:8090/contoso-swc', 'contoso-swc'],
    ['http://localhost:8090/contoso-swc/deeper', 'contoso-swc'],
    ['http://[::1]:8090', '[::1]:8090'],
    ['http://127.0.0.1:8090', '127.0.0.1:8090'],
  ];
  for (const [resource, expected] of cases) {
    test(`${resource} -> ${expected}`, () => assert.equal(resourceNameOf(resource), expected));
  }
});

test('the demo configuration loads without a warning, and every ordinary call of it is priced', async () => {
  const { parseListPrices } = await import('./accounting/cost/list-prices.ts');
  const { createPriceBook } = await import('./accounting/cost/price-book.ts');
  const { ordinaryMeters } = await import('./model/model-catalogue.ts');
  const path = new URL('../../examples/demo.yaml', import.meta.url).pathname;
  const result = realLoader().load(path, {});
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.loaded.warnings, []);
  const { entries, zones } = parseListPrices(readShippedData('prices.json'));
  const book = createPriceBook({ entries, zones, ordinaryMeters: (model) => ordinaryMeters(catalogue, model) });
  const demo = buildSnapshot({
    version: 1,
    config: result.loaded.config,
    directory,
    prices: book,
    limitBook,
    catalogue,
    affinityKey,
  });
  assert.deepEqual([...demo.models.keys()], ['gpt-5.4-mini', 'gpt-5-mini', 'text-embedding-3-small']);
  for (const endpoint of demo.endpoints.values()) {
    assert.deepEqual(book.missing(endpoint, Date.parse('2026-11-23T00:00:00Z')), [], endpoint.name);
  }
});
