import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { always } from '../support/routing.ts';
import {
  call,
  configFor,
  keys,
  keyOf,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';

const endpoint = (twin: string, name: string, rest: string): string =>
  `  ${name}: { resource: '${twin}/${rest}, region: westeurope, model: gpt-5.4-mini, auth: { key: '\${TEST_TWIN_KEY}' }`;

const chat = { model: 'gpt-5.4-mini', version: '2026-03-17' };
const twin = {
  resources: {
    one: {
      region: 'westeurope',
      deployments: {
        ptu: { ...chat, type: 'ProvisionedManaged', ptu: 50 },
        'ptu-spilling': { ...chat, type: 'ProvisionedManaged', ptu: 50, spillover: 'payg' },
        payg: chat,
      },
    },
    two: { region: 'swedencentral', deployments: { payg: chat } },
  },
} as const;

const config = (url: string): string =>
  configFor(url, {
    endpoints: [
      `${endpoint(url, 'ptu', "one', deployment: ptu, type: ProvisionedManaged")} }`,
      `${endpoint(url, 'spilling', "one', deployment: ptu-spilling, type: ProvisionedManaged")} }`,
      `${endpoint(url, 'payg', "one', deployment: payg, type: DataZoneStandard")} }`,
      `${endpoint(url, 'far', "two', deployment: payg, type: DataZoneStandard")} }`,
    ].join('\n'),
    models:
      '  ptu-first: { tiers: [[ptu], [payg]] }\n  spilling: { tiers: [[spilling], [payg], [far]] }\n  plain: { tiers: [[ptu], [payg], [far]] }\n  direct: { tiers: [[payg]] }',
    products:
      '  standard: { models: [ptu-first, spilling, plain, direct], unpriced: allow-and-flag }\n  small: { models: [ptu-first], priority: batch, unpriced: allow-and-flag }',
  });

function ask(stack: RunningStack, model: string, key: string = keys.marketing): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': key },
    body: { model, messages: [{ role: 'user', content: 'twin:tokens=2' }] },
  });
}

const lastServed = (stack: RunningStack): string | undefined => stack.twin.usage().attempts.at(-1)?.deployment;

describe('provisioned throughput', () => {
  test('is yielded by batch calls while interactive ones still get it, and by nobody where nothing else is left', async (context) => {
    const stack = await startStack(context, { twin, config, overrides: { random: always(0.5) } });
    stack.twin.limit({ deployment: 'ptu', utilization: 70 });
    await ask(stack, 'ptu-first');
    assert.equal(lastServed(stack), 'ptu');
    await ask(stack, 'ptu-first', keyOf('small'));
    assert.equal(lastServed(stack), 'payg', 'batch yields at 60 %');
    await ask(stack, 'ptu-first');
    assert.equal(lastServed(stack), 'ptu');
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 60, match: { deployment: 'payg' } });
    assert.equal((await ask(stack, 'ptu-first', keyOf('small'))).status, 200);
    assert.equal(lastServed(stack), 'ptu');
  });

  test('that Azure spilled over itself is recorded and priced as such, and makes the next call go to pay-as-you-go directly', async (context) => {
    const stack = await startStack(context, { twin, config, overrides: { random: always(0.5) } });
    stack.twin.limit({ deployment: 'ptu-spilling', utilization: 100 });
    assert.equal((await ask(stack, 'spilling')).status, 200);
    const [first] = stack.twin.usage().attempts;
    assert.deepEqual([first?.deployment, first?.spilledFrom], ['payg', 'ptu-spilling']);
    const rows = (await stack.usage('deployment')).rows.map(({ key, attempts }) => [key, attempts]);
    assert.deepEqual(rows, [['one/payg', 1]]);
    await ask(stack, 'spilling');
    assert.equal(stack.twin.usage().attempts.at(-1)?.spilledFrom, null);
  });

  for (const how of ['as Azure tells it now', 'as it told it before'] as const) {
    test(`whose own spillover failed too is not retried into its target, ${how}`, async (context) => {
      const stack = await startStack(context, { twin, config, overrides: { random: always(0.5) } });
      const now = how === 'as Azure tells it now';
      if (now) {
        stack.twin.limit({ deployment: 'ptu-spilling', utilization: 100 });
        stack.twin.limit({ resource: 'one', deployment: 'payg', requestsPerMinute: 1 });
        await ask(stack, 'direct');
      } else {
        const headers = { 'x-ms-spillover-error': '429' };
        stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 5, headers, match: { deployment: 'ptu' } });
      }
      const before = stack.twin.usage().attempts.length;
      assert.equal((await ask(stack, now ? 'spilling' : 'plain')).status, 200);
      const made = stack.twin.usage().attempts.slice(before);
      assert.deepEqual(
        made.map(({ resource, status }) => `${resource} ${status}`),
        ['one 429', 'two 200'],
      );
    });
  }
});
