import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import type { RouteExplanation, RouteTrace } from '@tollgate/contract/admin-api/routing.ts';
import type { UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import {
  call,
  configFor,
  keyOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';
import { until } from '../support/until.ts';
import { untilLogged } from '../support/logged.ts';

const models = (queue: string): string => `  gpt-5.4-mini: { tiers: [[weu], [swc]], queue: ${queue} }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]], queue: ${queue} }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;
const everything = '[gpt-5.4-mini, gpt-5-mini, text-embedding-3-small, one-endpoint, classic]';
const products = `  standard: { models: ${everything}, unpriced: allow-and-flag }
  small: { models: ${everything}, unpriced: allow-and-flag, priority: interactive }`;

interface Options {
  readonly queue?: string;
  readonly more?: string;
  /** Of `weu`. */
  readonly maxInFlight?: number;
}

/** A gateway on a clock that is moved by hand. */
async function start(
  context: TestContext,
  { queue = '{ maxWait: 10s, maxLength: 3 }', more = '', maxInFlight }: Options = {},
): Promise<{ readonly stack: RunningStack; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const stack = await startStack(context, {
    config: (twin) => {
      const text = `${configFor(twin, { models: models(queue), products })}${more}`;
      return maxInFlight === undefined ? text : text.replace('  weu: { ', `  weu: { maxInFlight: ${maxInFlight}, `);
    },
    overrides: { clock, random: always(0) },
  });
  return { stack, clock };
}

const body = (model: string): object => ({ model, messages: [{ role: 'user', content: 'twin:tokens=3' }] });

function ask(stack: RunningStack, model = 'one-endpoint', key: string = keys.marketing): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body: body(model) });
}

const throttled = (stack: RunningStack, seconds: number, resource: string): void =>
  void stack.twin.addFault({ kind: 'status', status: 429, retryAfter: seconds, times: 1, match: { resource } });

async function metrics(stack: RunningStack): Promise<string> {
  return (await stack.admin('/metrics')).text;
}

/** How many wait, by the gauge. */
async function waiting(stack: RunningStack, model: string, priority = 'standard'): Promise<number> {
  const line = (await metrics(stack))
    .split('\n')
    .find((one) => one.startsWith(`tollgate_waiting{model="${model}",priority="${priority}"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

async function untilWaiting(stack: RunningStack, count: number, model = 'one-endpoint'): Promise<void> {
  await until(async () => {
    const all = await Promise.all(['interactive', 'standard', 'batch'].map((one) => waiting(stack, model, one)));
    return all.reduce((sum, one) => sum + one, 0) === count;
  }, `${count} calls that wait`);
}

const errorOf = (answer: Answer): { readonly code: string; readonly message: string } => JSON.parse(answer.body).error;

describe('a call that no endpoint can take', () => {
  test('waits until one can, and its trace, its record and the metrics say how long', async (context) => {
    const { stack, clock } = await start(context);
    throttled(stack, 3, 'contoso-weu');
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    const { json } = await stack.admin('/admin/v1/routes/explain?model=one-endpoint&as=marketing');
    const { queue } = json as RouteExplanation;
    assert.deepEqual(queue, { maxWaitMs: 10_000, maxLength: 3, interactive: 0, standard: 1, batch: 0, longestMs: 0 });
    clock.advance(3_000);
    const answer = await answering;
    assert.equal(answer.status, 200, answer.body);
    const trace = await stack.admin(`/admin/v1/routes/requests/${String(answer.headers['x-request-id'])}`);
    assert.deepEqual(
      (trace.json as RouteTrace).steps.map(({ atMs, taken, waited, attempt }) => [
        atMs,
        taken,
        waited,
        attempt?.status,
      ]),
      [
        [0, 'weu', null, 429],
        [0, null, { ms: 3_000, how: 'taken' }, undefined],
        [3_000, 'weu', null, 200],
      ],
    );
    await stack.usage();
    const { json: records } = await stack.admin(`/admin/v1/usage/requests/${String(answer.headers['x-request-id'])}`);
    assert.deepEqual(
      (records as UsageRequest).attempts.map(({ outcome, timing }) => [outcome, timing.queueMs]),
      [
        ['refused-by-upstream', 0],
        ['completed', 3_000],
      ],
    );
    const shown = await metrics(stack);
    assert.match(shown, /^tollgate_waits_total\{model="one-endpoint",priority="standard",how="taken"\} 1$/m);
    assert.match(shown, /^tollgate_wait_seconds_sum\{model="one-endpoint",priority="standard"\} 3$/m);
    await untilLogged(stack, /"waitedMs":3000/);
  });

  test('is refused when it has waited as long as it may, with the time after which it makes sense to try again', async (context) => {
    const { stack, clock } = await start(context, { maxInFlight: 1 });
    stack.twin.addFault({ kind: 'slow-first-byte', times: 1 });
    const first = ask(stack);
    await until(() => stack.twin.held() === 1);
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    clock.advance(10_000);
    const answer = await answering;
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '1');
    assert.match(errorOf(answer).message, /^Every endpoint of this model is busy\. It waited 10 s\. /);
    stack.twin.release();
    assert.equal((await first).status, 200);
  });

  test('does not wait for a throttle that lasts longer than it may wait', async (context) => {
    const { stack } = await start(context);
    throttled(stack, 11, 'contoso-weu');
    const answer = await ask(stack);
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '11');
    assert.match(errorOf(answer).message, /^Every endpoint of this model is throttled\. \(/);
  });

  test('gets the place of a call that ends, the more urgent first, the consumers in turn', async (context) => {
    const { stack } = await start(context, { maxInFlight: 1, queue: '{ maxWait: 10s, maxLength: 10 }' });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null });
    const order: string[] = [];
    const asking: Promise<unknown>[] = [];
    let waits = 0;
    for (const [name, key] of [
      ['first', keys.marketing],
      ['marketing 1', keys.marketing],
      ['marketing 2', keys.marketing],
      ['finance', keys.finance],
      ['interactive', keyOf('small')],
    ] as const) {
      asking.push(ask(stack, 'one-endpoint', key).then(() => order.push(name)));
      if (waits > 0) await untilWaiting(stack, waits);
      else await until(() => stack.twin.held() === 1);
      waits += 1;
    }
    for (let at = 1; at <= asking.length; at += 1) {
      await until(() => stack.twin.held() === 1);
      stack.twin.release();
      await until(() => order.length === at);
    }
    await Promise.all(asking);
    assert.deepEqual(order, ['first', 'interactive', 'marketing 1', 'finance', 'marketing 2']);
    assert.equal(stack.twin.usage().attempts.length, 5, 'each was sent once');
  });

  test('is refused at once where as many wait as may', async (context) => {
    const { stack, clock } = await start(context, { queue: '{ maxWait: 5s, maxLength: 1 }' });
    throttled(stack, 2, 'contoso-weu');
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    const refused = await ask(stack);
    assert.equal(refused.status, 429);
    assert.match(errorOf(refused).message, /throttled\. As many calls wait as may\./);
    clock.advance(2_000);
    assert.equal((await answering).status, 200);
  });

  test('leaves the queue when its client goes, and is never sent', async (context) => {
    const { stack, clock } = await start(context);
    throttled(stack, 2, 'contoso-weu');
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    const leaving = httpRequest(`${stack.url}/openai/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
    });
    leaving.on('error', () => {});
    leaving.end(JSON.stringify(body('one-endpoint')));
    await untilWaiting(stack, 2);
    leaving.destroy();
    await untilWaiting(stack, 1);
    clock.advance(2_000);
    assert.equal((await answering).status, 200);
    clock.advance(5_000);
    assert.equal(stack.twin.usage().attempts.length, 2, 'the refused one, and the one that waited');
    assert.match(await metrics(stack), /^tollgate_waits_total\{.*how="left"\} 1$/m);
  });

  test('is told when the gateway goes down: another replica may have room', async (context) => {
    const { stack } = await start(context);
    throttled(stack, 5, 'contoso-weu');
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    await stack.gateway.drain('test');
    const answer = await answering;
    assert.equal(answer.status, 503);
    assert.equal(errorOf(answer).code, 'shutting_down');
    assert.equal(answer.headers.connection, 'close');
  });

  test('holds nothing of a budget while it waits', async (context) => {
    const { stack, clock } = await start(context, {
      more: 'consumers: { marketing: { budget: { amount: 5 USD, every: month, hard: true } } }\n',
    });
    // What is shown is less what the call that shows it holds, and a call of three tokens costs next to nothing.
    const remaining = async (): Promise<number> =>
      Number((await ask(stack, 'gpt-5-mini')).headers['x-ratelimit-remaining-budget']);
    const before = await remaining();
    throttled(stack, 3, 'contoso-weu');
    const answering = ask(stack);
    await untilWaiting(stack, 1);
    const during = await remaining();
    assert.ok(Math.abs(before - during) < 0.001, `${before} before, ${during} while it waited`);
    clock.advance(3_000);
    assert.equal((await answering).status, 200);
  });

  test('counts as one request where requests are limited, also where it waited before it was ever sent', async (context) => {
    const { stack, clock } = await start(context, {
      more: 'consumers: { marketing: { limits: { requestsPerMinute: 3 } } }\n',
    });
    throttled(stack, 3, 'contoso-weu');
    const others = ask(stack, 'one-endpoint', keys.finance);
    await untilWaiting(stack, 1);
    const answering = ask(stack);
    await untilWaiting(stack, 2);
    clock.advance(3_000);
    clock.advance(250);
    const headers = [(await answering).headers, (await ask(stack)).headers];
    assert.deepEqual(
      headers.map((one) => one['x-ratelimit-remaining-requests']),
      ['2', '1'],
    );
    assert.equal((await others).status, 200);
  });

  test('goes to whichever endpoint comes back first, whatever else was tried', async (context) => {
    const { stack, clock } = await start(context);
    throttled(stack, 8, 'contoso-weu');
    throttled(stack, 2, 'contoso-swc');
    const answering = ask(stack, 'gpt-5.4-mini');
    await untilWaiting(stack, 1, 'gpt-5.4-mini');
    clock.advance(2_000);
    assert.equal((await answering).status, 200);
    const served = stack.twin.usage().attempts.map(({ resource, status }) => [resource, status]);
    assert.deepEqual(served, [
      ['contoso-weu', 429],
      ['contoso-swc', 429],
      ['contoso-swc', 200],
    ]);
  });

  test('is refused at once as ever where its model has no queue', async (context) => {
    const { stack } = await start(context);
    throttled(stack, 2, 'contoso-swc');
    const answer = await ask(stack, 'gpt-5-mini');
    assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '2']);
  });
});
