import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, InstrumentType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { Metrics } from '#kernel/metrics.ts';
import { MetricTranslation } from './metric-data.ts';

function setUp(temporality: AggregationTemporality) {
  const metrics = new Metrics();
  const counter = metrics.counter('tollgate_things_total', 'Things.').with({ kind: 'a' });
  const histogram = metrics.histogram('tollgate_time_seconds', { help: 'T.', buckets: [1, 2] }).with({});
  metrics.gauge('tollgate_now', { help: 'Now.', read: () => 5 });
  const translation = new MetricTranslation(resourceFromAttributes({}), (instrument) =>
    instrument === InstrumentType.COUNTER || instrument === InstrumentType.HISTOGRAM
      ? temporality
      : AggregationTemporality.CUMULATIVE,
  );
  return {
    metrics,
    counter,
    histogram,
    at: (at: number) => translation.translate({ since: 0, at, metrics: metrics.read() }),
  };
}

/** Name and value of each point, and when it began, ms. */
function said({ scopeMetrics }: ResourceMetrics) {
  return scopeMetrics.flatMap((scope) =>
    scope.metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ value, startTime }) => [descriptor.name, value, startTime[0] * 1000 + startTime[1] / 1e6]),
    ),
  );
}

const histogramOf = (counts: readonly number[], sum: number) => ({
  buckets: { boundaries: [1, 2], counts },
  sum,
  count: counts.reduce((all, one) => all + one, 0),
});

test('who adds up itself is told everything since the start', () => {
  const { counter, histogram, at } = setUp(AggregationTemporality.CUMULATIVE);
  counter.add(2);
  histogram.observe(1);
  at(1000).told();
  counter.add(1);
  histogram.observe(3);
  assert.deepEqual(said(at(2000).metrics), [
    ['tollgate_things_total', 3, 0],
    ['tollgate_time_seconds', histogramOf([1, 0, 1], 4), 0],
    ['tollgate_now', 5, 2000],
  ]);
});

test('who wants differences is told what has come since what it took last', () => {
  const { counter, histogram, at } = setUp(AggregationTemporality.DELTA);
  counter.add(2);
  histogram.observe(1);
  at(1000).told();
  counter.add(1);
  const lost = at(2000);
  assert.deepEqual(said(lost.metrics), [
    ['tollgate_things_total', 1, 1000],
    ['tollgate_now', 5, 2000],
  ]);
  counter.add(4);
  histogram.observe(3);
  assert.deepEqual(
    said(at(3000).metrics),
    [
      ['tollgate_things_total', 5, 1000],
      ['tollgate_time_seconds', histogramOf([0, 0, 1], 3), 1000],
      ['tollgate_now', 5, 3000],
    ],
    'what was not taken is in it',
  );
});

test('a port is a number, as in spans', () => {
  const metrics = new Metrics();
  metrics.counter('calls', 'Calls.').with({ 'server.address': 'a', 'server.port': '443' }).add(1);
  const translation = new MetricTranslation(resourceFromAttributes({}), () => AggregationTemporality.CUMULATIVE);
  const { scopeMetrics } = translation.translate({ since: 0, at: 1, metrics: metrics.read() }).metrics;
  assert.deepEqual(scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.attributes, {
    'server.address': 'a',
    'server.port': 443,
  });
});
