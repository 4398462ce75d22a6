import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { silentLog } from '#kernel/log.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { ptuDeployment } from '../../../test/support/ptu-deployments.ts';
import { march } from '../../../test/support/records.ts';
import type { AllocationRequest } from './ptu-allocation.ts';
import { hourMs } from './ptu-basis.ts';
import { PtuAllocator } from './ptu-allocator.ts';

const minute = 60_000;

class Bench {
  readonly clock = new ManualClock(march + 10 * minute);
  readonly asked: AllocationRequest[] = [];
  openSince: number | null = null;
  ready = true;
  deployments: readonly PtuDeployment[] = [ptuDeployment()];
  failure: Error | undefined;
  readonly allocator = new PtuAllocator({
    clock: this.clock,
    log: silentLog,
    deployments: () => this.deployments,
    callers: () => ({ organisation: 'contoso', known: [] }),
    rates: () => [],
    step: async (request) => {
      this.asked.push(request);
      if (this.failure !== undefined) throw this.failure;
      return await Promise.resolve(this.ready ? { adjustments: [], next: null } : null);
    },
    book: async () => await Promise.resolve(),
    openSince: () => this.openSince,
  });

  /** Until so many minutes after the beginning of March, minute by minute, as its timers see it. */
  async until(minutes: number): Promise<void> {
    while (this.clock.monotonic() < (minutes - 10) * minute) {
      this.clock.advance(minute);
      await setImmediate();
    }
  }

  /** The ends of the closed hours that were asked for, in hours after the beginning of March. */
  get closed(): readonly number[] {
    return this.asked.map((one) => (one.closed - march) / hourMs);
  }
}

describe('hours of provisioned deployments are closed', () => {
  test('three minutes after their end, each once', async () => {
    const bench = new Bench();
    bench.allocator.start();
    await bench.until(62);
    assert.deepEqual(bench.closed, [0]);
    await bench.until(63);
    assert.deepEqual(bench.closed, [0, 1]);
    await bench.until(183);
    assert.deepEqual(bench.closed, [0, 1, 2, 3]);
    await bench.allocator.close();
  });

  test('later where an attempt of theirs is open, half an hour at most', async () => {
    const bench = new Bench();
    bench.allocator.start();
    bench.openSince = march + 50 * minute;
    await bench.until(89);
    assert.deepEqual(bench.closed, [0]);
    await bench.until(90);
    assert.deepEqual(bench.closed, [0, 1]);
    await bench.allocator.close();
  });

  test('as soon as the last of their attempts is settled', async () => {
    const bench = new Bench();
    bench.allocator.start();
    bench.openSince = march + 11 * minute;
    await bench.until(69);
    assert.deepEqual(bench.closed, [0]);
    bench.openSince = march + 65 * minute;
    await bench.until(70);
    assert.deepEqual(bench.closed, [0, 1]);
    await bench.allocator.close();
  });

  test('again a minute later where the store has not followed, or something fails', async () => {
    const bench = new Bench();
    bench.allocator.start();
    bench.ready = false;
    await bench.until(14);
    bench.ready = true;
    bench.failure = new Error('the worker ended');
    await bench.until(15);
    bench.failure = undefined;
    await bench.until(20);
    assert.deepEqual(bench.closed, [0, 0, 0, 0, 0]);
    await bench.allocator.close();
  });

  test('with all hours looked at after a start and after a new configuration, else those of a month', async () => {
    const bench = new Bench();
    bench.allocator.start();
    await bench.until(63);
    bench.deployments = [ptuDeployment({ rule: 'by-peak' })];
    await bench.until(123);
    const month = 31 * 24 * hourMs;
    assert.deepEqual(
      bench.asked.map((one) => one.lookFrom),
      [null, march - month, null, march + hourMs - month],
    );
    await bench.allocator.close();
  });

  test('not while the clock has just been set', async () => {
    const bench = new Bench();
    bench.allocator.start();
    await bench.until(20);
    bench.clock.jump(9000 * hourMs);
    await bench.until(22);
    assert.deepEqual(bench.closed, [0]);
    await bench.until(24);
    assert.deepEqual(bench.closed, [0, 9000]);
    await bench.allocator.close();
  });

  test('all over again where the clock had run ahead, for what it made believe was long ago', async () => {
    const bench = new Bench();
    bench.allocator.start();
    await bench.until(20);
    bench.clock.jump(9000 * hourMs);
    await bench.until(24);
    bench.clock.jump(-9000 * hourMs);
    await bench.until(63);
    assert.deepEqual(bench.closed, [0, 9000, 0, 1]);
    assert.deepEqual(bench.asked.map((one) => one.lookFrom).slice(2), [null, march - 31 * 24 * hourMs]);
    await bench.allocator.close();
  });

  test('of a price without a beginning from when it was first seen, whatever the clock showed meanwhile', async () => {
    for (const jump of [-9000 * hourMs, 9000 * hourMs]) {
      const bench = new Bench();
      bench.allocator.start();
      await bench.until(20);
      bench.clock.jump(jump);
      await bench.until(21);
      bench.clock.jump(-jump);
      await bench.until(63);
      assert.equal(bench.asked.at(-1)?.deployments[0]?.since, march);
      await bench.allocator.close();
    }
  });

  test('of a price without a beginning not from what a clock showed that was wrong at the start', async () => {
    const bench = new Bench();
    bench.clock.jump(-9000 * hourMs);
    bench.allocator.start();
    await bench.until(11);
    bench.clock.jump(9000 * hourMs);
    await bench.until(63);
    assert.equal(bench.asked.at(-1)?.deployments[0]?.since, march);
    await bench.allocator.close();
  });

  test('not at all without provisioned deployments', async () => {
    const bench = new Bench();
    bench.deployments = [];
    bench.allocator.start();
    await bench.until(70);
    assert.deepEqual(bench.closed, []);
    await bench.allocator.close();
  });
});
