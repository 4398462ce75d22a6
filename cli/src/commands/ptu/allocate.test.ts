import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ptuAllocateReplySchema, ptuAllocateRequestSchema } from '@tollgate/contract/admin-api/ptu.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

test('ptu allocate goes on until every hour was looked at, and tells what they cost before and after', async (t) => {
  const row = {
    endpoint: 'ptu-weu',
    hours: 100,
    changed: 99,
    paidBeforeNanoUsd: '5000000000000',
    paidAfterNanoUsd: '2500000000000',
  };
  let calls = 0;
  const gateway = await fakeGateway(t, {
    'POST ptu/allocate': () => {
      calls += 1;
      return promised(ptuAllocateReplySchema, { dryRun: true, rows: [row], next: calls < 2 ? '1-ptu-weu' : null });
    },
  });
  const args = ['ptu', 'allocate', '--from', '2026-11-01', '--to', '2026-11-09', '--reason', 'a test', '--dry-run'];
  const { out, err } = await runCli(args, gateway.environment);
  assert.match(out, /^ptu-weu +200 +198 +10,000\.00 +5,000\.00$/m);
  assert.match(out, /Nothing was booked/);
  assert.equal(err, 'ptu-weu: 100 hours …\n');
  assert.deepEqual(
    gateway.asked.map((one) => ptuAllocateRequestSchema.parse(one.body).after),
    [undefined, '1-ptu-weu'],
  );
});

test('ptu allocate says so where no hour is booked', async (t) => {
  const none = { dryRun: false, rows: [], next: null };
  const gateway = await fakeGateway(t, { 'POST ptu/allocate': promised(ptuAllocateReplySchema, none) });
  const args = ['ptu', 'allocate', '--from', '2026-11-01', '--reason', 'a test', '--endpoint', 'ptu-weu'];
  const { out } = await runCli(args, gateway.environment);
  assert.match(out, /^No hour of a provisioned deployment is booked/);
  assert.equal(ptuAllocateRequestSchema.parse(gateway.asked[0]?.body).endpoint, 'ptu-weu');
});
