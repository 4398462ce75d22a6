import assert from 'node:assert/strict';
import test from 'node:test';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import {
  always,
  failed,
  inTurn,
  misconfigured,
  namesOf,
  plainCall,
  RoutingBench,
  served,
  throttledFor,
} from '../../../test/support/routing.ts';

const [weu, swc, fr] = [endpointNamed('weu'), endpointNamed('swc'), endpointNamed('fr')];
const flat = routeOver([
  [
    [weu, 1],
    [swc, 1],
  ],
  [[fr, 1]],
]);
const tiers = routeOver([[[weu, 1]], [[swc, 1]], [[fr, 1]]]);

test('the first tier is used up before the next is touched, and no endpoint twice', () => {
  assert.deepEqual(namesOf(new RoutingBench(inTurn(0.9, 0)).plan(flat)), ['swc', 'weu', 'fr']);
});

test('inside a tier the choice follows the weights', () => {
  const route = routeOver([
    [
      [weu, 70],
      [swc, 30],
    ],
  ]);
  for (const [point, expected] of [
    [0, 'weu'],
    [0.69, 'weu'],
    [0.7, 'swc'],
    [0.99, 'swc'],
  ] as const)
    assert.equal(namesOf(new RoutingBench(always(point)).plan(route))[0], expected);
});

test('the budget of attempts ends the plan', () => {
  const plan = new RoutingBench().plan({ ...tiers, maxAttempts: 2 });
  assert.deepEqual(namesOf(plan), ['weu', 'swc']);
  assert.equal(plan.made, 2);
});

test('a throttled endpoint is left alone until its time is over, and the shortest wait is known', () => {
  const bench = new RoutingBench();
  bench.attempt(weu, throttledFor(5_000));
  bench.attempt(swc, throttledFor(2_000));
  const route = routeOver([[[weu, 1]], [[swc, 1]]]);
  assert.deepEqual(namesOf(bench.plan(route)), []);
  assert.equal(bench.plan(route).shortestWaitMs(), 2_000);
  bench.clock.advance(2_000);
  assert.deepEqual(namesOf(bench.plan(route)), ['swc']);
});

test('an endpoint that comes back gets a growing part of its calls, the next tier the others', () => {
  const bench = new RoutingBench(always(0.5));
  bench.attempt(weu, throttledFor(4_000));
  bench.clock.advance(4_400);
  assert.equal(namesOf(bench.plan(tiers))[0], 'swc', 'at its beginning a tenth');
  bench.clock.advance(1_900);
  assert.equal(namesOf(bench.plan(tiers))[0], 'swc');
  bench.clock.advance(200);
  assert.equal(namesOf(bench.plan(tiers))[0], 'weu', 'half of the time that it was away: half of its calls');
});

test('one that comes back gets every call where nothing else is left', () => {
  const bench = new RoutingBench(always(0.99));
  bench.attempt(weu, throttledFor(4_000));
  bench.attempt(swc, throttledFor(60_000));
  bench.attempt(fr, throttledFor(60_000));
  bench.clock.advance(8_000 - 100);
  assert.deepEqual(namesOf(bench.plan(tiers)), ['weu']);
});

test('a broken or quarantined endpoint is not tried, also where nothing else is left', () => {
  const bench = new RoutingBench();
  bench.attempts(weu, 5, failed);
  bench.attempt(swc, misconfigured);
  assert.deepEqual(namesOf(bench.plan(tiers)), ['fr']);
  assert.deepEqual(bench.plan(tiers).states(), ['broken', 'quarantined', 'available']);
});

test('a broken endpoint gets one call at a time when its time is over, the others go elsewhere', () => {
  const bench = new RoutingBench();
  bench.attempts(weu, 5, failed);
  bench.clock.advance(5_000);
  const probe = bench.plan(tiers).next();
  assert.equal(probe?.member.endpoint.name, 'weu');
  assert.equal(namesOf(bench.plan(tiers))[0], 'swc');
  probe.lease.end();
  assert.equal(namesOf(bench.plan(tiers))[0], 'weu', 'a probe that showed nothing leaves its place to the next');
});

test('a retry goes to an endpoint that is well before one of which many calls fail', () => {
  const bench = new RoutingBench();
  bench.attempts(swc, 3, failed);
  assert.deepEqual(namesOf(bench.plan(tiers)), ['weu', 'fr', 'swc']);
});

test('where everything fails, retries stay within their share of the calls', () => {
  const bench = new RoutingBench();
  // Failing, and kept from breaking by a success in between: what a retry budget is for.
  for (const endpoint of [weu, swc, fr]) {
    bench.attempts(endpoint, 3, failed);
    bench.attempt(endpoint, served);
  }
  const route = { ...tiers, retries: { share: 0.2, atLeast: 3 } };
  let attempts = 0;
  let refused = 0;
  for (let call = 0; call < 100; call += 1) {
    const plan = bench.plan(route);
    attempts += namesOf(plan).length;
    if (plan.outOfRetries) refused += 1;
  }
  assert.equal(attempts, 100 + 3 + 20, 'at least 3, and a fifth of 100');
  assert.ok(refused > 0);
  bench.clock.advance(10_000);
  assert.equal(namesOf(bench.plan(route)).length, 3, 'what is long ago is forgotten');
});

test('a failover to an endpoint that is well costs nothing of the budget', () => {
  const bench = new RoutingBench();
  const route = routeOver([[[weu, 1]], [[swc, 1]]], { retries: { share: 0, atLeast: 0 } });
  for (let call = 0; call < 4; call += 1) {
    const plan = bench.plan(route);
    const first = plan.next();
    assert.equal(first?.member.endpoint.name, 'weu');
    first.lease.report(failed);
    first.lease.end();
    assert.equal(namesOf(plan)[0], 'swc');
    bench.attempt(swc, served);
  }
});

const ptu = endpointNamed('ptu', {
  deploymentType: 'ProvisionedManaged',
  yieldAt: { interactive: 0.95, standard: 0.9, batch: 0.6 },
});
const ptuFirst = routeOver([[[ptu, 1]], [[weu, 1]]]);

function inUse(bench: RoutingBench, percent: string): void {
  const lease = bench.state(ptu).begin();
  lease.read({ 'azure-openai-deployment-utilization': percent });
  lease.end();
}

test('provisioned throughput is used while it is below its set point, by the urgent longer than by the others', () => {
  for (const [percent, interactive, standard, batch] of [
    ['40%', 'ptu', 'ptu', 'ptu'],
    ['59%', 'ptu', 'ptu', 'weu'],
    ['79%', 'ptu', 'ptu', 'weu'],
    ['89%', 'ptu', 'weu', 'weu'],
    ['95%', 'weu', 'weu', 'weu'],
  ] as const) {
    const bench = new RoutingBench(always(0.3));
    inUse(bench, percent);
    for (const [priority, expected] of [
      ['interactive', interactive],
      ['standard', standard],
      ['batch', batch],
    ] as const)
      assert.equal(namesOf(bench.plan(ptuFirst, { ...plainCall, priority }))[0], expected, `${priority} at ${percent}`);
  }
});

test('calls come back to provisioned throughput as it works off its load, a few at first', () => {
  const bench = new RoutingBench(always(0.5));
  inUse(bench, '100%');
  const first = () => namesOf(bench.plan(ptuFirst))[0];
  assert.equal(first(), 'weu');
  bench.clock.advance(8_000);
  assert.equal(first(), 'weu', 'at 87 % it takes a third of them');
  bench.clock.advance(1_500);
  assert.equal(first(), 'ptu', 'at 84 % more than half');
});

test('provisioned throughput beyond its set point is used where nothing else is left', () => {
  const bench = new RoutingBench();
  inUse(bench, '99%');
  bench.attempt(weu, throttledFor(5_000));
  assert.deepEqual(namesOf(bench.plan(ptuFirst, { ...plainCall, priority: 'batch' })), ['ptu']);
});

test('provisioned throughput beyond its set point yields to an endpoint that is only coming back, too', () => {
  // Of a hundred calls a tenth would be drawn for it: the others must not be sent into a refusal first.
  const bench = new RoutingBench(always(0.99));
  bench.attempt(weu, throttledFor(20_000));
  bench.clock.advance(24_000);
  inUse(bench, '99%');
  assert.deepEqual(namesOf(bench.plan(ptuFirst)), ['weu', 'ptu']);
  inUse(bench, '10%');
  assert.deepEqual(namesOf(bench.plan(ptuFirst)), ['ptu', 'weu'], 'while it has room it goes first');
});

test('a call that Azure spilled over is a sign that the deployment is full', () => {
  const bench = new RoutingBench();
  const lease = bench.state(ptu).begin();
  lease.read({ 'x-ms-spillover-from-deployment': 'ptu-deployment', 'x-ratelimit-remaining-tokens': '7' });
  lease.report(served);
  lease.end();
  assert.equal(namesOf(bench.plan(ptuFirst))[0], 'weu');
  assert.equal(bench.state(ptu).load.remainingTokens, null, 'limits are those of the deployment that served');
});

const home = { resource: 'https://one.openai.azure.com' };
const spilling = endpointNamed('ptu', { ...home, yieldAt: { interactive: 1, standard: 1, batch: 1 } });
const [target, other] = [endpointNamed('target', home), endpointNamed('other', home)];
const withTargets = routeOver([[[spilling, 1]], [[target, 1]], [[other, 1]], [[weu, 1]]], { maxAttempts: 4 });

for (const [what, name, expected] of [
  ['named: that one is not asked again', 'target-deployment', ['other', 'weu']],
  ['not named: none of the resource is', null, ['weu']],
  ['named as the one that was called: none of the resource is', 'ptu-deployment', ['weu']],
] as const) {
  test(`a spillover of Azure's own that failed, its target ${what}`, () => {
    const plan = new RoutingBench().plan(withTargets);
    const choice = plan.next();
    assert.ok(choice !== undefined);
    plan.avoidSpilled(choice.member, name);
    assert.deepEqual(namesOf(plan), expected);
    assert.equal(plan.made, 1 + expected.length, 'what was avoided is no attempt');
  });
}
