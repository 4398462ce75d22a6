import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { parseJson } from '#kernel/json.ts';
import { TraceIds } from '#kernel/trace-context.ts';
import { CallTrace, type StoredEnd, type TracedCall } from '#model/call-trace.ts';
import { unknownUnits, type UsageRecord } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { usageRecord } from '../../../test/support/records.ts';
import { spanAttributes } from './attributes.ts';
import { sentCalls, type SentCalls } from './messages.ts';
import { spansOf } from './spans.ts';

const receivedAt = Date.UTC(2026, 10, 26);
const ids = new TraceIds();

interface Made {
  readonly records?: readonly UsageRecord[];
  readonly stored?: StoredEnd;
  readonly call?: Partial<TracedCall>;
  readonly classic?: boolean;
}

function spans({ records = [], stored, call = {}, classic = false }: Made) {
  const trace = new CallTrace(ids, { parent: undefined, state: null, share: 1 });
  const at = endpointNamed('weu', {
    resource: 'https://contoso-weu.openai.azure.com',
    surface: classic ? { kind: 'classic', apiVersion: '2024-10-21' } : { kind: 'v1' },
  });
  for (const record of records) trace.beginAttempt(at).record = record;
  if (stored !== undefined) trace.beginAttempt(at).stored = stored;
  const whole: TracedCall = {
    trace,
    requestId: 'r',
    receivedAt,
    startedAt: 1000,
    endedAt: 1250.5,
    method: 'POST',
    operation: 'chat.completions',
    surface: 'v1',
    model: 'gpt-5-mini',
    stream: false,
    caller: null,
    status: 200,
    code: null,
    waitedMs: 0,
    ...call,
  };
  const text = JSON.stringify(sentCalls([whole]));
  return spansOf(parseJson(text) as unknown as SentCalls, resourceFromAttributes({})).map(({ span }) => span);
}

for (const [operation, surface, route] of [
  ['chat.completions', 'v1', '/openai/v1/chat/completions'],
  ['chat.completions', 'classic', '/openai/deployments/{deployment}/chat/completions'],
  ['embeddings', 'classic', '/openai/deployments/{deployment}/embeddings'],
  ['responses', 'classic', '/openai/responses'],
  ['models.retrieve', 'v1', '/openai/v1/models/{model}'],
  ['responses.input_items', 'v1', '/openai/v1/responses/{id}/input_items'],
  ['conversations.items.retrieve', 'v1', '/openai/v1/conversations/{id}/items/{item}'],
] as const)
  test(`the route of ${operation}, ${surface}, is ${route}`, () => {
    const [server] = spans({ call: { operation, surface } });
    assert.deepEqual([server?.name, server?.attributes['http.route']], [`POST ${route}`, route]);
  });

test('what a client writes as a method makes no name', () => {
  const [server] = spans({ call: { method: 'GET-ME-IN', operation: null, surface: null } });
  assert.deepEqual([server?.name, server?.attributes['http.request.method']], ['HTTP', '_OTHER']);
});

test('times of a call and its attempts are those of one clock', () => {
  const timing = { queueMs: 2.25, firstByteMs: 100, upstreamMs: 240.125, totalMs: 250 };
  const [server, client] = spans({ records: [usageRecord('a', { timing })] });
  const at = receivedAt / 1000;
  assert.deepEqual(
    [server?.startTime, server?.endTime, server?.duration],
    [
      [at, 0],
      [at, 250_500_000],
      [0, 250_500_000],
    ],
  );
  assert.deepEqual(
    [client?.startTime, client?.endTime],
    [
      [at, 2_250_000],
      [at, 242_375_000],
    ],
  );
  assert.equal(client?.parentSpanContext?.spanId, server?.spanContext().spanId);
});

for (const [nanoUsd, text] of [
  [0n, '0'],
  [1n, '0.000000001'],
  [1_500_000_000n, '1.5'],
  [123_456_789_012_345_678n, '123456789.012345678'],
  [null, undefined],
] as const)
  test(`a cost of ${nanoUsd} nano-USD is told as ${text}`, () => {
    const record = usageRecord('a');
    const [, client] = spans({ records: [{ ...record, cost: { ...record.cost, nanoUsd } }] });
    assert.equal(client?.attributes['tollgate.cost_usd'], text);
  });

for (const [outcome, httpStatus, error] of [
  ['completed', 200, undefined],
  ['client-left', 200, undefined],
  ['hedge-lost', null, undefined],
  ['timed-out', null, 'timed-out'],
  ['upstream-broke', 200, 'upstream-broke'],
  ['refused-by-upstream', 429, '429'],
  ['filtered-prompt', 400, '400'],
] as const)
  test(`an attempt that is ${outcome}, ${httpStatus}, ${error === undefined ? 'is no error' : `is the error ${error}`}`, () => {
    const [, client] = spans({ records: [usageRecord('a', { outcome, httpStatus })] });
    assert.equal(client?.attributes['error.type'], error);
    assert.equal(client?.status.code, error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  });

test('what is unknown is left out, and is not 0', () => {
  const unknown = {
    units: unknownUnits,
    measuredInput: 'unknown',
    measuredOutput: 'unknown',
    reportedModel: null,
  } as const;
  const [, client] = spans({ records: [usageRecord('a', unknown)] });
  const told = Object.keys(client?.attributes ?? {});
  assert.deepEqual(
    told.filter((name) => name.startsWith('gen_ai.usage') || name === 'gen_ai.response.model'),
    [],
  );
  assert.equal(client?.attributes['tollgate.measured_input'], 'unknown');
});

test('what is asked of something stored has a span without usage, and without its ids', () => {
  const stored = { sentAt: 1001, endedAt: 1041, httpStatus: 200 };
  const [, client] = spans({ stored, call: { operation: 'responses.retrieve', method: 'GET', model: null } });
  assert.deepEqual([client?.name, client?.kind], ['responses.retrieve', SpanKind.CLIENT]);
  assert.equal(client?.attributes['url.full'], 'https://contoso-weu.openai.azure.com/openai/v1/responses/{id}');
  const [, unreachable] = spans({ stored: { ...stored, httpStatus: null }, call: { operation: 'responses.retrieve' } });
  assert.equal(unreachable?.status.code, SpanStatusCode.ERROR);
});

test('an attempt that was never sent has no span, and the address of one that was has its deployment', () => {
  const [, client, ...more] = spans({ records: [usageRecord('a')], classic: true });
  assert.deepEqual(more, []);
  assert.match(
    String(client?.attributes['url.full']),
    /^https:\/\/contoso-weu[^?]*\/deployments\/[^{]+\/chat\/completions$/,
  );
});

test('every attribute is one that is described', () => {
  const record = usageRecord('a', { stream: true, attempt: 2, spilledFrom: 'ptu', serviceTier: 'default' });
  for (const span of spans({ records: [record], call: { stream: true, waitedMs: 5, code: 'internal_error' } }))
    for (const name of Object.keys(span.attributes)) assert.ok(name in spanAttributes, name);
});
