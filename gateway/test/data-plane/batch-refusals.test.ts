// How a file that is refused is told, and files that stand still.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { APIError, type OpenAI } from 'openai';
import { batchStack, chatLine, clientOf, upload } from '../support/batch-stack.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const one = { batch: '[one-batch]', pollEvery: '1h' } as const;
const good = `${chatLine('Hello?', 0)}\n`;

/** An upload as most clients make it: whole, and then the answer is read. */
async function sendWhole(
  stack: RunningStack,
  file: Buffer,
): Promise<{ readonly text: () => string; readonly ended: () => boolean; readonly more: (text: string) => void }> {
  const { hostname, port } = new URL(stack.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = '';
  let isOver = false;
  socket.pause();
  socket.on('error', () => {});
  socket.on('close', () => (isOver = true));
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const form = Buffer.concat([
    Buffer.from('--XX\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'),
    Buffer.from('--XX\r\ncontent-disposition: form-data; name="file"; filename="input.jsonl"\r\n\r\n'),
    file,
    Buffer.from('\r\n--XX--\r\n'),
  ]);
  const head =
    `POST /openai/v1/files HTTP/1.1\r\nhost: x\r\napi-key: ${keys.marketing}\r\n` +
    `content-type: multipart/form-data; boundary=XX\r\ncontent-length: ${form.length}\r\n\r\n`;
  await new Promise<void>((resolve) => {
    socket.once('close', resolve);
    socket.write(head);
    socket.write(form, () => resolve());
  });
  socket.resume();
  return { text: () => text, ended: () => isOver, more: (bytes) => socket.write(bytes) };
}

describe('a file that is refused before all of it has come', () => {
  const wrong = 'this is no line\n'.repeat(30);

  test('is told as what it is to a client that sends all of it first, and the connection goes on', async (context) => {
    const stack = await batchStack(context, one);
    const sent = await sendWhole(stack, Buffer.concat([Buffer.from(wrong), Buffer.alloc(32 * 1024 * 1024, good)]));
    await until(() => sent.text().includes('line 20:') || sent.ended(), sent.text);
    assert.match(sent.text(), /^HTTP\/1\.1 400 /);
    assert.match(sent.text(), /line 20: .* More may be wrong/);
    sent.more('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => sent.text().includes('HTTP/1.1 200') || sent.ended(), sent.text);
    assert.match(sent.text(), /HTTP\/1\.1 200/);
  });

  test('is not read for longer than the largest file is', async (context) => {
    const stack = await batchStack(context, { ...one, pollEvery: '1h, maxFileBytes: 64KiB' });
    const sent = await sendWhole(stack, Buffer.alloc(64 * 1024 * 1024, good));
    await until(sent.ended);
  });
});

describe('what is odd about a file', () => {
  test('a byte order mark before its first line is left out', async (context) => {
    const stack = await batchStack(context, one);
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, [`\uFEFF${chatLine('Hello?', 0)}`, chatLine('And?', 1)]);
    const text = await (await client.files.content(id)).text();
    assert.deepEqual(
      text.split('\n').map((line) => line.slice(0, 24)),
      ['{"custom_id":"line-0","m', '{"custom_id":"line-1","m', ''],
    );
  });

  test('empty lines are no lines, and no more of them are read than a file may have lines', async (context) => {
    const stack = await batchStack(context, { ...one, pollEvery: '1h, maxLines: 3' });
    const client = clientOf(stack.url, keys.marketing);
    await upload(client, ['', chatLine('Hello?', 0), ' \t\r', '\r', chatLine('And?', 1)]);
    await assert.rejects(
      upload(client, [chatLine('Hello?', 0), '', '', '', '']),
      (error) => error instanceof APIError && error.status === 400 && /more than 3 empty lines/.test(error.message),
    );
  });

  test('one that the resource finds too large is too large', async (context) => {
    const stack = await batchStack(context, one);
    stack.twin.addFault({ kind: 'status', status: 413, match: { operation: 'files.create' } });
    await assert.rejects(
      upload(clientOf(stack.url, keys.marketing), [chatLine('Hello?', 0)]),
      (error) => error instanceof APIError && error.status === 413 && error.code === 'request_too_large',
    );
  });

  test('what the resource refuses of a batch is named by its member', async (context) => {
    const stack = await batchStack(context, one);
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, [chatLine('Hello?', 0)]);
    const wanted = { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '1h' };
    await assert.rejects(
      // The library's types forbid what is wrong on purpose here.
      client.batches.create(wanted as unknown as OpenAI.BatchCreateParams),
      (error) => error instanceof APIError && error.status === 400 && error.param === 'completion_window',
    );
  });
});

describe('a file that is downloaded', () => {
  const large = Array.from({ length: 3000 }, (_one, at) => chatLine(`${at} ${'a word '.repeat(1000)}`, at));

  test('is cut where the resource stands still, so that nobody waits for the rest of it', async (context) => {
    const clock = new ManualClock();
    const stack = await batchStack(context, { ...one, overrides: { clock } });
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, [chatLine('Hello?', 0)]);
    stack.twin.addFault({ kind: 'stall', afterBytes: 20, match: { operation: 'files.content' } });
    const content = await client.files.content(id);
    let how = '';
    content.text().then(
      () => (how = 'whole'),
      () => (how = 'cut'),
    );
    await until(() => {
      clock.advance(5_000);
      return how !== '';
    });
    assert.equal(how, 'cut');
  });

  test('is given up where the client stands still', async (context) => {
    const clock = new ManualClock();
    const stack = await batchStack(context, { ...one, overrides: { clock } });
    const { id } = await upload(clientOf(stack.url, keys.marketing), large);
    const { hostname, port } = new URL(stack.url);
    const socket = connect({ host: hostname, port: Number(port) });
    context.after(() => socket.destroy());
    socket.on('error', () => {});
    // The reply has begun when the first of it is here; nothing more is read.
    let began = false;
    socket.once('data', () => {
      began = true;
      socket.pause();
    });
    socket.write(`GET /openai/v1/files/${id}/content HTTP/1.1\r\nhost: x\r\napi-key: ${keys.marketing}\r\n\r\n`);
    const inFlight = async (count: number): Promise<boolean> =>
      new RegExp(`^tollgate_requests_in_flight ${count}$`, 'm').test((await stack.admin('/metrics')).text);
    await until(() => began);
    assert.ok(await inFlight(1), 'it waits for the client');
    await until(async () => {
      clock.advance(5_000);
      return await inFlight(0);
    });
  });
});
