import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from './metrics.ts';

test('what is shown to Prometheus and what is read are the same numbers', () => {
  const metrics = new Metrics();
  metrics.counter('tollgate_things_total', 'Things.').with({ kind: 'a"b\n' }).add(2);
  metrics.gauge('tollgate_now_seconds', { help: 'Now.', read: () => 7 });
  metrics.counted('tollgate_told_total', { help: 'Told.', read: () => [{ labels: { to: 'x' }, value: 3 }] });
  const histogram = metrics.histogram('gen_ai.client.token.usage', { help: 'T.', unit: '{token}', buckets: [1, 10] });
  const child = histogram.with({ 'gen_ai.token.type': 'input' });
  for (const value of [1, 2, 11, 12]) child.observe(value);
  assert.deepEqual(metrics.read(), [
    {
      name: 'tollgate_things_total',
      help: 'Things.',
      unit: '',
      type: 'counter',
      points: [{ labels: { kind: 'a"b\n' }, value: 2 }],
    },
    { name: 'tollgate_now_seconds', help: 'Now.', unit: 's', type: 'gauge', points: [{ labels: {}, value: 7 }] },
    {
      name: 'tollgate_told_total',
      help: 'Told.',
      unit: '',
      type: 'counter',
      points: [{ labels: { to: 'x' }, value: 3 }],
    },
    {
      name: 'gen_ai.client.token.usage',
      help: 'T.',
      unit: '{token}',
      type: 'histogram',
      bounds: [1, 10],
      points: [{ labels: { 'gen_ai.token.type': 'input' }, counts: [1, 1, 2], sum: 26, count: 4 }],
    },
  ]);
  assert.equal(
    metrics.render(),
    [
      '# HELP tollgate_things_total Things.',
      '# TYPE tollgate_things_total counter',
      String.raw`tollgate_things_total{kind="a\"b\n"} 2`,
      '# HELP tollgate_now_seconds Now.',
      '# TYPE tollgate_now_seconds gauge',
      'tollgate_now_seconds 7',
      '# HELP tollgate_told_total Told.',
      '# TYPE tollgate_told_total counter',
      'tollgate_told_total{to="x"} 3',
      '# HELP gen_ai_client_token_usage T.',
      '# TYPE gen_ai_client_token_usage histogram',
      'gen_ai_client_token_usage_bucket{gen_ai_token_type="input",le="1"} 1',
      'gen_ai_client_token_usage_bucket{gen_ai_token_type="input",le="10"} 2',
      'gen_ai_client_token_usage_bucket{gen_ai_token_type="input",le="+Inf"} 4',
      'gen_ai_client_token_usage_sum{gen_ai_token_type="input"} 26',
      'gen_ai_client_token_usage_count{gen_ai_token_type="input"} 4',
      '',
    ].join('\n'),
  );
});

test('a name of OpenTelemetry that is measured in seconds ends so for Prometheus', () => {
  const metrics = new Metrics();
  metrics.histogram('gen_ai.server.request.duration', { help: 'D.', unit: 's', buckets: [] }).with({}).observe(1);
  assert.match(metrics.render(), /^gen_ai_server_request_duration_seconds_count 1$/m);
});
