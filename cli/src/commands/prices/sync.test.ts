import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import {
  priceSyncRequestSchema,
  priceSyncSchema,
  retailQuerySchema,
  type PlacedPrice,
  type PriceSync,
  type PriceSyncRequest,
} from '@tollgate/contract/admin-api/prices.ts';
import {
  closedAfter,
  fakeGateway,
  listening,
  promised,
  refused,
  temporaryFolder,
  type FakeGateway,
  type Routes,
} from '../../../test/support/fake-gateway.ts';
import { runCli, type Ran } from '../../../test/support/run-cli.ts';

const query = { apiVersion: '2023-01-01-preview', filter: "contains(productName, 'OpenAI')" };

const price: PlacedPrice = {
  model: 'gpt-5.4-mini',
  modelVersion: null,
  deploymentType: 'GlobalStandard',
  region: null,
  serviceTier: null,
  minInputTokens: null,
  meter: 'input',
  per: 'million',
  nanoUsd: '750000000',
  effectiveFrom: '2026-12-01',
  effectiveTo: null,
  meterNames: ['5.4 mini Inp glbl Tokens'],
  meterIds: ['id-1'],
};

const nothing: PriceSync = {
  applied: true,
  file: '/data/list-prices.json',
  priceBook: 'book-2',
  read: 3,
  unchanged: 2,
  added: [],
  changed: [],
  ended: [],
  missing: [],
  ambiguous: [],
  unmapped: [],
  text: '{"prices": []}\n',
};

/** A gateway that answers this to whatever list it is given. */
async function gatewayFor(t: TestContext, result: PriceSync = nothing, more: Routes = {}): Promise<FakeGateway> {
  return await fakeGateway(t, {
    'GET prices/query': promised(retailQuerySchema, query),
    'POST prices/sync': (asked) => {
      const { dryRun } = priceSyncRequestSchema.parse(asked.body);
      return promised(priceSyncSchema, { ...result, applied: result.applied && !dryRun });
    },
    ...more,
  });
}

const sent = (gateway: FakeGateway): PriceSyncRequest =>
  priceSyncRequestSchema.parse(gateway.asked.find((one) => one.path === 'prices/sync')?.body);

interface Item {
  readonly region?: string;
  readonly price?: string;
  readonly id?: string;
  readonly meter?: string;
}

/** An item as Azure writes it: the price is a number in the text. */
function item({
  region = 'eastus',
  price: amount = '0.00075',
  id = 'id-1',
  meter = 'm Inp glbl Tokens',
}: Item): string {
  return (
    `{"currencyCode":"USD","tierMinimumUnits":0.0,"retailPrice":${amount},"unitPrice":${amount},"armRegionName":"${region}",` +
    `"location":"US East","effectiveStartDate":"2026-03-01T00:00:00Z","meterId":"${id}","meterName":"${meter}",` +
    '"productName":"Azure OpenAI","skuName":"m Inp glbl","serviceName":"Foundry Models","unitOfMeasure":"1K",' +
    '"type":"Consumption","isPrimaryMeterRegion":true,"armSkuName":"m Inp glbl"}'
  );
}

function page(items: readonly string[], link: string | null = null, count = items.length): string {
  return `{"BillingCurrency":"USD","Items":[${items.join(',')}],"NextPageLink":${JSON.stringify(link)},"Count":${count}}`;
}

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text: string;
}
type Answers = (request: IncomingMessage, asked: URL, count: number) => Reply | string;

/** A price list on a free port; `asked` are the questions in their order. */
async function priceList(t: TestContext, answers: Answers): Promise<{ readonly api: string; readonly asked: URL[] }> {
  const asked: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
    asked.push(url);
    const answer = answers(request, url, asked.length);
    const { status = 200, headers = {}, text } = typeof answer === 'string' ? { text: answer } : answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  });
  const port = await listening(server);
  closedAfter(t, server);
  return { api: `http://127.0.0.1:${port}/api/retail/prices`, asked };
}

async function sync(gateway: FakeGateway, ...args: readonly string[]): Promise<Ran> {
  return await runCli(['prices', 'sync', ...args], gateway.environment);
}

suite('reading the price list', () => {
  test('every page is read, and items that differ in region only are sent as one', async (t) => {
    const { api, asked } = await priceList(t, (_request, url) =>
      url.searchParams.get('$skip') === null
        ? page([item({}), item({ region: 'westus', id: 'id-2' })], `${url.href}&$skip=2`)
        : page([item({ region: 'westus', price: '0.0009', id: 'id-3' })]),
    );
    const gateway = await gatewayFor(t);
    const { status, err } = await sync(gateway, '--api', api);
    assert.equal(status, 0);
    assert.equal(asked.length, 2);
    assert.deepEqual(Object.fromEntries(asked[0]?.searchParams ?? []), {
      'api-version': '2023-01-01-preview',
      currencyCode: 'USD',
      $filter: query.filter,
    });
    const { items, url, readAt, dryRun } = sent(gateway);
    assert.deepEqual(
      items.map((one) => [one.retailPrice, one.regions]),
      [
        ['0.00075', { eastus: 'id-1', westus: 'id-2' }],
        ['0.0009', { westus: 'id-3' }],
      ],
    );
    assert.deepEqual([url, readAt.slice(0, 10), dryRun], [asked[0]?.href, '2026-11-23', false]);
    assert.match(err, /^Read 3 prices from 127\.0\.0\.1:\d+\.\n/);
    assert.match(err, /Written to \/data\/list-prices\.json and in force: price book book-2\.\n$/);
  });

  test('a price is the text of the number, digit for digit', async (t) => {
    const amounts = ['5E-05', '0.1000', '1.23456789012345678901', '2.0', '0.30000000000000004'];
    const { api } = await priceList(t, () => page(amounts.map((amount) => item({ price: amount }))));
    const gateway = await gatewayFor(t);
    await sync(gateway, '--api', api);
    assert.deepEqual(
      sent(gateway).items.map((one) => one.retailPrice),
      amounts,
    );
  });

  test('two meters for one region are both sent', async (t) => {
    const { api } = await priceList(t, () => page([item({ id: 'a' }), item({ id: 'b' }), item({ id: 'a' })]));
    const gateway = await gatewayFor(t);
    await sync(gateway, '--api', api);
    assert.deepEqual(
      sent(gateway).items.map((one) => one.regions),
      [{ eastus: 'a' }, { eastus: 'b' }],
    );
  });

  test('too many requests and a failing server are asked again', async (t) => {
    const { api, asked } = await priceList(t, (_request, _url, count) => {
      if (count === 1) return { status: 429, headers: { 'retry-after': '1' }, text: '{}' };
      if (count === 2) return { status: 503, text: 'busy' };
      if (count === 3) return page([item({}), item({ region: 'westus' })]).slice(0, 300);
      if (count === 4) return page([item({})], null, 2);
      return page([item({})]);
    });
    const gateway = await gatewayFor(t);
    const { status } = await sync(gateway, '--api', api);
    assert.equal(status, 0);
    assert.equal(asked.length, 5);
    assert.equal(sent(gateway).items.length, 1);
  });

  for (const [what, answer, told] of [
    ['that is down', () => ({ status: 503, text: 'busy' }), /answers 503/],
    ['that is cut off in the middle', () => page([item({})]).slice(0, 200), /it is not JSON; was it cut off\?/],
    ['that counts otherwise', () => page([item({})], null, 2), /it says 2 items and has 1/],
    ['of another shape', () => '{"value": []}', /Items: /],
    [
      'that refuses the filter',
      () => ({
        status: 400,
        text: '{"Error":{"Code":"BadRequest","Message":"Invalid OData parameters supplied"}}',
      }),
      /answers 400 \(Invalid OData parameters supplied\)/,
    ],
    [
      'that goes on elsewhere',
      () => page([item({})], 'https://elsewhere.example/api/retail/prices'),
      /goes on somewhere else than it began: https:\/\/elsewhere\.example/,
    ],
    ['that goes round in circles', (_request: IncomingMessage, url: URL) => page([item({})], url.href), /has no end/],
    ['that sends us away', () => ({ status: 302, headers: { location: '/other' }, text: '' }), /does not answer/],
  ] satisfies readonly (readonly [string, Answers, RegExp])[]) {
    test(`a list ${what} is told, and the gateway is not asked to take it`, async (t) => {
      const { api } = await priceList(t, answer);
      const gateway = await gatewayFor(t);
      const { status, err, out } = await sync(gateway, '--api', api);
      assert.equal(status, 1);
      assert.match(err, told);
      assert.equal(out, '');
      assert.deepEqual(
        gateway.asked.map((one) => one.path),
        ['prices/query'],
      );
    });
  }

  test('nobody there is told with what to do', async (t) => {
    const gateway = await gatewayFor(t);
    const { status, err } = await sync(gateway, '--api', 'http://127.0.0.1:9/api/retail/prices');
    assert.equal(status, 1);
    assert.match(err, /The price list cannot be read: 127\.0\.0\.1:9 does not answer/);
    assert.match(err, /Nothing was changed\. Without a way to Azure: save its pages elsewhere, and use --from\./);
  });
});

suite('reading saved pages', () => {
  test('they are taken together, without asking Azure or for the query', async (t) => {
    const folder = temporaryFolder(t);
    const files = ['1.json', '2.json'].map((name) => path.join(folder, name));
    writeFileSync(files[0] ?? '', page([item({})], 'https://prices.azure.com/api/retail/prices?$skip=1000'));
    writeFileSync(files[1] ?? '', page([item({ region: 'westus', id: 'id-2' })]));
    const gateway = await gatewayFor(t);
    const { status } = await sync(gateway, '--from', ...files);
    assert.equal(status, 0);
    const { items, url } = sent(gateway);
    assert.deepEqual(
      items.map((one) => one.regions),
      [{ eastus: 'id-1', westus: 'id-2' }],
    );
    assert.equal(url, files.join(', '));
    assert.deepEqual(
      gateway.asked.map((one) => one.path),
      ['prices/sync'],
    );
  });

  test('the last page must be among them', async (t) => {
    const file = path.join(temporaryFolder(t), 'page.json');
    writeFileSync(file, page([item({})], 'https://prices.azure.com/api/retail/prices?$skip=1000'));
    const { status, err } = await sync(await gatewayFor(t), '--from', file);
    assert.equal(status, 1);
    assert.match(err, /The last page of the price list is missing/);
  });

  test('half a page, and none, are told with their file', async (t) => {
    const file = path.join(temporaryFolder(t), 'page.json');
    writeFileSync(file, page([item({})]).slice(0, 100));
    const half = await sync(await gatewayFor(t), '--from', file);
    assert.match(half.err, /page\.json is no page of the price list: it is not JSON; was it cut off\?/);
    const none = await sync(await gatewayFor(t), '--from', `${file}.no`);
    assert.match(none.err, /page\.json\.no cannot be read \(ENOENT\)/);
    assert.deepEqual([half.status, none.status], [1, 1]);
  });
});

suite('what is called wrongly', () => {
  for (const [args, told] of [
    [['--currency', 'EUR'], /Prices are kept in USD, not in EUR\./],
    [['--api', 'prices.azure.com'], /--api takes the address of a price list/],
    [['--from', 'x.json', '--api', 'http://127.0.0.1:1/'], /cannot be used with/],
  ] as const) {
    test(`${args.join(' ')} ends with status 2`, async (t) => {
      const gateway = await gatewayFor(t);
      const { status, err } = await sync(gateway, ...args);
      assert.equal(status, 2);
      assert.match(err, told);
      assert.deepEqual(gateway.asked, []);
    });
  }

  test('--currency USD is what it does anyway', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const { status } = await sync(await gatewayFor(t), '--api', api, '--currency', 'usd');
    assert.equal(status, 0);
  });
});

const everything: PriceSync = {
  ...nothing,
  changed: [
    { ...price, before: '800000000' },
    { ...price, meter: 'output', nanoUsd: '4500000000', effectiveFrom: '2026-10-01', before: '5000000000' },
  ],
  added: [
    { ...price, model: null, deploymentType: 'GlobalProvisionedManaged', meter: 'ptu', per: 'hour', before: null },
    { ...price, modelVersion: '2026-03-17', region: 'eastus,westus,westus3', serviceTier: 'priority', before: null },
  ],
  ended: [{ ...price, effectiveTo: '2027-01-01', before: null }],
  missing: [{ ...price, model: 'old-model' }],
  ambiguous: [
    { what: 'o1 GlobalStandard input', region: 'eastus', effectiveFrom: '2026-01-01', meterNames: ['o1 A', 'o1 B'] },
  ],
  unmapped: [
    {
      why: "no rule knows 'zzz'",
      known: false,
      meters: ['0.1', '0.2', '0.3'].map((retailPrice) => ({
        meterName: 'gpt 9 zzz Tokens',
        productName: 'Azure OpenAI GPT9',
        unitOfMeasure: '1K',
        retailPrice,
        regions: ['eastus'],
      })),
    },
    {
      why: 'fine-tuned deployments are not priced yet',
      known: true,
      meters: ['a', 'b', 'a'].map((meterName) => ({
        meterName,
        productName: 'Azure OpenAI',
        unitOfMeasure: '1K',
        retailPrice: '1',
        regions: [],
      })),
    },
  ],
};

suite('what is shown', () => {
  test('every difference has its line, and nothing is dropped silently', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const { out } = await sync(await gatewayFor(t, everything), '--api', api);
    for (const line of [
      /^changed +gpt-5\.4-mini +GlobalStandard +any +input +0\.80 +0\.75 +million +2026-12-01 *$/m,
      /^added +provisioned unit +GlobalProvisionedManaged +any +ptu +– +0\.75 +unit-hour +2026-12-01 *$/m,
      /^added +gpt-5\.4-mini 2026-03-17 +GlobalStandard +eastus,westus and 1 more +priority +input +– +0\.75 /m,
      /^ended +gpt-5\.4-mini .* 2026-12-01 +2027-01-01$/m,
      /^missing +old-model /m,
      /^Two prices for one thing, neither taken: o1 GlobalStandard input in eastus from 2026-01-01 \(o1 A, o1 B\)$/m,
      /^gpt 9 zzz Tokens +Azure OpenAI GPT9 +0\.1 and 2 more per 1K +no rule knows 'zzz'$/m,
      /^2 added, 2 changed, 1 ending, 1 not in the list any more \(they stay in force\), 2 unchanged\.$/m,
      /^Not taken: 2 meters: fine-tuned deployments are not priced yet\.$/m,
      /^Changed prices that began before today, the first on 2026-10-01: calls since then were priced as before\. rerate --from 2026-10-01 --dry-run shows/m,
    ]) {
      assert.match(out, line);
    }
  });

  test('nothing is a sentence', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const { out } = await sync(await gatewayFor(t), '--api', api);
    assert.match(out, /^Nothing differs from the list prices in force\.\n/);
  });

  test('--json has all of it but the file, and progress stays on standard error', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const { out, err } = await sync(await gatewayFor(t, everything), '--api', api, '--json');
    const { text: _text, ...rest } = everything;
    assert.deepEqual(JSON.parse(out), rest);
    assert.match(err, /^Read 1 prices/);
    const csv = await sync(await gatewayFor(t, everything), '--api', api, '--format', 'csv');
    assert.equal(csv.out.trimEnd().split('\r\n').length, 1 + 6);
    assert.match(csv.out, /\r\nchanged,gpt-5\.4-mini,/);
  });
});

suite('what is put in force', () => {
  test('--dry-run puts nothing in force and says so', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const gateway = await gatewayFor(t, everything);
    const { status, err, out } = await sync(gateway, '--api', api, '--dry-run');
    assert.equal(status, 0);
    assert.equal(sent(gateway).dryRun, true);
    assert.match(err, /Nothing was written\.\n$/);
    assert.match(out, /^changed /m);
  });

  test('--output writes the whole file for a review, and puts nothing in force', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const gateway = await gatewayFor(t);
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'prices.json');
    writeFileSync(file, 'what was there');
    const dry = await sync(gateway, '--api', api, '--output', file, '--dry-run');
    assert.equal(readFileSync(file, 'utf8'), 'what was there');
    assert.match(dry.err, /Nothing was written\.\n$/);
    const { status, err } = await sync(gateway, '--api', api, '--output', file);
    assert.equal(status, 0);
    assert.equal(sent(gateway).dryRun, true);
    assert.equal(readFileSync(file, 'utf8'), nothing.text);
    assert.match(err, /prices\.json; nothing is in force before it stands where `priceFile` says\.\n$/);
    assert.deepEqual(readdirSync(folder), ['prices.json'], 'nothing is left beside it');
  });

  test('where the file cannot be written, that is told', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const file = path.join(temporaryFolder(t), 'no-such-folder', 'prices.json');
    const { status, err } = await sync(await gatewayFor(t), '--api', api, '--output', file);
    assert.equal(status, 1);
    assert.match(err, /prices\.json cannot be written \(ENOENT\)/);
  });

  test('what the gateway refuses is told in its words', async (t) => {
    const { api } = await priceList(t, () => page([item({})]));
    const gateway = await gatewayFor(t, nothing, {
      'POST prices/sync': refused(400, {
        code: 'admin_invalid',
        message: 'The price file cannot be written: EACCES.',
        id: 'id-1',
      }),
    });
    const { status, err, out } = await sync(gateway, '--api', api);
    assert.equal(status, 1);
    assert.match(err, /The price file cannot be written: EACCES\./);
    assert.equal(out, '');
  });
});
