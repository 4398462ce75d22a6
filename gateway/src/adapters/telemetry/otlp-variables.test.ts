import assert from 'node:assert/strict';
import { test } from 'node:test';
import { otlpProblems } from './otlp-variables.ts';

for (const [name, text, says] of [
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', /expected milliseconds/],
  ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', '-1', /expected milliseconds/],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', /expected gzip or none/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'secret-without-a-name', /name=value/],
  ['OTEL_EXPORTER_OTLP_METRICS_HEADERS', 'api-key=secret%', /name=value/],
  ['OTEL_EXPORTER_OTLP_CERTIFICATE', '/nowhere/ca.pem', /\/nowhere\/ca.pem cannot be read/],
  ['OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY', '/nowhere/key.pem', /cannot be read/],
  ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'sums', /cumulative or delta or lowmemory/],
] as const)
  test(`${name}=${text} is told, and no secret with it`, () => {
    const [problem = '', ...more] = otlpProblems({ [name]: text });
    assert.deepEqual(more, []);
    assert.ok(problem.startsWith(`${name}: `));
    assert.match(problem, says);
    assert.ok(!problem.includes('secret'));
  });

test('what is right, or empty, is no problem', () => {
  assert.deepEqual(
    otlpProblems({
      OTEL_EXPORTER_OTLP_TIMEOUT: '400',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YTpiPQ==, x-scope=a',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: '',
      OTEL_EXPORTER_OTLP_CERTIFICATE: import.meta.filename,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta',
    }),
    [],
  );
});
