import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#kernel/random.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { Sampler } from './sampler.ts';

const kept = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
const notKept = { ...kept, sampled: false };
const rules = { share: 0.25, followed: 10, parentBased: true };

function setUp() {
  const clock = new ManualClock();
  const sampler = new Sampler(clock, seededRandom(1));
  const count = (parent: typeof kept | undefined, calls: number, by = rules): number =>
    Array.from({ length: calls }, () => sampler.decide(parent, by)).filter((share) => share !== undefined).length;
  return { clock, sampler, count };
}

test('of calls without a trace so many are kept as the share says, and each says what it stands for', () => {
  const { sampler, count } = setUp();
  const made = count(undefined, 10_000);
  assert.ok(made > 2300 && made < 2700, `${made}`);
  assert.equal(count(undefined, 1000, { ...rules, share: 1 }), 1000);
  assert.equal(count(undefined, 1000, { ...rules, share: 0 }), 0);
  const shares = Array.from({ length: 100 }, () => sampler.decide(undefined, rules));
  assert.deepEqual(new Set(shares), new Set([undefined, 0.25]));
});

test('a caller that keeps its trace is followed so often a second, and chance decides beyond', () => {
  const { clock, count } = setUp();
  const never = { ...rules, share: 0 };
  assert.equal(count(kept, 1000, never), 10);
  clock.advance(999);
  assert.equal(count(kept, 1000, never), 0);
  clock.advance(1);
  assert.equal(count(kept, 1000, never), 10);
  clock.advance(1000);
  const made = count(kept, 10_010);
  assert.ok(made > 2300 && made < 2700, `${made}`);
});

test('a caller that does not keep its trace decides that, where callers decide anything', () => {
  const { count } = setUp();
  assert.equal(count(notKept, 100, { ...rules, share: 1 }), 0);
  assert.equal(count(notKept, 100, { share: 1, followed: 0, parentBased: true }), 100);
  assert.equal(count(notKept, 100, { share: 1, followed: 0, parentBased: false }), 100);
});

test('where callers decide nothing, their word changes nothing', () => {
  const { count } = setUp();
  assert.equal(count(kept, 100, { share: 0, followed: 0, parentBased: true }), 0);
  assert.equal(count(kept, 100, { share: 0, followed: 100, parentBased: false }), 0);
});
