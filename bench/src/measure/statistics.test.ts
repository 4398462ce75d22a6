import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from './histogram.ts';
import { median, pairedRatios, slope, spread } from './statistics.ts';

test('the median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([]), null);
  assert.equal(median([7]), 7);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 1, 2, 4]), 3);
});

test('a spread leaves out rounds that could not measure the figure', () => {
  assert.deepEqual(spread([3, null, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.equal(spread([null, null]), null);
});

test('ratios pair each round with its neighbour, not the medians with each other', () => {
  // The machine was half as fast in the second round: the ratio of each pair is 1.5 all the same.
  assert.deepEqual(pairedRatios([15, 30], [10, 20]), [1.5, 1.5]);
  assert.deepEqual(pairedRatios([15, null, 4], [10, 20, 0]), [1.5]);
});

test('the slope is that of the least squares line', () => {
  assert.equal(
    slope([
      { x: 0, y: 1 },
      { x: 10, y: 21 },
    ]),
    2,
  );
  assert.equal(
    slope([
      { x: 0, y: 5 },
      { x: 1, y: 5 },
      { x: 2, y: 5 },
    ]),
    0,
  );
  assert.equal(slope([{ x: 3, y: 5 }]), null);
  assert.equal(slope([]), null);
});

test('a histogram gives quantiles to one per cent', () => {
  const histogram = new Histogram();
  assert.equal(histogram.quantile(0.5), null);
  for (let value = 1; value <= 1_000; value += 1) histogram.record(value / 10);
  for (const [fraction, exact] of [
    [0.5, 50],
    [0.99, 99],
    [1, 100],
  ] as const) {
    const found = histogram.quantile(fraction) ?? assert.fail('no quantile');
    assert.ok(Math.abs(found - exact) <= exact * 0.01, `${fraction}: ${found} for ${exact}`);
  }
  assert.equal(histogram.count, 1_000);
});

test('a histogram keeps what is shorter or longer than its buckets', () => {
  const histogram = new Histogram();
  histogram.record(0);
  histogram.record(10_000_000);
  assert.equal(histogram.count, 2);
  assert.ok((histogram.quantile(0.5) ?? 1) < 0.002);
  assert.ok((histogram.quantile(1) ?? 0) > 1_000_000);
});
