import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RunningTwin } from '#server.ts';
import { call, json, twinFor, type Got } from './support/call.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';

/** The request of one span, as OTLP's JSON has it. */
const traces = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'mine' } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId,
              spanId: 'b7ad6b7169203331',
              parentSpanId: '',
              name: 'GET /',
              kind: 2,
              startTimeUnixNano: '1764115200000000001',
              endTimeUnixNano: '1764115200000000002',
              attributes: [
                { key: 'text', value: { stringValue: 'a' } },
                { key: 'count', value: { intValue: '7' } },
                { key: 'share', value: { doubleValue: 0.5 } },
                { key: 'is', value: { boolValue: true } },
              ],
              status: { code: 2 },
            },
          ],
        },
      ],
    },
  ],
};

const span = {
  traceId,
  spanId: 'b7ad6b7169203331',
  parentSpanId: null,
  traceState: null,
  name: 'GET /',
  kind: 'server',
  startedAt: '1764115200000000001',
  endedAt: '1764115200000000002',
  failed: true,
  attributes: { text: 'a', count: 7, share: 0.5, is: true },
  resource: { 'service.name': 'mine' },
};

const delimited = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
const fixed = (field: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
};

/** Written by hand, so that reading is not tested by writing: field 1 of everything, then a span with id, name and times. */
function protobufTraces(): Buffer {
  const attribute = (key: string, value: Buffer): Buffer =>
    Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, value)]);
  const half = Buffer.alloc(9);
  half[0] = (4 << 3) | 1;
  half.writeDoubleLE(0.5, 1);
  const made = Buffer.concat([
    delimited(1, Buffer.from(traceId, 'hex')),
    delimited(2, Buffer.from('b7ad6b7169203331', 'hex')),
    delimited(5, Buffer.from('GET /')),
    Buffer.from([6 << 3, 2]),
    fixed(7, 1764115200000000001n),
    fixed(8, 1764115200000000002n),
    delimited(9, attribute('text', delimited(1, Buffer.from('a')))),
    delimited(9, attribute('count', Buffer.from([3 << 3, 7]))),
    delimited(9, attribute('share', half)),
    delimited(9, attribute('is', Buffer.from([2 << 3, 1]))),
    delimited(15, Buffer.from([3 << 3, 2])),
    // A field that is not read.
    delimited(13, Buffer.from('unknown')),
  ]);
  const resource = delimited(1, delimited(1, attribute('service.name', delimited(1, Buffer.from('mine')))));
  const resourceSpans = Buffer.concat([resource, delimited(2, long(2, made))]);
  return long(1, resourceSpans);
}

/** A length above 127 takes two bytes. */
function long(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, (bytes.length & 127) | 128, bytes.length >> 7]), bytes]);
}

const asProtobuf = { 'content-type': 'application/x-protobuf' };

void suite('a collector of OpenTelemetry', () => {
  test('takes traces as JSON, zipped or not, and shows them', async (context) => {
    const twin = await twinFor(context, {});
    for (const zipped of [false, true]) {
      const text = JSON.stringify(traces);
      const headers = { 'content-type': 'application/json', ...(zipped ? { 'content-encoding': 'gzip' } : {}) };
      const answer = await call(twin, { path: '/v1/traces', body: zipped ? gzipSync(text) : text, headers });
      assert.deepEqual([answer.status, json(answer)], [200, {}]);
    }
    const shown = json(await call(twin, { path: `/_twin/telemetry?trace=${traceId}` }));
    assert.deepEqual(shown.spans, [span, span]);
    assert.deepEqual(json(await call(twin, { path: '/_twin/telemetry?trace=other' })).spans, []);
  });

  test('bytes that are no message are refused', async (context) => {
    const twin = await twinFor(context, {});
    const answer = await call(twin, { path: '/v1/traces', body: Buffer.from([10, 127, 1]), headers: asProtobuf });
    assert.equal(answer.status, 400);
    assert.deepEqual(twin.azure.collector.spans(), []);
  });

  test('fails on request, and takes a part on request', async (context) => {
    const twin = await twinFor(context, {});
    twin.azure.addFault({ service: 'otlp', operation: 'traces', kind: 'status', status: 429, retryAfter: 3 });
    twin.azure.addFault({ service: 'otlp', operation: 'metrics', kind: 'partial' });
    const ask = (path: string): Promise<Got> =>
      call(twin, { path, body: '{}', headers: { 'content-type': 'application/json' } });
    const throttled = await ask('/v1/traces');
    assert.deepEqual([throttled.status, throttled.headers['retry-after']], [429, '3']);
    assert.deepEqual(json(await ask('/v1/metrics')), {
      partialSuccess: { rejectedDataPoints: '1', errorMessage: 'On request.' },
    });
    assert.deepEqual(json(await ask('/v1/traces')), {});
  });
});

const envelope = (time: string): object => ({
  name: 'Microsoft.ApplicationInsights.Request',
  time,
  iKey: '00000000-0000-4000-8000-000000000001',
  tags: { 'ai.operation.id': traceId },
  data: { baseType: 'RequestData', baseData: {} },
});

function track(twin: RunningTwin, items: unknown, token?: string): Promise<Got> {
  return call(twin, {
    path: '/v2.1/track',
    body: gzipSync(JSON.stringify(items)),
    headers: {
      'content-encoding': 'gzip',
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
}

async function insights(context: TestContext): Promise<RunningTwin> {
  return await twinFor(context, {});
}

void suite('the ingestion of Application Insights', () => {
  const good = envelope('2026-11-26T00:00:00Z');

  test('takes envelopes, and says which it refuses', async (context) => {
    const twin = await insights(context);
    const answer = await track(twin, [good, envelope('never'), good]);
    assert.equal(answer.status, 206);
    const { itemsReceived, itemsAccepted, errors } = json(answer);
    assert.deepEqual([itemsReceived, itemsAccepted, errors[0].index, errors[0].statusCode], [3, 2, 1, 400]);
    assert.deepEqual(json(await call(twin, { path: `/_twin/telemetry?trace=${traceId}` })).items, [good, good]);
    assert.equal((await track(twin, [good])).status, 200);
    assert.equal((await track(twin, [{}])).status, 400);
  });

  test('with its keys off it wants a token for Azure Monitor', async (context) => {
    const twin = await insights(context);
    twin.azure.insights.tokensOnly = true;
    const other = twin.azure.token({ audience: 'https://ai.azure.com' });
    const right = twin.azure.token({ audience: 'https://monitor.azure.com' });
    const expired = twin.azure.token({ audience: 'https://monitor.azure.com', lifetimeSeconds: -1 });
    for (const token of [undefined, 'none', other, expired])
      assert.equal((await track(twin, [good], token)).status, 401);
    assert.equal((await track(twin, [good], right)).status, 200);
  });

  test('on request refuses one, throttles, and sends elsewhere', async (context) => {
    const twin = await insights(context);
    const service = 'application-insights';
    twin.azure.addFault({ service, kind: 'redirect', status: 307 });
    const moved = await track(twin, [good]);
    assert.deepEqual([moved.status, moved.headers['location']?.endsWith('/v2.1/track')], [307, true]);
    twin.azure.addFault({ service, kind: 'partial', status: 429 });
    const partial = await track(twin, [good, good]);
    assert.deepEqual([partial.status, json(partial).errors[0].statusCode], [206, 429]);
    twin.azure.addFault({ service, kind: 'status', status: 439 });
    assert.equal((await track(twin, [good])).status, 439);
    assert.equal(twin.azure.insights.items().length, 1);
  });
});

test('protobuf is read as what it says', async (context) => {
  const twin = await twinFor(context, {});
  const answer = await call(twin, { path: '/v1/traces', body: protobufTraces(), headers: asProtobuf });
  assert.equal(answer.status, 200);
  assert.deepEqual(twin.azure.collector.spans(), [span]);
});
