import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakEvenSchema, type BreakEvenRow } from '@tollgate/contract/admin-api/ptu.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const row: BreakEvenRow = {
  endpoint: 'ptu-weu',
  deployment: 'contoso-weu/mini-ptu',
  model: 'gpt-5.4-mini',
  deploymentType: 'GlobalProvisionedManaged',
  from: '2026-11-01T00:00:00.000Z',
  hours: 720,
  paidNanoUsd: '36000000000000',
  idleNanoUsd: '18000000000001',
  attempts: 1_234_567,
  unknownAttempts: 2,
  inputTokens: 5_000_000_000,
  cachedInputTokens: 7,
  outputTokens: 100,
  utilization: '50.00',
  payAsYouGoNanoUsd: '30000000000000',
  payAsYouGoListNanoUsd: '31000000000000',
  missingPrices: [],
  breakEvenFactor: '1.200',
  breakEvenUtilization: '60.00',
  spilledAttempts: 3,
  spilledNanoUsd: '1000000000',
};
const period = { from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z', priceBook: 'book' };

test('ptu break-even says what was paid, what it would have cost, and where both are the same', async (t) => {
  const gateway = await fakeGateway(t, { 'GET ptu/break-even': promised(breakEvenSchema, { ...period, rows: [row] }) });
  const { out, err } = await runCli(['ptu', 'break-even'], gateway.environment);
  assert.match(
    out,
    /^ptu-weu .* 720 +36,000\.00 +~ 18,000\.00 +1,234,567 .* 50\.00 % +30,000\.00 +31,000\.00 +1\.200 × the tokens +60\.00 % +3 +1\.00$/m,
  );
  assert.equal(err, 'note: 2 calls of unknown usage are in no amount.\n');
  assert.deepEqual(gateway.asked[0]?.query, { from: period.from, to: period.to }, 'the month of now');
  const csv = await runCli(['ptu', 'break-even', '--month', '2026-02', '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /18000000000001/);
  assert.deepEqual(gateway.asked[1]?.query, { from: '2026-02-01T00:00:00.000Z', to: '2026-03-01T00:00:00.000Z' });
});

test('ptu break-even says what is not known, and why', async (t) => {
  const dark: BreakEvenRow = {
    ...row,
    unknownAttempts: 0,
    utilization: null,
    payAsYouGoNanoUsd: null,
    missingPrices: ['cachedInput', 'output'],
    breakEvenFactor: null,
    breakEvenUtilization: null,
    spilledNanoUsd: null,
  };
  const gateway = await fakeGateway(t, {
    'GET ptu/break-even': promised(breakEvenSchema, { ...period, rows: [dark] }),
  });
  const args = [
    'ptu',
    'break-even',
    '--from',
    '2026-11-01',
    '--to',
    '2026-11-02',
    '--by-hour',
    '--endpoint',
    'ptu-weu',
  ];
  const { out, err } = await runCli(args, gateway.environment);
  assert.match(out, / not known +unpriced +31,000\.00 +not known +not known +3 +unpriced$/m);
  assert.match(err, /^note: ptu-weu 2026-11-01T00:00:00\.000Z: no pay-as-you-go price for cachedInput, output/m);
  assert.match(err, /^note: How far a deployment was used is known only with `ptu\.capacity`/m);
  assert.deepEqual(gateway.asked[0]?.query, {
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-11-02T00:00:00.000Z',
    byHour: 'true',
    endpoint: 'ptu-weu',
  });
});

for (const args of [
  ['--month', '2026-13'],
  ['--month', 'november'],
  ['--month', '2026-11', '--from', '2026-11-01'],
  ['--to', '2026-11-01'],
]) {
  test(`ptu break-even ${args.join(' ')} is refused`, async (t) => {
    const gateway = await fakeGateway(t, {});
    const { status } = await runCli(['ptu', 'break-even', ...args], gateway.environment);
    assert.equal(status, 2);
    assert.equal(gateway.asked.length, 0);
  });
}
