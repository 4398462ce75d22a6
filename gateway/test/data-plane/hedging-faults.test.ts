import assert from 'node:assert/strict';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { describe, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { afterMs, ask, chat, hedges, hold, known, startHedged, warm } from '../support/hedged-stack.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';
import { untilLogged } from '../support/logged.ts';

/** A call that can be broken off. */
function leaving(stack: RunningStack): ClientRequest {
  const request = httpRequest(`${stack.url}/openai/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
  });
  request.on('error', () => {});
  request.end(JSON.stringify(chat));
  return request;
}

const outcomes = async (stack: RunningStack): Promise<object> => {
  const { rows } = await stack.usage('outcome');
  return Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts]));
};

const standing = async (stack: RunningStack, endpoint: string): Promise<string> => {
  const lines = (await stack.admin('/metrics')).text.split('\n');
  const line = lines.find(
    (one) => one.startsWith(`tollgate_endpoint_state{endpoint="${endpoint}"`) && one.endsWith(' 1'),
  );
  return /state="([^"]+)"/.exec(line ?? '')?.[1] ?? 'nothing is told';
};

describe('a second attempt beside a slow one', () => {
  test('that the journal refuses is nothing to the first one, which serves the call', async (context) => {
    const { stack, clock, settled } = await startHedged(context, {
      opening: ({ attempt }) =>
        attempt === 1 ? Promise.resolve() : Promise.reject(new Failure('ledger_unavailable', 'The store is behind.')),
    });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await untilLogged(stack, 'a hedge could not be made');
    stack.twin.release();
    const answer = await answering;
    assert.equal(answer.status, 200, answer.body);
    assert.match(answer.body, /data: \[DONE\]\n\n$/);
    await settled(known + 1);
    assert.deepEqual(await outcomes(stack), { completed: known + 1 });
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('that was not made because a limit had no room for it leaves its endpoint to a later attempt', async (context) => {
    const { stack, clock } = await startHedged(context, {
      more: 'consumers: { marketing: { limits: { tokensPerMinute: 80000 } } }\n',
      model: ', firstByteTimeout: 200s, deadline: 300s',
    });
    await warm(stack);
    hold(stack, 'contoso-weu');
    stack.twin.addFault({ kind: 'reset', times: 1, match: { resource: 'contoso-weu' } });
    const answering = ask(stack, { max_completion_tokens: 50_000 });
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await until(async () => (await hedges(stack)).length > 0);
    assert.deepEqual(await hedges(stack), ['tollgate_hedges_total{model="gpt-5.4-mini",how="unpaid"} 1']);
    clock.advance(120_000);
    stack.twin.release();
    const answer = await answering;
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(await outcomes(stack), { completed: known + 1, 'upstream-broke': 1 });
  });

  test('is not made for a client that has gone, also where the reply is read on for its usage', async (context) => {
    const { stack, clock, settled } = await startHedged(context, { model: ', onClientDisconnect: drain' });
    await warm(stack);
    hold(stack, 'contoso-weu');
    const client = leaving(stack);
    await until(() => stack.twin.held() === 1);
    const gone = new Promise((resolve) => {
      client.once('close', resolve);
    });
    client.destroy();
    await gone;
    // One round trip later the gateway has noticed it, too.
    await hedges(stack);
    clock.advance(afterMs);
    stack.twin.release();
    await settled(known + 1);
    assert.deepEqual(await outcomes(stack), { 'client-left': 1, completed: known });
    assert.deepEqual(await hedges(stack), []);
  });

  test('does not hide that the first endpoint has died: it is left alone as a slow one', async (context) => {
    const { stack, clock } = await startHedged(context, {
      more: 'health: { slowCalls: 3 }\n',
      model: ', retryBudget: { share: 100%, atLeast: 100 }',
    });
    await warm(stack);
    clock.advance(20_000);
    hold(stack, 'contoso-weu');
    for (let at = 0; at < 3; at += 1) {
      const answering = ask(stack);
      await until(() => stack.twin.held() === 1);
      clock.advance(afterMs);
      assert.equal((await answering).status, 200);
      await until(() => stack.twin.usage().running === 0);
    }
    assert.equal(await standing(stack, 'weu'), 'broken');
    assert.equal((await ask(stack)).status, 200, 'by the other one, without a wait');
  });

  test('under way when the gateway goes down, both are settled before it ends, and the reply is whole', async (context) => {
    const { stack, clock } = await startHedged(context);
    await warm(stack);
    hold(stack, 'contoso-weu');
    hold(stack, 'contoso-swc');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await until(() => stack.twin.held() === 2);
    const drained = stack.gateway.drain('test');
    stack.twin.release();
    const answer = await answering;
    assert.equal(answer.status, 200);
    assert.match(answer.body, /data: \[DONE\]\n\n$/);
    await drained;
    const again = await stack.restart();
    assert.deepEqual(await outcomes(again), { completed: known + 1, 'hedge-lost': 1 });
    assert.deepEqual((await again.verify()).problems, []);
  });

  test('ends with the first one at the deadline, each settled once', async (context) => {
    const { stack, clock, settled } = await startHedged(context, { model: ', deadline: 10s' });
    await warm(stack);
    hold(stack, 'contoso-weu');
    hold(stack, 'contoso-swc');
    const answering = ask(stack);
    await until(() => stack.twin.held() === 1);
    clock.advance(afterMs);
    await until(() => stack.twin.held() === 2);
    clock.advance(10_000 - afterMs);
    assert.equal((await answering).status, 504);
    await settled(known + 2);
    assert.deepEqual(await outcomes(stack), { completed: known, 'timed-out': 2 });
    assert.deepEqual((await stack.verify()).problems, []);
  });
});
