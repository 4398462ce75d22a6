import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  rerateReplySchema,
  rerateRequestSchema,
  type RerateReply,
  type RerateRow,
} from '@tollgate/contract/admin-api/adjustments.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const row: RerateRow = {
  model: 'gpt-5.4-mini',
  deploymentType: 'GlobalStandard',
  layer: 'list',
  meter: 'output',
  priceBefore: null,
  priceAfter: 'list/new',
  records: 2,
  unitsBefore: 1000,
  unitsAfter: 1000,
  nanoUsdBefore: '0',
  nanoUsdAfter: '4500000',
};

const reply: RerateReply = {
  dryRun: false,
  priceBook: 'book2',
  looked: 1000,
  changed: 2,
  newlyPriced: 2,
  newlyUnpriced: 0,
  unknown: 1,
  delta: { cost: '4500000', listCost: '4500000', internalCost: '0' },
  rows: [row],
  reached: '2026-11-02T00:00:00.000Z',
  next: null,
};

test('a price that there was not is no amount of 0, and what the list priced before was not unpriced', async (t) => {
  const contracted: RerateRow = { ...row, layer: 'contracted', priceAfter: 'contracted/new' };
  const gateway = await fakeGateway(t, {
    'POST ledger/rerate': () => promised(rerateReplySchema, { ...reply, rows: [row, contracted] }),
  });
  const args = ['rerate', '--from', '2026-11-01', '--reason', 'the contract of November'];
  const table = await runCli(args, gateway.environment);
  assert.match(table.out, / list +output +unpriced +list\/new +2 +1,000 +– +0\.0045$/m);
  assert.match(table.out, / contracted +output +none +contracted\/new +2 +1,000 +– +0\.0045$/m);
  const csv = await runCli([...args, '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /,contracted,output,,contracted\/new,2,1000,1000,,4500000\r$/m);
});

test('rerate asks page by page until it is done, and tells the sum of all pages', async (t) => {
  let calls = 0;
  const gateway = await fakeGateway(t, {
    'POST ledger/rerate': () => {
      calls += 1;
      const other: RerateRow = {
        ...row,
        meter: 'input',
        nanoUsdBefore: '5',
        nanoUsdAfter: '3',
        priceBefore: 'list/old',
      };
      const last = { rows: [row, other], looked: 7, delta: { ...reply.delta, internalCost: '-12' } };
      return promised(rerateReplySchema, calls < 2 ? { ...reply, next: 'book2-1-x' } : { ...reply, ...last });
    },
  });
  const args = ['rerate', '--from', '2026-11-01', '--to', '2026-12-01', '--reason', 'the contract of November'];
  const filter = ['--filter', 'model=gpt-5.4-mini', 'consumer=finance'];
  const { out, err, status } = await runCli([...args, ...filter], gateway.environment);
  assert.equal(status, 0);
  assert.match(
    out,
    /^gpt-5\.4-mini +GlobalStandard +list +input +list\/old +list\/new +2 +1,000 +0\.000000005 +0\.000000003$/m,
  );
  assert.match(out, /^gpt-5\.4-mini +GlobalStandard +list +output +unpriced +list\/new +4 +2,000 +– +0\.009000000$/m);
  assert.match(
    out,
    /^1,007 attempts looked at, 2 of unknown usage left as they are; 4 corrected: 4 newly priced, 0 newly/m,
  );
  assert.match(
    out,
    /^Cost \+0\.009 USD, at list prices \+0\.009 USD, at internal rates -0\.000000012 USD\. Price book book2\./m,
  );
  assert.match(err, /^1,000 attempts looked at, 2 to correct, at 2026-11-02T00:00:00\.000Z …$/m);
  assert.deepEqual(
    gateway.asked.map((one) => rerateRequestSchema.parse(one.body)),
    [undefined, 'book2-1-x'].map((after) => ({
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-12-01T00:00:00.000Z',
      filter: ['model=gpt-5.4-mini', 'consumer=finance'],
      reason: 'the contract of November',
      dryRun: false,
      ...(after === undefined ? {} : { after }),
    })),
  );
});

test('rerate --dry-run says that nothing was booked; as JSON it is the reply', async (t) => {
  const dry = { ...reply, dryRun: true };
  const gateway = await fakeGateway(t, { 'POST ledger/rerate': promised(rerateReplySchema, dry) });
  const args = ['rerate', '--from', '2026-11-01', '--reason', 'a test', '--dry-run'];
  const { out } = await runCli(args, gateway.environment);
  assert.match(out, /2 would be corrected/);
  assert.match(out, /^Nothing was booked: this was a dry run\.$/m);
  const json = await runCli([...args, '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), dry);
  const csv = await runCli([...args, '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /^model,deploymentType,layer,meter,priceBefore,priceAfter,records,unitsBefore,unitsAfter,/);
});

test('rerate says so where nothing changes', async (t) => {
  const none = {
    ...reply,
    changed: 0,
    newlyPriced: 0,
    unknown: 0,
    rows: [],
    delta: { cost: '0', listCost: '0', internalCost: '0' },
  };
  const gateway = await fakeGateway(t, { 'POST ledger/rerate': promised(rerateReplySchema, none) });
  const { out } = await runCli(['rerate', '--from', '2026-11-01', '--reason', 'a test'], gateway.environment);
  assert.match(out, /^Every attempt costs what the prices of now say\.$/m);
  assert.match(out, /^Cost 0\.00 USD/m);
});

test('rerate needs a reason and a beginning', async (t) => {
  const gateway = await fakeGateway(t, {});
  for (const args of [
    ['--from', '2026-11-01'],
    ['--reason', 'a test'],
  ]) {
    const { status, err } = await runCli(['rerate', ...args], gateway.environment);
    assert.equal(status, 2);
    assert.match(err, /required option/);
  }
});
