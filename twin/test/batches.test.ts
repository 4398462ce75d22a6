// Files and batches of a resource, by the client library.
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import OpenAI, { BadRequestError, NotFoundError, toFile } from 'openai';
import type { RunningTwin } from '#server.ts';
import type { TwinOptions } from '../src/options.ts';
import { twinFor } from './support/call.ts';
import { ManualClock } from './support/manual-clock.ts';

const deployments = {
  'mini-batch': { model: 'gpt-5.4-mini', type: 'GlobalBatch' },
  'embed-batch': { model: 'text-embedding-3-small', type: 'DataZoneBatch' },
  mini: { model: 'gpt-5.4-mini' },
} as const;
const resources = {
  one: { region: 'swedencentral', deployments },
  two: { region: 'westeurope', deployments },
};

async function openaiFor(
  context: TestContext,
  options: TwinOptions = {},
): Promise<{ readonly twin: RunningTwin; readonly one: OpenAI; readonly two: OpenAI }> {
  const twin = await twinFor(context, { resources, batchStageMs: null, ...options });
  const at = (resource: string) =>
    new OpenAI({ apiKey: twin.key, maxRetries: 0, baseURL: `${twin.url}/${resource}/openai/v1` });
  return { twin, one: at('one'), two: at('two') };
}

interface Line {
  readonly content: string;
  readonly model?: string;
}

const chatLine = ({ content, model = 'mini-batch' }: Line, at: number): string =>
  JSON.stringify({
    custom_id: `line-${at}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content }] },
  });

async function upload(client: OpenAI, lines: readonly string[]): Promise<string> {
  const file = await toFile(Buffer.from(lines.join('\n')), 'input.jsonl');
  return (await client.files.create({ file, purpose: 'batch' })).id;
}

async function begin(client: OpenAI, lines: readonly Line[]): Promise<OpenAI.Batch> {
  const input_file_id = await upload(client, lines.map(chatLine));
  return await client.batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });
}

interface OutputLine {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { status_code: number; body: OpenAI.ChatCompletion } | null;
  readonly error: { code: string } | null;
}

async function outputOf(client: OpenAI, file: string | null | undefined): Promise<readonly OutputLine[]> {
  if (file === null || file === undefined) return [];
  const text = await (await client.files.content(file)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

void suite('files', () => {
  test('are kept by one resource, listed, read and deleted', async (context) => {
    const { one, two } = await openaiFor(context);
    const id = await upload(one, ['{"a":1}', '{"b":"ü"}']);
    assert.equal((await one.files.retrieve(id)).bytes, 18);
    assert.equal(await (await one.files.content(id)).text(), '{"a":1}\n{"b":"ü"}');
    assert.deepEqual(
      (await one.files.list()).data.map((file) => file.id),
      [id],
    );
    assert.deepEqual((await two.files.list()).data, []);
    await assert.rejects(two.files.retrieve(id), NotFoundError);
    assert.equal((await one.files.delete(id)).deleted, true);
    await assert.rejects(one.files.retrieve(id), NotFoundError);
  });
});

void suite('batches', () => {
  test('every line is answered, and is in the record with what its reply says', async (context) => {
    const { twin, one } = await openaiFor(context);
    const begun = await begin(one, [{ content: 'One?' }, { content: 'Two?' }, { content: 'twin:tokens=40' }]);
    const seen = [begun.status];
    for (let step = 0; step < 3; step += 1) {
      twin.moveBatches();
      seen.push((await one.batches.retrieve(begun.id)).status);
    }
    assert.deepEqual(seen, ['validating', 'in_progress', 'finalizing', 'completed']);
    const done = await one.batches.retrieve(begun.id);
    assert.deepEqual(done.request_counts, { total: 3, completed: 3, failed: 0 });
    const lines = await outputOf(one, done.output_file_id);
    assert.deepEqual(
      lines.map((line) => line.custom_id),
      ['line-0', 'line-1', 'line-2'],
    );
    const { attempts } = twin.usage();
    assert.deepEqual(
      lines.map(({ id, response }) => [
        id,
        response?.body.usage?.prompt_tokens,
        response?.body.usage?.completion_tokens,
      ]),
      attempts.map((attempt) => [attempt.id, attempt.inputTokens, attempt.outputTokens]),
    );
    assert.equal(
      attempts.reduce((sum, attempt) => sum + attempt.outputTokens, 0),
      twin.usage().total.outputTokens,
    );
  });

  test('lines that are refused stand in the error file', async (context) => {
    const { twin, one } = await openaiFor(context);
    twin.addFault({ kind: 'status', status: 500, match: { operation: 'chat.completions', contains: 'Breaks' } });
    const begun = await begin(one, [{ content: 'Fine' }, { content: 'Breaks' }, { content: 'twin:filter-prompt' }]);
    for (let step = 0; step < 3; step += 1) twin.moveBatches();
    const done = await one.batches.retrieve(begun.id);
    assert.deepEqual(done.request_counts, { total: 3, completed: 1, failed: 2 });
    assert.deepEqual(
      (await outputOf(one, done.error_file_id)).map((line) => [line.custom_id, line.response?.status_code]),
      [
        ['line-1', 500],
        ['line-2', 400],
      ],
    );
  });

  test('one that is cancelled under way says what was run and what was not', async (context) => {
    const { twin, one } = await openaiFor(context);
    const begun = await begin(one, [{ content: 'One' }, { content: 'Two' }, { content: 'Three' }]);
    twin.moveBatches();
    assert.equal((await one.batches.cancel(begun.id)).status, 'cancelling');
    twin.moveBatches();
    const over = await one.batches.retrieve(begun.id);
    assert.equal(over.status, 'cancelled');
    assert.equal((await outputOf(one, over.output_file_id)).length, 2);
    assert.deepEqual(
      (await outputOf(one, over.error_file_id)).map((line) => line.error?.code),
      ['batch_cancelled'],
    );
    assert.equal(twin.usage().total.requests, 2);
    await assert.rejects(one.batches.cancel(begun.id), BadRequestError);
  });

  const mistakes: readonly { readonly name: string; readonly lines: readonly string[]; readonly codes: string[] }[] = [
    { name: 'no lines', lines: [], codes: ['empty_file'] },
    { name: 'a line that is no JSON', lines: ['{'], codes: ['invalid_json_line'] },
    {
      name: 'two models',
      lines: [{ content: 'a' }, { content: 'b', model: 'embed-batch' }].map(chatLine),
      codes: ['model_mismatch'],
    },
    {
      name: 'no batch deployment',
      lines: [{ content: 'a', model: 'mini' }].map(chatLine),
      codes: ['invalid_deployment_type'],
    },
    { name: 'an unknown model', lines: [{ content: 'a', model: 'none' }].map(chatLine), codes: ['model_not_found'] },
    {
      name: 'a custom_id twice',
      lines: [chatLine({ content: 'a' }, 1), chatLine({ content: 'b' }, 1)],
      codes: ['duplicate_custom_id'],
    },
  ];
  for (const { name, lines, codes } of mistakes) {
    test(`fails in validation: ${name}`, async (context) => {
      const { twin, one } = await openaiFor(context);
      const input_file_id = await upload(one, lines);
      const given = { endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
      const { id } = await one.batches.create({ ...given, input_file_id });
      twin.moveBatches();
      const over = await one.batches.retrieve(id);
      assert.equal(over.status, 'failed');
      assert.deepEqual(
        over.errors?.data?.map((mistake) => mistake.code),
        codes,
      );
      assert.equal(twin.usage().total.requests, 0);
    });
  }

  test('a file of another resource is not found, and a batch deployment takes no calls', async (context) => {
    const { one, two } = await openaiFor(context);
    const input_file_id = await upload(one, [{ content: 'a' }].map(chatLine));
    const given = { input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
    await assert.rejects(two.batches.create(given), NotFoundError);
    await assert.rejects(
      one.chat.completions.create({ model: 'mini-batch', messages: [{ role: 'user', content: 'a' }] }),
      BadRequestError,
    );
  });

  test('by the clock each stage takes its time', async (context) => {
    const clock = new ManualClock();
    const { one } = await openaiFor(context, { clock, batchStageMs: 1000 });
    const { id } = await begin(one, [{ content: 'One' }]);
    const seen: string[] = [];
    for (const ms of [999, 1, 1000, 1000]) {
      clock.advance(ms);
      seen.push((await one.batches.retrieve(id)).status);
    }
    assert.deepEqual(seen, ['validating', 'in_progress', 'finalizing', 'completed']);
  });

  test('expires with what was not run in its error file', async (context) => {
    const { twin, one } = await openaiFor(context);
    const { id } = await begin(one, [{ content: 'One' }, { content: 'Two' }]);
    twin.moveBatches();
    twin.moveBatches('expired');
    const over = await one.batches.retrieve(id);
    assert.equal(over.status, 'expired');
    assert.deepEqual(
      (await outputOf(one, over.error_file_id)).map((line) => line.error?.code),
      ['batch_expired'],
    );
  });
});
