import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetEventPage } from '@tollgate/contract/admin-api/budgets.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { isSigned, newWebhookSecret, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { assertNotLogged, untilLoggedTimes } from '../support/logged.ts';
import { middayClock } from '../support/midday-clock.ts';

async function ask(stack: RunningStack): Promise<number> {
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body,
  });
  return answer.status;
}

const budgets = `consumers:
  marketing:
    budgets:
      soft: { amount: 0.0001 USD, every: year, warnAt: [50, 80, 100] }
      hard: { amount: 0.002 USD, every: year, hard: true, warnAt: [] }
`;

async function eventsOf(stack: RunningStack): Promise<BudgetEventPage['events']> {
  const { json } = await stack.admin('/admin/v1/budgets/events');
  return (json as BudgetEventPage).events;
}

test('budgets that run out are told once: by signed webhook, on the admin API, in the log, across restarts', async (context) => {
  const receiver = await startWebhookReceiver(context);
  const secret = newWebhookSecret();
  const webhook = `alerts: { webhooks: { finance: { url: '${receiver.url}', secret: '\${TEST_WEBHOOK_SECRET}' } } }\n`;
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${budgets}${webhook}`,
    environment: { TEST_WEBHOOK_SECRET: secret },
  });
  let status = 200;
  for (let calls = 0; calls < 100 && status === 200; calls += 1) status = await ask(stack);
  assert.equal(status, 403);
  await receiver.heard(4);
  await stack.gateway.drain('restart');
  const again = await stack.restart();
  assert.equal(await ask(again), 403);
  await again.gateway.drain('restart');
  const third = await again.restart();

  assert.ok(receiver.received.every((one) => isSigned(one, secret)));
  const told = receiver.received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(told.map(({ type, data }) => [type, data.budget, data.threshold ?? null].join(' ')).toSorted(), [
    'budget.exhausted consumer/marketing/hard ',
    'budget.threshold consumer/marketing/soft 100',
    'budget.threshold consumer/marketing/soft 50',
    'budget.threshold consumer/marketing/soft 80',
  ]);
  const events = await eventsOf(third);
  assert.deepEqual(new Set(events.map(({ id }) => id)), new Set(receiver.received.map(({ id }) => id)));
  assert.ok(events.every(({ deliveries }) => deliveries.every(({ state }) => state === 'delivered')));
  await untilLoggedTimes(stack, 'a budget runs out', 4);
  for (const one of [stack, again, third]) assertNotLogged(one, secret.slice(6, 20));
});

for (const [what, webhooks, parts] of [
  [
    'cannot be meant',
    "{ one: { url: 'ftp://x', secret: '${TEST_SECRET}', timeout: 1ms }, two: { url: 'https://a:b@x/', secret: '${TEST_SECRET}', events: [] } }",
    ['one.url: expected a URL', 'duration from', 'two.url: expected a URL', 'at least one kind'],
  ],
  [
    'has bad secrets',
    "{ one: { url: 'https://x/', secret: '${TEST_SECRET}', previousSecret: '${TEST_SECRET}' }, two: { url: 'https://x/', secret: in-clear } }",
    ['one.secret: it is no secret of Standard Webhooks', 'one.previousSecret', 'two.secret: .*clear'],
  ],
] as const) {
  test(`a webhook that ${what} is told with the configuration, with everything that is wrong`, async (context) => {
    await assert.rejects(
      startStack(context, {
        overrides: { clock: middayClock() },
        config: (twin) => `${configFor(twin)}alerts: { webhooks: ${webhooks} }\n`,
        environment: { TEST_SECRET: 'too-short' },
      }),
      (error: Error) => {
        for (const part of parts) assert.match(error.message, new RegExp(part));
        return true;
      },
    );
  });
}
