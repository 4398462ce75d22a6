import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const everything = '[gpt-5.4-mini, gpt-5-mini, one-endpoint]';

/** Two resources; `gpt-5.4-mini` lives in both, `one-endpoint` in weu, `gpt-5-mini` in swc only. */
async function start(context: TestContext): Promise<{ readonly stack: RunningStack; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const stack = await startStack(context, {
    config: (twin) =>
      configFor(twin, {
        products: `  standard: { models: ${everything}, fallback: { gpt-5.4-mini: [gpt-5-mini], one-endpoint: [gpt-5-mini] } }
  small: { models: ${everything} }`,
        models: `  gpt-5.4-mini: { tiers: [[weu, swc]], queue: { maxWait: 10s } }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }`,
      }),
    overrides: { clock, random: always(0) },
  });
  return { stack, clock };
}

function respond(stack: RunningStack, body: object): Promise<Answer> {
  return call(`${stack.url}/openai/v1/responses`, { headers: { 'api-key': keys.marketing }, body });
}

const throttled = (stack: RunningStack, resource: string): void =>
  void stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 5, times: 1, match: { resource } });

const servedModel = (answer: Answer): unknown => answer.headers['x-tollgate-served-model'];

describe('what lives in one resource', () => {
  test('may wait for it without holding up, or sending to another model, those whom another resource can serve', async (context) => {
    const { stack, clock } = await start(context);
    const made = await respond(stack, { model: 'gpt-5.4-mini', input: 'Hello' });
    assert.equal(stack.twin.usage().attempts.at(-1)?.resource, 'contoso-weu');
    throttled(stack, 'contoso-weu');
    const bound = respond(stack, {
      model: 'gpt-5.4-mini',
      input: 'More',
      previous_response_id: JSON.parse(made.body).id,
    });
    const waits = 'tollgate_waiting{model="gpt-5.4-mini",priority="standard"} 1\n';
    await until(async () => (await stack.admin('/metrics')).text.includes(waits));
    const others = await Promise.all(
      [1, 2, 3, 4].map((at) => respond(stack, { model: 'gpt-5.4-mini', input: `${at}` })),
    );
    assert.deepEqual(
      others.map((answer) => [answer.status, servedModel(answer)]),
      others.map(() => [200, undefined]),
    );
    const served = stack.twin.usage().attempts.slice(-4);
    assert.ok(served.every(({ resource }) => resource === 'contoso-swc'));
    clock.advance(5_000);
    assert.equal((await bound).status, 200);
    await until(() => stack.twin.usage().running === 0);
    assert.equal(stack.twin.usage().attempts.at(-1)?.resource, 'contoso-weu');
  });

  test('is not made by another model where its own could not go on with it', async (context) => {
    const { stack } = await start(context);
    throttled(stack, 'contoso-weu');
    const refused = await respond(stack, { model: 'one-endpoint', input: 'Hello' });
    assert.equal(refused.status, 429, refused.body);
    const passing = await respond(stack, { model: 'one-endpoint', input: 'Hello', store: false });
    assert.deepEqual([passing.status, servedModel(passing)], [200, 'gpt-5-mini']);
  });

  test('is made by another model where its own can go on with it', async (context) => {
    const { stack } = await start(context);
    throttled(stack, 'contoso-weu');
    throttled(stack, 'contoso-swc');
    const made = await respond(stack, { model: 'gpt-5.4-mini', input: 'Hello' });
    assert.deepEqual([made.status, servedModel(made)], [200, 'gpt-5-mini']);
    const more = { input: 'More', previous_response_id: JSON.parse(made.body).id };
    const other = await respond(stack, { model: 'gpt-5-mini', ...more });
    assert.equal(other.status, 200, other.body);
  });
});
