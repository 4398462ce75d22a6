// What is asked about files and batches is in the trace of its call, as everything else is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTwin } from '../../../twin/src/server.ts';
import { batchStack, begin, chatLine, clientOf } from '../support/batch-stack.ts';
import { keys } from '../support/running-gateway.ts';
import { spansOf, toCollector } from '../support/telemetry.ts';

test('files and batches: each call to a resource has a span, within that of the call it was made for', async (context) => {
  const collector = await startTwin();
  context.after(async () => await collector.close());
  const stack = await batchStack(context, { environment: toCollector(collector.url), batch: '[one-batch]' });
  const client = clientOf(stack.url, keys.marketing);
  const { id, input_file_id: file } = await begin(client, [chatLine('antidisestablishmentarianism', 0)]);
  await client.batches.retrieve(id);
  await (await client.files.content(file)).text();
  await client.files.list();
  await stack.gateway.drain('test');
  const spans = spansOf(collector);
  const servers = spans.filter(({ kind }) => kind === 'server');
  const told = servers.map((server) => {
    const [of, ...more] = spans.filter(({ parentSpanId }) => parentSpanId === server.spanId);
    if (server.attributes['tollgate.operation'] !== 'files.list') assert.deepEqual(more, []);
    assert.ok(of !== undefined, `${server.name} has a span of its resource`);
    assert.equal(of.traceId, server.traceId);
    assert.ok(BigInt(of.startedAt) >= BigInt(server.startedAt) && BigInt(of.endedAt) <= BigInt(server.endedAt));
    const { attributes } = of;
    return [of.name, attributes['http.request.method'], attributes['http.response.status_code'], of.failed];
  });
  assert.deepEqual(told, [
    ['files.create', 'POST', 201, false],
    ['batches.create', 'POST', 200, false],
    ['batches.retrieve', 'GET', 200, false],
    ['files.content', 'GET', 200, false],
    ['files.list', 'GET', 200, false],
  ]);
  const exported = JSON.stringify(spans);
  for (const secret of ['antidisestablishmentarianism', 'input.jsonl', file, id, keys.marketing])
    assert.ok(!exported.includes(secret), secret);
});
