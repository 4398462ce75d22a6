import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { endpointNamed, routeOver } from '../../../../test/support/model-objects.ts';
import { failed, plainCall, RoutingBench, served, throttledFor } from '../../../../test/support/routing.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Priority } from '#model/priority.ts';
import type { Choice } from '#proxy/routing/choice.ts';
import type { Plan } from '#proxy/routing/plan.ts';
import type { Waited } from './pool-queue.ts';

const [weu, swc] = [endpointNamed('weu'), endpointNamed('swc')];
const terms = { maxWaitMs: 10_000, maxLength: 4 };
const one = routeOver([[[weu, 1]]], { queue: terms });
const two = routeOver([[[weu, 1]], [[swc, 1]]], { queue: terms });

interface Joining {
  readonly consumer?: string;
  readonly priority?: Priority;
  readonly plan?: Plan;
  readonly deadlineAt?: number;
}

describe('calls that wait for capacity', () => {
  let bench: RoutingBench;
  let log: string[];
  let choices: Choice[];
  let leave: () => void;

  beforeEach(() => {
    bench = new RoutingBench();
    log = [];
    choices = [];
    leave = () => assert.fail('nobody waits');
  });

  /** As a request does: first it looks, then it waits. */
  async function ask(name: string, route: ModelRoute, joining: Joining = {}): Promise<Waited | undefined> {
    const { consumer = name, priority = 'standard', plan = bench.plan(route), deadlineAt = 120_000 } = joining;
    const choice = plan.next();
    if (choice !== undefined) {
      choices.push(choice);
      log.push(`${name} ${choice.member.endpoint.name}`);
      return undefined;
    }
    const { queue } = plan.pool;
    assert.ok(queue !== null && route.queue !== null);
    const ended = Promise.withResolvers<Waited>();
    leave = queue.join({ plan, priority, consumer, deadlineAt }, route.queue, ended.resolve);
    const waited = await ended.promise;
    if (waited.choice !== undefined) choices.push(waited.choice);
    log.push(`${name} ${waited.choice?.member.endpoint.name ?? waited.how} after ${waited.ms}`);
    return waited;
  }

  /** Lets time pass in small steps, so that what is resolved on the way has gone on before the next one. */
  async function pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 50) {
      bench.clock.advance(50);
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  const waiting = (route: ModelRoute): number => bench.pools.of(route).queue?.length ?? -1;

  test('get their place when the throttle ends, one first, then more and more', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const all = ['a', 'b', 'c', 'd'].map((name) => ask(name, one));
    await pass(1_950);
    assert.deepEqual(log, []);
    await pass(50);
    assert.deepEqual(log, ['a weu after 2000']);
    await pass(250);
    assert.deepEqual(log.slice(1), ['b weu after 2250']);
    await pass(250);
    assert.deepEqual(log.slice(2), ['c weu after 2375', 'd weu after 2500']);
    await Promise.all(all);
    assert.equal(waiting(one), 0);
  });

  test('who comes while others wait stands behind them, although an endpoint would take it', async () => {
    bench.attempt(weu, throttledFor(1_000));
    const all = [ask('a', one), ask('b', one)];
    await pass(1_000);
    all.push(ask('late', one));
    await pass(500);
    await Promise.all(all);
    assert.deepEqual(log, ['a weu after 1000', 'b weu after 1250', 'late weu after 375']);
  });

  test('the first one refused again: the others stay, and begin with one again', async () => {
    bench.attempt(weu, throttledFor(1_000));
    const all = ['a', 'b', 'c'].map((name) => ask(name, one));
    await pass(1_000);
    const [first] = choices;
    assert.ok(first !== undefined);
    first.lease.report({ kind: 'throttled', cooldownMs: 3_000 });
    first.lease.end();
    await pass(2_950);
    assert.equal(log.length, 1);
    await pass(50);
    assert.equal(log.length, 2, 'one again');
    await pass(500);
    await Promise.all(all);
    assert.deepEqual(log, ['a weu after 1000', 'b weu after 4000', 'c weu after 4250']);
  });

  test('who is refused after its wait waits on, with its first deadline and before the others of its consumer', async () => {
    bench.attempt(weu, throttledFor(6_000));
    const plan = bench.plan(one);
    const all = [ask('a', one, { plan, consumer: 'm' }), ask('b', one, { consumer: 'm' })];
    await pass(6_000);
    const [first] = choices;
    assert.ok(first !== undefined);
    first.lease.report({ kind: 'throttled', cooldownMs: 3_000 });
    plan.learn(first.member, { fault: { kind: 'throttled' }, spilledTo: undefined });
    first.lease.end();
    all.push(ask('a again', one, { plan, consumer: 'm' }));
    await pass(3_250);
    await Promise.all(all);
    assert.deepEqual(log, ['a weu after 6000', 'a again weu after 3000', 'b weu after 9250']);
  });

  test('are refused when they have waited as long as they may', async () => {
    const busy = routeOver([[[endpointNamed('weu', { maxInFlight: 1 }), 1]]], { queue: terms });
    await ask('first', busy);
    const wait = ask('a', busy);
    await pass(9_950);
    assert.equal(waiting(busy), 1);
    await pass(50);
    assert.equal((await wait)?.how, 'expired');
    assert.equal(waiting(busy), 0);
  });

  test('are refused when the time of their caller is over', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const wait = ask('a', one, { deadlineAt: 1_500 });
    assert.equal((await wait)?.how, 'hopeless', 'the throttle lasts longer than the caller');
  });

  test('do not wait for what comes back too late, and stop where it turns out to', async () => {
    bench.attempt(weu, throttledFor(10_001));
    assert.equal((await ask('a', one))?.how, 'hopeless');
    bench.attempt(swc, throttledFor(2_000));
    const wait = ask('b', two);
    await pass(1_000);
    bench.attempt(swc, throttledFor(60_000));
    assert.deepEqual(await wait, { how: 'hopeless', ms: 1_000, choice: undefined });
    assert.deepEqual(bench.waits, ['hopeless', 'hopeless']);
  });

  test('stop soon after the endpoint that they wait for has broken', async () => {
    const narrow = endpointNamed('weu', { maxInFlight: 1 });
    const route = routeOver([[[narrow, 1]]], { queue: terms });
    await ask('first', route);
    const wait = ask('a', route);
    await pass(1_000);
    choices[0]?.lease.report(failed);
    bench.attempts(narrow, 4, failed);
    await pass(300);
    assert.equal((await wait)?.how, 'hopeless');
  });

  test('do not wait for what is broken', async () => {
    bench.attempts(weu, 5, failed);
    assert.equal((await ask('a', one))?.how, 'hopeless');
  });

  test('get the place of a call that ends, at once and in turn', async () => {
    const narrow = endpointNamed('weu', { maxInFlight: 2 });
    const route = routeOver([[[narrow, 1]]], { queue: terms });
    await ask('first', route);
    await ask('second', route);
    const all = [
      ask('m1', route, { consumer: 'm' }),
      ask('m2', route, { consumer: 'm' }),
      ask('f1', route, { consumer: 'f' }),
      ask('urgent', route, { consumer: 'm', priority: 'interactive' }),
    ];
    await pass(500);
    for (let at = 0; at < 4; at += 1) {
      choices[at]?.lease.end();
      await Promise.resolve();
      await Promise.resolve();
    }
    await Promise.all(all);
    assert.deepEqual(log.slice(2), [
      'urgent weu after 500',
      'm1 weu after 500',
      'f1 weu after 500',
      'm2 weu after 500',
    ]);
    assert.equal(bench.state(narrow).inFlight, 2);
  });

  test('of models that share an endpoint get its places in turn, the more urgent first', async () => {
    const narrow = endpointNamed('weu', { maxInFlight: 1 });
    const [large, small] = ['large', 'small'].map((name) => routeOver([[[narrow, 1]]], { name, queue: terms }));
    assert.ok(large !== undefined && small !== undefined);
    await ask('first', large);
    const all = [
      ask('large 1', large),
      ask('large 2', large),
      ask('small 1', small),
      ask('small 2', small),
      ask('urgent', small, { priority: 'interactive' }),
    ];
    for (let at = 0; at < 5; at += 1) {
      choices[at]?.lease.end();
      await Promise.resolve();
      await Promise.resolve();
    }
    await Promise.all(all);
    assert.deepEqual(
      log.map((line) => line.replace(/ weu.*/, '')),
      ['first', 'urgent', 'large 1', 'small 1', 'large 2', 'small 2'],
    );
  });

  test('that are bound to one resource keep nobody else waiting', async () => {
    bench.attempt(weu, throttledFor(8_000));
    bench.attempt(swc, throttledFor(1_000));
    const bound = ask('bound', two, { plan: bench.plan(two, { ...plainCall, resource: weu.resource }), consumer: 'm' });
    const free = ask('free', two, { consumer: 'm' });
    await pass(8_500);
    await Promise.all([bound, free]);
    assert.deepEqual(log, ['free swc after 1000', 'bound weu after 8000']);
  });

  test('leave when their client does', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const wait = ask('a', one);
    await pass(500);
    leave();
    assert.deepEqual(await wait, { how: 'left', ms: 500, choice: undefined });
    assert.equal(waiting(one), 0);
    leave();
    assert.deepEqual(bench.waits, ['left'], 'once');
  });

  test('are refused where as many wait as may, unless they go first', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const all = ['b1', 'b2', 'b3', 'b4'].map((name) => ask(name, one, { consumer: 'm', priority: 'batch' }));
    assert.equal((await ask('b5', one, { consumer: 'm', priority: 'batch' }))?.how, 'full');
    all.push(
      ask('i', one, { consumer: 'm', priority: 'interactive' }),
      ask('f', one, { consumer: 'f', priority: 'batch' }),
    );
    await pass(3_000);
    await Promise.all(all);
    assert.deepEqual(log, [
      'b5 full after 0',
      'b4 displaced after 0',
      'b3 displaced after 0',
      'i weu after 2000',
      'b1 weu after 2250',
      'f weu after 2375',
      'b2 weu after 2500',
    ]);
  });

  test('are told when the gateway goes down, and nobody waits from then on', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const wait = ask('a', one);
    bench.queues.close();
    assert.equal((await wait)?.how, 'drained');
    assert.equal((await ask('b', one))?.how, 'drained');
  });

  test('go at once when an operator says that the endpoint is well', async () => {
    bench.attempt(weu, throttledFor(5_000));
    const wait = ask('a', one);
    await pass(500);
    bench.state(weu).reset();
    assert.equal((await wait)?.ms, 500);
  });

  test('follow a configuration that is reloaded: the queue is that of the model', async () => {
    bench.attempt(weu, throttledFor(2_000));
    const wait = ask('a', one);
    const reloaded = { ...one, deadlineMs: 60_000 };
    const late = ask('late', reloaded);
    assert.equal(waiting(reloaded), 2);
    await pass(2_500);
    await Promise.all([wait, late]);
    assert.deepEqual(log, ['a weu after 2000', 'late weu after 2250']);
  });

  test('nothing waits for a model without a queue', () => {
    bench.attempt(weu, throttledFor(2_000));
    const plan = bench.plan({ ...one, queue: null });
    assert.equal(plan.next(), undefined);
    assert.equal(plan.mayWait, false);
  });

  test('are worked off although a defect strikes one of them, which is told, too', async () => {
    const narrow = endpointNamed('weu', { maxInFlight: 1 });
    const route = routeOver([[[narrow, 1]]], { queue: terms });
    await ask('first', route);
    const faulty = bench.plan(route);
    const wait = ask('faulty', route, { plan: faulty });
    const other = ask('other', route);
    faulty.take = () => {
      throw new Error('a defect');
    };
    choices[0]?.lease.end();
    assert.deepEqual(bench.defects.map(String), ['Error: a defect'], 'not the doing of the call that ended');
    assert.equal((await wait)?.how, 'hopeless');
    await pass(300);
    await other;
    assert.deepEqual(log.slice(1), ['faulty hopeless after 0', 'other weu after 250']);
  });

  test('do not end the process by a defect that strikes when their time comes', async () => {
    bench.attempt(weu, throttledFor(1_000));
    const faulty = bench.plan(one);
    const wait = ask('faulty', one, { plan: faulty });
    const other = ask('other', one);
    faulty.take = () => {
      throw new Error('a defect');
    };
    await pass(1_500);
    await Promise.all([wait, other]);
    assert.deepEqual(bench.defects.map(String), ['Error: a defect']);
    assert.deepEqual(log, ['faulty hopeless after 1000', 'other weu after 1250']);
  });

  test('keep a slow call from its second attempt only where they could have that place', async () => {
    for (const resource of [weu.resource, null]) {
      bench = new RoutingBench();
      const slow = bench.plan(two);
      assert.equal(slow.next()?.member.endpoint.name, 'weu');
      bench.attempt(weu, throttledFor(5_000));
      bench.attempt(swc, throttledFor(1_000));
      const all = ['a', 'b'].map((name) => ask(name, two, { plan: bench.plan(two, { ...plainCall, resource }) }));
      await pass(1_000);
      assert.equal(waiting(two), resource === null ? 1 : 2, 'who may go to swc is let go one after the other');
      assert.equal(slow.hedge()?.member.endpoint.name, resource === null ? undefined : 'swc');
      await pass(5_000);
      await Promise.all(all);
    }
  });

  test('whoever wants the endpoint while nobody waits is served as ever', async () => {
    bench.attempt(weu, served);
    await ask('a', one);
    assert.deepEqual(log, ['a weu']);
  });
});
