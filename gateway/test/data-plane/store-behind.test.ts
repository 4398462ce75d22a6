import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { untilLoggedTimes } from '../support/logged.ts';

/** A gateway whose store is down from its first call on, with room for some forty calls in its backlog. */
async function startBehind(context: TestContext, whenSpent: 'refuse' | 'admit'): Promise<RunningStack> {
  const stack = await startStack(context, {
    config: (url) => configFor(url, { ledger: `, backlog: { bytes: 64KiB, whenSpent: ${whenSpent} }` }),
    overrides: { ledgerWorker: new URL('../support/refusing-ledger-worker.ts', import.meta.url) },
  });
  writeFileSync(join(stack.dataFolder, 'store-down'), '');
  return stack;
}

const embed = async (stack: RunningStack): Promise<Answer> =>
  await call(`${stack.url}/openai/v1/embeddings`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'text-embedding-3-small', input: 'Hello' },
  });

const ready = async (stack: RunningStack): Promise<unknown> => {
  const { status, body } = await call(`${stack.url}/readyz`, {});
  return [status, JSON.parse(body)];
};

const metric = async (stack: RunningStack, name: string): Promise<number> => {
  const { text } = await stack.admin('/metrics');
  return Number(new RegExp(`^tollgate_ledger_backlog_${name}\\{sink="store"\\} (.*)$`, 'm').exec(text)?.[1]);
};

test('a store that is down is waited for until the budget is spent; then calls are refused in their dialect, until it is back', async (context) => {
  const stack = await startBehind(context, 'refuse');
  let served = 0;
  let answer = await embed(stack);
  for (; answer.status === 200 && served < 500; served += 1) answer = await embed(stack);
  assert.ok(served > 20 && served < 100, `${served} calls were served first`);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '30');
  const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> };
  assert.deepEqual([error['code'], error['type'], error['param']], ['ledger_unavailable', 'server_error', null]);
  assert.match(String(error['message']), /^The records of earlier calls are not stored yet, so no call is made now\. /);
  assert.deepEqual(await ready(stack), [
    503,
    { status: 'unready', why: 'the store is too far behind the journal (ledger.backlog)' },
  ]);
  assert.ok((await metric(stack, 'bytes')) > 64 * 1024);
  assert.equal(await metric(stack, 'spent'), 1);
  assert.ok((await metric(stack, 'bytes')) < 80 * 1024, 'nothing more is journalled');

  rmSync(join(stack.dataFolder, 'store-down'));
  assert.equal((await stack.usage()).total.attempts, served);
  assert.deepEqual(await ready(stack), [200, { status: 'ok' }]);
  assert.equal((await embed(stack)).status, 200);
  assert.equal((await stack.usage()).total.attempts, served + 1);
  assert.equal(await metric(stack, 'spent'), 0);
  await untilLoggedTimes(stack, 'the backlog of the ledger is over its budget', 1);
  await untilLoggedTimes(stack, 'the backlog of the ledger is within its budget', 1);
  assert.deepEqual((await stack.verify()).problems, []);
});

test('where the configuration says so, calls are served beyond the budget, and the metric says that they are', async (context) => {
  const stack = await startBehind(context, 'admit');
  for (let calls = 0; calls < 100; calls += 1) assert.equal((await embed(stack)).status, 200);
  assert.equal(await metric(stack, 'spent'), 1);
  assert.deepEqual(await ready(stack), [200, { status: 'ok' }]);
  await untilLoggedTimes(stack, 'calls are still admitted', 1);
  rmSync(join(stack.dataFolder, 'store-down'));
  assert.equal((await stack.usage()).total.attempts, 100);
  assert.equal(await metric(stack, 'spent'), 0);
});
