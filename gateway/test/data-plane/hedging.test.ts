import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import type { RouteTrace } from '@tollgate/contract/admin-api/routing.ts';
import type { UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import { afterMs, ask, chat, hedges, hold, known, startHedged as start, warm } from '../support/hedged-stack.ts';
import { encrypt } from '../../../twin/src/azure-openai/encrypted.ts';
import { systemIds } from '../../../twin/src/kernel/ids.ts';
import { call, keyOf, keys, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const heldOrServed = (stack: RunningStack, count: number): Promise<void> =>
  until(() => stack.twin.usage().attempts.length + stack.twin.usage().running === count);

async function attemptsOf(stack: RunningStack, answer: Answer): Promise<UsageRequest['attempts']> {
  await stack.usage();
  const id = String(answer.headers['x-request-id']);
  return ((await stack.admin(`/admin/v1/usage/requests/${id}`)).json as UsageRequest).attempts;
}

const told = (attempts: UsageRequest['attempts']): readonly (readonly unknown[])[] =>
  attempts.map(({ endpoint, outcome, measuredInput, measuredOutput }) => [
    endpoint,
    outcome,
    measuredInput,
    measuredOutput,
  ]);

/** Which the resource of the first endpoint can read. */
const thoughts = encrypt('contoso-weu', { item: 'rs_1', tokens: 5 }, systemIds());

const withoutIds = (body: string): string =>
  body.replaceAll(/"id":"[^"]+"/g, '"id":""').replaceAll(/"created":\d+/g, '"created":0');

describe('a call whose first attempt is slow to begin its answer', () => {
  test('is sent to a second endpoint, whose reply arrives intact, while the first is cancelled and both are in the ledger', async (context) => {
    const { stack, clock, settled } = await start(context);
    const expected = await call(`${stack.twin.url}/contoso-swc/openai/v1/chat/completions`, {
      headers: { 'api-key': stack.twin.key },
      body: chat,
    });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs - 1);
    assert.equal(stack.twin.usage().running, 1, 'not before its time');
    clock.advance(1);
    const answer = await answering;
    assert.equal(answer.status, 200);
    assert.equal(withoutIds(answer.body), withoutIds(expected.body));
    await settled(known + 2);
    const attempts = await attemptsOf(stack, answer);
    assert.deepEqual(told(attempts), [
      ['weu', 'hedge-lost', 'estimated', 'delivered'],
      ['swc', 'completed', 'reported', 'reported'],
    ]);
    // Nobody has released it: it ended because its caller went away.
    await until(() => stack.twin.usage().running === 0);
    const upstream = stack.twin.usage().attempts.slice(-2);
    assert.deepEqual(upstream.map(({ id }) => id).toSorted(), attempts.map(({ id }) => id).toSorted());
    const [lost, won] = attempts.map(({ id }) => upstream.find((one) => one.id === id));
    assert.deepEqual([lost?.resource, lost?.complete], ['contoso-weu', false]);
    assert.deepEqual(
      [won?.resource, won?.complete, won?.outputTokens],
      ['contoso-swc', true, attempts[1]?.units.outputTokens],
    );
    const { json } = await stack.admin(`/admin/v1/routes/requests/${String(answer.headers['x-request-id'])}`);
    assert.deepEqual(
      (json as RouteTrace).steps.map(({ taken, hedge, atMs, attempt }) => [taken, hedge, atMs, attempt?.outcome]),
      [
        ['weu', false, 0, 'hedge-lost'],
        ['swc', true, afterMs, 'completed'],
      ],
    );
    assert.deepEqual(await hedges(stack), ['tollgate_hedges_total{model="gpt-5.4-mini",how="second"} 1']);
    const { problems } = await stack.verify();
    assert.deepEqual(problems, []);
  });

  test('is served by the first where that begins before the second after all', async (context) => {
    const { stack, clock, opened, settled } = await start(context);
    await warm(stack);
    hold(stack, 'contoso-weu');
    hold(stack, 'contoso-swc');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await until(() => stack.twin.held() === 2);
    stack.twin.release(opened.at(-2)?.id);
    const answer = await answering;
    await settled(known + 2);
    assert.deepEqual(told(await attemptsOf(stack, answer)), [
      ['weu', 'completed', 'reported', 'reported'],
      ['swc', 'hedge-lost', 'estimated', 'delivered'],
    ]);
    await until(() => stack.twin.usage().running === 0);
    assert.deepEqual(await hedges(stack), ['tollgate_hedges_total{model="gpt-5.4-mini",how="first"} 1']);
  });

  test('is served by the first where the second fails', async (context) => {
    const { stack, clock } = await start(context);
    await warm(stack);
    hold(stack, 'contoso-weu');
    stack.twin.addFault({ kind: 'status', status: 500, times: 1, match: { resource: 'contoso-swc' } });
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await heldOrServed(stack, known + 2);
    stack.twin.release();
    assert.deepEqual(
      (await attemptsOf(stack, await answering)).map(({ endpoint, outcome }) => [endpoint, outcome]),
      [
        ['weu', 'completed'],
        ['swc', 'upstream-broke'],
      ],
    );
  });

  test('is not sent twice where its budget has not room for both', async (context) => {
    const large = { max_completion_tokens: 50_000 };
    // Output at twice the list price, which is that of priority processing: room for one, and not for two.
    const { stack, clock } = await start(context, {
      more: 'consumers: { marketing: { budget: { amount: 0.6 USD, every: month, hard: true } } }\n',
    });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const answering = ask(stack, large);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    stack.twin.release();
    const answer = await answering;
    const attempts = await attemptsOf(stack, answer);
    assert.deepEqual(told(attempts), [['weu', 'completed', 'reported', 'reported']]);
    const reserved = BigInt(attempts[0]?.reservedNanoUsd ?? '0');
    assert.ok(reserved > 300_000_000n && reserved < 600_000_000n, `${reserved}: the budget holds one, and not two`);
    assert.deepEqual(await hedges(stack), ['tollgate_hedges_total{model="gpt-5.4-mini",how="unpaid"} 1']);
  });

  test('takes both attempts out of the budget, where the cancelled one stays held, for nobody knows what it has cost', async (context) => {
    const { stack, clock, settled } = await start(context, {
      more: 'consumers: { marketing: { budget: { amount: 5 USD, every: month, hard: true } } }\n',
    });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const answering = ask(stack, { max_completion_tokens: 50_000 });
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    const answer = await answering;
    await settled(known + 2);
    const attempts = await attemptsOf(stack, answer);
    assert.equal(attempts.length, 2);
    assert.ok(attempts.every(({ reservedNanoUsd }) => BigInt(reservedNanoUsd ?? '0') > 300_000_000n));
    stack.twin.removeFaults();
    const left = Number((await ask(stack, { max_completion_tokens: 1 })).headers['x-ratelimit-remaining-budget']);
    const held = Number(attempts[0]?.reservedNanoUsd) / 1e9;
    assert.ok(left < 5 - held && left > 4.98 - held, `${left} USD are left of 5, ${held} held`);
  });

  test('ends in both places when its client goes', async (context) => {
    const { stack, clock, settled } = await start(context);
    await warm(stack);
    hold(stack, 'contoso-weu');
    hold(stack, 'contoso-swc');
    const leaving = httpRequest(`${stack.url}/openai/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
    });
    leaving.on('error', () => {});
    leaving.end(JSON.stringify(chat));
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await until(() => stack.twin.held() === 2);
    leaving.destroy();
    await settled(known + 2);
    await until(() => stack.twin.usage().running === 0, 'the end of both at the upstream');
    const { rows } = await stack.usage('outcome');
    assert.deepEqual(Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts])), {
      'client-left': 2,
      completed: known,
    });
  });

  test('is sent twice only as often as the budget of retries allows', async (context) => {
    const { stack, clock } = await start(context, { model: ', retryBudget: { share: 0%, atLeast: 1 }' });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const first = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    assert.equal((await first).status, 200);
    await until(() => stack.twin.usage().running === 0);
    const second = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    stack.twin.release();
    assert.equal((await attemptsOf(stack, await second)).length, 1);
    assert.deepEqual(await hedges(stack), [
      'tollgate_hedges_total{model="gpt-5.4-mini",how="second"} 1',
      'tollgate_hedges_total{model="gpt-5.4-mini",how="nowhere"} 1',
    ]);
  });
});

describe('a call is never sent twice', () => {
  const cases: readonly (readonly [string, string, object, string?])[] = [
    ['where its product does not ask for it', 'chat/completions', chat, keyOf('small')],
    ['whose reply is not streamed', 'chat/completions', { ...chat, stream: false, stream_options: undefined }],
    ['that searches the web', 'chat/completions', { ...chat, web_search_options: {} }],
    [
      'that brings along reasoning which only one resource can read',
      'responses',
      {
        model: chat.model,
        stream: true,
        store: false,
        input: [
          { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: thoughts },
          { type: 'message', role: 'user', content: 'x' },
        ],
      },
    ],
    ['that is stored', 'chat/completions', { ...chat, store: true }],
    ['whose response is stored, which is the default', 'responses', { model: chat.model, stream: true, input: 'x' }],
    [
      'that uses hosted tools',
      'responses',
      { model: chat.model, stream: true, store: false, input: 'x', tools: [{ type: 'web_search' }] },
    ],
  ];
  for (const [what, path, body, key = keys.marketing] of cases) {
    test(what, async (context) => {
      const { stack, clock } = await start(context);
      await warm(stack);
      hold(stack, 'contoso-weu');
      const answering = call(`${stack.url}/openai/v1/${path}`, { headers: { 'api-key': key }, body });
      await until(() => stack.twin.held() === 1);
      clock.advance(afterMs * 2);
      stack.twin.release();
      assert.equal((await answering).status, 200);
      assert.equal(stack.twin.usage().attempts.length, known + 1);
      assert.deepEqual(await hedges(stack), []);
    });
  }

  test('while too few have been answered to say what is slow', async (context) => {
    const { stack, clock } = await start(context);
    await warm(stack, known - 1);
    hold(stack, 'contoso-weu');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs * 2);
    stack.twin.release();
    assert.equal((await answering).status, 200);
    assert.equal(stack.twin.usage().attempts.length, known);
  });

  test('but a response that says it is not to be stored may be', async (context) => {
    const { stack, clock, settled } = await start(context);
    await warm(stack);
    hold(stack, 'contoso-weu');
    const answering = call(`${stack.url}/openai/v1/responses`, {
      headers: { 'api-key': keys.marketing },
      body: { model: chat.model, stream: true, store: false, input: 'x' },
    });
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    const answer = await answering;
    assert.match(answer.body, /response\.completed/);
    await settled(known + 2);
    assert.equal((await attemptsOf(stack, answer)).length, 2);
  });
});
