import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentList } from '@tollgate/contract/admin-api/routing.ts';
import { call, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { untilLogged } from '../support/logged.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** What is left alone for a while stays so, however long the test takes. */
const still = () => ({ overrides: { clock: new ManualClock() } });

const weu = { resource: 'contoso-weu' } as const;

function ask(stack: RunningStack, content = 'Name three cities.'): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content }] },
  });
}

async function stateOf(stack: RunningStack, endpoint: string): Promise<string | undefined> {
  const { json } = await stack.admin('/admin/v1/deployments');
  return (json as DeploymentList).deployments.find(({ name }) => name === endpoint)?.state;
}

const servedBy = (stack: RunningStack): readonly string[] =>
  stack.twin.usage().attempts.map(({ resource }) => resource);

const bodyOf = (content: string, stream: boolean): string =>
  JSON.stringify({
    model: 'gpt-5.4-mini',
    reasoning_effort: 'none',
    stream,
    messages: [{ role: 'user', content }],
  });

describe('the health of an endpoint', () => {
  test('breaks after failures in a row, which cost no client anything; then it is not touched', async (context) => {
    const stack = await startStack(context, still());
    stack.twin.addFault({ kind: 'status', status: 500, times: null, match: weu });
    for (let at = 0; at < 8; at += 1) assert.equal((await ask(stack)).status, 200);
    assert.equal(servedBy(stack).filter((one) => one === 'contoso-weu').length, 5);
    assert.equal(await stateOf(stack, 'weu'), 'broken');
    await untilLogged(stack, /"level":40.*"endpoint":"weu".*too many of its calls failed/);
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('is quarantined with an alert when it refuses our credentials, and back at once when an operator resets it', async (context) => {
    const stack = await startStack(context, still());
    stack.twin.addFault({ kind: 'status', status: 401, times: 1, match: weu });
    assert.equal((await ask(stack)).status, 200);
    assert.equal(await stateOf(stack, 'weu'), 'quarantined');
    await untilLogged(stack, /"level":50.*"endpoint":"weu".*"alert":true/);
    assert.equal((await stack.admin('/admin/v1/deployments/weu/reset', { method: 'POST' })).status, 200);
    assert.equal((await ask(stack)).status, 200);
    assert.equal(servedBy(stack).at(-1), 'contoso-weu');
  });

  test('is not changed by 5,000 requests of which the content filter stops 30 %: prompts and completions, streamed or not', async (context) => {
    const stack = await startStack(context);
    const before = (await stack.admin('/admin/v1/deployments')).text;
    // Of twenty calls three prompts and three completions are stopped.
    const contents = Array.from({ length: 20 }, (_, at) => {
      if (at < 3) return 'please twin:filter-prompt';
      return at < 6 ? 'twin:tokens=4 twin:filter-completion' : 'twin:tokens=1';
    });
    const bodies = contents.flatMap((content) => [bodyOf(content, false), bodyOf(content, true)]);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < 5_000) {
        const at = next % bodies.length;
        next += 1;
        // By `fetch`, which keeps its connections.
        const response = await fetch(`${stack.url}/openai/v1/chat/completions`, {
          method: 'POST',
          headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
          body: bodies[at] ?? null,
        });
        await response.arrayBuffer();
        assert.equal(response.status, at < 6 ? 400 : 200);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const { rows } = await stack.usage('outcome');
    assert.deepEqual(Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts])), {
      completed: 3_500,
      'filtered-completion': 750,
      'filtered-prompt': 750,
    });
    const [then, now] = [before, (await stack.admin('/admin/v1/deployments')).text].map((text) =>
      (JSON.parse(text) as DeploymentList).deployments.map(({ name, state, lastError }) => [name, state, lastError]),
    );
    assert.deepEqual(now, then);
    assert.ok(servedBy(stack).every((one) => one === 'contoso-weu'));
    const metrics = (await stack.admin('/metrics')).text;
    assert.doesNotMatch(metrics, /tollgate_endpoint_events_total\{/);
  });

  test('breaks by replies that end with an error of the provider’s own, and not by what a client did wrong in the middle of one', async (context) => {
    const asking = {
      'chat/completions': { messages: [{ role: 'user', content: 'Hello' }] },
      responses: { input: 'Hello' },
    };
    for (const [path, status, state] of [
      ['chat/completions', 500, 'broken'],
      ['responses', 503, 'broken'],
      ['responses', 400, 'available'],
      ['responses', 429, 'available'],
    ] as const) {
      const stack = await startStack(context, still());
      stack.twin.addFault({ kind: 'error-event', status, afterEvents: 2, times: 5, match: weu });
      for (let at = 0; at < 5; at += 1) {
        const body = { model: 'gpt-5.4-mini', stream: true, ...asking[path] };
        const answer = await call(`${stack.url}/openai/v1/${path}`, { headers: { 'api-key': keys.marketing }, body });
        assert.equal(answer.status, 200);
      }
      assert.equal(await stateOf(stack, 'weu'), state, `${path} ${status}`);
    }
  });

  test('follows an order: drained it gets nothing new, forced closed it is used whatever happens', async (context) => {
    const stack = await startStack(context, still());
    const order = (override: string) =>
      stack.admin('/admin/v1/deployments/weu/override', { method: 'POST', body: { override } });
    assert.equal((await order('drain')).status, 200);
    assert.equal((await ask(stack)).status, 200);
    assert.equal(servedBy(stack).at(-1), 'contoso-swc');
    await order('force-closed');
    stack.twin.addFault({ kind: 'status', status: 500, times: 7, match: weu });
    for (let at = 0; at < 8; at += 1) assert.equal((await ask(stack)).status, 200);
    assert.equal(servedBy(stack).at(-1), 'contoso-weu', 'the eighth call, although seven in a row had failed');
    await order('none');
    assert.equal(await stateOf(stack, 'weu'), 'broken');
  });

  test('counts what makes no sense in the headers of an upstream', async (context) => {
    const stack = await startStack(context, still());
    stack.twin.addFault({
      kind: 'status',
      status: 429,
      retryAfter: -1,
      headers: { 'azure-openai-deployment-utilization': '200%' },
      match: weu,
    });
    assert.equal((await ask(stack)).status, 200);
    const metrics = (await stack.admin('/metrics')).text;
    assert.match(metrics, /oddities_total\{endpoint="weu",header="azure-openai-deployment-utilization"\} 1/);
    assert.match(metrics, /oddities_total\{endpoint="weu",header="retry-after"\} 1/);
  });
});
