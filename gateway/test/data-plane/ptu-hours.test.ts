import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { breakEvenSchema } from '@tollgate/contract/admin-api/ptu.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const minute = 60_000;
const tenPast = Date.UTC(2026, 10, 23, 10, 10);

const endpoints = (twin: string): string => `
  ptu-weu:
    resource: '${twin}/contoso-weu'
    region: westeurope
    deployment: mini-ptu
    model: gpt-5.4-mini
    type: GlobalProvisionedManaged
    auth: { key: '\${TEST_TWIN_KEY}' }
    ptu: { units: 50, hourly: 1.00 USD, from: 2026-11-23T09:00:00Z }`;

const resources = {
  'contoso-weu': {
    region: 'westeurope',
    deployments: {
      mini: { model: 'gpt-5.4-mini', version: '2026-03-17' },
      'mini-ptu': { model: 'gpt-5.4-mini', version: '2026-03-17', type: 'GlobalProvisionedManaged', spillover: 'mini' },
    },
  },
} as const;

async function start(context: TestContext): Promise<{ readonly stack: RunningStack; readonly clock: ManualClock }> {
  const clock = new ManualClock(tenPast);
  const stack = await startStack(context, {
    config: (url) =>
      configFor(url, {
        endpoints: endpoints(url),
        models: '  gpt-5.4-mini: { tiers: [[ptu-weu]] }',
        products:
          '  standard: { models: [gpt-5.4-mini], unpriced: refuse }\n  small: { models: [gpt-5.4-mini], unpriced: refuse }',
      }),
    twin: { resources },
    overrides: { clock },
  });
  return { stack, clock };
}

async function chat(stack: RunningStack, key: string): Promise<{ readonly input: number; readonly output: number }> {
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': key },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] },
  });
  assert.equal(answer.status, 200, answer.body);
  const { usage } = JSON.parse(answer.body) as { usage: { prompt_tokens: number; completion_tokens: number } };
  return { input: usage.prompt_tokens, output: usage.completion_tokens };
}

/** Lets minutes pass until the report says what is waited for. */
async function passUntil(
  { stack, clock }: { readonly stack: RunningStack; readonly clock: ManualClock },
  done: (report: UsageReport) => boolean,
): Promise<UsageReport> {
  for (let passed = 0; passed < 200; passed += 1) {
    const report = await stack.usage('outcome');
    if (done(report)) return report;
    clock.advance(minute);
    await setImmediate();
  }
  return assert.fail('It was never allocated.');
}

const costs = (report: UsageReport): Record<string, string | null> =>
  Object.fromEntries(report.rows.map((row) => [row.key, row.costNanoUsd]));

const has = (report: UsageReport, outcome: string, cost: bigint): boolean => costs(report)[outcome] === String(cost);

test('an hour of a provisioned deployment: idle before, shared by use, spilled calls paid by the token, nothing lost with the store', async (context) => {
  const { stack, clock } = await start(context);
  const [marketing, finance] = [await chat(stack, keys.marketing), await chat(stack, keys.finance)];
  stack.twin.limit({ deployment: 'mini-ptu', utilization: 100 });
  const spilled = await chat(stack, keys.finance);

  // The hour from 9 to 10, before the gateway ran, and the one from 10 to 11.
  const allocated = await passUntil({ stack, clock }, (report) => has(report, 'allocated', 50_000_000_000n));
  const [forMarketing, forFinance] = [marketing, finance].map(({ input, output }) => BigInt(input + output));
  assert.ok(forMarketing !== undefined && forFinance !== undefined);
  assert.ok(has(allocated, 'idle', 50_000_000_000n), JSON.stringify(costs(allocated)));

  const byConsumer = costs(await stack.usage('consumer'));
  const whole = 50_000_000_000n;
  const share = (whole * forMarketing) / (forMarketing + forFinance);
  const charged = BigInt(byConsumer['marketing'] ?? 0);
  assert.ok(charged === share || charged === share + 1n, `${charged} is not ${share}`);
  // What spilled over is paid by the token, at the list price of GlobalStandard: 0.75 and 4.50 USD a million.
  const spilledCost = BigInt(spilled.input) * 750n + BigInt(spilled.output) * 4500n;
  assert.equal(BigInt(byConsumer['finance'] ?? 0), whole - charged + spilledCost);
  const byDeployment = costs(await stack.usage('deployment'));
  assert.equal(byDeployment['contoso-weu/mini'], String(spilledCost));

  const comparison = await stack.admin(
    '/admin/v1/ptu/break-even?from=2026-11-23T10:00:00Z&to=2026-11-23T11:00:00Z&byHour=true',
  );
  const [row] = breakEvenSchema.parse(comparison.json).rows;
  const byTheToken = [marketing, finance].map((one) => BigInt(one.input) * 750n + BigInt(one.output) * 4500n);
  assert.deepEqual(
    [row?.hours, row?.paidNanoUsd, row?.attempts, row?.payAsYouGoNanoUsd, row?.spilledNanoUsd],
    [1, String(whole), 2, String(byTheToken.reduce((sum, one) => sum + one, 0n)), String(spilledCost)],
  );

  const verified = await stack.verify();
  assert.deepEqual(verified.problems, []);

  // The store is a copy: made anew from the journal it says the same.
  const before = JSON.stringify(await stack.usage('cost-centre'));
  await stack.gateway.drain('test');
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(path.join(stack.dataFolder, `tollgate.sqlite${suffix}`), { force: true });
  const again = await stack.restart();
  assert.equal(JSON.stringify(await again.usage('cost-centre')), before);
  assert.deepEqual((await again.verify()).problems, []);
});
