import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { RouteExplanation, RouteTrace } from '@tollgate/contract/admin-api/routing.ts';
import type { UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const everything = '[gpt-5.4-mini, gpt-5-mini, text-embedding-3-small, one-endpoint, classic]';

interface Options {
  readonly fallback?: string;
  readonly models?: string;
  readonly more?: string;
}

async function start(
  context: TestContext,
  { fallback = '{ one-endpoint: [gpt-5-mini] }', models = '', more = '' }: Options = {},
): Promise<{ readonly stack: RunningStack; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const stack = await startStack(context, {
    config: (twin) =>
      configFor(twin, {
        products: `  standard: { models: ${everything}, unpriced: allow-and-flag, fallback: ${fallback} }
  small: { models: ${everything}, unpriced: allow-and-flag }`,
        models: `  gpt-5.4-mini: { tiers: [[weu], [swc]] }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]]${models} }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`,
      }) + more,
    overrides: { clock, random: always(0) },
  });
  return { stack, clock };
}

const chat = { model: 'one-endpoint', messages: [{ role: 'user', content: 'twin:tokens=3' }] };

function ask(stack: RunningStack, body: object = chat, key: string = keys.marketing): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
}

const down = (stack: RunningStack, resource = 'contoso-weu'): void =>
  void stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 5, times: 1, match: { resource } });

const servedModel = (answer: Answer): string | undefined =>
  answer.headers['x-tollgate-served-model'] as string | undefined;

describe('a call that its own model cannot take', () => {
  test('is served by the model that its product allows instead, and reply, record and trace say so', async (context) => {
    const { stack } = await start(context);
    const own = await ask(stack);
    assert.equal(servedModel(own), undefined);
    down(stack);
    const answer = await ask(stack);
    assert.equal(answer.status, 200, answer.body);
    assert.equal(servedModel(answer), 'gpt-5-mini');
    await stack.usage();
    const id = String(answer.headers['x-request-id']);
    const { attempts } = (await stack.admin(`/admin/v1/usage/requests/${id}`)).json as UsageRequest;
    assert.deepEqual(
      attempts.map(({ requestedModel, model, endpoint, outcome }) => [requestedModel, model, endpoint, outcome]),
      [
        ['one-endpoint', 'gpt-5.4-mini', 'weu', 'refused-by-upstream'],
        ['one-endpoint', 'gpt-5-mini', 'reasoning', 'completed'],
      ],
    );
    const output = attempts[1]?.lines.find(({ meter, layer }) => meter === 'output' && layer === 'list');
    assert.match(output?.priceId ?? '', /gpt-5-mini/, 'priced as what served it');
    const { steps } = (await stack.admin(`/admin/v1/routes/requests/${id}`)).json as RouteTrace;
    assert.deepEqual(
      steps.map(({ model, taken, candidates }) => [model, taken, candidates.map(({ endpoint }) => endpoint)]),
      [
        ['one-endpoint', 'weu', ['weu']],
        ['one-endpoint', null, ['weu']],
        ['gpt-5-mini', 'reasoning', ['reasoning']],
      ],
    );
    const shown = (await stack.admin('/metrics')).text;
    assert.match(shown, /^tollgate_fallbacks_total\{asked="one-endpoint",served="gpt-5-mini"\} 1$/m);
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('streams from the other model as from its own', async (context) => {
    const { stack } = await start(context);
    down(stack);
    const answer = await ask(stack, { ...chat, stream: true });
    assert.equal(servedModel(answer), 'gpt-5-mini');
    assert.match(answer.body, /data: \[DONE\]\n\n$/);
  });

  test('is refused as ever where its product does not allow another model', async (context) => {
    const { stack } = await start(context, { fallback: '{ gpt-5.4-mini: [gpt-5-mini] }' });
    down(stack);
    const answer = await ask(stack);
    assert.deepEqual([answer.status, servedModel(answer)], [429, undefined]);
  });

  test('goes on to the next one where the first cannot take it either', async (context) => {
    const { stack } = await start(context, { fallback: '{ one-endpoint: [gpt-5-mini, classic] }' });
    down(stack);
    stack.twin.addFault({ kind: 'status', status: 500, times: 1, match: { resource: 'contoso-swc' } });
    const answer = await ask(stack);
    assert.equal(answer.status, 200, answer.body);
    assert.equal(servedModel(answer), 'classic');
  });

  test('is told how its own model stands where none can take it', async (context) => {
    const { stack } = await start(context);
    down(stack);
    stack.twin.addFault({ kind: 'status', status: 500, times: 1, match: { resource: 'contoso-swc' } });
    const answer = await ask(stack);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '5']);
    assert.match(answer.body, /Every endpoint of this model is throttled/);
    assert.equal(answer.headers['x-should-retry'], 'false', 'two attempts were made, if of two models');
  });

  test('waits for its own model where no other can take it now', async (context) => {
    const { stack, clock } = await start(context, { models: ', queue: { maxWait: 10s }' });
    down(stack);
    down(stack, 'contoso-swc');
    const answering = ask(stack);
    await until(() => stack.twin.usage().attempts.length === 2);
    const waits = 'tollgate_waiting{model="one-endpoint",priority="standard"} 1\n';
    await until(async () => (await stack.admin('/metrics')).text.includes(waits));
    clock.advance(5_000);
    const answer = await answering;
    assert.deepEqual([answer.status, servedModel(answer)], [200, undefined]);
    assert.equal(stack.twin.usage().attempts.at(-1)?.resource, 'contoso-weu');
  });

  test('is not given to a model that it cannot be paid for', async (context) => {
    const dear =
      '{ model: gpt-5-mini, type: GlobalStandard, effectiveFrom: 2026-01-01, usdPerMillion: { input: 1, cachedInput: 1, output: 900000 } }';
    const { stack } = await start(context, {
      more: `consumers: { marketing: { budget: { amount: 5 USD, every: month, hard: true } } }\nprices: [${dear}]\n`,
    });
    down(stack);
    const answer = await ask(stack, { ...chat, max_completion_tokens: 100 });
    assert.deepEqual([answer.status, servedModel(answer)], [429, undefined]);
    assert.match(answer.body, /throttled/);
    assert.equal(stack.twin.usage().attempts.length, 1);
  });

  test('never goes to another model where vectors are asked for, or what lives in one resource', async (context) => {
    const { stack } = await start(context, {
      fallback: '{ text-embedding-3-small: [gpt-5-mini], one-endpoint: [gpt-5-mini] }',
    });
    down(stack);
    const vectors = await call(`${stack.url}/openai/v1/embeddings`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'text-embedding-3-small', input: 'x' },
    });
    assert.equal(vectors.status, 429);
    down(stack);
    const file = { type: 'file', file: { file_id: 'file-1' } };
    const bound = await ask(stack, { ...chat, messages: [{ role: 'user', content: [file] }] });
    assert.equal(bound.status, 429);
    assert.equal(stack.twin.usage().attempts.length, 2);
  });

  test('does not go to another model for its own mistakes', async (context) => {
    const { stack } = await start(context);
    stack.twin.addFault({ kind: 'status', status: 400, body: { error: { code: 'x', message: 'No.' } }, times: 1 });
    const answer = await ask(stack);
    assert.equal(answer.status, 400);
    assert.equal(stack.twin.usage().attempts.length, 1);
  });

  test('can be foreseen: the explanation names the other models, and whether they could take it', async (context) => {
    const { stack } = await start(context, { fallback: '{ one-endpoint: [gpt-5-mini, classic] }' });
    await stack.admin('/admin/v1/deployments/reasoning/override', { method: 'POST', body: { override: 'drain' } });
    const { json } = await stack.admin('/admin/v1/routes/explain?model=one-endpoint&as=marketing');
    assert.deepEqual((json as RouteExplanation).fallback, [
      { model: 'gpt-5-mini', takes: false },
      { model: 'classic', takes: true },
    ]);
  });
});
