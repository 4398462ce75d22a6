import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentList, EndpointHealth } from '@tollgate/contract/admin-api/routing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import { call, configFor, eventsOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

async function weuOf(stack: RunningStack): Promise<EndpointHealth | undefined> {
  const { json } = await stack.admin('/admin/v1/deployments');
  return (json as DeploymentList).deployments.find(({ name }) => name === 'weu');
}

describe('an upstream that accepts and then says nothing', () => {
  const models = `  gpt-5.4-mini: { tiers: [[weu], [swc]], firstByteTimeout: 20s, idleTimeout: 30s, deadline: 90s }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;

  for (const after of ['nothing', 'headers'] as const) {
    test(`is left for the next endpoint when the first byte of a stream does not come in time (${after} sent)`, async (context) => {
      const clock = new ManualClock();
      const stack = await startStack(context, {
        config: (twin) => configFor(twin, { models }),
        overrides: { clock, random: always(0) },
      });
      stack.twin.addFault({ kind: 'slow-first-byte', after, times: null, match: { resource: 'contoso-weu' } });
      const answering = call(`${stack.url}/openai/v1/chat/completions`, {
        headers: { 'api-key': keys.marketing },
        body: { model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content: 'Name three cities.' }] },
      });
      await until(() => stack.twin.held() === 1);
      clock.advance(20_000);
      const answer = await answering;
      assert.equal(eventsOf(answer.body).at(-1), '[DONE]');
      const { rows } = await stack.usage('outcome');
      assert.deepEqual(Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts])), {
        completed: 1,
        'timed-out': 1,
      });
    });
  }

  test('keeps a whole reply waiting until the deadline, for it may only be long; then it counts as slow', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      config: (twin) => configFor(twin, { models }),
      overrides: { clock, random: always(0) },
    });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null });
    const answering = call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Name three cities.' }] },
    });
    await until(() => stack.twin.held() === 1);
    clock.advance(89_999);
    clock.advance(1);
    const answer = await answering;
    assert.equal(answer.status, 504);
    const { state, lastError } = (await weuOf(stack)) ?? {};
    assert.deepEqual([state, lastError], ['available', 'no reply in time']);
  });

  test('has as long as the deadline of its kind of reply: a stream may have a later one', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      config: (twin) =>
        configFor(twin, {
          models: models.replace('deadline: 90s', 'deadline: 90s, streamDeadline: 300s').replace('20s', '400s'),
        }),
      overrides: { clock, random: always(0) },
    });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null });
    let ended: string[] = [];
    const asked = [false, true].map(async (stream) => {
      const { status } = await call(`${stack.url}/openai/v1/chat/completions`, {
        headers: { 'api-key': keys.marketing },
        body: { model: 'gpt-5.4-mini', stream, messages: [{ role: 'user', content: 'Name three cities.' }] },
      });
      ended = [...ended, `${stream ? 'stream' : 'whole'}: ${status}`];
    });
    await until(() => stack.twin.held() === 2);
    clock.advance(90_000);
    await asked[0];
    clock.advance(209_999);
    assert.deepEqual(ended, ['whole: 504']);
    clock.advance(1);
    await asked[1];
    assert.deepEqual(ended, ['whole: 504', 'stream: 504']);
  });

  test('in the middle of a stream gives the client an error event of its dialect, and counts as a failure', async (context) => {
    for (const [path, last] of [
      ['chat/completions', /^\{"error":\{"code":"upstream_timeout"/],
      ['responses', /^\{"type":"error","code":"upstream_timeout"/],
    ] as const) {
      const clock = new ManualClock();
      const stack = await startStack(context, {
        config: (twin) => configFor(twin, { models }),
        overrides: { clock, random: always(0) },
      });
      stack.twin.addFault({ kind: 'stall', afterBytes: 1_500 });
      let begun = false;
      const answering = call(`${stack.url}/openai/v1/${path}`, {
        headers: { 'api-key': keys.marketing },
        body: {
          model: 'gpt-5.4-mini',
          stream: true,
          ...(path === 'responses' ? { input: 'Hello' } : { messages: [{ role: 'user', content: 'Hello' }] }),
        },
        onData() {
          begun = true;
        },
      });
      await until(() => stack.twin.held() === 1 && begun);
      clock.advance(30_000);
      clock.advance(30_000);
      const answer = await answering;
      assert.match(eventsOf(answer.body).at(-1) ?? '', last);
      assert.equal((await weuOf(stack))?.lastError, 'went silent');
    }
  });

  test('is left for the next endpoint by a whole reply, too, where that has a time of its own', async (context) => {
    const clock = new ManualClock();
    const timed = models.replace('deadline: 90s', 'replyTimeout: 40s, deadline: 90s');
    const stack = await startStack(context, {
      config: (twin) => configFor(twin, { models: timed }),
      overrides: { clock, random: always(0) },
    });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null, match: { resource: 'contoso-weu' } });
    const answering = call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Name three cities.' }] },
    });
    await until(() => stack.twin.held() === 1);
    clock.advance(40_000);
    assert.equal((await answering).status, 200);
    const { rows } = await stack.usage('outcome');
    assert.deepEqual(Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts])), {
      completed: 1,
      'timed-out': 1,
    });
    assert.equal((await stack.usage()).total.unknownUsageRequests, 1, 'it may have been paid for in vain');
  });

  test('in the middle of a whole reply is told as an error, and counts as a failure', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      config: (twin) => configFor(twin, { models }),
      overrides: { clock, random: always(0) },
    });
    stack.twin.addFault({ kind: 'stall', afterBytes: 100 });
    const answering = call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Name three cities.' }] },
    });
    await until(() => stack.twin.held() === 1);
    // Silence counts from the first byte, which came when the endpoint's limits are known.
    await until(async () => (await weuOf(stack))?.remainingTokens !== null);
    clock.advance(30_000);
    const answer = await answering;
    assert.deepEqual([answer.status, JSON.parse(answer.body).error.code], [504, 'upstream_timeout']);
    assert.equal((await weuOf(stack))?.lastError, 'went silent');
  });
});
