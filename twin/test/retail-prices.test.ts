// The Azure Retail Prices API: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { RunningTwin } from '#server.ts';
import { call, json, twinFor, type Got } from './support/call.ts';

interface Page {
  readonly BillingCurrency: string;
  readonly Items: readonly { readonly meterName: string; readonly armRegionName: string; readonly meterId: string }[];
  readonly NextPageLink: string | null;
  readonly Count: number;
}

const ask = async (twin: RunningTwin, query: Readonly<Record<string, string>>): Promise<Got> =>
  await call(twin, { path: `/api/retail/prices?${new URLSearchParams(query).toString()}`, headers: { 'api-key': '' } });

const openai = "serviceName eq 'Foundry Models' and contains(productName, 'OpenAI')";

async function pagesOf(twin: RunningTwin, query: Readonly<Record<string, string>>): Promise<readonly Page[]> {
  const pages: Page[] = [json(await ask(twin, query))];
  for (let link = pages[0]?.NextPageLink; typeof link === 'string'; link = pages.at(-1)?.NextPageLink) {
    assert.ok(link.startsWith(twin.url));
    pages.push(json(await call(twin, { path: link.slice(twin.url.length) })));
  }
  return pages;
}

void suite('/api/retail/prices', () => {
  test('needs no key, and has pages of 1,000 until the link is null', async (context) => {
    const twin = await twinFor(context);
    const pages = await pagesOf(twin, { 'api-version': '2023-01-01-preview', $filter: openai });
    assert.ok(pages.length > 10, `${pages.length} pages`);
    assert.deepEqual([...new Set(pages.slice(0, -1).map((page) => page.Count))], [1000]);
    for (const page of pages) assert.equal(page.Items.length, page.Count);
    assert.equal(pages.at(-1)?.NextPageLink, null);
    assert.ok(String(pages[0]?.NextPageLink).includes('skip=1000'));
    const ids = pages.flatMap((page) => page.Items.map((one) => JSON.stringify(one)));
    assert.equal(new Set(ids).size, ids.length, 'nothing comes twice');
  });

  test('$skip and $top cut pieces out of the same order', async (context) => {
    const twin = await twinFor(context);
    const [all] = await pagesOf(twin, { $filter: openai, $top: '50' });
    assert.deepEqual([all?.Count, all?.NextPageLink], [50, null]);
    const piece: Page = json(await ask(twin, { $filter: openai, $skip: '20', $top: '5' }));
    assert.deepEqual(piece.Items, all?.Items.slice(20, 25));
    const many = await pagesOf(twin, { $filter: openai, $top: '1500' });
    assert.deepEqual(
      many.map((page) => page.Count),
      [1000, 500],
    );
  });

  test('without a filter there is more than Azure OpenAI; with one that fits nothing there is an empty page', async (context) => {
    const twin = await twinFor(context);
    const everything = await pagesOf(twin, {});
    assert.ok(everything.some((page) => page.Items.some((one) => one.meterName.includes('Disk'))));
    const none: Page = json(await ask(twin, { $filter: "meterName eq 'none'" }));
    assert.deepEqual(none, {
      BillingCurrency: 'USD',
      CustomerEntityId: 'Default',
      CustomerEntityType: 'Retail',
      Items: [],
      NextPageLink: null,
      Count: 0,
    });
  });

  test('a bad filter, number or currency is 400 in the words of the service', async (context) => {
    const twin = await twinFor(context);
    for (const query of [
      { $filter: "meterNam eq 'x'" },
      { $filter: "not contains(meterName, 'x')" },
      { $skip: '-1' },
      { $top: 'ten' },
      { currencyCode: 'XYZ' },
    ]) {
      const got = await ask(twin, query);
      assert.equal(got.status, 400, JSON.stringify(query));
      assert.deepEqual(json(got), { Error: { Code: 'BadRequest', Message: 'Invalid OData parameters supplied' } });
    }
    const long = await ask(twin, { $filter: `meterName eq '${'x'.repeat(2100)}'` });
    assert.equal(long.status, 404);
    assert.equal((await call(twin, { path: '/api/retail/prices', body: {} })).status, 405);
  });

  test('another currency is another amount, with and without quotes', async (context) => {
    const twin = await twinFor(context);
    const filter = "meterName eq 'Example Tiered Inp glbl Tokens' and armRegionName eq 'eastus'";
    for (const currencyCode of ['EUR', "'EUR'"]) {
      const page = (await ask(twin, { $filter: filter, currencyCode })).body.toString();
      // 0.0009 × 0.92
      assert.match(
        page,
        /"BillingCurrency":"EUR".*"currencyCode":"EUR","tierMinimumUnits":1000000\.0,"retailPrice":0\.000828,/,
      );
    }
  });

  test('reservations carry their term', async (context) => {
    const twin = await twinFor(context);
    const page: Page = json(await ask(twin, { $filter: "priceType eq 'Reservation' and armRegionName eq 'eastus'" }));
    assert.deepEqual(
      page.Items.map((one) => 'reservationTerm' in one && one.reservationTerm),
      ['1 Year', '1 Month'],
    );
  });

  test('a price is published, replaced, withdrawn, and the old list comes back', async (context) => {
    const twin = await twinFor(context);
    const price = {
      product: 'Azure OpenAI GPT9',
      meter: 'gpt 9 Inp glbl Tokens',
      unit: '1K',
      price: '0.001',
      from: '2027-01-01',
      regions: ['eastus', 'westeurope'],
    };
    const filter = "productName eq 'Azure OpenAI GPT9'";
    const count = async (): Promise<number> => json(await ask(twin, { $filter: filter })).Count;
    assert.equal(await count(), 0);
    const change = async (body: object) => json(await call(twin, { path: '/_twin/prices', body }));
    assert.deepEqual(await change({ publish: [price] }), { published: 2, withdrawn: 0 });
    assert.equal(await count(), 2);
    await change({ publish: [{ ...price, price: '0.002', regions: ['eastus'] }] });
    const replaced = (await ask(twin, { $filter: filter })).body.toString();
    assert.match(replaced, /"retailPrice":0\.001,/);
    assert.match(replaced, /"retailPrice":0\.002,/);
    assert.equal(await count(), 2);
    assert.equal(twin.publishPrices([{ ...price, from: '2027-06-01' }]), 2);
    assert.equal(await count(), 4, 'another first day is another price');
    assert.deepEqual(await change({ withdraw: [price.meter] }), { published: 0, withdrawn: 4 });
    assert.equal(await count(), 0);
    twin.publishPrices([price]);
    assert.equal(twin.withdrawPrices(price.meter), 2);
    twin.publishPrices([price]);
    await call(twin, { path: '/_twin/reset', method: 'POST' });
    assert.equal(await count(), 0);
    const bad = await call(twin, { path: '/_twin/prices', body: { publish: [{ product: 'x' }] } });
    assert.equal(bad.status, 400);
  });

  test('the list can come from a file', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'twin-prices-'));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'prices.json');
    const meters = [['Azure OpenAI', 'mine Inp glbl Tokens', '1K', '0.5', '2026-01-01', 0]];
    await writeFile(
      file,
      JSON.stringify({ comment: '', source: 'mine', regionSets: [['eastus', 'westus']], meters, extra: [] }),
    );
    const twin = await twinFor(context, { retailPrices: file });
    const [page, more] = await pagesOf(twin, {});
    assert.equal(more, undefined);
    assert.deepEqual(
      page?.Items.map((one) => [one.meterName, one.armRegionName]),
      [
        ['mine Inp glbl Tokens', 'eastus'],
        ['mine Inp glbl Tokens', 'westus'],
      ],
    );
    assert.match(page?.Items[0]?.meterId ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
