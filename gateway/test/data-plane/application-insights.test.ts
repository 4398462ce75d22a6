// Traces and metrics on their way into Application Insights: the gateway as a process of its own, which trusts the twin's authority.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';
import { call, configFor, keyOf, keys } from '../support/running-gateway.ts';
import { assertNotLogged } from '../support/logged.ts';
import { until } from '../support/until.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const clientSpan = 'b7ad6b7169203331';
const instrumentationKey = '00000000-0000-4000-8000-000000000001';

interface Place {
  readonly twin: RunningTwin;
  readonly start: (environment?: Readonly<Record<string, string>>) => Promise<GatewayProcess>;
}

async function setUp(context: TestContext, telemetry = '{ identity: managed-identity }'): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-insights-'));
  const caFile = path.join(folder, 'ca.pem');
  const twin = await startTwin({ key: 'twin-key-of-the-test', securePort: 0, caFile });
  context.after(async () => {
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  return {
    twin,
    start: async (environment = {}) =>
      await startGatewayProcess(context, {
        config: `${configFor(twin.url)}\ntelemetry: ${telemetry}\n`,
        environment: {
          APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${instrumentationKey};IngestionEndpoint=${twin.secureUrl}/`,
          OTEL_SERVICE_NAME: 'tollgate-under-test',
          NODE_EXTRA_CA_CERTS: caFile,
          IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
          IDENTITY_HEADER: 'twin-identity-header',
          TEST_TWIN_KEY: twin.key,
          TEST_KEY_MARKETING: keys.marketing,
          TEST_KEY_FINANCE: keys.finance,
          TEST_KEY_SMALL: keyOf('small'),
          ...environment,
        },
      }),
  };
}

async function chat(gateway: GatewayProcess, count = 1): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const answer = await call(`${gateway.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing, traceparent: `00-${traceId}-${clientSpan}-01` },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=7' }] },
    });
    assert.equal(answer.status, 200, answer.body);
  }
}

/** Envelopes of a kind: what Application Insights would show as requests, dependencies, metrics. */
function items(twin: RunningTwin, baseType: string) {
  return JSON.parse(JSON.stringify(twin.azure.insights.items())).filter(
    (item: { readonly data: { readonly baseType: string } }) => item.data.baseType === baseType,
  );
}

async function dropped(gateway: GatewayProcess): Promise<string> {
  const token = readFileSync(path.join(gateway.dataFolder, 'admin-token'), 'utf8').trim();
  const shown = await fetch(`${gateway.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const [, count = ''] =
    /^tollgate_telemetry_dropped_total\{exporter="azure-monitor",signal="spans"\} (\d+)$/m.exec(await shown.text()) ??
    [];
  return count;
}

test('an application map shows client, gateway and upstream, by the gateway’s identity alone', async (context) => {
  const { twin, start } = await setUp(context);
  twin.azure.insights.tokensOnly = true;
  const gateway = await start();
  await chat(gateway);
  await until(() => items(twin, 'RemoteDependencyData').length > 0, 'the span of the upstream');
  const said = await gateway.stop();
  assertNotLogged({ logged: () => said }, 'could not be exported');
  const [request, ...requests] = items(twin, 'RequestData');
  const [dependency, ...dependencies] = items(twin, 'RemoteDependencyData');
  assert.deepEqual([requests, dependencies], [[], []]);
  assert.equal(request.iKey, instrumentationKey);
  assert.equal(request.tags['ai.cloud.role'], 'tollgate-under-test');
  assert.deepEqual([request.tags['ai.operation.id'], request.tags['ai.operation.parentId']], [traceId, clientSpan]);
  assert.equal(request.data.baseData.name, 'POST /openai/v1/chat/completions');
  assert.deepEqual([request.data.baseData.responseCode, request.data.baseData.success], ['200', true]);
  assert.deepEqual(
    [dependency.tags['ai.operation.id'], dependency.tags['ai.operation.parentId']],
    [traceId, request.data.baseData.id],
  );
  assert.equal(dependency.data.baseData.target, '127.0.0.1');
  const { total } = twin.usage();
  assert.equal(dependency.data.baseData.properties['gen_ai.usage.output_tokens'], String(total.outputTokens));
  assert.equal(twin.usage().attempts[0]?.traceparent, `00-${traceId}-${dependency.data.baseData.id}-01`);
  const tokens = items(twin, 'MetricData').filter(
    (item: { readonly data: { readonly baseData: { readonly metrics: readonly { readonly name: string }[] } } }) =>
      item.data.baseData.metrics[0]?.name === 'gen_ai.client.token.usage',
  );
  assert.deepEqual(
    tokens.map(
      (item: { readonly data: { readonly baseData: { readonly metrics: readonly unknown[] } } }) =>
        item.data.baseData.metrics[0],
    ),
    [total.inputTokens, total.outputTokens].map((sum) => ({
      name: 'gen_ai.client.token.usage',
      value: sum,
      count: 1,
      kind: 'Aggregation',
    })),
  );
});

test('calls that stand for others are told so', async (context) => {
  const { twin, start } = await setUp(context, '{ traces: { share: 50%, followed: 0 } }');
  const gateway = await start();
  await chat(gateway, 30);
  await until(() => items(twin, 'RequestData').length > 3, 'some of thirty calls');
  await gateway.stop();
  const rates = items(twin, 'RequestData').map((item: { readonly sampleRate: number }) => item.sampleRate);
  assert.ok(rates.length > 3 && rates.length < 27, `${rates.length} of 30`);
  assert.deepEqual(new Set(rates), new Set([50]));
});

for (const [what, fault] of [
  ['is unavailable for a while', { kind: 'status', status: 503, times: 2 }],
  ['throttles', { kind: 'status', status: 429, retryAfter: 1 }],
  ['breaks off', { kind: 'reset' }],
  ['takes only a part, and the rest when asked again', { kind: 'partial', status: 500 }],
  ['sends elsewhere for good', { kind: 'redirect', status: 308 }],
  ['sends elsewhere for now', { kind: 'redirect', status: 307 }],
] as const)
  test(`everything arrives once where the service ${what}`, async (context) => {
    const { twin, start } = await setUp(context);
    const gateway = await start();
    twin.azure.addFault({ service: 'application-insights', ...fault });
    await chat(gateway, 3);
    // The end has only so much time for what is left, and what has to be sent again may take longer.
    const kinds = ['RequestData', 'RemoteDependencyData'];
    await until(() => kinds.every((kind) => items(twin, kind).length >= 3), 'three calls that have arrived');
    await gateway.stop();
    const ids = items(twin, 'RequestData').map(
      (item: { readonly data: { readonly baseData: { readonly id: string } } }) => item.data.baseData.id,
    );
    assert.deepEqual([ids.length, new Set(ids).size], [3, 3]);
    assert.equal(items(twin, 'RemoteDependencyData').length, 3);
  });

test('what is refused for good is dropped, counted and told once, and calls are served', async (context) => {
  const { twin, start } = await setUp(context, '{ identity: none }');
  twin.azure.insights.tokensOnly = true;
  const gateway = await start();
  for (let round = 0; round < 3; round += 1) {
    await chat(gateway, 2);
    await until(async () => Number(await dropped(gateway)) >= (round === 0 ? 4 : 0), 'four spans that are dropped');
  }
  const said = await gateway.stop();
  assert.deepEqual(twin.azure.insights.items(), []);
  const lines = said.split('\n').filter((line) => line.includes('could not be exported') && line.includes('"spans"'));
  assert.equal(lines.length, 1);
});

test('where the token service is away, telemetry is dropped and calls are served', async (context) => {
  const { twin, start } = await setUp(context);
  twin.azure.addFault({ service: 'identity', kind: 'status', status: 500, times: null });
  const gateway = await start();
  await chat(gateway, 2);
  await until(async () => Number(await dropped(gateway)) >= 4, 'four spans that are dropped');
  const said = await gateway.stop();
  assert.deepEqual(twin.azure.insights.items(), []);
  assert.ok(said.includes('could not be exported'));
});

test('an ingestion that never answers delays neither a call nor the end beyond its time', async (context) => {
  const { twin, start } = await setUp(context);
  const gateway = await start();
  twin.azure.addFault({ service: 'application-insights', kind: 'slow', ms: 600_000, times: null });
  await chat(gateway, 5);
  const said = await gateway.stop();
  assert.ok(said.includes('telemetry was not all exported before the end'));
  assert.ok(said.includes('stopped'));
});
