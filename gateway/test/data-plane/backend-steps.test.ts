import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';
import { call, keys, startStack } from '../support/running-gateway.ts';

const ask = {
  headers: { 'api-key': keys.marketing },
  body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'hi' }] },
};

/** Throws the first answer away, whatever it is, and asks again. */
const askTwice: PolicyStep = {
  name: 'ask-twice',
  section: 'backend',
  async run(context) {
    await context.reply?.discard();
    context.reply = await context.forward();
  },
};

test('a step may forward again: each call makes its own attempts, and the reply that nobody saw is metered too', async (context) => {
  const stack = await startStack(context, { overrides: { steps: [askTwice] } });
  for (const stream of [false, true]) {
    const answer = await call(`${stack.url}/openai/v1/chat/completions`, { ...ask, body: { ...ask.body, stream } });
    assert.equal(answer.status, 200);
  }
  const { total } = await stack.usage();
  const truth = stack.twin.usage().total;
  assert.deepEqual([total.requests, total.attempts, truth.requests], [2, 4, 4]);
  assert.deepEqual([total.inputTokens, total.outputTokens], [truth.inputTokens, truth.outputTokens]);
  assert.deepEqual((await stack.verify()).problems, []);
});

test('an outbound step changes the headers of a reply before the client sees them', async (context) => {
  const stamp: PolicyStep = {
    name: 'stamp',
    section: 'outbound',
    run({ reply }) {
      reply?.headers.set('x-served-for', 'marketing');
    },
  };
  const stack = await startStack(context, { overrides: { steps: [stamp] } });
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, ask);
  assert.equal(answer.headers['x-served-for'], 'marketing');
});

test('a step that refuses after the call has its reply metered and its words told', async (context) => {
  const refuse: PolicyStep = {
    name: 'refuse',
    section: 'outbound',
    run() {
      throw new Failure('cap_exceeded', 'Not this one.');
    },
  };
  const stack = await startStack(context, { overrides: { steps: [refuse] } });
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, ask);
  assert.equal(answer.status, 400);
  assert.match(answer.body, /Not this one\./);
  assert.equal((await stack.usage()).total.outputTokens, stack.twin.usage().total.outputTokens);
});
