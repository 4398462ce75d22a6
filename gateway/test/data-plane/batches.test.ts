import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BadRequestError, NotFoundError, PermissionDeniedError } from 'openai';
import {
  batchStack,
  begin,
  budget,
  chatLine,
  clientOf,
  held,
  metered,
  model,
  smallKey,
  upload,
} from '../support/batch-stack.ts';
import { keys } from '../support/running-gateway.ts';

const lines = ['One?', 'Two?', 'Three?', 'Four?', 'Five?'].map((content, at) => chatLine(content, at));

describe('files', () => {
  test('are sent to where they will be run, with the deployment in the place of the model', async (context) => {
    const stack = await batchStack(context, { batch: '[two-batch]' });
    const client = clientOf(stack.url, keys.marketing);
    const file = await upload(client, lines, 'my input.jsonl');
    assert.match(file.id, /^file-[\w-]{80,}$/);
    assert.equal(file.filename, 'my input.jsonl');
    assert.deepEqual((await client.files.retrieve(file.id)).id, file.id);
    const content = await (await client.files.content(file.id)).text();
    assert.deepEqual(
      content
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).body.model),
      lines.map(() => 'mini-batch'),
    );
    assert.equal(
      content,
      lines.map((line) => `${line.replace(model, 'mini-batch')}\n`).join(''),
      'nothing else is changed',
    );
    assert.equal((await client.files.delete(file.id)).deleted, true);
    await assert.rejects(client.files.retrieve(file.id), NotFoundError);
  });

  test("are nothing in another caller's hands", async (context) => {
    const stack = await batchStack(context);
    const owner = clientOf(stack.url, keys.marketing);
    const other = clientOf(stack.url, keys.finance);
    const batch = await begin(owner, lines);
    await assert.rejects(other.files.retrieve(batch.input_file_id), NotFoundError);
    await assert.rejects(other.files.content(batch.input_file_id), NotFoundError);
    await assert.rejects(other.files.delete(batch.input_file_id), NotFoundError);
    await assert.rejects(other.batches.retrieve(batch.id), NotFoundError);
    await assert.rejects(other.batches.cancel(batch.id), NotFoundError);
    await assert.rejects(
      other.batches.create({
        input_file_id: batch.input_file_id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      }),
      NotFoundError,
    );
    assert.deepEqual((await other.files.list()).data, []);
    assert.deepEqual((await other.batches.list()).data, []);
  });

  test('and batches are listed to their owner, over all resources and pages', async (context) => {
    const stack = await batchStack(context);
    const client = clientOf(stack.url, keys.marketing);
    const begun: string[] = [];
    for (let at = 0; at < 6; at += 1) begun.push((await begin(client, [chatLine('One?', at)])).id);
    await begin(clientOf(stack.url, keys.finance), [chatLine('One?', 0)]);
    const listed: string[] = [];
    for await (const batch of client.batches.list({ limit: 2 })) {
      listed.push(batch.id);
      assert.deepEqual(batch.metadata, { job: 'nightly' });
    }
    assert.deepEqual(listed.toSorted(), begun.toSorted());
    const names: string[] = [];
    for await (const file of client.files.list({ limit: 4 })) names.push(file.filename);
    assert.deepEqual(
      names,
      begun.map(() => 'input.jsonl'),
    );
  });

  const refused: readonly { readonly name: string; readonly lines: readonly string[]; readonly says: RegExp }[] = [
    { name: 'a line that is no JSON', lines: [lines[0] ?? '', '{'], says: /line 2: it is not one well-formed JSON/ },
    { name: 'every line that is wrong', lines: ['x', lines[0] ?? '', 'y'], says: /line 1: .*line 3: / },
    { name: 'an unknown model', lines: [chatLine('a', 0, { model: 'none' })], says: /line 1: No model of this name/ },
    {
      name: 'two models',
      lines: [lines[0] ?? '', chatLine('a', 1, { model: 'text-embedding-3-small' })],
      says: /line 2: .*one model/,
    },
    { name: 'a stream', lines: [chatLine('a', 0, { stream: true })], says: /line 1: nothing is streamed/ },
    {
      name: 'an operation that is not metered',
      lines: [chatLine('a', 0).replace('/v1/chat/completions', '/v1/images/generations')],
      says: /line 1: 'url' must be/,
    },
    { name: 'a call without messages', lines: [chatLine('a', 0, { messages: [] })], says: /line 1: 'messages'/ },
    {
      name: 'more output than the product allows',
      lines: [chatLine('a', 0, { max_completion_tokens: 5000 })],
      says: /line 1: 'max_completion_tokens' is above/,
    },
    { name: 'no line at all', lines: [], says: /no line/ },
  ];
  for (const { name, lines: given, says } of refused) {
    test(`are refused, and nothing of them is kept: ${name}`, async (context) => {
      const stack = await batchStack(context, { product: ', caps: { maxOutputTokens: 1000 }' });
      const client = clientOf(stack.url, keys.marketing);
      await assert.rejects(
        upload(client, given),
        (error) => error instanceof BadRequestError && says.test(error.message),
      );
      assert.deepEqual((await client.files.list()).data, []);
    });
  }

  test('with another purpose, and of products without batches, are refused', async (context) => {
    const stack = await batchStack(context);
    const client = clientOf(stack.url, keys.marketing);
    const file = new File([lines.join('\n')], 'input.jsonl');
    await assert.rejects(client.files.create({ file, purpose: 'assistants' }), PermissionDeniedError);
    assert.deepEqual((await client.files.list()).data, []);
    await assert.rejects(upload(clientOf(stack.url, smallKey), lines), /batches_not_allowed|does not include files/);
  });
});

describe('batches', () => {
  test('every line is in the ledger with what the twin says that it used, though nobody fetches it', async (context) => {
    const stack = await batchStack(context, { more: budget });
    const client = clientOf(stack.url, keys.marketing);
    const begun = await begin(client, lines);
    assert.equal(begun.status, 'validating');
    assert.deepEqual(begun.metadata, { job: 'nightly' });
    assert.equal((await held(stack)).length, 1, 'what it may cost is held');
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    await metered(stack);
    const truth = stack.twin.usage().total;
    const report = await stack.usage('deployment');
    const [row] = report.rows;
    assert.equal(report.rows.length, 1);
    assert.equal(row?.inputTokens, truth.inputTokens);
    assert.equal(row?.outputTokens, truth.outputTokens);
    assert.equal(row?.cachedInputTokens, truth.cachedInputTokens);
    assert.equal(row?.requests, 1 + lines.length, 'that it was begun, and each line');
    assert.equal(row?.unknownUsageAttempts, 0);
    assert.equal(row?.unpricedRequests, 0);
    assert.equal(row?.pricedAttempts, 1 + lines.length);
    assert.ok(BigInt(row?.costNanoUsd ?? 0) > 0n);
    assert.deepEqual((await stack.verify()).problems, []);
    const done = await client.batches.retrieve(begun.id);
    assert.equal(done.id, begun.id);
    assert.equal(done.input_file_id, begun.input_file_id);
    assert.deepEqual(done.request_counts, { total: 5, completed: 5, failed: 0 });
    assert.ok(done.output_file_id !== null && done.output_file_id !== undefined);
    const output = await (await client.files.content(done.output_file_id)).text();
    assert.equal(output.trim().split('\n').length, lines.length);
    assert.equal((await client.files.delete(done.output_file_id)).deleted, true);
  });
});
