// A collector that is away, slow or refuses: calls do not notice.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startTwin } from '../../../twin/src/server.ts';
import { call, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { spansOf, toCollector } from '../support/telemetry.ts';
import { assertNotLogged, linesWith, untilLogged } from '../support/logged.ts';
import { until } from '../support/until.ts';
import { freePort } from '../support/free-port.ts';

/** `timeoutMs`: of an export. Where it is to succeed, nothing that the machine does may take as long. */
async function traced(context: TestContext, url: string, timeoutMs = 20_000): Promise<RunningStack> {
  const environment = { ...toCollector(url), OTEL_EXPORTER_OTLP_TIMEOUT: String(timeoutMs) };
  return await startStack(context, { environment });
}

async function chat(stack: RunningStack, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=3' }] },
    });
    assert.equal(answer.status, 200, answer.body);
  }
}

/** How many spans the gateway says it has exported, and dropped. */
async function counts(stack: RunningStack): Promise<readonly [exported: number, dropped: number]> {
  const { text } = await stack.admin('/metrics');
  const of = (fate: string): number =>
    Number(
      new RegExp(String.raw`^tollgate_telemetry_${fate}_total\{exporter="otlp",signal="spans"\} (\d+)$`, 'm').exec(
        text,
      )?.[1],
    );
  return [of('exported'), of('dropped')];
}

async function whenCounted(stack: RunningStack, exported: number, dropped: number): Promise<void> {
  let now: readonly number[] = [];
  await until(
    async () => {
      now = await counts(stack);
      return now[0] === exported && now[1] === dropped;
    },
    () => `${exported} exported and ${dropped} dropped, but to ${now.join(' and ')}`,
  );
}

/** Counts are shared memory, what is logged of them comes by message from the exporters' thread and may be later: the end waits for it. */
async function untilAllIsTold(stack: RunningStack): Promise<void> {
  await stack.gateway.drain('test');
}

function complaints(stack: RunningStack): number {
  return linesWith(stack, 'could not be exported').filter((line) => line.includes('"spans"')).length;
}

test('nobody listens: spans are dropped, counted and told of once; what comes later is exported', async (context) => {
  const port = await freePort();
  const stack = await traced(context, `http://127.0.0.1:${port}`);
  await chat(stack, 3);
  await whenCounted(stack, 0, 6);
  const collector = await startTwin({ port });
  context.after(async () => await collector.close());
  await chat(stack, 2);
  await whenCounted(stack, 4, 6);
  assert.equal(spansOf(collector).length, 4);
  await untilAllIsTold(stack);
  assert.equal(complaints(stack), 1);
  await untilLogged(stack, /telemetry can be exported again/);
});

for (const [what, fault] of [
  ['refuses', { kind: 'status', status: 400, times: null }],
  ['is throttled', { kind: 'status', status: 429, times: null }],
  ['fails', { kind: 'status', status: 500, times: null }],
  ['breaks off', { kind: 'reset', times: null }],
  ['never answers', { kind: 'slow', ms: 600_000, times: null }],
] as const)
  test(`a collector that ${what}: calls are served, and the end is not held up`, async (context) => {
    const collector = await startTwin();
    context.after(async () => await collector.close());
    collector.azure.addFault({ service: 'otlp', ...fault });
    const stack = await traced(context, collector.url, 400);
    await chat(stack, 3);
    await whenCounted(stack, 0, 6);
    await chat(stack, 1);
    await untilAllIsTold(stack);
    assert.deepEqual(spansOf(collector), []);
    assert.equal(complaints(stack), 1);
    assert.equal(stack.twin.usage().total.requests, 4);
  });

for (const [what, status, headers] of [
  ['finds a batch too large', 413, {}],
  ['sends elsewhere, to itself', 307, { location: '/v1/traces' }],
] as const)
  test(`a collector that ${what}: what it refused is dropped at once, told with its status, and not followed`, async (context) => {
    let asked = 0;
    const collector = createServer((request, response) => {
      if (request.url === '/v1/traces') asked += 1;
      request.resume().on('end', () => response.writeHead(status, headers).end('the body of a stranger'));
    });
    await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
    context.after(() => collector.close());
    const address = collector.address();
    assert.ok(typeof address === 'object' && address !== null);
    const stack = await traced(context, `http://127.0.0.1:${address.port}`);
    await chat(stack, 2);
    await whenCounted(stack, 0, 4);
    await untilAllIsTold(stack);
    assert.equal(asked, 1);
    await untilLogged(stack, new RegExp(`"signal":"spans".*"code":${status}`));
    assertNotLogged(stack, 'the body of a stranger');
  });

test('of a batch that is taken in part only the part is dropped', async (context) => {
  const collector = await startTwin();
  context.after(async () => await collector.close());
  collector.azure.addFault({ service: 'otlp', operation: 'traces', kind: 'partial' });
  const stack = await traced(context, collector.url);
  await chat(stack, 3);
  await whenCounted(stack, 5, 1);
});

test('headers of OTEL_EXPORTER_OTLP_HEADERS go with what is exported, and into no log', async (context) => {
  const collector = await startTwin();
  context.after(async () => await collector.close());
  const stack = await startStack(context, {
    environment: { ...toCollector(collector.url), OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret-of-the-collector' },
  });
  await chat(stack, 1);
  await stack.gateway.drain('test');
  assert.equal(collector.azure.collector.headers()['api-key'], 'secret-of-the-collector');
  assert.equal(spansOf(collector).length, 2);
  assertNotLogged(stack, 'secret-of-the-collector');
});

test('an address that is none keeps the gateway from starting, with a sentence', async (context) => {
  await assert.rejects(startStack(context, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' } }), {
    message: /OTEL_EXPORTER_OTLP_ENDPOINT: expected the address of a collector/,
  });
});
