import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const models = `  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]], queue: { maxWait: 10s } }`;
const products = `  standard: { models: [gpt-5-mini, one-endpoint] }
  small: { models: [gpt-5-mini, one-endpoint] }`;

async function start(context: TestContext): Promise<{ readonly stack: RunningStack; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const stack = await startStack(context, {
    config: (twin) => configFor(twin, { models, products }).replace('  weu: { ', '  weu: { maxInFlight: 1, '),
    overrides: { clock, random: always(0) },
  });
  return { stack, clock };
}

function ask(stack: RunningStack, model = 'one-endpoint'): Promise<Answer> {
  const body = { model, messages: [{ role: 'user', content: 'twin:tokens=3' }] };
  return call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': keys.marketing }, body });
}

async function untilWaiting(stack: RunningStack, count: number): Promise<void> {
  const line = `tollgate_waiting{model="one-endpoint",priority="standard"} ${count}\n`;
  await until(async () => (await stack.admin('/metrics')).text.includes(line), `${count} calls that wait`);
}

async function reload(stack: RunningStack, change: (text: string) => string): Promise<void> {
  const before = readFileSync(stack.configFile, 'utf8');
  const after = change(before);
  assert.notEqual(after, before);
  writeFileSync(stack.configFile, after);
  const { text } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.match(text, /"ok":true/, text);
}

describe('a call that waits while the configuration changes', () => {
  test('is served as it was admitted, also where its model and its endpoint are gone for whoever comes now', async (context) => {
    const { stack, clock } = await start(context);
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 5, times: 1, match: { resource: 'contoso-weu' } });
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    await reload(stack, (text) =>
      text
        .replace(/\n {2}one-endpoint: .*/, '')
        .replace(/\n {2}weu: .*/, '')
        .replaceAll(', one-endpoint]', ']'),
    );
    assert.equal((await ask(stack)).status, 404);
    clock.advance(5_000);
    const answer = await answering;
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('is let go at once where its endpoint may have more calls under way now', async (context) => {
    const { stack } = await start(context);
    stack.twin.addFault({ kind: 'slow-first-byte', times: 1, match: { resource: 'contoso-weu' } });
    const first = ask(stack);
    await until(() => stack.twin.held() === 1);
    const second = ask(stack);
    await untilWaiting(stack, 1);
    await reload(stack, (text) => text.replace('maxInFlight: 1', 'maxInFlight: 2'));
    assert.equal((await second).status, 200);
    stack.twin.release();
    assert.equal((await first).status, 200);
  });
});
