// Two whole gateways on one PostgreSQL and one Redis: what is told and changed of budgets is told and changed once, for both.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { BudgetEventPage, BudgetList } from '@tollgate/contract/admin-api/budgets.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { redisOrSkip, startRedis } from '../support/redis-server.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { isSigned, newWebhookSecret, startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { eventually } from '../support/until.ts';

interface Both {
  readonly one: RunningStack;
  readonly other: RunningStack;
  readonly receiver: WebhookReceiver;
  readonly secret: string;
}

async function startBoth(context: TestContext, limits: string): Promise<Both> {
  const { url } = await (await postgresServer()).createDatabase();
  const server = await startRedis();
  const receiver = await startWebhookReceiver(context);
  const secret = newWebhookSecret();
  const start = async (): Promise<RunningStack> =>
    await startStack(context, {
      config: (twin) =>
        `${configFor(twin, { ledger: ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off } }" })}
counters: { redis: { url: '\${TEST_REDIS_URL}', lease: 1s } }
alerts: { webhooks: { finance: { url: '${receiver.url}', secret: '\${TEST_WEBHOOK_SECRET}' } } }
${limits}`,
      environment: { TEST_DATABASE_URL: url, TEST_REDIS_URL: server.url, TEST_WEBHOOK_SECRET: secret },
    });
  const both = { one: await start(), other: await start(), receiver, secret };
  context.after(async () => await server.close());
  return both;
}

async function ask(stack: RunningStack, key: string): Promise<string> {
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: 50, messages: [{ role: 'user', content: 'Hello' }] };
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
  return answer.status === 200 ? 'ok' : JSON.parse(answer.body).error.code;
}

async function debited(stack: RunningStack, budget: string): Promise<bigint> {
  const { json } = await stack.admin(`/admin/v1/budgets?budget=${encodeURIComponent(budget)}`);
  const [found] = (json as BudgetList).budgets;
  return BigInt(found?.spent ?? '0');
}

/** Goes on until both together have passed the soft budget. */
async function spender(stack: RunningStack): Promise<void> {
  for (let calls = 0; calls < 200; calls += 1) {
    assert.equal(await ask(stack, keys.marketing), 'ok');
    if ((await debited(stack, 'consumer/marketing/year')) > 2_500_000n) return;
  }
}

describe('two gateways on one database', orSkip, () => {
  describe('and one set of counters', redisOrSkip, () => {
    test('a soft budget that both spend from: one event id a threshold at the receiver, and none twice', async (context) => {
      const budget = 'consumers: { marketing: { budget: { amount: 0.002 USD, every: year, warnAt: [20, 60, 100] } } }';
      const { one, other, receiver, secret } = await startBoth(context, budget);
      await Promise.all([spender(one), spender(other)]);
      await receiver.heard(3);
      // Each looks a last time, and has nothing to tell.
      await Promise.all([one.gateway.drain('done'), other.gateway.drain('done')]);
      const told = receiver.received.map(({ id, body }) => `${id} ${JSON.parse(body).data.threshold}`);
      assert.equal(told.length, 3, told.join('\n'));
      assert.deepEqual(
        told.map((text) => Number(text.split(' ')[1])).toSorted((left, right) => left - right),
        [20, 60, 100],
      );
      assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 3);
      assert.ok(receiver.received.every((message) => isSigned(message, secret)));
      const again = await one.restart();
      const { events } = (await again.admin('/admin/v1/budgets/events')).json as BudgetEventPage;
      assert.ok(
        events.every(({ deliveries }) =>
          deliveries.every(({ state, attempts }) => state === 'delivered' && attempts === 1),
        ),
      );
    });

    test('a budget that is set, topped up and removed at one of them holds at the other', async (context) => {
      const { one, other } = await startBoth(context, '');
      const answers = async (wanted: string): Promise<void> =>
        await eventually(async () => (await ask(other, keys.finance)) === wanted);
      await answers('ok');
      const set = async (settings: object | null) =>
        await one.admin('/admin/v1/limits', {
          method: 'POST',
          body: { changes: { 'consumer/finance': settings }, reason: 'a test' },
        });
      await set({ budget: { amount: '0 USD', every: 'year', hard: true } });
      await answers('budget_exhausted');
      const topUp = { id: 'top-up-0001', budget: 'consumer/finance/year', amount: '5 USD', reason: 'a test' };
      assert.equal((await one.admin('/admin/v1/budgets/top-ups', { method: 'POST', body: topUp })).status, 201);
      await answers('ok');
      await one.admin('/admin/v1/budgets/top-ups/top-up-0001/revoke', { method: 'POST', body: { reason: 'a test' } });
      await answers('budget_exhausted');
      await set(null);
      await answers('ok');
    });
  });
});
