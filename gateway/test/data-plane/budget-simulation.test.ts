import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetList, BudgetSimulation } from '@tollgate/contract/admin-api/budgets.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { middayClock } from '../support/midday-clock.ts';

async function ask(stack: RunningStack, key: string): Promise<number> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: 50, messages };
  return (await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body })).status;
}

async function costOf(stack: RunningStack, consumer: string): Promise<bigint> {
  const { rows } = await stack.usage();
  return BigInt(rows.find((one) => one.keys.consumer === consumer)?.costNanoUsd ?? '0');
}

async function largestCall(stack: RunningStack): Promise<bigint> {
  const { budgets: shown } = (await stack.admin('/admin/v1/budgets')).json as BudgetList;
  return BigInt(shown[0]?.bounds.largestCall ?? '0');
}

interface Simulated {
  readonly status: number;
  readonly text: string;
  readonly result: BudgetSimulation;
}

async function simulate(stack: RunningStack, changes: readonly object[], more: object = {}): Promise<Simulated> {
  const body = { from: '2020-01-01T00:00:00Z', changes, ...more };
  const { status, text, json } = await stack.admin('/admin/v1/budgets/simulate', { method: 'POST', body });
  return { status, text, result: json as BudgetSimulation };
}

const budgets = `consumers:
  marketing: { budget: { amount: 100 USD, every: year, hard: true } }
`;

test('says who would have been refused by changed limits, when, and for how much', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${budgets}`,
  });
  for (let calls = 0; calls < 6; calls += 1) assert.equal(await ask(stack, keys.marketing), 200);
  for (let calls = 0; calls < 4; calls += 1) assert.equal(await ask(stack, keys.finance), 200);
  const { total } = await stack.usage();

  const now = (await simulate(stack, [])).result;
  assert.deepEqual([now.requests, now.attempts, now.refusedRequests, now.complete], [10, 10, 0, true]);
  assert.equal(now.costNanoUsd, total.costNanoUsd);
  assert.equal(now.reservedAtCost, 0);

  const nothing = (await simulate(stack, [{ budget: 'consumer/marketing/year', amount: '0 USD' }])).result;
  assert.equal(nothing.refusedRequests, 6);
  const [row] = nothing.rows;
  assert.deepEqual(
    [row?.consumer, row?.subscription, row?.limit, row?.code, row?.requests],
    ['marketing', 'marketing-web', 'consumer/marketing/year', 'budget_exhausted', 6],
  );
  const cost = await costOf(stack, 'marketing');
  assert.equal(nothing.refusedNanoUsd, String(cost));
  assert.equal(nothing.refused.length, 6);

  // Room for one call's worst case beside half of what was spent: about half of them, and never more than the budget.
  const amount = (await largestCall(stack)) + cost / 2n;
  const usd = `0.${String(amount).padStart(9, '0')} USD`;
  const some = (await simulate(stack, [{ budget: 'consumer/marketing/year', amount: usd }])).result;
  assert.ok(some.refusedRequests > 0 && some.refusedRequests < 6, `${some.refusedRequests} of 6`);
  assert.ok(cost - BigInt(some.refusedNanoUsd) <= amount);
  const soft = (await simulate(stack, [{ budget: 'consumer/marketing/year', amount: '0 USD', hard: false }])).result;
  assert.equal(soft.refusedRequests, 0);

  const quota = { node: 'consumer/finance', settings: { limits: { quotas: [{ requests: 1, every: 'year' }] } } };
  const both = (await simulate(stack, [quota, { node: 'consumer/marketing', settings: null }])).result;
  assert.deepEqual(
    both.rows.map(({ consumer, limit, code, requests }) => [consumer, limit, code, requests]),
    [['finance', 'consumer/finance/requests-per-year', 'quota_exhausted', 3]],
  );

  const of = { node: 'consumer/finance', settings: { budget: { amount: '0 USD', every: 'year', hard: true } } };
  const late = (await simulate(stack, [of], { to: '2021-01-01T00:00:00Z' })).result;
  assert.deepEqual([late.requests, late.refusedRequests], [0, 0]);
  const unreserved = (await simulate(stack, [of])).result;
  assert.deepEqual([unreserved.refusedRequests, unreserved.reservedAtCost], [4, 4], 'finance had no budget by then');
  assert.equal(await ask(stack, keys.finance), 200, 'nothing has changed');
});

test('tells everything that is wrong with what is asked', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${budgets}`,
  });
  const { status, text } = await simulate(
    stack,
    [
      { budget: 'consumer/nobody/year', amount: '1 USD' },
      { budget: 'consumer/marketing/year', amount: '-1 USD' },
      { node: 'consumer/marketin', settings: { budget: { amount: '1 EUR', every: 'year' } } },
    ],
    { to: '2019-01-01T00:00:00Z' },
  );
  assert.equal(status, 400);
  for (const part of [
    /from: the period is empty/,
    /changes\[0\]: there is no budget or quota 'consumer\/nobody\/year'/,
    /changes\[1\]: amount: an amount is never below 0/,
    /changes\[2\]: consumer\/marketin: there is no consumer 'marketin'\. Did you mean 'marketing'/,
    /changes\[2\]: budget\.amount: .*EUR/,
  ])
    assert.match(text, part);
  assert.equal((await simulate(stack, [], { from: 'yesterday' })).status, 400);
});
