import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTelemetrySettings, type ReadSettings } from './settings.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
const connection =
  'InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;ApplicationId=x';
const read = (environment: Readonly<Record<string, string>>): ReadSettings => readTelemetrySettings(environment, {});

function settingsOf(environment: Readonly<Record<string, string>>) {
  const result = read(environment);
  assert.ok(result.ok, JSON.stringify(result));
  return result.settings;
}

for (const [what, environment] of [
  ['nothing', {}],
  ['empty texts', { OTEL_EXPORTER_OTLP_ENDPOINT: '', APPLICATIONINSIGHTS_CONNECTION_STRING: ' ' }],
  ['a switch that turns it off', { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
  ['exporters that are none', { ...endpoint, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }],
  [
    'exporters that are none, for Application Insights as well',
    {
      APPLICATIONINSIGHTS_CONNECTION_STRING: connection,
      OTEL_TRACES_EXPORTER: 'None',
      OTEL_METRICS_EXPORTER: 'none',
    },
  ],
  ['an exporter by name, but nowhere to go', { OTEL_TRACES_EXPORTER: 'otlp' }],
] as const)
  test(`telemetry is off with ${what}`, () => assert.equal(settingsOf(environment), undefined));

for (const [what, environment, otlp, azure] of [
  ['a collector', endpoint, { traces: true, metrics: true }, false],
  [
    'a collector of traces',
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/x' },
    { traces: true, metrics: false },
    false,
  ],
  ['metrics not wanted', { ...endpoint, OTEL_METRICS_EXPORTER: 'none' }, { traces: true, metrics: false }, false],
  [
    'Application Insights',
    { APPLICATIONINSIGHTS_CONNECTION_STRING: connection },
    { traces: false, metrics: false },
    true,
  ],
  ['both', { ...endpoint, APPLICATIONINSIGHTS_CONNECTION_STRING: connection }, { traces: true, metrics: true }, true],
] as const)
  test(`where telemetry goes with ${what}`, () => {
    const settings = settingsOf(environment);
    assert.deepEqual([settings?.otlp, settings?.connectionString !== null], [otlp, azure]);
  });

for (const [sampler, argument, expected] of [
  ['', '', { share: 1, followed: 100, parentBased: true }],
  ['always_on', '', { share: 1, followed: 0, parentBased: false }],
  ['always_off', '', { share: 0, followed: 0, parentBased: false }],
  ['traceidratio', '0.25', { share: 0.25, followed: 0, parentBased: false }],
  ['parentbased_always_off', '', { share: 0, followed: 100, parentBased: true }],
  ['parentbased_traceidratio', '0.1', { share: 0.1, followed: 100, parentBased: true }],
] as const)
  test(`OTEL_TRACES_SAMPLER=${sampler} ${argument}`, () => {
    const given = { ...endpoint, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument };
    assert.deepEqual(settingsOf(given)?.sampling, expected);
  });

test('the resource has what the environment says of it', () => {
  const attributes = 'service.name=other,deployment.environment.name=a%2Cb';
  assert.deepEqual(settingsOf({ ...endpoint, OTEL_RESOURCE_ATTRIBUTES: attributes })?.resource, {
    'service.name': 'other',
    'deployment.environment.name': 'a,b',
  });
  const named = { ...endpoint, OTEL_RESOURCE_ATTRIBUTES: attributes, OTEL_SERVICE_NAME: 'mine' };
  assert.equal(settingsOf(named)?.resource['service.name'], 'mine');
  assert.equal(settingsOf(endpoint)?.resource['service.name'], 'tollgate');
});

test('all that is wrong is said at once, and no secret with it', () => {
  const result = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=secret;IngestionEndpoint=http://plain/',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_RESOURCE_ATTRIBUTES: 'a=1,=2,c',
    OTEL_METRIC_EXPORT_INTERVAL: 'often',
  });
  assert.ok(!result.ok);
  const said = result.problems.join('\n');
  for (const name of [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'APPLICATIONINSIGHTS_CONNECTION_STRING: expected',
    'IngestionEndpoint must be an https address',
    'OTEL_TRACES_SAMPLER',
    'OTEL_RESOURCE_ATTRIBUTES',
    'OTEL_METRIC_EXPORT_INTERVAL',
  ])
    assert.ok(said.includes(name), name);
  assert.ok(!said.includes('secret'));
});

test('a share that is none is refused', () => {
  for (const argument of ['2', '-1', 'half'])
    assert.equal(
      read({ ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: argument }).ok,
      false,
    );
});

test('another protocol is a warning', () => {
  const result = read({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  assert.deepEqual(result.ok && result.warnings.map((one) => one.includes('http/protobuf')), [true]);
});

for (const [what, environment, warnings] of [
  ['one that there is not', { ...endpoint, OTEL_TRACES_EXPORTER: 'otlp,zipkin' }, [/OTEL_TRACES_EXPORTER: .*'zipkin'/]],
  ['otlp, but no address', { OTEL_METRICS_EXPORTER: 'otlp' }, [/OTEL_METRICS_EXPORTER: nothing is sent by OTLP until/]],
  ['otlp and an address', { ...endpoint, OTEL_TRACES_EXPORTER: 'otlp', OTEL_METRICS_EXPORTER: 'otlp' }, []],
] as const)
  test(`an exporter by name: ${what}`, () => {
    const result = read(environment);
    assert.ok(result.ok);
    assert.equal(result.warnings.length, warnings.length, result.warnings.join());
    for (const [at, warning] of warnings.entries()) assert.match(result.warnings[at] ?? '', warning);
  });
