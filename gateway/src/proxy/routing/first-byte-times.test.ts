import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstByteTimes } from './first-byte-times.ts';

function timesOf(...values: readonly number[]): FirstByteTimes {
  const times = new FirstByteTimes();
  for (const value of values) times.observe(value);
  return times;
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1);

test('of fewer than twenty calls nobody can say what is slow', () => {
  assert.equal(timesOf(...upTo(19)).p95, undefined);
  assert.equal(timesOf(...upTo(20)).p95, 19);
});

test('the slowest twentieth begins where nineteen twentieths end, in whatever order they came', () => {
  assert.equal(timesOf(...upTo(100)).p95, 95);
  assert.equal(timesOf(...upTo(100).toReversed()).p95, 95);
});

test('what is long ago is forgotten, and what is new is noticed', () => {
  const times = timesOf(...upTo(100).map(() => 5_000));
  assert.equal(times.p95, 5_000);
  for (let at = 0; at < 255; at += 1) times.observe(10);
  assert.equal(times.p95, 10, 'one of the old ones is left, which is less than a twentieth');
  for (let at = 0; at < 16; at += 1) times.observe(300);
  assert.equal(times.p95, 300);
});
