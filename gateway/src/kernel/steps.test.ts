import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atOnce, inTurns, type Steps } from './steps.ts';

function* counting(steps: number, done: number[]): Steps<string> {
  for (let step = 0; step < steps; step += 1) {
    done.push(step);
    yield;
  }
  return 'all of it';
}

function* failing(): Steps<never> {
  yield;
  throw new Error('it went wrong');
}

test('at once, everything is done before anybody else has a turn', () => {
  const done: number[] = [];
  assert.equal(atOnce(counting(3, done)), 'all of it');
  assert.deepEqual(done, [0, 1, 2]);
});

test('in turns, others come in between as often as a slice of time is over', async () => {
  let now = 0;
  const done: number[] = [];
  const seen: number[] = [];
  let isOver = false;
  const other = (): void => {
    seen.push(done.length);
    if (!isOver) setImmediate(other);
  };
  setImmediate(other);
  // Every look at the clock is a millisecond later: a slice is a handful of steps.
  const result = await inTurns(counting(40, done), { monotonic: () => (now += 1) });
  isOver = true;
  assert.equal(result, 'all of it');
  assert.equal(done.length, 40);
  assert.ok(new Set(seen).size > 5, `others had their turns after ${seen.join(', ')} steps`);
});

test('in turns, what goes wrong is told to whoever waits', async () => {
  await assert.rejects(inTurns(failing(), { monotonic: () => 0 }), /it went wrong/);
});
