import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endpointNamed } from '../../../../test/support/model-objects.ts';
import { always, plainCall, RoutingBench } from '../../../../test/support/routing.ts';
import { hashOf } from '#kernel/hash.ts';
import { seededRandom } from '#kernel/random.ts';
import type { BalancerKind, Member } from './balancer.ts';
import { balancers, balancersByName } from './registry.ts';

const names = ['weu', 'swc', 'fr', 'uk'] as const;

function tierOf(bench: RoutingBench, weights: readonly number[]): readonly Member[] {
  return weights.map((weight, place) => {
    const endpoint = endpointNamed(names[place] ?? `more-${place}`);
    return { endpoint, weight, place, index: place, state: bench.state(endpoint) };
  });
}

interface Draw {
  readonly kind: BalancerKind;
  readonly weights: readonly number[];
  readonly picks: number;
  readonly seed?: number;
  /** Which members may be used; default: all. */
  readonly open?: readonly number[];
}

/** How often each member was chosen, by calls of sessions of their own. */
function draw({ kind, weights, picks, seed = 1, open }: Draw): readonly number[] {
  const bench = new RoutingBench();
  const tier = tierOf(bench, weights);
  const balancer = kind.create(tier, seededRandom(seed));
  const usable = tier.filter((_, place) => open?.includes(place) ?? true);
  const counts = weights.map(() => 0);
  for (let at = 0; at < picks; at += 1) {
    const found = balancer.pick(usable, { ...plainCall, stream: false, sessionHash: hashOf(`session-${at}`) }, at);
    assert.ok(found !== undefined && usable.includes(found), `${kind.name} chose what it may not use`);
    counts[found.place] = (counts[found.place] ?? 0) + 1;
  }
  return counts;
}

describe('every balancer', () => {
  for (const kind of balancers) {
    test(`${kind.name} chooses nothing of nothing, and the only one of one`, () => {
      const tier = tierOf(new RoutingBench(), [1, 2]);
      const balancer = kind.create(tier, always(0.999_999));
      assert.equal(balancer.pick([], plainCall, 0), undefined);
      for (const one of tier) assert.equal(balancer.pick([one], plainCall, 0), one);
    });

    test(`${kind.name} chooses only what may be used, and leaves none of it out`, () => {
      for (const open of [
        [0, 1, 2, 3],
        [1, 3],
        [2, 3, 0],
      ]) {
        const counts = draw({ kind, weights: [1, 1, 1, 1], picks: 400, open });
        counts.forEach((count, place) =>
          assert.ok(open.includes(place) ? count > 40 : count === 0, `${kind.name}: ${counts.join(' ')}`),
        );
      }
    });

    test(`${kind.name} gives more to what weighs more`, () => {
      const [light = 0, heavy = 0] = draw({ kind, weights: [1, 4], picks: 1000 });
      // Of two idle endpoints that nothing is known of, `faster-of-two` has no reason to prefer one.
      if (kind.name === 'faster-of-two') assert.equal(light + heavy, 1000);
      else assert.ok(heavy > 2 * light, `${light} ${heavy}`);
    });

    test(`${kind.name} chooses the same again by the same chance`, () => {
      const one = draw({ kind, weights: [1, 2, 3], picks: 100, seed: 7 });
      assert.deepEqual(one, draw({ kind, weights: [1, 2, 3], picks: 100, seed: 7 }));
    });
  }
});

function created(name: string, weights: readonly number[], bench = new RoutingBench()) {
  const kind = balancersByName.get(name);
  assert.ok(kind !== undefined);
  const tier = tierOf(bench, weights);
  return { tier, balancer: kind.create(tier, bench.random), bench };
}

test('weighted-round-robin spreads the turns of a heavy endpoint evenly', () => {
  const { tier, balancer } = created('weighted-round-robin', [5, 1, 1]);
  const order = Array.from({ length: 7 }, () => balancer.pick(tier, plainCall, 0)?.place).join('');
  assert.equal(order, '0010200');
});

test('least-outstanding takes whoever has the fewest calls under way, relative to its weight', () => {
  const { tier, balancer } = created('least-outstanding', [1, 1, 4]);
  const places: (number | undefined)[] = [];
  for (let at = 0; at < 6; at += 1) {
    const found = balancer.pick(tier, plainCall, 0);
    found?.state.begin();
    places.push(found?.place);
  }
  assert.deepEqual(places, [2, 2, 2, 0, 1, 2]);
});

test('faster-of-two takes the one that answers sooner, and counts what is under way', () => {
  const bench = new RoutingBench(always(0));
  const { tier, balancer } = created('faster-of-two', [1, 1], bench);
  const [slow, fast] = tier;
  assert.ok(slow !== undefined && fast !== undefined);
  bench.attempt(slow.endpoint, { kind: 'served', firstByteMs: 900, stream: true });
  bench.attempt(fast.endpoint, { kind: 'served', firstByteMs: 300, stream: true });
  const streamed = { ...plainCall, stream: true, sessionHash: undefined };
  assert.equal(balancer.pick(tier, streamed, 0), fast);
  fast.state.begin();
  fast.state.begin();
  assert.equal(balancer.pick(tier, streamed, 0), slow, 'three times 300 ms is not less than 900');
  const whole = { ...plainCall, stream: false, sessionHash: undefined };
  assert.equal(balancer.pick(tier, whole, 0), slow, 'of whole replies nothing is known yet, and it is the idle one');
});

test('faster-of-two looks again at an endpoint that was slow, after a while', () => {
  const bench = new RoutingBench(always(0));
  const { tier, balancer } = created('faster-of-two', [1, 1], bench);
  const [slow, fast] = tier;
  assert.ok(slow !== undefined && fast !== undefined);
  bench.attempt(slow.endpoint, { kind: 'served', firstByteMs: 900, stream: true });
  bench.clock.advance(20_000);
  bench.attempt(fast.endpoint, { kind: 'served', firstByteMs: 300, stream: true });
  assert.equal(
    balancer.pick(tier, { ...plainCall, stream: true, sessionHash: undefined }, bench.clock.monotonic()),
    slow,
  );
});

test('head-room sends in proportion to the tokens that are left', () => {
  const bench = new RoutingBench(seededRandom(3));
  const { tier, balancer } = created('head-room', [1, 1, 1], bench);
  const told = [
    { 'x-ratelimit-remaining-tokens': '9000', 'x-ratelimit-limit-tokens': '10000' },
    { 'x-ratelimit-remaining-tokens': '1000', 'x-ratelimit-limit-tokens': '10000' },
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-limit-tokens': '10000' },
  ];
  tier.forEach(({ state }, place) => state.begin().read(told[place] ?? {}));
  const counts = [0, 0, 0];
  for (let at = 0; at < 2000; at += 1) {
    const place = balancer.pick(tier, plainCall, 0)?.place ?? 0;
    counts[place] = (counts[place] ?? 0) + 1;
  }
  const [roomy = 0, tight = 0, full = 0] = counts;
  assert.ok(roomy > 7 * tight && roomy < 11 * tight, counts.join(' '));
  assert.ok(full > 0 && full < 60, 'a full one is asked now and then: only a call brings a new word');
});

test('session-sticky keeps every session where it is when another endpoint goes, and brings it back', () => {
  const { tier, balancer } = created('session-sticky', [1, 1, 1, 1]);
  const [, ...rest] = tier;
  let moved = 0;
  for (let at = 0; at < 500; at += 1) {
    const call = { ...plainCall, stream: false, sessionHash: hashOf(`s${at}`) };
    const home = balancer.pick(tier, call, 0);
    const without = balancer.pick(rest, call, 0);
    if (home?.place === 0) moved += 1;
    else assert.equal(without, home, 'a session of another endpoint stays');
  }
  assert.ok(moved > 80 && moved < 180, `about a quarter lived there: ${moved}`);
});

test('session-sticky sends a session to the same endpoint on every replica', () => {
  const one = created('session-sticky', [1, 2, 1], new RoutingBench(seededRandom(1)));
  const other = created('session-sticky', [1, 2, 1], new RoutingBench(seededRandom(2)));
  for (let at = 0; at < 100; at += 1) {
    const call = { ...plainCall, stream: true, sessionHash: hashOf(`s${at}`) };
    assert.equal(one.balancer.pick(one.tier, call, 0)?.place, other.balancer.pick(other.tier, call, 5)?.place);
  }
});

test('session-sticky chooses by chance where a call has no key', () => {
  const bench = new RoutingBench(seededRandom(5));
  const { tier, balancer } = created('session-sticky', [1, 1], bench);
  const places = new Set(Array.from({ length: 50 }, () => balancer.pick(tier, plainCall, 0)?.place));
  assert.equal(places.size, 2);
});
