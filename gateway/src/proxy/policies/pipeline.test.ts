import assert from 'node:assert/strict';
import test from 'node:test';
import { Failure } from '#kernel/errors.ts';
import type { Reply } from '#model/reply.ts';
import { callerOf, exchangeOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import { forwardRequest } from './forward-request/forward-request.ts';
import { pipelineOf, runPipeline } from './pipeline.ts';
import type { PolicyContext, PolicyStep, Section } from './policy.ts';
import { builtInSteps } from './registry.ts';

function replyWith(status: number, log: string[]): Reply {
  return {
    status,
    headers: new Map(),
    deliver: () => Promise.resolve(),
    discard() {
      log.push(`discard ${status}`);
      return Promise.resolve();
    },
  };
}

function contextOver(statuses: number[], log: string[]): PolicyContext {
  return {
    exchange: exchangeOf({}),
    caller: callerOf(subscriptionWith()),
    route: routeOver([[[endpointNamed('weu'), 1]]]),
    binding: null,
    edits: new Map(),
    reply: undefined,
    failure: undefined,
    forward() {
      log.push('forward');
      return Promise.resolve(replyWith(statuses.shift() ?? 200, log));
    },
  };
}

const noting = (name: string, section: Section, log: string[]): PolicyStep => ({
  name,
  section,
  run: () => void log.push(name),
});

test('the order of the built-in steps is this one', () => {
  assert.deepEqual(
    builtInSteps.map(({ section, name }) => `${section}: ${name}`),
    ['inbound: request-checks', 'inbound: call-caps', 'inbound: unpriced', 'backend: forward-request'],
  );
});

test('sections run inbound, backend, outbound, whatever the order of the list', async () => {
  const log: string[] = [];
  const reply = await runPipeline(
    pipelineOf([
      noting('out', 'outbound', log),
      forwardRequest,
      noting('in', 'inbound', log),
      noting('err', 'on-error', log),
    ]),
    contextOver([200], log),
  );
  assert.deepEqual(log, ['in', 'forward', 'out']);
  assert.equal(reply.status, 200);
});

test('a step may forward several times; what it does not use it discards', async () => {
  const log: string[] = [];
  const retry: PolicyStep = {
    name: 'retry-on-429',
    section: 'backend',
    async run(context) {
      context.reply = await context.forward();
      while (context.reply.status === 429) {
        await context.reply.discard();
        context.reply = await context.forward();
      }
    },
  };
  const reply = await runPipeline(pipelineOf([retry]), contextOver([429, 429, 200], log));
  assert.equal(reply.status, 200);
  assert.deepEqual(log, ['forward', 'discard 429', 'forward', 'discard 429', 'forward']);
});

test('a backend section that makes no call is a failed policy', async () => {
  await assert.rejects(
    runPipeline(pipelineOf([]), contextOver([], [])),
    (thrown) => thrown instanceof Failure && thrown.code === 'policy_failed',
  );
});

test('a refusal stops the request, on-error sees it and may replace it', async () => {
  const log: string[] = [];
  const refuse: PolicyStep = {
    name: 'refuse',
    section: 'inbound',
    run() {
      throw new Failure('cap_exceeded', 'too much');
    },
  };
  const soften: PolicyStep = {
    name: 'soften',
    section: 'on-error',
    run(context) {
      log.push(context.failure?.code ?? '');
      context.failure = new Failure('model_not_allowed', 'no');
    },
  };
  await assert.rejects(
    runPipeline(pipelineOf([refuse, forwardRequest, soften]), contextOver([200], log)),
    (thrown) => thrown instanceof Failure && thrown.code === 'model_not_allowed',
  );
  assert.deepEqual(log, ['cap_exceeded']);
});

test('an outbound step that fails has the reply discarded, so that its attempt is settled', async () => {
  const log: string[] = [];
  const explode: PolicyStep = {
    name: 'explode',
    section: 'outbound',
    run() {
      throw new Error('bug');
    },
  };
  await assert.rejects(
    runPipeline(pipelineOf([forwardRequest, explode]), contextOver([200], log)),
    (thrown) => thrown instanceof Failure && thrown.code === 'internal_error',
  );
  assert.deepEqual(log, ['forward', 'discard 200']);
});
