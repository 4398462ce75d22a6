import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { always, failed, misconfigured, RoutingBench, served, throttledFor } from '../../../test/support/routing.ts';
import { defaultHealthRules } from '#model/health-rules.ts';
import type { Verdict } from './endpoint-state.ts';

const weu = endpointNamed('weu');
const tooSlow: Verdict = { kind: 'too-slow' };
const slow: Verdict = { kind: 'served', firstByteMs: 9_000, stream: true };
const watchful = endpointNamed('weu', {
  health: { ...defaultHealthRules, slowMs: 5_000, slowCount: 4, slowShare: 0.75 },
});

/** Five failures in a row: what breaks an endpoint by default. */
function broken(bench: RoutingBench): void {
  bench.attempts(weu, 5, failed);
  assert.equal(bench.standing(weu), 'broken');
}

describe('an endpoint breaks', () => {
  test('after so many failures in a row, not one earlier', () => {
    const bench = new RoutingBench();
    bench.attempts(weu, 4, failed);
    assert.equal(bench.standing(weu), 'available');
    bench.attempt(weu, served);
    bench.attempts(weu, 4, failed);
    assert.equal(bench.standing(weu), 'available', 'a success begins the row anew');
    bench.attempt(weu, failed);
    assert.equal(bench.standing(weu), 'broken');
    assert.deepEqual(bench.happened, [{ endpoint: 'weu', what: 'broken', reason: 'status 500', forMs: 5_000 }]);
  });

  test('when half of the calls of the window failed, if they are enough', () => {
    const bench = new RoutingBench();
    for (let at = 0; at < 9; at += 1) {
      bench.attempt(weu, served);
      bench.attempt(weu, failed);
    }
    assert.equal(bench.standing(weu), 'available', 'nine failures of eighteen are too few to judge by');
    bench.attempt(weu, served);
    bench.attempt(weu, failed);
    assert.equal(bench.standing(weu), 'broken');
  });

  test('not by failures that lie further back than the window', () => {
    const bench = new RoutingBench();
    for (let at = 0; at < 9; at += 1) {
      bench.attempt(weu, served);
      bench.attempt(weu, failed);
    }
    bench.clock.advance(10_000);
    bench.attempt(weu, served);
    bench.attempt(weu, failed);
    assert.equal(bench.standing(weu), 'available');
  });

  test('by replies that broke off after their first byte, too', () => {
    const bench = new RoutingBench();
    for (let at = 0; at < 10; at += 1) {
      const lease = bench.state(weu).begin();
      lease.report(served);
      lease.brokeOff('broke off');
      lease.end();
    }
    assert.equal(bench.standing(weu), 'broken');
  });

  test('by replies that break off one after the other, though each of them had begun well', () => {
    const bench = new RoutingBench();
    for (let at = 0; at < 20; at += 1) bench.attempt(weu, served);
    for (let at = 0; at < 5; at += 1) {
      const lease = bench.state(weu).begin();
      lease.report(served);
      lease.brokeOff('broke off');
      lease.end();
    }
    assert.equal(bench.standing(weu), 'broken');
    bench.clock.advance(5_000);
    const probe = bench.state(weu).begin();
    probe.report(served);
    assert.equal(bench.standing(weu), 'probing');
    probe.brokeOff('broke off');
    probe.end();
    assert.equal(bench.standing(weu), 'broken', 'a first byte proves nothing here');
    bench.clock.advance(10_000);
    bench.attempts(weu, 2, served);
    assert.equal(bench.standing(weu), 'available', 'whole replies do');
  });

  test('by slow calls, where the configuration says what slow is', () => {
    const bench = new RoutingBench();
    bench.attempt(watchful, served);
    bench.attempts(watchful, 3, slow);
    assert.equal(bench.standing(watchful), 'available');
    bench.attempt(watchful, slow);
    assert.equal(bench.standing(watchful), 'broken');
    const patient = new RoutingBench();
    patient.attempts(weu, 100, slow);
    assert.equal(patient.standing(weu), 'available');
  });

  test('by calls that got no byte in all the time that they had', () => {
    const bench = new RoutingBench();
    bench.attempts(weu, 10, tooSlow);
    assert.equal(bench.standing(weu), 'broken');
  });

  test('by few of them, too, one after the other, however much time lies between', () => {
    const bench = new RoutingBench();
    const hourly = (verdict: Verdict): void => {
      bench.clock.advance(3_600_000);
      bench.attempt(weu, verdict);
    };
    for (const verdict of [tooSlow, tooSlow, failed, tooSlow]) hourly(verdict);
    hourly(served);
    for (const verdict of [tooSlow, failed, tooSlow, tooSlow]) hourly(verdict);
    assert.equal(bench.standing(weu), 'available', 'one answer in between is enough');
    hourly(tooSlow);
    assert.equal(bench.standing(weu), 'broken');
    assert.deepEqual(
      bench.happened.map(({ what }) => what),
      ['broken'],
    );
  });

  test('never by attempts that showed nothing: cancelled, or answered with what the client did wrong', () => {
    const bench = new RoutingBench();
    bench.attempts(weu, 1000, undefined);
    assert.equal(bench.standing(weu), 'available');
    assert.deepEqual(bench.happened, []);
  });
});

describe('a broken endpoint', () => {
  test('is probed when its time is over, and is well after two answers', () => {
    const bench = new RoutingBench();
    broken(bench);
    bench.clock.advance(4_999);
    assert.equal(bench.standing(weu), 'broken');
    bench.clock.advance(1);
    assert.equal(bench.standing(weu), 'probing');
    bench.attempt(weu, served);
    assert.equal(bench.standing(weu), 'probing');
    bench.attempt(weu, served);
    assert.equal(bench.standing(weu), 'available');
    assert.equal(bench.happened.at(-1)?.what, 'recovered');
    assert.equal(bench.state(weu).rampShare(bench.clock.monotonic()), 0.1, 'and comes back gradually');
    bench.clock.advance(5_000);
    assert.equal(bench.state(weu).rampShare(bench.clock.monotonic()), 1, 'in the time that it was away');
  });

  test('is left alone twice as long after each probe that fails, up to a limit', () => {
    const bench = new RoutingBench();
    broken(bench);
    const waits: (number | null | undefined)[] = [];
    for (let trip = 0; trip < 7; trip += 1) {
      bench.clock.advance(bench.happened.at(-1)?.forMs ?? 0);
      bench.attempt(weu, failed);
      waits.push(bench.happened.at(-1)?.forMs);
    }
    assert.deepEqual(waits, [10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000]);
  });

  test('starts again with the short time once it has been well for a while', () => {
    const bench = new RoutingBench();
    broken(bench);
    bench.clock.advance(5_000);
    bench.attempts(weu, 2, served);
    bench.clock.advance(60_000);
    broken(bench);
    assert.equal(bench.happened.at(-1)?.forMs, 5_000);
  });

  test('is left alone for as long as it asked, where that is longer', () => {
    const bench = new RoutingBench();
    bench.attempts(weu, 5, { kind: 'failed', reason: 'status 502', leastMs: 30_000 });
    assert.equal(bench.happened.at(-1)?.forMs, 30_000);
  });

  test('comes back at another moment than its fellows: its time is stretched by chance', () => {
    const bench = new RoutingBench(always(0.5));
    broken(bench);
    assert.equal(bench.happened.at(-1)?.forMs, 5_500);
  });

  test('is not judged by calls that began before it broke', () => {
    const bench = new RoutingBench();
    const early = bench.state(weu).begin();
    const late = bench.state(weu).begin();
    broken(bench);
    early.report(served);
    early.end();
    bench.clock.advance(5_000);
    late.report(failed);
    late.end();
    assert.equal(bench.standing(weu), 'probing');
    assert.equal(bench.state(weu).inFlight, 0);
  });

  test('admits as many probes at a time as the configuration says', () => {
    const bench = new RoutingBench();
    broken(bench);
    bench.clock.advance(5_000);
    const state = bench.state(weu);
    assert.ok(state.admits(bench.clock.monotonic()));
    const probe = state.begin();
    assert.ok(!state.admits(bench.clock.monotonic()));
    probe.end();
    assert.ok(state.admits(bench.clock.monotonic()));
  });
});

describe('a throttled endpoint', () => {
  test('is left alone for as long as it asked, then comes back gradually', () => {
    const bench = new RoutingBench();
    bench.attempt(weu, throttledFor(3_000));
    assert.equal(bench.standing(weu), 'throttled');
    bench.clock.advance(3_000);
    assert.equal(bench.standing(weu), 'available');
    bench.clock.advance(1_500);
    assert.equal(bench.state(weu).rampShare(bench.clock.monotonic()), 0.5);
  });

  test('is not broken by it, however often', () => {
    const bench = new RoutingBench();
    bench.attempts(weu, 100, throttledFor(1_000));
    bench.clock.advance(1_000);
    assert.equal(bench.standing(weu), 'available');
    assert.equal(bench.happened.length, 1, 'told once, not a hundred times');
  });

  test('stays so for the longer of two waits, and a late success does not end it', () => {
    const bench = new RoutingBench();
    bench.attempt(weu, throttledFor(3_000));
    bench.attempt(weu, throttledFor(1_000));
    bench.attempt(weu, served);
    bench.attempt(weu, failed);
    bench.clock.advance(2_999);
    assert.equal(bench.standing(weu), 'throttled');
  });
});

describe('an endpoint that refuses the gateway', () => {
  test('is quarantined at once, told once, and probed later', () => {
    const bench = new RoutingBench();
    const together = [bench.state(weu).begin(), bench.state(weu).begin()];
    for (const lease of together) lease.report(misconfigured);
    for (const lease of together) lease.end();
    assert.equal(bench.standing(weu), 'quarantined');
    assert.deepEqual(bench.happened, [{ endpoint: 'weu', what: 'quarantined', reason: 'status 401', forMs: 30_000 }]);
    bench.clock.advance(30_000);
    bench.attempt(weu, misconfigured);
    assert.equal(bench.happened.at(-1)?.forMs, 60_000);
    bench.clock.advance(60_000);
    bench.attempts(weu, 2, served);
    assert.equal(bench.standing(weu), 'available');
  });

  test('is tried at once when it is mended; one that was only read anew is not', () => {
    const bench = new RoutingBench();
    bench.attempt(weu, misconfigured);
    assert.equal(bench.standing({ ...weu }), 'quarantined');
    assert.equal(bench.standing({ ...weu, credential: { kind: 'api-key', key: 'the right one' } }), 'available');
  });
});

describe('an operator', () => {
  test('takes an endpoint out of service, forces it open or closed, and takes the order back', () => {
    const bench = new RoutingBench();
    const state = bench.state(weu);
    for (const [order, expected] of [
      ['drain', 'drained'],
      ['force-open', 'forced-open'],
      ['none', 'available'],
    ] as const) {
      state.setOverride(order, null);
      assert.equal(bench.standing(weu), expected);
    }
    broken(bench);
    state.setOverride('force-closed', null);
    assert.equal(bench.standing(weu), 'available');
    bench.attempts(weu, 50, failed);
    assert.equal(bench.standing(weu), 'available');
    bench.attempt(weu, throttledFor(1_000));
    assert.equal(bench.standing(weu), 'throttled', 'what the upstream asks for still counts');
  });

  test('may give an order for a time', () => {
    const bench = new RoutingBench();
    bench.state(weu).setOverride('drain', 60_000);
    bench.clock.advance(59_999);
    assert.equal(bench.standing(weu), 'drained');
    bench.clock.advance(1);
    assert.equal(bench.standing(weu), 'available');
  });

  test('may have what stands against an endpoint forgotten', () => {
    const bench = new RoutingBench();
    broken(bench);
    bench.attempt(weu, throttledFor(60_000));
    bench.state(weu).reset();
    assert.equal(bench.standing(weu), 'available');
    assert.equal(bench.state(weu).rampShare(bench.clock.monotonic()), 1);
    broken(bench);
    assert.equal(bench.happened.at(-1)?.forMs, 5_000, 'not twice as long');
  });

  test('may drain it in the configuration, and an order goes before that', () => {
    const bench = new RoutingBench();
    const drained = { ...weu, drain: true };
    assert.equal(bench.standing(drained), 'drained');
    bench.state(drained).setOverride('force-closed', null);
    assert.equal(bench.standing(drained), 'available');
  });
});

test('calls from before a change of the configuration do not bring its settings back, nor another target', () => {
  const bench = new RoutingBench();
  bench.standing(weu);
  const drained = { ...weu, drain: true };
  bench.health.follow(new Map([['weu', drained]]));
  const state = bench.state(drained);
  assert.equal(bench.state(weu), state, 'the same target');
  assert.equal(bench.standing(drained), 'drained');
  const moved = { ...weu, resource: 'https://moved.openai.azure.com' };
  bench.health.follow(new Map([['weu', moved]]));
  const other = bench.state(moved);
  assert.notEqual(bench.state(weu), other);
  assert.equal(bench.state(moved), other, 'what is known of it is kept');
});

test('what operators see names state, order, time, load and what happened', () => {
  const bench = new RoutingBench();
  const lease = bench.state(weu).begin();
  lease.read({
    'x-ratelimit-remaining-tokens': '5000',
    'x-ratelimit-limit-tokens': '10000',
    'azure-openai-deployment-utilization': '42.5%',
  });
  lease.report(throttledFor(1_500));
  assert.deepEqual(bench.health.view(weu), {
    state: 'throttled',
    override: 'none',
    until: bench.clock.now() + 1_500,
    inFlight: 1,
    utilization: 0.425,
    remainingTokens: 5_000,
    remainingRequests: null,
    lastError: 'throttled',
  });
});
