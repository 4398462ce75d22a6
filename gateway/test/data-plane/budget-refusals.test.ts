import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { BudgetRefusals } from '@tollgate/contract/admin-api/budgets.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { middayClock } from '../support/midday-clock.ts';

async function ask(stack: RunningStack, key: string, more: object = {}): Promise<Answer> {
  const messages = [{ role: 'user', content: 'A secret that nobody may keep' }];
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: 50, messages, ...more };
  return await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
}

async function explained(stack: RunningStack, answer: Answer): Promise<BudgetRefusals['refusals'][number]> {
  const id = String(answer.headers['x-request-id']);
  const { json, text } = await stack.admin(`/admin/v1/budgets/refusals/${id}`);
  assert.doesNotMatch(text, /secret/);
  const [first] = (json as BudgetRefusals).refusals;
  assert.ok(first !== undefined, text);
  assert.equal(first.requestId, id);
  return first;
}

test('says which limits refused a call, as they stood at that moment', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}
budget: { amount: 0.000001 USD, every: year, hard: true }
consumers:
  marketing: { budget: { amount: 0.000002 USD, every: month, hard: true }, limits: { rates: [{ requests: 1, per: 1h }] } }
budgeting: { keepRefusals: 2 }
`,
  });
  const refused = await ask(stack, keys.marketing);
  assert.equal(refused.status, 403);
  const { code, status, message, limits, retryAfterSeconds, ...who } = await explained(stack, refused);
  assert.deepEqual([code, status, retryAfterSeconds], ['budget_exhausted', 403, null]);
  assert.match(refused.body, new RegExp(message.slice(0, 60)));
  assert.deepEqual(
    [who.subscription, who.consumer, who.product, who.model],
    ['marketing-web', 'marketing', 'standard', 'gpt-5.4-mini'],
  );
  assert.deepEqual(
    limits.map(({ limit, allowed, spent, held }) => [limit, allowed, spent, held]),
    [
      ['consumer/marketing/month', '2000', '0', '0'],
      ['organisation/contoso/year', '1000', '0', '0'],
    ],
    'everything that had no room',
  );
  assert.ok(limits.every(({ needed }) => BigInt(needed) > 2000n));
  assert.match(limits[0]?.resetAt ?? '', /-01T00:00:00\.000Z$/);

  const unpriced = await ask(stack, keys.finance, { web_search_options: {} });
  const alone = await explained(stack, unpriced);
  assert.deepEqual([alone.code, alone.limits], ['model_unpriced', []], 'nothing but the call itself was wrong');
  await ask(stack, keys.finance);
  const forgotten = await stack.admin(`/admin/v1/budgets/refusals/${String(refused.headers['x-request-id'])}`);
  assert.equal(forgotten.status, 404, 'the oldest makes room');
});

test('a rate tells what it leaves and when, and a call that was served has no refusal', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) =>
      `${configFor(twin)}consumers: { marketing: { limits: { rates: [{ requests: 1, per: 1h }], concurrentRequests: 5 } } }\n`,
  });
  const served = await ask(stack, keys.marketing);
  assert.equal(served.status, 200);
  const { status } = await stack.admin(`/admin/v1/budgets/refusals/${String(served.headers['x-request-id'])}`);
  assert.equal(status, 404);
  const refused = await ask(stack, keys.marketing);
  const { code, limits, retryAfterSeconds } = await explained(stack, refused);
  assert.equal(code, 'rate_limit_exceeded');
  assert.ok(retryAfterSeconds !== null && retryAfterSeconds > 3000);
  const [rate] = limits;
  assert.deepEqual(
    [rate?.limit, rate?.unit, rate?.needed, rate?.allowed, rate?.spent],
    ['consumer/marketing/requests-per-3600s', 'requests', '1', '1', '1'],
  );
});

test('a request about something stored, which uses nothing of a model, is explained, too', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}consumers: { marketing: { limits: { rates: [{ requests: 1, per: 1h }] } } }\n`,
  });
  const read = async (): Promise<Answer> =>
    await call(`${stack.url}/openai/v1/responses/resp_1`, { headers: { 'api-key': keys.marketing } });
  await read();
  const refused = await read();
  assert.equal(refused.status, 429);
  const { code, model, subscription, limits } = await explained(stack, refused);
  assert.deepEqual([code, model, subscription], ['rate_limit_exceeded', null, 'marketing-web']);
  assert.deepEqual(
    limits.map(({ limit }) => limit),
    ['consumer/marketing/requests-per-3600s'],
  );
});

test('replies call what remains by the names of the configuration, from its next change on', async (context) => {
  const budget = 'consumers: { marketing: { budget: { amount: 1 USD, every: year } } }\n';
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${budget}`,
  });
  const before = await ask(stack, keys.marketing);
  assert.ok('x-ratelimit-remaining-budget' in before.headers);
  const names = 'budgeting: { headers: { remainingBudget: x-contoso-left, limitBudget: off } }\n';
  writeFileSync(stack.configFile, `${readFileSync(stack.configFile, 'utf8')}${names}`);
  await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  const { headers } = await ask(stack, keys.marketing);
  assert.match(String(headers['x-contoso-left']), /^0\.99\d*$/);
  assert.equal('x-ratelimit-remaining-budget' in headers || 'x-ratelimit-limit-budget' in headers, false);
  assert.ok('x-ratelimit-reset-budget' in headers);
});

for (const [what, names, says] of [
  ['that others have', '{ limitBudget: x-request-id }', /another meaning/],
  ['that are one', '{ limitBudget: x-one, resetBudget: x-one }', /it has the name of/],
  ['of HTTP', '{ limitBudget: content-length }', /beginning with x- or ratelimit/],
] as const) {
  test(`header names ${what} are refused with the configuration`, async (context) => {
    await assert.rejects(
      startStack(context, {
        overrides: { clock: middayClock() },
        config: (twin) => `${configFor(twin)}budgeting: { headers: ${names} }\n`,
      }),
      says,
    );
  });
}
