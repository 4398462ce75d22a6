import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RouteExplanation, RouteTrace } from '@tollgate/contract/admin-api/routing.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';

const models = (rest = ''): string => `  gpt-5.4-mini: { tiers: [[weu], [swc]]${rest} }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;

function ask(stack: RunningStack, model = 'gpt-5.4-mini'): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model, messages: [{ role: 'user', content: 'twin:tokens=3' }] },
  });
}

const idOf = (answer: Answer): string => String(answer.headers['x-request-id']);

async function traceOf(stack: RunningStack, answer: Answer): Promise<RouteTrace> {
  const { status, json } = await stack.admin(`/admin/v1/routes/requests/${idOf(answer)}`);
  assert.equal(status, 200);
  return json as RouteTrace;
}

async function explain(stack: RunningStack, query: string): Promise<RouteExplanation> {
  const { status, json } = await stack.admin(`/admin/v1/routes/explain?${query}`);
  assert.equal(status, 200);
  return json as RouteExplanation;
}

const keeping = (keepTraces: number) => (twin: string) => `${configFor(twin)}routing: { keepTraces: ${keepTraces} }\n`;

describe('the route of a request', () => {
  test('can be looked up by its id: what was considered, why it was passed over, what was tried, how long it took', async (context) => {
    const stack = await startStack(context);
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 60, match: { resource: 'contoso-weu' } });
    const retried = await traceOf(stack, await ask(stack));
    assert.deepEqual([retried.subscription, retried.model], ['marketing-web', 'gpt-5.4-mini']);
    assert.deepEqual(
      retried.steps.map(({ taken, candidates, attempt }) => [
        taken,
        candidates.map(({ passed }) => passed),
        attempt?.outcome,
        attempt?.fault,
        attempt?.status,
      ]),
      [
        ['weu', [null, 'later-tier'], 'refused-by-upstream', 'throttled', 429],
        ['swc', ['tried', null], 'completed', null, 200],
      ],
    );
    const ids = retried.steps.map(({ attempt }) => attempt?.id);
    assert.deepEqual(
      ids,
      stack.twin.usage().attempts.map(({ id }) => id),
      'the ids that were sent upstream',
    );
    const [first, second] = retried.steps;
    assert.ok(first !== undefined && second !== undefined && first.atMs <= second.atMs);
    assert.ok((second.attempt?.upstreamMs ?? 0) >= (second.attempt?.firstByteMs ?? Number.POSITIVE_INFINITY));
    const direct = await traceOf(stack, await ask(stack));
    assert.deepEqual(
      direct.steps.map(({ candidates }) => candidates.map(({ passed }) => passed)),
      [['throttled', null]],
    );
  });

  test('can be looked up for one that failed, too', async (context) => {
    const stack = await startStack(context);
    stack.twin.addFault({ kind: 'status', status: 500, times: null });
    const answer = await ask(stack);
    assert.equal(answer.status, 503);
    const { steps } = await traceOf(stack, answer);
    assert.deepEqual(
      steps.map(({ taken, attempt }) => [taken, attempt?.fault ?? null]),
      [
        ['weu', 'status 500'],
        ['swc', 'status 500'],
        [null, null],
      ],
    );
    assert.match(JSON.parse(answer.body).error.message, /The endpoints of this model: 2 failed just now\./);
  });

  test('is forgotten when enough others have come, and is not kept where it is not wanted', async (context) => {
    const stack = await startStack(context, { config: keeping(2) });
    const answers = [await ask(stack), await ask(stack), await ask(stack)];
    const found = await Promise.all(answers.map((one) => stack.admin(`/admin/v1/routes/requests/${idOf(one)}`)));
    assert.deepEqual(
      found.map(({ status }) => status),
      [404, 200, 200],
    );
    const none = await startStack(context, { config: keeping(0) });
    assert.equal((await none.admin(`/admin/v1/routes/requests/${idOf(await ask(none))}`)).status, 404);
  });

  test('stands in a header where the configuration says so, of a reply and of an error', async (context) => {
    const silent = await startStack(context);
    assert.equal((await ask(silent)).headers['x-tollgate-route'], undefined);
    const stack = await startStack(context, {
      config: (twin) => `${configFor(twin)}routing: { explainHeader: true }\n`,
    });
    assert.equal((await ask(stack)).headers['x-tollgate-route'], 'weu');
    stack.twin.addFault({ kind: 'status', status: 503, times: 3 });
    assert.equal((await ask(stack, 'one-endpoint')).headers['x-tollgate-route'], 'weu;status 503');
    const both = await ask(stack);
    assert.equal(both.status, 503);
    assert.equal(both.headers['x-tollgate-route'], 'weu;status 503, swc;status 503');
  });
});

describe('what would happen to a call now', () => {
  test('is told by endpoint, with the share of first calls, and asking changes nothing', async (context) => {
    const stack = await startStack(context, {
      config: (twin) =>
        configFor(twin, {
          models: models(', balancer: weighted-round-robin').replace(
            '[weu], [swc]',
            '[{ endpoint: weu, weight: 3 }, swc]',
          ),
        }),
    });
    const before = await explain(stack, 'model=gpt-5.4-mini&as=marketing');
    assert.deepEqual([before.subscription, before.product, before.priority], ['marketing-web', 'standard', 'standard']);
    assert.deepEqual(
      before.endpoints.map(({ endpoint, tier, share, objection }) => [endpoint, tier, share, objection]),
      [
        ['weu', 1, 0.75, null],
        ['swc', 1, 0.25, null],
      ],
    );
    assert.deepEqual(await explain(stack, 'model=gpt-5.4-mini&as=marketing-web'), before);
    await ask(stack);
    assert.equal(stack.twin.usage().attempts[0]?.resource, 'contoso-weu');
  });

  test('names what stands against each endpoint, and how long until one may be tried', async (context) => {
    const stack = await startStack(context);
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 60, times: null });
    assert.equal((await ask(stack)).status, 429);
    const { endpoints, waitMs } = await explain(stack, 'model=gpt-5.4-mini&as=finance');
    assert.deepEqual(
      endpoints.map(({ state, objection, share }) => [state, objection, share]),
      [
        ['throttled', 'throttled', 0],
        ['throttled', 'throttled', 0],
      ],
    );
    assert.ok(waitMs !== null && waitMs > 50_000 && waitMs <= 72_000);
  });

  test('says when the caller may not, and what does not exist', async (context) => {
    const stack = await startStack(context);
    assert.equal((await explain(stack, 'model=gpt-5.4-mini&as=small-app')).allowed, false);
    for (const query of ['model=nothing&as=marketing', 'model=gpt-5.4-mini&as=nobody']) {
      const { status, text } = await stack.admin(`/admin/v1/routes/explain?${query}`);
      assert.equal(status, 404);
      assert.match(text, /There is no/);
    }
  });
});
