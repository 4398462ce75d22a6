import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '#kernel/metrics.ts';
import { Backlog, type BacklogBudget } from './backlog.ts';
import type { ListedSegment, Position } from './ports.ts';
import { SharedProgress } from './progress.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';

interface Setup {
  readonly backlog: Backlog;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly logged: string[];
  readonly write: (segment: number, offset: number) => void;
  readonly take: (segment: number, offset: number) => void;
}

const at = (segment: number, offset: number): Position => ({ segment, offset });

interface SetupOptions extends Partial<BacklogBudget> {
  /** Number and size. */
  readonly segments?: readonly [number, number][];
  /** The last one that is archived. */
  readonly archived?: number;
}

function setUp(options: SetupOptions = {}): Setup {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const progress = new SharedProgress();
  const logged: string[] = [];
  const log = {
    debug: () => undefined,
    info: (_fields: object, message: string) => void logged.push(`info: ${message}`),
    warn: () => undefined,
    error: (_fields: object, message: string) => void logged.push(`error: ${message}`),
  };
  const listed = options.segments ?? [[1, 0]];
  const last = listed.at(-1) ?? [1, 0];
  progress.publish({ written: at(...last), lowWater: at(1, 0), settles: 0, openAttempts: 0 });
  const segments = listed.map(([segment, bytes]): ListedSegment => ({
    segment,
    bytes,
    archived: segment <= (options.archived ?? 0),
  }));
  const budget = { bytes: options.bytes ?? 1000, whenSpent: options.whenSpent ?? 'refuse' };
  const backlog = new Backlog({ sink: 'store', budget, progress, segments, clock, log, metrics });
  return {
    backlog,
    clock,
    metrics,
    logged,
    write: (segment, offset) => {
      progress.publish({ written: at(segment, offset), lowWater: at(1, 0), settles: 0, openAttempts: 0 });
      backlog.written(at(segment, offset));
    },
    take: (segment, offset) => progress.ship(0, at(segment, offset)),
  };
}

test('what waits is counted over segments, those from before the start included', () => {
  const { backlog, write, take } = setUp({
    segments: [
      [3, 400],
      [5, 700],
      [6, 100],
    ],
  });
  take(3, 300);
  assert.equal(backlog.bytes, 100 + 700 + 100);
  write(6, 250);
  assert.equal(backlog.bytes, 100 + 700 + 250);
  write(7, 50);
  write(7, 80);
  assert.equal(backlog.bytes, 100 + 700 + 250 + 80);
  take(6, 0);
  assert.equal(backlog.bytes, 250 + 80);
  take(7, 80);
  assert.equal(backlog.bytes, 0);
});

test('what is archived is no backlog, also for a store that is made anew; nor is what had been taken once', () => {
  const { backlog, write, take } = setUp({
    segments: [
      [1, 50_000],
      [2, 300],
      [3, 100],
    ],
    archived: 1,
  });
  take(1, 0);
  assert.equal(backlog.bytes, 300 + 100);
  take(1, 40_000);
  assert.equal(backlog.bytes, 300 + 100);
  take(3, 100);
  write(3, 150);
  assert.equal(backlog.bytes, 50);
  take(1, 0);
  assert.equal(backlog.bytes, 150, 'no more than is remembered');
});

test('nothing counts as waiting before it is known how far the store is', () => {
  const { backlog, write } = setUp({ segments: [[1, 5000]] });
  write(1, 9000);
  assert.equal(backlog.bytes, 0);
  assert.equal(backlog.refuses, false);
});

test('calls are refused from the budget on, until an eighth of it is free again; each change is logged once', () => {
  const { backlog, logged, write, take } = setUp();
  take(1, 0);
  write(1, 1000);
  assert.equal(backlog.refuses, false);
  write(1, 1001);
  write(1, 1500);
  assert.equal(backlog.refuses, true);
  take(1, 600);
  assert.equal(backlog.refuses, true, 'not for every batch that is taken');
  take(1, 625);
  assert.equal(backlog.refuses, false);
  write(1, 1625);
  assert.equal(backlog.refuses, false);
  write(1, 1626);
  assert.equal(backlog.refuses, true);
  assert.deepEqual(logged, [
    'error: the backlog of the ledger is over its budget; calls are refused until it has taken some',
    'info: the backlog of the ledger is within its budget again',
    'error: the backlog of the ledger is over its budget; calls are refused until it has taken some',
  ]);
});

test('where the budget only warns, nothing is refused, and metric and log say so', () => {
  const { backlog, logged, metrics, write, take } = setUp({ whenSpent: 'admit' });
  take(1, 0);
  assert.match(metrics.render(), /^tollgate_ledger_backlog_spent\{sink="store"\} 0$/m);
  write(1, 5000);
  write(1, 6000);
  assert.equal(backlog.refuses, false);
  assert.match(metrics.render(), /^tollgate_ledger_backlog_spent\{sink="store"\} 1$/m);
  take(1, 6000);
  assert.match(metrics.render(), /^tollgate_ledger_backlog_spent\{sink="store"\} 0$/m);
  assert.deepEqual(logged, [
    'error: the backlog of the ledger is over its budget; calls are still admitted',
    'info: the backlog of the ledger is within its budget again',
  ]);
});

test('metrics tell how much waits and for how long', () => {
  const { clock, metrics, write, take } = setUp();
  take(1, 0);
  const waiting = (): unknown[] =>
    ['bytes', 'age_seconds'].map(
      (name) => new RegExp(`^tollgate_ledger_backlog_${name}\\{sink="store"\\} (.*)$`, 'm').exec(metrics.render())?.[1],
    );
  assert.deepEqual(waiting(), ['0', '0']);
  // A store that follows within a second.
  for (let second = 1; second <= 60; second += 1) {
    write(1, second * 100);
    clock.advance(1000);
    take(1, second * 100);
  }
  assert.deepEqual(waiting(), ['0', '0']);
  write(1, 6100);
  clock.advance(1000);
  write(1, 6200);
  clock.advance(599_000);
  assert.deepEqual(waiting(), ['200', '600']);
  take(1, 6100);
  assert.equal(waiting()[0], '100');
  take(1, 6200);
  assert.deepEqual(waiting(), ['0', '0']);
});
