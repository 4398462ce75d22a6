import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { silentLog } from '#kernel/log.ts';
import type { TraceIds } from '#kernel/trace-context.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { until } from '../../../test/support/until.ts';
import { createExporter, type Destination } from './exporter.ts';
import type { SentCalls, SentMetrics } from './messages.ts';
import { Tally, type ExporterName } from './tally.ts';

const callOf = (spanId: ReturnType<TraceIds['span']>): SentCalls => ({
  endpoints: [],
  callers: [],
  calls: [
    {
      traceId: 'a'.repeat(32),
      spanId,
      parentSpanId: null,
      state: null,
      share: 1,
      requestId: 'r',
      receivedAt: 0,
      ms: 1,
      method: 'POST',
      operation: 'chat.completions',
      surface: 'v1',
      model: null,
      stream: false,
      status: 200,
      code: null,
      waitedMs: 0,
      caller: null,
      attempts: [],
    },
  ],
});

const reading = (at: number, value: number): SentMetrics => ({
  since: 0,
  at,
  metrics: [{ name: 'tollgate_things_total', help: '', unit: '', type: 'counter', points: [{ labels: {}, value }] }],
});

/** A destination whose answers the test gives, or that never answers. */
function destination(name: ExporterName, answers: boolean) {
  const spans: string[] = [];
  const metrics: ResourceMetrics[] = [];
  const closed: string[] = [];
  const made: Destination = {
    name,
    spans: () =>
      Promise.resolve({
        async send(batch) {
          spans.push(...batch.map(({ span }) => span.spanContext().spanId));
          return answers ? batch.length : await new Promise<number>(() => {});
        },
        close: () => Promise.resolve(void closed.push('spans')),
      }),
    metrics: () =>
      Promise.resolve({
        temporalityOf: () => AggregationTemporality.DELTA,
        send: (one) => Promise.resolve(void metrics.push(one)),
        close: () => Promise.resolve(void closed.push('metrics')),
      }),
  };
  const told = () => metrics.map((one) => one.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.value);
  return { made, spans, told, closed };
}

function setUp(...destinations: readonly { readonly made: Destination }[]) {
  const clock = new ManualClock();
  const exporter = createExporter({
    destinations: destinations.map(({ made }) => made),
    resource: resourceFromAttributes({}),
    tally: new Tally(),
    clock,
    log: silentLog,
  });
  return {
    clock,
    exporter,
    call: (spanId: string): void => exporter.calls(JSON.stringify(callOf(spanId))),
    read: (at: number, value: number): void => exporter.metrics(JSON.stringify(reading(at, value))),
  };
}

test('one that never answers holds up neither the other nor the end', async () => {
  const [stuck, well] = [destination('azure-monitor', false), destination('otlp', true)];
  const { clock, exporter, call } = setUp(stuck, well);
  call('one');
  call('two');
  await until(() => well.spans.length === 2);
  assert.deepEqual(stuck.spans, ['one']);
  const finished = exporter.finish(4000);
  clock.advance(4000);
  assert.equal(await finished, false);
});

test('at the end everything is sent, and what was opened is closed', async () => {
  const well = destination('otlp', true);
  const { exporter, call, read } = setUp(well);
  call('one');
  read(1000, 5);
  assert.equal(await exporter.finish(4000), true);
  assert.deepEqual([well.spans, well.told(), well.closed.toSorted()], [['one'], [5], ['metrics', 'spans']]);
});

test('where nothing was sent nothing is opened', async () => {
  const well = destination('otlp', true);
  const { exporter } = setUp(well);
  assert.equal(await exporter.finish(4000), true);
  assert.deepEqual(well.closed, []);
});

test('a worker in the place of another does not tell everything since the start once more', async () => {
  const well = destination('otlp', true);
  const { exporter, read } = setUp(well);
  exporter.baseline(JSON.stringify(reading(1000, 5)));
  read(2000, 7);
  await exporter.finish(4000);
  assert.deepEqual(well.told(), [2]);
});

test('what is no number is not told', async () => {
  const well = destination('otlp', true);
  const { exporter, read } = setUp(well);
  read(1000, Number.NaN);
  await exporter.finish(4000);
  assert.deepEqual(well.told(), [undefined]);
});
