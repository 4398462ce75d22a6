// Recorded replies through the twin. What the folder of real recordings holds is tested only where it is at hand.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import OpenAI from 'openai';
import { call, chatPath, events, json, twinFor, v1 } from './support/call.ts';

const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const files: Readonly<Record<string, string>> = {
  'chat/hi.json': JSON.stringify({ object: 'chat.completion', choices: [{ message: { content: 'hi' } }], usage }),
  'chat/hi.chunks.txt': [
    JSON.stringify({ choices: [{ delta: { content: 'hi' } }], usage: null }),
    JSON.stringify({ choices: [], usage }),
  ].join('\n'),
  'responses/hi.chunks.txt': [
    JSON.stringify({ type: 'response.created' }),
    JSON.stringify({ type: 'response.completed', response: { usage: { input_tokens: 3, output_tokens: 1 } } }),
  ].join('\n'),
  'raw.sse': 'data: {"choices":[]}\r\n\r\n: done\n\n',
  'quota.json': JSON.stringify({ error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'no' } }),
  'notes.md': 'not a recording',
};

async function folderFor(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twin-replay-'));
  context.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

const asked = (content: string, more: object = {}): object => ({
  model: 'replay',
  messages: [{ role: 'user', content }],
  ...more,
});

void suite('replay', () => {
  test('the deployment `replay` answers with the recording that the message names', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    const whole = await call(twin, { path: chatPath, body: asked('chat/hi.json') });
    assert.equal(whole.body.toString(), files['chat/hi.json']);
    const streamed = await call(twin, { path: `/contoso-swc${chatPath}`, body: asked('chat/hi', { stream: true }) });
    assert.deepEqual(events(streamed), [...(files['chat/hi.chunks.txt'] ?? '').split('\n'), '[DONE]']);
    const { total } = twin.usage();
    assert.deepEqual([total.requests, total.inputTokens, total.outputTokens], [2, 10, 4]);
  });

  test('or that `metadata.replay` or `input` names; Responses have named events and no [DONE]', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    for (const body of [
      { model: 'replay', stream: true, input: 'responses/hi' },
      { model: 'replay', stream: true, input: 'anything', metadata: { replay: 'responses/hi.chunks.txt' } },
      {
        model: 'replay',
        stream: true,
        input: [{ role: 'user', content: [{ type: 'input_text', text: 'responses/hi' }] }],
      },
    ]) {
      const got = await call(twin, { path: `${v1}/responses`, body });
      assert.deepEqual(events(got), (files['responses/hi.chunks.txt'] ?? '').split('\n'));
      assert.match(got.body.toString(), /^event: response.created\ndata: /);
    }
  });

  test('a queued recording answers the next call, whatever that asks for', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    const queued = await call(twin, { path: '/_twin/replay', body: { file: 'raw.sse' } });
    assert.equal(queued.status, 200);
    const got = await call(twin, { path: chatPath, body: asked('x', { model: 'gpt-5.4-mini' }) });
    assert.equal(got.body.toString(), files['raw.sse']);
    assert.notEqual(
      (await call(twin, { path: chatPath, body: asked('x', { model: 'gpt-5.4-mini' }) })).body.toString(),
      files['raw.sse'],
    );
    assert.equal((await call(twin, { path: '/_twin/replay', body: { file: 'none.json' } })).status, 404);
  });

  test('a recorded error answers with its status', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    const got = await call(twin, { path: chatPath, body: asked('quota') });
    assert.equal(got.status, 429);
    assert.equal(json(got).error.code, 'insufficient_quota');
    assert.equal(twin.usage().total.requests, 0);
  });

  test('an unknown recording, and the deployment without a folder, are refused', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    assert.equal((await call(twin, { path: chatPath, body: asked('none') })).status, 400);
    const without = await twinFor(context);
    assert.equal((await call(without, { path: chatPath, body: asked('chat/hi') })).status, 404);
  });

  test('faults happen to recordings too', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    twin.addFault({ kind: 'reset', afterBytes: 20 });
    const got = await call(twin, { path: chatPath, body: asked('chat/hi', { stream: true }) });
    assert.equal(got.body.length, 20);
    assert.equal(twin.usage().attempts[0]?.complete, false);
  });

  test('the list of recordings leaves other files out', async (context) => {
    const twin = await twinFor(context, { replay: await folderFor(context) });
    const listed = json(await call(twin, { path: '/_twin/replay' }));
    assert.deepEqual(
      listed.files,
      Object.keys(files)
        .filter((name) => name !== 'notes.md')
        .toSorted(),
    );
  });
});

const shared = join(import.meta.dirname, '../../../shared/transcripts');
const skip = existsSync(shared) ? false : 'the folder ../shared/transcripts is not at hand';

void suite('real recordings', { skip }, () => {
  test('each one comes back with the data it was recorded with', async (context) => {
    const twin = await twinFor(context, { replay: shared });
    const names = readdirSync(shared, { recursive: true }).map(String);
    const streams = names.filter((name) => name.endsWith('.chunks.txt'));
    assert.ok(streams.length > 20);
    for (const name of streams) {
      const got = await call(twin, { path: chatPath, body: asked(name, { stream: true }) });
      const lines = readFileSync(join(shared, name), 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '');
      assert.deepEqual(
        events(got).filter((data) => data !== '[DONE]'),
        lines,
        name,
      );
    }
    for (const name of names.filter((one) => one.endsWith('.json')))
      assert.equal(
        (await call(twin, { path: chatPath, body: asked(name) })).body.toString(),
        readFileSync(join(shared, name), 'utf8'),
        name,
      );
    assert.ok(twin.usage().total.inputTokens > 1000);
  });

  test('the client library reads a streamed one', async (context) => {
    const twin = await twinFor(context, { replay: shared });
    const client = new OpenAI({ apiKey: twin.key, baseURL: `${twin.url}/openai/v1` });
    const stream = await client.responses.create({ model: 'replay', input: 'azure/azure-text.1', stream: true });
    let text = '';
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    assert.equal(text, 'Hello');
  });
});
