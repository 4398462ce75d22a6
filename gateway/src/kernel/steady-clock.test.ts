import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteadyClock } from './steady-clock.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';

const hour = 3_600_000;

test('a clock that runs as time does has been steady since it was first looked at', () => {
  const clock = new ManualClock();
  const steady = new SteadyClock(clock);
  assert.equal(steady.steadyForMs(), 0);
  clock.advance(5 * hour);
  assert.equal(steady.steadyForMs(), 5 * hour);
});

for (const jump of [365 * 24 * hour, -hour, 61_000])
  test(`a clock that jumps by ${jump} ms is steady again from the look that finds it`, () => {
    const clock = new ManualClock();
    const steady = new SteadyClock(clock);
    clock.advance(hour);
    clock.jump(jump);
    clock.advance(1000);
    assert.equal(steady.steadyForMs(), 0);
    clock.advance(hour);
    assert.equal(steady.steadyForMs(), hour);
    clock.jump(-jump);
    assert.equal(steady.steadyForMs(), 0);
  });

test('a clock that is kept right by small steps is steady', () => {
  const clock = new ManualClock();
  const steady = new SteadyClock(clock);
  for (let minutes = 0; minutes < 60; minutes += 1) {
    clock.advance(60_000);
    clock.jump(-500);
    steady.steadyForMs();
  }
  assert.equal(steady.steadyForMs(), hour);
});
