import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  heldPageSchema,
  writeOffReplySchema,
  writeOffRequestSchema,
  type HeldAttempt,
} from '@tollgate/contract/admin-api/adjustments.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const attempt: HeldAttempt = {
  id: '01KAMZ6G00Q3V7B1N4T8XWY2ZC',
  requestId: '01KAMZ6G00AAAAAAAAAAAAAAAA',
  at: '2026-11-20T09:20:30.000Z',
  consumer: 'marketing',
  subscription: 'marketing-web',
  costCentre: 'contoso/marketing',
  endpoint: 'payg-weu',
  deployment: 'contoso-weu/gpt-5.4-mini',
  outcome: 'gateway-lost',
  reservedNanoUsd: '1500000000',
};
const nothingReserved: HeldAttempt = { ...attempt, id: '01KAMZ6G00BBBBBBBBBBBBBBBB', reservedNanoUsd: null };

test('ledger held lists what is held, for how long, and how much', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET ledger/held': promised(heldPageSchema, { attempts: [attempt, nothingReserved], next: '1-x' }),
  });
  const args = ['ledger', 'held', '--from', '2026-11-01', '--outcome', 'gateway-lost', '--limit', '2'];
  const { out, err, status } = await runCli(args, gateway.environment);
  assert.equal(status, 0);
  assert.match(out, /^01KAMZ6G00Q3V7B1N4T8XWY2ZC +2026-11-20T09:20:30\.000Z +3d +gateway-lost +marketing .* 1\.50$/m);
  assert.match(out, /^01KAMZ6G00BBBBBBBBBBBBBBBB .* nothing$/m);
  assert.match(out, /^2 attempts hold 1\.50 USD\.$/m);
  assert.match(err, /--after 1-x/);
  assert.deepEqual(gateway.asked[0]?.query, { from: '2026-11-01T00:00:00.000Z', outcome: 'gateway-lost', limit: '2' });
});

test('ledger held says so where nothing is held', async (t) => {
  const gateway = await fakeGateway(t, { 'GET ledger/held': promised(heldPageSchema, { attempts: [], next: null }) });
  const { out } = await runCli(['ledger', 'held'], gateway.environment);
  assert.match(out, /^Nothing is held/);
});

test('ledger write-off goes on until all of a period is written off, and tells the sum', async (t) => {
  let calls = 0;
  const gateway = await fakeGateway(t, {
    'POST ledger/write-off': () => {
      calls += 1;
      const next = calls < 3 ? `${calls}-cursor` : null;
      return promised(writeOffReplySchema, { dryRun: false, attempts: [attempt], already: 0, next });
    },
  });
  const period = ['--from', '2026-11-01', '--to', '2026-12-01', '--outcome', 'gateway-lost'];
  const args = ['ledger', 'write-off', ...period, '--reason', 'node 7 was lost'];
  const { out, err } = await runCli(args, gateway.environment);
  assert.match(out, /^3 attempts that hold 4\.50 USD are written off\.$/m);
  assert.equal(err, '1 …\n2 …\n');
  assert.deepEqual(
    gateway.asked.map((one) => writeOffRequestSchema.parse(one.body).after),
    [undefined, '1-cursor', '2-cursor'],
  );
  const { from, to, outcome, reason, dryRun } = writeOffRequestSchema.parse(gateway.asked[0]?.body);
  assert.deepEqual(
    [from, to, outcome, reason, dryRun],
    ['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', 'gateway-lost', 'node 7 was lost', false],
  );
});

test('ledger write-off of named attempts, as a dry run, says what would be written off', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST ledger/write-off': promised(writeOffReplySchema, {
      dryRun: true,
      attempts: [attempt],
      already: 1,
      next: null,
    }),
  });
  const args = ['ledger', 'write-off', '--attempt', attempt.id, 'other', '--reason', 'a test', '--dry-run'];
  const { out } = await runCli(args, gateway.environment);
  assert.match(out, /^1 attempts that hold 1\.50 USD would be written off\.\n1 had been written off before\.$/m);
  assert.deepEqual(gateway.asked[0]?.body, { attempts: [attempt.id, 'other'], reason: 'a test', dryRun: true });
  const json = await runCli([...args, '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), { dryRun: true, attempts: [attempt], already: 1 });
});

for (const [what, args] of [
  ['neither attempts nor a period', []],
  ['a period without an outcome', ['--from', '2026-11-01']],
  ['attempts and a period', ['--attempt', 'x', '--from', '2026-11-01', '--outcome', 'gateway-lost']],
] as const) {
  test(`ledger write-off with ${what} asks which attempts are meant`, async (t) => {
    const gateway = await fakeGateway(t, {});
    const { err, status } = await runCli(['ledger', 'write-off', ...args, '--reason', 'a test'], gateway.environment);
    assert.equal(status, 2);
    assert.match(err, /Say which attempts/);
    assert.equal(gateway.asked.length, 0);
  });
}
