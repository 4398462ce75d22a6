// Azure's prices, read and put in force while the gateway runs.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import type { PriceList } from '@tollgate/contract/admin-api/operations.ts';
import type { PriceSync, RetailItem } from '@tollgate/contract/admin-api/prices.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

/** One meter of the list; that of gpt-5.4-mini's input, global, unless something else is said. */
function meter(changes: Partial<RetailItem> = {}): RetailItem {
  return {
    currencyCode: 'USD',
    retailPrice: '0.6',
    tierMinimumUnits: '0.0',
    regions: { westeurope: 'id-weu', swedencentral: 'id-swc' },
    meterName: '5.4 mini Inp Gl 1M Tokens',
    productName: 'Azure OpenAI GPT5',
    skuName: '5.4 mini Inp Gl',
    unitOfMeasure: '1M',
    type: 'Consumption',
    effectiveStartDate: '2026-06-01T00:00:00Z',
    ...changes,
  };
}

interface Answered {
  readonly status: number;
  readonly value: PriceSync;
  readonly message: string;
}

async function sync(stack: RunningStack, items: readonly RetailItem[], dryRun = false): Promise<Answered> {
  const { status, json, text } = await stack.admin('/admin/v1/prices/sync', {
    method: 'POST',
    body: { dryRun, readAt: '2026-11-25T10:00:00Z', url: 'https://prices.azure.com/api/retail/prices', items },
  });
  const message = status === 200 ? '' : (JSON.parse(text) as { error: { message: string } }).error.message;
  return { status, value: json as PriceSync, message };
}

const book = async (stack: RunningStack): Promise<PriceList> =>
  (await stack.admin('/admin/v1/prices')).json as PriceList;

const priceFile = (stack: RunningStack): string => path.join(stack.dataFolder, 'list-prices.json');

/** Makes one call and says what it was charged, and its tokens. */
async function charged(stack: RunningStack): Promise<{ input: number; output: number; nanoUsd: bigint }> {
  const costOf = async (): Promise<bigint> =>
    (await stack.usage()).rows.reduce((sum, row) => sum + BigInt(row.costNanoUsd ?? '0'), 0n);
  const before = await costOf();
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] },
  });
  assert.equal(answer.status, 200, answer.body);
  const { usage } = JSON.parse(answer.body) as { usage: { prompt_tokens: number; completion_tokens: number } };
  return { input: usage.prompt_tokens, output: usage.completion_tokens, nanoUsd: (await costOf()) - before };
}

test('a price that was read is in force for the next call, and after a restart', async (context) => {
  const stack = await startStack(context);
  const first = await charged(stack);
  // The list shipped: 0.75 and 4.50 USD per million, thus 750 and 4,500 nano-USD per token.
  assert.equal(first.nanoUsd, BigInt(first.input) * 750n + BigInt(first.output) * 4500n);
  const before = await book(stack);
  const { status, value } = await sync(stack, [meter()]);
  assert.equal(status, 200);
  assert.deepEqual(
    value.changed.map((one) => [one.model, one.meter, one.before, one.nanoUsd, one.effectiveFrom, one.meterIds]),
    [['gpt-5.4-mini', 'input', '750000000', '600000000', '2026-06-01', ['id-swc', 'id-weu']]],
  );
  assert.equal(value.applied, true);
  assert.notEqual(value.priceBook, before.priceBook);
  assert.equal((await book(stack)).priceBook, value.priceBook);
  const second = await charged(stack);
  assert.equal(second.nanoUsd, BigInt(second.input) * 600n + BigInt(second.output) * 4500n);
  const { text } = await stack.admin('/admin/v1/audit');
  assert.match(text, /"prices\.sync"/);

  await stack.gateway.drain('test');
  const again = await stack.restart();
  assert.equal((await book(again)).priceBook, value.priceBook);
  const third = await charged(again);
  assert.equal(third.nanoUsd, BigInt(third.input) * 600n + BigInt(third.output) * 4500n);
});

test('a price begins on its own day: what comes in the future changes no call of today', async (context) => {
  const stack = await startStack(context);
  const nextYear = `${new Date().getUTCFullYear() + 1}-01-01`;
  const { value } = await sync(stack, [meter({ effectiveStartDate: `${nextYear}T00:00:00Z` })]);
  assert.deepEqual(
    value.changed.map((one) => [one.effectiveFrom, one.before]),
    [[nextYear, '750000000']],
  );
  const { input, output, nanoUsd } = await charged(stack);
  assert.equal(nanoUsd, BigInt(input) * 750n + BigInt(output) * 4500n);
});

test('a dry run says the same and writes nothing', async (context) => {
  const stack = await startStack(context);
  const before = await book(stack);
  const { value: dry } = await sync(stack, [meter()], true);
  assert.deepEqual([dry.applied, dry.priceBook, dry.changed.length], [false, before.priceBook, 1]);
  assert.equal(existsSync(priceFile(stack)), false);
  assert.deepEqual(await book(stack), before);
  const { value: wet } = await sync(stack, [meter()]);
  assert.equal(wet.text, dry.text);
  assert.equal(readFileSync(priceFile(stack), 'utf8'), dry.text);
});

test('the same list a second time differs in nothing', async (context) => {
  const stack = await startStack(context);
  const { value: first } = await sync(stack, [meter()]);
  const { value: second } = await sync(stack, [meter()]);
  assert.deepEqual([second.changed, second.added, second.ended, second.unchanged], [[], [], [], 1]);
  assert.equal(second.priceBook, first.priceBook);
});

/** A list that is no good leaves prices and file as they are. */
async function refusesTo(
  context: TestContext,
  items: readonly RetailItem[],
  { told, prepare }: { readonly told: RegExp; readonly prepare?: (stack: RunningStack) => void },
): Promise<void> {
  const stack = await startStack(context);
  await sync(stack, [meter({ retailPrice: '0.7' })]);
  const before = await book(stack);
  const file = readFileSync(priceFile(stack), 'utf8');
  prepare?.(stack);
  const { status, message } = await sync(stack, items);
  assert.equal(status, 400);
  assert.match(message, told);
  assert.deepEqual(await book(stack), before);
  assert.equal(readFileSync(priceFile(stack), 'utf8'), file);
  assert.deepEqual(
    readdirSync(stack.dataFolder).filter((name) => name.startsWith('list-prices')),
    ['list-prices.json'],
  );
}

suite('a list that cannot be used is refused, and the old prices stay in force', () => {
  test('another currency', async (context) => {
    await refusesTo(context, [meter(), meter({ currencyCode: 'EUR' })], {
      told: /Prices are kept in USD: The list is in EUR\./,
    });
  });
  test('an empty one', async (context) => {
    await refusesTo(context, [], {
      told: /This is no price list of Azure OpenAI: it is empty\. Is the filter the right one\?/,
    });
  });
  test('one of something else', async (context) => {
    const disk = meter({
      productName: 'Premium SSD Managed Disks',
      meterName: 'P6 LRS Disk',
      unitOfMeasure: '1/Month',
    });
    await refusesTo(context, [disk], { told: /none of its 1 items is a meter of Azure OpenAI/ });
  });
  test('beside a configuration that is broken', async (context) => {
    await refusesTo(context, [meter()], {
      told: /The prices were not put in force.*tollgate\.yaml:\d+:\d+.*unknown/s,
      prepare(stack) {
        writeFileSync(stack.configFile, `${readFileSync(stack.configFile, 'utf8')}\nunknown: true\n`);
      },
    });
  });
});

test('a price file that cannot be written is told, with what to do', async (context) => {
  const stack = await startStack(context, { config: (url) => `priceFile: none/prices.json\n${configFor(url)}` });
  const before = await book(stack);
  const { status, message } = await sync(stack, [meter()]);
  assert.equal(status, 400);
  assert.match(
    message,
    /The price file cannot be written: ENOENT.*Make .*none\/prices\.json writable for the gateway/s,
  );
  assert.deepEqual(await book(stack), before);
});

test('half a price file is refused with its line; what is in force stays, and a sync mends it', async (context) => {
  const stack = await startStack(context);
  const { value } = await sync(stack, [meter()]);
  writeFileSync(priceFile(stack), value.text.slice(0, value.text.length / 2));
  const { json } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  const { ok, problems } = json as { readonly ok: boolean; readonly problems: readonly string[] };
  assert.equal(ok, false);
  assert.match(problems.join('\n'), /list-prices\.json:\d+:\d+/);
  assert.equal((await book(stack)).priceBook, value.priceBook);
  const { nanoUsd, input, output } = await charged(stack);
  assert.equal(nanoUsd, BigInt(input) * 600n + BigInt(output) * 4500n);

  const { status } = await sync(stack, [meter({ retailPrice: '0.5' })]);
  assert.equal(status, 200);
  const mended = await charged(stack);
  assert.equal(mended.nanoUsd, BigInt(mended.input) * 500n + BigInt(mended.output) * 4500n);

  await stack.gateway.drain('test');
  writeFileSync(priceFile(stack), value.text.slice(0, value.text.length / 2));
  await assert.rejects(stack.restart(), /list-prices\.json:\d+:\d+.*\n?.*prices sync/);
});

test('a reviewed price file is taken where the configuration names it, and followed when it changes', async (context) => {
  const other = await startStack(context);
  const { value } = await sync(other, [meter()], true);
  const stack = await startStack(context, { config: (url) => `priceFile: prices/azure.json\n${configFor(url)}` });
  const folder = path.join(path.dirname(stack.configFile), 'prices');
  const before = await book(stack);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'azure.json'), value.text);
  const { json } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.equal((json as { readonly ok: boolean }).ok, true);
  const reviewed = await book(stack);
  assert.notEqual(reviewed.priceBook, before.priceBook);
  await stack.gateway.drain('test');

  const again = await stack.restart();
  writeFileSync(path.join(folder, 'azure.json'), value.text.replace('600000000', '650000000'));
  await until(async () => (await book(again)).priceBook !== reviewed.priceBook);
  const { nanoUsd, input, output } = await charged(again);
  assert.equal(nanoUsd, BigInt(input) * 650n + BigInt(output) * 4500n);
});

test('the list of prices says which endpoints have none', async (context) => {
  const stack = await startStack(context, {
    config: (url) =>
      configFor(url, {
        endpoints: [
          `  priced: { resource: '${url}/contoso-weu', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`,
          `  unpriced: { resource: '${url}/contoso-weu', region: westeurope, deployment: gpt-9, model: gpt-9, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`,
        ].join('\n'),
        models: '  gpt-5.4-mini: { tiers: [[priced]] }\n  gpt-9: { tiers: [[unpriced]] }',
        products:
          '  standard: { models: [gpt-5.4-mini, gpt-9], unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini], unpriced: refuse }',
      }),
  });
  const { unpricedEndpoints, notPriced, provisioned, prices } = await book(stack);
  assert.deepEqual(
    unpricedEndpoints.map((one) => [one.endpoint, one.model]),
    [['unpriced', 'gpt-9']],
  );
  assert.ok(notPriced.length > 0);
  assert.ok(provisioned.length > 0);
  assert.ok(prices.every((one) => one.source !== ''));
});
