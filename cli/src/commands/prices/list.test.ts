import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { priceListSchema, type PriceList, type PriceRow } from '@tollgate/contract/admin-api/operations.ts';
import { fakeGateway, promised, type FakeGateway } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

// The clock of these tests stands on 2026-11-23.
const price: PriceRow = {
  id: 'p1',
  layer: 'list',
  model: 'gpt-5.4-mini',
  modelVersion: null,
  deploymentType: 'GlobalStandard',
  region: null,
  serviceTier: null,
  mode: 'online',
  minInputTokens: null,
  meter: 'cachedInput',
  nanoUsdPerMillion: '75000000',
  effectiveFrom: '2026-03-17T00:00:00.000Z',
  effectiveTo: null,
  source: 'a price page, 2026-11-20',
  meterIds: [],
};

const book: PriceList = {
  priceBook: 'b1',
  prices: [
    price,
    { ...price, id: 'p2', model: 'other', modelVersion: '2026-01-01', deploymentType: 'Standard' },
    // Followed by the next, which begins before today; the one after it begins later.
    { ...price, id: 'old', model: 'dated', nanoUsdPerMillion: '1000000000', effectiveFrom: '2026-01-01T00:00:00.000Z' },
    { ...price, id: 'now', model: 'dated', nanoUsdPerMillion: '2000000000', effectiveFrom: '2026-06-01T00:00:00.000Z' },
    {
      ...price,
      id: 'next',
      model: 'dated',
      nanoUsdPerMillion: '3000000000',
      effectiveFrom: '2026-12-01T00:00:00.000Z',
    },
    { ...price, id: 'ended', model: 'gone', effectiveTo: '2026-11-01T00:00:00.000Z' },
    { ...price, id: 'tool', model: '*', deploymentType: 'Standard', meter: 'toolCall:file_search' },
  ],
  internalRates: [
    { id: 'internal:+12.5%@2026-01-01', margin: '12.5%', product: null, model: null, effectiveFrom: '2026-01-01' },
  ],
  provisioned: [],
  notPriced: [
    { model: 'sora-2', type: 'every type', meters: ['all'], why: 'billed by the second of video' },
    { model: 'gpt-5.4-mini', type: 'GlobalStandard, DataZoneStandard: flex', meters: ['all'], why: 'not confirmed' },
    { model: 'every model', type: 'GlobalStandard', meters: ['toolCall:web_search'], why: 'billed by Bing' },
  ],
  unpricedEndpoints: [
    {
      endpoint: 'sora-weu',
      model: 'sora-2',
      deploymentType: 'GlobalStandard',
      region: 'westeurope',
      meters: ['input', 'output'],
    },
  ],
};

const gatewayWith = async (t: TestContext, list: PriceList = book): Promise<FakeGateway> =>
  await fakeGateway(t, { 'GET prices': promised(priceListSchema, list) });

const idsOf = (json: string): readonly string[] =>
  (JSON.parse(json) as { readonly prices: readonly { readonly id: string }[] }).prices.map(({ id }) => id);

test('prices list prints USD per million exactly, and what is not known beside it', async (t) => {
  const gateway = await gatewayWith(t);
  const { out } = await runCli(['prices', 'list'], gateway.environment);
  assert.match(out, /^Price book b1\n/);
  assert.match(out, /^gpt-5\.4-mini +GlobalStandard +any +default +cachedInput +0\.075 +list +2026-03-17 *$/m);
  assert.match(out, /^other 2026-01-01 +Standard /m);
  assert.match(out, /^Charged inside: internal:\+12\.5%@2026-01-01$/m);
  assert.match(
    out,
    /^Endpoints without a price now:\n.*\nsora-weu +sora-2 +GlobalStandard +westeurope +input, output$/m,
  );
  assert.match(out, /^3 things are known to have no price: prices list --unpriced$/m);
});

test('prices list leaves out what has ended or was followed, unless all is asked for', async (t) => {
  const gateway = await gatewayWith(t);
  const now = await runCli(['prices', 'list', '--json'], gateway.environment);
  assert.deepEqual(idsOf(now.out), ['p1', 'p2', 'now', 'next', 'tool']);
  const all = await runCli(['prices', 'list', '--all', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(all.out), book);
  const csv = await runCli(['prices', 'list', '--all', '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /,75000000,list,2026-03-17T00:00:00\.000Z,,"a price page, 2026-11-20"\r\n/);
});

test('prices list filters by model and by deployment type; what holds for every model stays', async (t) => {
  const gateway = await gatewayWith(t);
  const model = await runCli(['prices', 'list', '--model', 'other', '--json'], gateway.environment);
  assert.deepEqual(idsOf(model.out), ['p2', 'tool']);
  const type = await runCli(['prices', 'list', '--type', 'Standard', '--json'], gateway.environment);
  assert.deepEqual(idsOf(type.out), ['p2', 'tool']);
  const both = await runCli(
    ['prices', 'list', '--model', 'other', '--type', 'GlobalStandard', '--json'],
    gateway.environment,
  );
  assert.deepEqual(idsOf(both.out), []);
});

test('prices list says of one model what is not known of it', async (t) => {
  const gateway = await gatewayWith(t);
  const { out } = await runCli(['prices', 'list', '--model', 'gpt-5.4-mini'], gateway.environment);
  assert.match(out, /^gpt-5\.4-mini +GlobalStandard, DataZoneStandard: flex +all +not confirmed$/m);
  assert.match(out, /^every model +GlobalStandard +toolCall:web_search +billed by Bing$/m);
  assert.doesNotMatch(out, /sora/);
  const type = await runCli(['prices', 'list', '--type', 'DataZoneStandard'], gateway.environment);
  assert.match(type.out, /not confirmed/);
  assert.doesNotMatch(type.out, /billed by Bing/);
});

test('prices list --unpriced is about nothing else', async (t) => {
  const gateway = await gatewayWith(t);
  const { out } = await runCli(['prices', 'list', '--unpriced'], gateway.environment);
  assert.doesNotMatch(out, /0\.075|Charged inside/);
  assert.match(out, /^sora-weu /m);
  assert.match(out, /^sora-2 +every type +all +billed by the second of video$/m);
  const json = await runCli(['prices', 'list', '--unpriced', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), { notPriced: book.notPriced, unpricedEndpoints: book.unpricedEndpoints });
  const csv = await runCli(['prices', 'list', '--unpriced', '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /^model,type,meters,why\r\nsora-2,every type,all,billed by the second of video\r\n/);
});

test('a model without a price has none, which is not the same as free', async (t) => {
  const gateway = await gatewayWith(t, { ...book, prices: [], notPriced: [], unpricedEndpoints: [] });
  const model = await runCli(['prices', 'list', '--model', 'free'], gateway.environment);
  assert.match(model.out, /^free has no price\.$/m);
  assert.match(model.out, /^Nothing is known to have no price\.$/m);
  const both = await runCli(['prices', 'list', '--model', 'free', '--type', 'Standard'], gateway.environment);
  assert.match(both.out, /^free in Standard has no price\.$/m);
  const all = await runCli(['prices', 'list'], gateway.environment);
  assert.match(all.out, /^The price book is empty\.$/m);
});

test('a model without a price is told of, also beside what holds for every model', async (t) => {
  const gateway = await gatewayWith(t);
  const { out } = await runCli(['prices', 'list', '--model', 'gpt-5.4-mimi'], gateway.environment);
  assert.match(out, /^gpt-5\.4-mimi has no price\.$/m);
  assert.match(out, /toolCall:file_search/);
  const known = await runCli(['prices', 'list', '--model', 'other'], gateway.environment);
  assert.doesNotMatch(known.out, /has no price\./);
});

test('a place of many regions is named by its first ones, and in full for machines', async (t) => {
  const regions = 'eastus,westus,westeurope,swedencentral';
  const gateway = await gatewayWith(t, { ...book, prices: [{ ...price, region: regions }] });
  const { out } = await runCli(['prices', 'list'], gateway.environment);
  assert.match(out, /GlobalStandard +eastus,westus and 2 more +default/);
  const json = await runCli(['prices', 'list', '--json'], gateway.environment);
  assert.ok(json.out.includes(regions));
});
