import assert from 'node:assert/strict';
import test from 'node:test';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { ModelRoute } from '#model/model-route.ts';
import { EndpointHealth } from './health.ts';
import { Plan } from './plan.ts';

const [weu, swc, fr] = [endpointNamed('weu'), endpointNamed('swc'), endpointNamed('fr')];
const fixed = (...values: number[]) => ({ next: () => values.shift() ?? 0 });

function planOver(route: ModelRoute, health: EndpointHealth, random: RandomSource): Plan {
  return new Plan(route, { health, random });
}

function names(plan: Plan): (string | undefined)[] {
  return [plan.next()?.name, plan.next()?.name, plan.next()?.name, plan.next()?.name];
}

test('the first tier is used up before the next is touched, and no endpoint twice', () => {
  const plan = planOver(
    routeOver([
      [
        [weu, 1],
        [swc, 1],
      ],
      [[fr, 1]],
    ]),
    new EndpointHealth(new ManualClock()),
    fixed(0.9, 0),
  );
  assert.deepEqual(names(plan), ['swc', 'weu', 'fr', undefined]);
});

test('inside a tier the choice follows the weights', () => {
  for (const [point, expected] of [
    [0, 'weu'],
    [0.69, 'weu'],
    [0.7, 'swc'],
    [0.99, 'swc'],
  ] as const) {
    const plan = planOver(
      routeOver([
        [
          [weu, 70],
          [swc, 30],
        ],
      ]),
      new EndpointHealth(new ManualClock()),
      fixed(point),
    );
    assert.equal(plan.next()?.name, expected);
  }
});

test('the budget of attempts ends the plan', () => {
  const plan = planOver(
    routeOver(
      [
        [
          [weu, 1],
          [swc, 1],
          [fr, 1],
        ],
      ],
      { maxAttempts: 2 },
    ),
    new EndpointHealth(new ManualClock()),
    fixed(),
  );
  assert.deepEqual(names(plan), ['weu', 'swc', undefined, undefined]);
  assert.equal(plan.made, 2);
});

test('a throttled endpoint is left alone until its time is over, and the shortest wait is known', () => {
  const clock = new ManualClock();
  const health = new EndpointHealth(clock);
  health.report(weu, { kind: 'throttled', cooldownMs: 5_000 });
  health.report(swc, { kind: 'throttled', cooldownMs: 2_000 });
  const route = routeOver([[[weu, 1]], [[swc, 1]]]);
  assert.equal(planOver(route, health, fixed()).next(), undefined);
  assert.equal(planOver(route, health, fixed()).shortestWaitMs(), 2_000);
  clock.advance(2_000);
  assert.equal(planOver(route, health, fixed()).next()?.name, 'swc');
});

test('a failing endpoint is tried last, a misconfigured one not at all', () => {
  const health = new EndpointHealth(new ManualClock());
  health.report(weu, { kind: 'failed', reason: 'status 500' });
  health.report(swc, { kind: 'misconfigured', reason: 'status 401' });
  assert.deepEqual(
    names(
      planOver(
        routeOver([
          [
            [weu, 1],
            [swc, 1],
          ],
          [[fr, 1]],
        ]),
        health,
        fixed(),
      ),
    ),
    ['fr', 'weu', undefined, undefined],
  );
});

test('a success ends failing, but not a throttle that the upstream has just asked for', () => {
  const health = new EndpointHealth(new ManualClock());
  health.report(weu, { kind: 'failed', reason: 'x' });
  health.report(weu, { kind: 'served' });
  assert.equal(health.state(weu), 'available');
  health.report(weu, { kind: 'throttled', cooldownMs: 1_000 });
  health.report(weu, { kind: 'served' });
  health.report(weu, { kind: 'failed', reason: 'x' });
  assert.equal(health.state(weu), 'throttled');
});

test('what operators see names the state, when it ends and what happened', () => {
  const clock = new ManualClock();
  const health = new EndpointHealth(clock);
  health.begin(weu);
  health.report(weu, { kind: 'throttled', cooldownMs: 1_500 });
  assert.deepEqual(health.view(weu), {
    state: 'throttled',
    until: clock.now() + 1_500,
    inFlight: 1,
    lastError: 'throttled',
  });
  assert.deepEqual(health.view(swc), { state: 'available', until: null, inFlight: 0, lastError: null });
});

test('a mended endpoint is tried at once; one that was only read anew keeps its cool-down', () => {
  const health = new EndpointHealth(new ManualClock());
  health.report(weu, { kind: 'misconfigured', reason: 'status 401' });
  assert.equal(health.state({ ...weu }), 'misconfigured');
  assert.equal(health.state({ ...weu, credential: { kind: 'api-key', key: 'the right one' } }), 'available');
});
