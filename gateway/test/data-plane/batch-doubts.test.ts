// Where what a batch used, or what a file holds, could be taken for something else.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { openBatchesSchema, type OpenBatches } from '@tollgate/contract/admin-api/batches.ts';
import { APIError, BadRequestError, NotFoundError, toFile } from 'openai';
import { batchStack, begin, budget, chatLine, clientOf, metered, upload } from '../support/batch-stack.ts';
import { redisOrSkip, startRedis } from '../support/redis-server.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';
import { untilLogged } from '../support/logged.ts';
import { eventually, until } from '../support/until.ts';

const lines = ['One?', 'Two?', 'Three?'].map((content, at) => chatLine(content, at));

function moveToEnd({ twin }: RunningStack): void {
  for (let stage = 0; stage < 3; stage += 1) twin.moveBatches();
}

async function assertMetered(stack: RunningStack): Promise<void> {
  await metered(stack);
  const { rows } = await stack.usage('operation');
  const row = rows.find((one) => one.keys.operation === 'chat.completions');
  const { total, attempts } = stack.twin.usage();
  assert.deepEqual(
    [row?.requests, row?.inputTokens, row?.outputTokens, row?.unknownUsageAttempts],
    [attempts.length, total.inputTokens, total.outputTokens, 0],
  );
}

describe('what a batch used is not read', () => {
  test('from a file that ends within a line: the batch stays open, and the next look reads it', async (context) => {
    const stack = await batchStack(context, { more: budget });
    stack.twin.addFault({
      kind: 'trailing-bytes',
      text: '{"custom_id": "half of a li',
      match: { operation: 'files.content' },
    });
    await begin(clientOf(stack.url, keys.marketing), lines);
    moveToEnd(stack);
    await assertMetered(stack);
    await untilLogged(stack, /ends within a line/);
  });

  test('from a resource that never answers; and the gateway can go all the same', async (context) => {
    const stack = await batchStack(context, { more: budget });
    stack.twin.addFault({ kind: 'slow-first-byte', match: { operation: 'files.content' } });
    await begin(clientOf(stack.url, keys.marketing), lines);
    moveToEnd(stack);
    await until(() => stack.twin.held() > 0);
    await stack.gateway.drain('test');
    stack.twin.release();
    await assertMetered(await stack.restart());
  });
});

test('operators see every open batch, held for or not, and why it cannot be metered', async (context) => {
  const stack = await batchStack(context, { batch: '[one-batch]' });
  const batches = async (): Promise<OpenBatches> =>
    openBatchesSchema.parse((await stack.admin('/admin/v1/batches')).json);
  assert.deepEqual((await batches()).batches, []);
  const begun = await begin(clientOf(stack.url, keys.marketing), lines);
  stack.twin.addFault({ kind: 'status', status: 404, times: null, match: { operation: 'files.content' } });
  moveToEnd(stack);
  await until(async () => (await batches()).batches[0]?.problem != null);
  const { follows, batches: open } = await batches();
  assert.equal(follows, true);
  const [{ at, lookedAt, id, requestId, batch, ...rest } = assert.fail('it is open')] = open;
  assert.equal(open.length, 1);
  assert.ok(id !== '' && requestId !== '' && batch?.startsWith('batch_') === true && lookedAt !== null);
  assert.equal(Math.floor(Date.parse(at) / 1000), begun.created_at);
  assert.deepEqual(rest, {
    consumer: 'marketing',
    subscription: 'marketing-web',
    costCentre: 'contoso/marketing',
    model: 'gpt-5.4-mini',
    endpoint: 'one-batch',
    deployment: 'one/mini-batch',
    reservedNanoUsd: null,
    status: 'completed',
    problem: 'The resource does not give the output file out (404).',
  });
});

test(
  'shared counters hold nothing more of a batch that is metered, and have what it cost',
  redisOrSkip,
  async (context) => {
    const server = await startRedis();
    const stack = await batchStack(context, {
      more: `counters: { redis: { url: '\${TEST_REDIS_URL}', lease: 1s } }\n${budget}`,
      environment: { TEST_REDIS_URL: server.url },
    });
    context.after(async () => await server.close());
    const client = clientOf(stack.url, keys.marketing);
    const file = await upload(client, lines);
    const given = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
    await eventually(async () => {
      // Nothing is granted before the gateways that may be there have told what they have.
      const begun = await client.batches.create(given).catch(() => undefined);
      return begun !== undefined;
    });
    moveToEnd(stack);
    await assertMetered(stack);
    const { total } = await stack.usage();
    /** Spent, of unknown usage, and under way: as the server has it. */
    const told = async (): Promise<string> => {
      const found = await server.command('KEYS', '*:account:consumer/marketing/*');
      const [key] = Array.isArray(found) ? found.map(String) : [];
      return key === undefined ? '' : String(await server.command('HGET', key, 't'));
    };
    await eventually(async () => new RegExp(`^\\S+ ${total.costNanoUsd} 0 0\\b`).test(await told()));
  },
);

describe('a file is not begun as something else', () => {
  test('when its endpoint has got another deployment meanwhile', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]' });
    const client = clientOf(stack.url, keys.marketing);
    const file = await upload(client, lines);
    const config = readFileSync(stack.configFile, 'utf8');
    writeFileSync(stack.configFile, config.replace('deployment: mini-batch', 'deployment: other-batch'));
    assert.equal((await stack.admin('/admin/v1/config/reload', { method: 'POST' })).status, 200);
    const given = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
    await assert.rejects(
      client.batches.create(given),
      (error) => error instanceof NotFoundError && /upload it again/.test(error.message),
    );
  });

  const [line = ''] = lines;
  const doubtful: readonly (readonly [string, string, RegExp])[] = [
    ['a second body by another spelling', line.replace('"body"', '"Body": {}, "body"'), /'Body' is no member/],
    ['a carriage return, where some readers end a line', line.replace(',', ',\r'), /carriage return/],
  ];
  for (const [name, given, says] of doubtful)
    test(`a line that readers may read in two ways is refused: ${name}`, async (context) => {
      const stack = await batchStack(context);
      const client = clientOf(stack.url, keys.marketing);
      await assert.rejects(
        upload(client, [given]),
        (error) => error instanceof BadRequestError && says.test(error.message),
      );
      await upload(client, [`${line}\r`]);
    });
});

test('how long files are kept is passed on, and must be long enough for them to be read', async (context) => {
  const stack = await batchStack(context);
  const client = clientOf(stack.url, keys.marketing);
  const send = async (seconds: number): Promise<string> => {
    const file = await toFile(Buffer.from(`${lines.join('\n')}\n`), 'input.jsonl');
    const expires = { anchor: 'created_at', seconds } as const;
    return (await client.files.create({ file, purpose: 'batch', expires_after: expires })).id;
  };
  await assert.rejects(send(-1), BadRequestError);
  const given = {
    input_file_id: await send(1_209_600),
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  } as const;
  for (const seconds of [3600, Number.NaN])
    await assert.rejects(
      client.batches.create({ ...given, output_expires_after: { anchor: 'created_at', seconds } }),
      (error) => error instanceof BadRequestError && /86400/.test(error.message),
    );
  await client.batches.create({ ...given, output_expires_after: { anchor: 'created_at', seconds: 1_209_600 } });
});

test('a resource that refuses a file half-way is told as what it is, not as a wrong line', async (context) => {
  const stack = await batchStack(context, { batch: '[one-batch]' });
  stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 3, match: { operation: 'files.create' } });
  const large = Array.from({ length: 2000 }, (_one, at) => chatLine(`${at} ${'a word '.repeat(700)}`, at));
  await assert.rejects(
    upload(clientOf(stack.url, keys.marketing), large),
    (error) => error instanceof APIError && error.status === 429,
  );
});

const before =
  '--XX\r\nContent-Disposition: form-data; name=purpose\r\n\r\nbatch\r\n' +
  '--XX\r\nContent-Disposition: form-data; name=file; filename=input.jsonl\r\n\r\n';
const after = `${lines.join('\n')}\r\n--XX--\r\n`;
const headOf = (path: string, length: number): string =>
  `POST /openai/v1/${path} HTTP/1.1\r\nhost: x\r\napi-key: ${keys.marketing}\r\n` +
  `content-type: ${path === 'files' ? 'multipart/form-data; boundary=XX' : 'application/json'}\r\n` +
  `content-length: ${length}\r\n\r\n`;

/** Sends this, and the rest when `go` is called; `answer` comes once something has come back. */
function sending(stack: RunningStack, first: string): { readonly go: (rest: string) => void; answer: Promise<string> } {
  const socket = connect(stack.gateway.port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on('error', () => {});
  socket.once('data', (chunk: Buffer) => {
    resolve(chunk.toString('latin1'));
    socket.end();
  });
  socket.once('close', () => resolve(''));
  socket.write(first);
  return { go: (rest) => socket.write(rest), answer: promise };
}

describe('an upload over a slow line', () => {
  test('may take longer than any other request', async (context) => {
    const stack = await batchStack(context, { listen: ', headersTimeout: 1s, requestTimeout: 1200ms' });
    const slow = sending(stack, headOf('files', before.length + after.length) + before);
    // It begins later: where its time is up, so is that of the other.
    await untilLogged(stack, 'listening');
    const other = sending(stack, `${headOf('chat/completions', 500)}{`);
    assert.match(await other.answer, /^HTTP\/1\.1 408 /);
    slow.go(after);
    assert.match(await slow.answer, /^HTTP\/1\.1 200 /);
  });

  test('ends where nothing comes of it any more, and leaves nothing', async (context) => {
    const stack = await batchStack(context, { pollEvery: '100ms, uploadSilence: 1s' });
    const silent = sending(stack, headOf('files', before.length + after.length) + before + after.slice(0, 300));
    const answer = await silent.answer;
    assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*uploadSilence/i);
    assert.deepEqual((await clientOf(stack.url, keys.marketing).files.list()).data, []);
  });
});
