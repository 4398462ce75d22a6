// Traces and metrics through real sockets: a client's trace context in, the twin's collector at the end.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { startTwin } from '../../../twin/src/server.ts';
import { afterMs, ask, hold, known, startHedged, warm } from '../support/hedged-stack.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { pointsOf, spansOf, toCollector } from '../support/telemetry.ts';
import { assertNotLogged, linesWith, untilLogged } from '../support/logged.ts';

const v1 = '/openai/v1/chat/completions';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const clientSpan = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${clientSpan}-01`;

interface Setup {
  readonly environment?: Readonly<Record<string, string>>;
  readonly telemetry?: string;
  readonly models?: string;
  readonly clock?: ManualClock;
}

/** A gateway that exports to a twin of its own, so that faults of one are not the other's. */
async function traced(
  context: TestContext,
  setup: Setup = {},
): Promise<RunningStack & { readonly collector: Awaited<ReturnType<typeof startTwin>> }> {
  const collector = await startTwin({ port: 0 });
  context.after(async () => await collector.close());
  const stack = await startStack(context, {
    environment: { ...toCollector(collector.url), ...setup.environment },
    ...(setup.clock === undefined ? {} : { overrides: { clock: setup.clock } }),
    config: (twin) =>
      `${configFor(twin, setup.models === undefined ? {} : { models: setup.models })}${setup.telemetry ?? ''}`,
  });
  return Object.assign(stack, { collector });
}

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly text?: string;
  readonly model?: string;
}

function chat(stack: RunningStack, asked: Asked = {}) {
  const { headers = { traceparent }, stream = false, text = 'Hello twin:tokens=7', model = 'gpt-5.4-mini' } = asked;
  return call(`${stack.url}${v1}`, {
    headers: { 'api-key': keys.marketing, ...headers },
    body: { model, stream, messages: [{ role: 'user', content: text }] },
  });
}

for (const stream of [false, true])
  test(`one trace from the client over the gateway to the upstream${stream ? ', streamed' : ''}`, async (context) => {
    const stack = await traced(context);
    const answer = await chat(stack, { stream, headers: { traceparent, tracestate: 'vendor=of-the-client' } });
    assert.equal(answer.status, 200);
    await stack.gateway.drain('test');
    const [server, client, ...more] = spansOf(stack.collector, traceId);
    assert.deepEqual(more, []);
    assert.ok(server !== undefined && client !== undefined);
    assert.deepEqual([server.kind, server.parentSpanId], ['server', clientSpan]);
    assert.deepEqual([client.kind, client.parentSpanId], ['client', server.spanId]);
    assert.equal(server.name, 'POST /openai/v1/chat/completions');
    assert.equal(client.name, 'chat gpt-5.4-mini');
    const [attempt] = stack.twin.usage().attempts;
    assert.equal(
      attempt?.traceparent,
      `00-${traceId}-${client.spanId}-01`,
      'the upstream is within the span of its call',
    );
    assert.deepEqual([server.traceState, client.traceState], ['vendor=of-the-client', 'vendor=of-the-client']);
    assert.ok(BigInt(client.startedAt) >= BigInt(server.startedAt) && BigInt(client.endedAt) <= BigInt(server.endedAt));
    assert.equal(server.resource['service.name'], 'tollgate-under-test');
    const { attributes } = client;
    assert.deepEqual(
      {
        operation: attributes['gen_ai.operation.name'],
        provider: attributes['gen_ai.provider.name'],
        model: attributes['gen_ai.request.model'],
        stream: attributes['gen_ai.request.stream'],
        input: attributes['gen_ai.usage.input_tokens'],
        output: attributes['gen_ai.usage.output_tokens'],
        status: attributes['http.response.status_code'],
        address: attributes['server.address'],
        port: attributes['server.port'],
        endpoint: attributes['tollgate.endpoint'],
        deployment: attributes['tollgate.deployment'],
        measured: attributes['tollgate.measured_output'],
        record: attributes['tollgate.record_id'],
        outcome: attributes['tollgate.outcome'],
      },
      {
        operation: 'chat',
        provider: 'azure.ai.openai',
        model: 'gpt-5.4-mini',
        stream: stream ? true : undefined,
        input: attempt?.inputTokens,
        output: attempt?.outputTokens,
        status: 200,
        address: '127.0.0.1',
        port: stack.twin.port,
        endpoint: 'weu',
        deployment: 'gpt-5.4-mini',
        measured: 'reported',
        record: attempt?.id,
        outcome: 'completed',
      },
    );
    assert.equal(typeof attributes['gen_ai.response.time_to_first_chunk'], stream ? 'number' : 'undefined');
    assert.equal(attributes['url.full'], `${stack.twin.url}/contoso-weu${v1}`);
    assert.deepEqual(
      ['subscription', 'product', 'consumer', 'cost_centre'].map((name) => server.attributes[`tollgate.${name}`]),
      ['marketing-web', 'standard', 'marketing', 'contoso/marketing'],
    );
    assert.equal(server.attributes['tollgate.request_id'], answer.headers['x-request-id']);
  });

test('each attempt has a span of its own, and the upstream of each is told of it', async (context) => {
  const stack = await traced(context);
  stack.twin.addFault({ kind: 'status', status: 503, match: { resource: 'contoso-weu' } });
  assert.equal((await chat(stack)).status, 200);
  await stack.gateway.drain('test');
  const [server, first, second, ...more] = spansOf(stack.collector, traceId);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [first, second].map((one) => [
      one?.parentSpanId,
      one?.attributes['tollgate.endpoint'],
      one?.attributes['http.response.status_code'],
      one?.attributes['error.type'],
      one?.attributes['http.request.resend_count'],
      one?.failed,
    ]),
    [
      [server?.spanId, 'weu', 503, '503', undefined, true],
      [server?.spanId, 'swc', 200, undefined, 1, false],
    ],
  );
  assert.deepEqual(
    stack.twin.usage().attempts.map((one) => one.traceparent),
    [first, second].map((one) => `00-${traceId}-${one?.spanId}-01`),
  );
  assert.equal(server?.failed, false, 'the call was answered');
  assert.equal(server?.attributes['tollgate.attempts'], 2);
});

test('of two attempts at a time each has a span, and the one that lost is no error', async (context) => {
  const collector = await startTwin();
  context.after(async () => await collector.close());
  const { stack, clock, settled } = await startHedged(context, { environment: toCollector(collector.url) });
  await warm(stack);
  hold(stack, 'contoso-weu');
  const answering = ask(stack);
  await until(() => stack.twin.held() === 1);
  clock.advance(afterMs);
  assert.equal((await answering).status, 200);
  await settled(known + 2);
  await stack.gateway.drain('test');
  const spans = spansOf(collector);
  const server = spans.find((span) => span.attributes['tollgate.attempts'] === 2);
  const attempts = spans.filter((span) => span.parentSpanId === server?.spanId);
  assert.deepEqual(
    attempts.map(({ attributes, failed }) => [
      attributes['tollgate.endpoint'],
      attributes['tollgate.outcome'],
      attributes['error.type'],
      failed,
    ]),
    [
      ['weu', 'hedge-lost', undefined, false],
      ['swc', 'completed', undefined, false],
    ],
  );
  const told = stack.twin
    .usage()
    .attempts.slice(-2)
    .map((one) => one.traceparent);
  assert.deepEqual(new Set(told), new Set(attempts.map(({ traceId: trace, spanId }) => `00-${trace}-${spanId}-01`)));
});

test('a call that fails has the error of its answer, and a refused one no span of an upstream', async (context) => {
  const stack = await traced(context);
  stack.twin.addFault({ kind: 'status', status: 500, times: null });
  assert.equal((await chat(stack)).status, 503);
  const refused = await call(`${stack.url}${v1}`, { headers: { 'api-key': 'nobody' }, body: {} });
  assert.equal(refused.status, 401);
  const lost = await call(`${stack.url}/nowhere?api-key=${keys.marketing}`, { headers: {}, body: {} });
  assert.equal(lost.status, 404);
  await stack.gateway.drain('test');
  const servers = spansOf(stack.collector).filter((span) => span.kind === 'server');
  assert.deepEqual(
    servers.map((span) => [
      span.name,
      span.attributes['error.type'],
      span.attributes['http.response.status_code'],
      span.failed,
    ]),
    [
      ['POST /openai/v1/chat/completions', 'upstream_unavailable', 503, true],
      ['POST /openai/v1/chat/completions', 'invalid_api_key', 401, false],
      ['POST', 'not_found', 404, false],
    ],
  );
  assert.equal(spansOf(stack.collector).filter((span) => span.kind === 'client').length, 2);
});

for (const stream of [false, true])
  test(`an answer that breaks off is a failure everywhere, whatever its status was${stream ? ', streamed' : ''}`, async (context) => {
    const stack = await traced(context);
    stack.twin.addFault({ kind: 'reset', afterBytes: stream ? 1500 : 120, how: 'close' });
    const answer = await chat(stack, { stream, text: 'Hello twin:tokens=60' });
    assert.equal(answer.status, stream ? 200 : 502);
    const shown = await stack.admin('/metrics');
    assert.match(
      shown.text,
      /^gen_ai_server_request_duration_seconds_count\{[^}]*error_type="upstream_invalid_reply"\} 1$/m,
    );
    await stack.gateway.drain('test');
    const [server, client] = spansOf(stack.collector, traceId);
    assert.deepEqual(
      [server, client].map((span) => [span?.attributes['error.type'], span?.failed]),
      [
        ['upstream_invalid_reply', true],
        ['upstream-broke', true],
      ],
    );
    assert.equal(server?.attributes['http.response.status_code'], answer.status);
    await untilLogged(stack, /"code":"upstream_invalid_reply"/);
  });

test('a client that leaves is no failure of the gateway, and its span ends within the call', async (context) => {
  const stack = await traced(context);
  stack.twin.addFault({ kind: 'stall', afterBytes: 1500 });
  const leaving = new AbortController();
  const left = fetch(`${stack.url}${v1}`, {
    method: 'POST',
    headers: { 'api-key': keys.marketing, 'content-type': 'application/json', traceparent },
    body: JSON.stringify({ model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    signal: leaving.signal,
  });
  await (await left).body?.getReader().read();
  leaving.abort();
  await untilLogged(stack, '"msg":"request"');
  await stack.gateway.drain('test');
  const [server, client] = spansOf(stack.collector, traceId);
  assert.deepEqual(
    [server, client].map((span) => [span?.attributes['error.type'], span?.failed]),
    [
      [undefined, false],
      [undefined, false],
    ],
  );
  assert.equal(client?.attributes['tollgate.outcome'], 'client-left');
  assert.ok(BigInt(client.endedAt) <= BigInt(server?.endedAt ?? 0));
});

test('neither prompts nor replies nor keys are in what is exported', async (context) => {
  const stack = await traced(context);
  const word = 'antidisestablishmentarianism';
  for (const stream of [false, true]) await chat(stack, { stream, text: `${word} twin:say=${word}` });
  await chat(stack, { model: `model-of-${word}` });
  await call(`${stack.url}/${word}/${keys.finance}?subscription-key=${keys.marketing}`, { headers: {}, body: {} });
  await call(`${stack.url}${v1}?subscription-key=${keys.finance}`, {
    headers: {},
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: word }] },
  });
  const tool = { type: 'function', function: { name: word, description: word, parameters: {} } };
  const everywhere = await call(`${stack.url}${v1}?note=${word}`, {
    headers: {
      'api-key': keys.marketing,
      'user-agent': word,
      'x-ms-client-request-id': word,
      'x-consumer': word,
      baggage: `user=${word}`,
      traceparent: `cc-${traceId}-${clientSpan}-01-${word}`,
    },
    body: {
      model: 'gpt-5.4-mini',
      user: word,
      metadata: { [word]: word },
      tools: [tool],
      messages: [{ role: 'user', name: word, content: 'Hello' }],
    },
  });
  assert.equal(everywhere.status, 200, everywhere.body);
  stack.twin.addFault({ kind: 'status', status: 400, body: { error: { message: word, code: word, type: word } } });
  assert.equal((await chat(stack)).status, 400);
  await stack.gateway.drain('test');
  const exported = JSON.stringify([stack.collector.azure.collector.spans(), stack.collector.azure.collector.metrics()]);
  assert.ok(exported.includes('gpt-5.4-mini'));
  for (const secret of [word, keys.marketing, keys.finance, stack.twin.key]) assert.ok(!exported.includes(secret));
});

for (const [what, headers] of [
  ['none', {}],
  ['a malformed one', { traceparent: 'nonsense' }],
  ['one of zeros', { traceparent: `00-${'0'.repeat(32)}-${clientSpan}-01` }],
  ['an oversized one', { traceparent: `cc-${traceId}-${clientSpan}-01-${'x'.repeat(4000)}` }],
  ['a forged state', { traceparent, tracestate: `a=${'b'.repeat(2000)}` }],
] as const)
  test(`a call with ${what} of a trace context is served, and has a trace`, async (context) => {
    const stack = await traced(context);
    assert.equal((await chat(stack, { headers })).status, 200);
    await stack.gateway.drain('test');
    const [server, client] = spansOf(stack.collector);
    const joins = 'tracestate' in headers;
    assert.equal(server?.traceId === traceId, joins);
    assert.equal(server?.parentSpanId, joins ? clientSpan : null);
    assert.equal(server?.traceState, null);
    assert.equal(stack.twin.usage().attempts[0]?.traceparent, `00-${server?.traceId}-${client?.spanId}-01`);
  });

test('two trace contexts in one call are none', async (context) => {
  const stack = await traced(context);
  const answer = await call(`${stack.url}${v1}`, {
    headers: { 'api-key': keys.marketing, traceparent: [traceparent, traceparent] },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] },
  });
  assert.equal(answer.status, 200, answer.body);
  await stack.gateway.drain('test');
  assert.deepEqual(spansOf(stack.collector, traceId), []);
  assert.equal(spansOf(stack.collector).length, 2);
});

test('a caller that does not keep its trace is not traced, and its context goes on as it came', async (context) => {
  const stack = await traced(context);
  const unkept = `00-${traceId}-${clientSpan}-00`;
  await chat(stack, { headers: { traceparent: unkept } });
  await stack.gateway.drain('test');
  assert.deepEqual(spansOf(stack.collector), []);
  assert.equal(stack.twin.usage().attempts[0]?.traceparent, unkept);
});

test('callers that keep their traces are followed so often a second, and the share decides beyond', async (context) => {
  const clock = new ManualClock();
  const telemetry = '\ntelemetry: { traces: { share: 0%, followed: 3 } }\n';
  const stack = await traced(context, { telemetry, clock });
  for (let made = 0; made < 12; made += 1) await chat(stack);
  clock.advance(1_000);
  for (let made = 0; made < 12; made += 1) await chat(stack);
  await chat(stack, { headers: {} });
  await stack.gateway.drain('test');
  const kept = spansOf(stack.collector).filter((span) => span.kind === 'server').length;
  assert.equal(kept, 6, 'three of each second');
});

test('the share follows the configuration while the gateway runs', async (context) => {
  const stack = await traced(context, { telemetry: '\ntelemetry: { traces: { share: 0%, followed: 0 } }\n' });
  await chat(stack);
  writeFileSync(stack.configFile, `${configFor(stack.twin.url)}\ntelemetry: { traces: { share: 100% } }\n`);
  const reloaded = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.equal(reloaded.status, 200, reloaded.text);
  await chat(stack);
  await stack.gateway.drain('test');
  assert.equal(spansOf(stack.collector).length, 2);
});

test('log lines name the trace and the span', async (context) => {
  const stack = await traced(context);
  await chat(stack);
  await stack.gateway.drain('test');
  const [server] = spansOf(stack.collector);
  const [line] = linesWith(stack, '"msg":"request"').map((text) => JSON.parse(text));
  assert.deepEqual([line.trace_id, line.span_id], [traceId, server?.spanId]);
});

test('metrics of the conventions and ours are sent, each counted once', async (context) => {
  const stack = await traced(context);
  await chat(stack, { stream: true });
  await chat(stack, { stream: true });
  const shown = await stack.admin('/metrics');
  assert.match(shown.text, /^gen_ai_server_request_duration_seconds_count\{[^}]*\} 2$/m);
  assert.match(shown.text, /^tollgate_requests_total\{operation="chat.completions",status="200"\} 2$/m);
  await stack.gateway.drain('test');
  const { total } = stack.twin.usage();
  const tokens = (type: string) =>
    pointsOf(stack.collector, 'gen_ai.client.token.usage').find((one) => one.attributes['gen_ai.token.type'] === type);
  assert.deepEqual([tokens('input')?.sum, tokens('input')?.count], [total.inputTokens, 2]);
  assert.deepEqual([tokens('output')?.sum, tokens('output')?.count], [total.outputTokens, 2]);
  for (const name of [
    'gen_ai.client.operation.duration',
    'gen_ai.client.operation.time_to_first_chunk',
    'gen_ai.server.request.duration',
    'gen_ai.server.time_to_first_token',
    'gen_ai.server.time_per_output_token',
  ]) {
    const [point, ...more] = pointsOf(stack.collector, name);
    assert.deepEqual([name, point?.count, more.length], [name, 2, 0]);
  }
  const [requests] = pointsOf(stack.collector, 'tollgate_requests_total');
  assert.equal(requests?.value, 2);
  const last = stack.collector.azure.collector.metrics().findLast(({ name }) => name === 'tollgate_requests_total');
  assert.deepEqual([last?.type, last?.temporality], ['sum', 'cumulative']);
});

test('an endpoint that has moved is told of by the address that it has', async (context) => {
  const stack = await traced(context);
  await chat(stack);
  const moved = await startTwin();
  context.after(async () => await moved.close());
  writeFileSync(stack.configFile, configFor(moved.url));
  const reloaded = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.equal(reloaded.status, 200, reloaded.text);
  await chat(stack);
  await stack.gateway.drain('test');
  assert.deepEqual(
    new Set(pointsOf(stack.collector, 'gen_ai.client.operation.duration').map((one) => one.attributes['server.port'])),
    new Set([stack.twin.port, moved.port]),
  );
});

test('a name in a path does not make a log line as long as a client likes', async (context) => {
  const stack = await startStack(context);
  const name = 'n'.repeat(4000);
  const answer = await call(`${stack.url}/openai/deployments/${name}/chat/completions?api-version=2024-10-21`, {
    headers: { 'api-key': keys.marketing },
    body: { messages: [{ role: 'user', content: 'Hello' }] },
  });
  assert.equal(answer.status, 404);
  await stack.gateway.drain('test');
  await untilLogged(stack, /"model":"n{256}"/);
});

test('where no traces are wanted upstreams are told of none, and metrics go on', async (context) => {
  const stack = await traced(context, { environment: { OTEL_TRACES_EXPORTER: 'none' } });
  await chat(stack);
  await chat(stack, { headers: {} });
  assert.deepEqual(
    stack.twin.usage().attempts.map((one) => one.traceparent),
    [traceparent, null],
  );
  assertNotLogged(stack, /span_id/);
  await stack.gateway.drain('test');
  assert.deepEqual(spansOf(stack.collector), []);
  assert.equal(pointsOf(stack.collector, 'gen_ai.server.request.duration')[0]?.count, 2);
});

test('without an address nothing is made of it: no thread, no metrics, no trace context of ours', async (context) => {
  const stack = await startStack(context);
  await chat(stack, { headers: {} });
  await chat(stack);
  assert.deepEqual(
    stack.twin.usage().attempts.map((one) => one.traceparent),
    [null, traceparent],
  );
  const shown = await stack.admin('/metrics');
  assert.ok(!shown.text.includes('gen_ai_') && !shown.text.includes('tollgate_telemetry'));
});
