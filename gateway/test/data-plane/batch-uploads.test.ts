// How files come in: large, broken off, refused half-way, and by the classic surface.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { APIError, AzureOpenAI, toFile } from 'openai';
import { batchStack, begin, budget, chatLine, clientOf, metered, upload } from '../support/batch-stack.ts';
import { keys } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';
import { untilLogged } from '../support/logged.ts';

const large = Array.from({ length: 4000 }, (_one, at) => chatLine(`${at} ${'a word '.repeat(700)}`, at));

test('a file of many megabytes passes through whole, byte by byte', async (context) => {
  const stack = await batchStack(context);
  const client = clientOf(stack.url, keys.marketing);
  const expected = large.map((line) => `${line.replace('gpt-5.4-mini', 'mini-batch')}\n`).join('');
  const file = await upload(client, large);
  assert.equal(file.bytes, Buffer.byteLength(expected));
  assert.ok((await (await client.files.content(file.id)).text()) === expected, 'byte by byte');
});

test('more than a file may hold is refused, in bytes and in lines', async (context) => {
  for (const [limit, status] of [
    ['maxFileBytes: 1KiB', 413],
    ['maxLines: 3', 400],
  ] as const) {
    const stack = await batchStack(context, { pollEvery: `100ms, ${limit}` });
    const client = clientOf(stack.url, keys.marketing);
    const given = Array.from({ length: 10 }, (_one, at) => chatLine('Hello?', at));
    await assert.rejects(upload(client, given), (error) => error instanceof APIError && error.status === status);
    assert.deepEqual((await client.files.list()).data, []);
  }
});

test('a client that goes away in the middle leaves nothing behind', async (context) => {
  const stack = await batchStack(context);
  const sent = request(`${stack.url}/openai/v1/files`, {
    method: 'POST',
    headers: { 'api-key': keys.marketing, 'content-type': 'multipart/form-data; boundary=XX' },
  });
  sent.on('error', () => {});
  sent.write('--XX\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n');
  sent.write('--XX\r\ncontent-disposition: form-data; name="file"; filename="input.jsonl"\r\n\r\n');
  sent.write(`${chatLine('Hello?', 0)}\n`);
  // Under way at the gateway, and beginning at the resource.
  await until(async () => /^tollgate_requests_in_flight 1$/m.test((await stack.admin('/metrics')).text));
  sent.destroy();
  await untilLogged(stack, '"files.create"');
  assert.deepEqual((await clientOf(stack.url, keys.marketing).files.list()).data, []);
});

test('a resource that refuses, or is gone, is told as what it is', async (context) => {
  const stack = await batchStack(context, { batch: '[one-batch]' });
  const client = clientOf(stack.url, keys.marketing);
  for (const [fault, status] of [
    [{ kind: 'status', status: 401 }, 502],
    [{ kind: 'status', status: 500 }, 503],
    [{ kind: 'refuse' }, 503],
    // The last one: what comes after it is not sent.
    [{ kind: 'status', status: 429, retryAfter: 3 }, 429],
  ] as const) {
    stack.twin.addFault({ ...fault, match: { operation: 'files.create' } });
    await assert.rejects(
      upload(client, [chatLine('Hello?', 0)]),
      (error) => error instanceof APIError && error.status === status,
      JSON.stringify(fault),
    );
  }
});

test('the classic surface has files and batches, too', async (context) => {
  const stack = await batchStack(context, { more: budget });
  const client = new AzureOpenAI({
    endpoint: stack.url,
    apiKey: keys.marketing,
    apiVersion: '2024-10-21',
    maxRetries: 0,
  });
  const file = await client.files.create({
    file: await toFile(Buffer.from(chatLine('Hello?', 0)), 'input.jsonl'),
    purpose: 'batch',
  });
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
  await metered(stack);
  assert.equal((await client.batches.retrieve(batch.id)).status, 'completed');
  assert.equal((await stack.usage()).total.inputTokens, stack.twin.usage().total.inputTokens);
});

test('an output file of several megabytes is metered, each line once', async (context) => {
  const stack = await batchStack(context, { more: budget });
  const client = clientOf(stack.url, keys.marketing);
  const lines = Array.from({ length: 1500 }, (_one, at) => chatLine(`Question ${at}? twin:tokens=5`, at));
  await begin(client, lines);
  for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
  await metered(stack);
  const { total } = await stack.usage();
  const truth = stack.twin.usage().total;
  assert.deepEqual(
    [total.attempts, total.inputTokens, total.outputTokens],
    [1501, truth.inputTokens, truth.outputTokens],
  );
  assert.deepEqual((await stack.verify()).problems, []);
});
