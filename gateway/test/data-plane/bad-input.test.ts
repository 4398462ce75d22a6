import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import {
  call,
  configFor,
  keyOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';
import { assertNotLogged, untilLogged } from '../support/logged.ts';

const chat = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'hi' }] };
const key = { 'api-key': keys.marketing };
const v1 = '/openai/v1/chat/completions';

function isDialectError(answer: Answer, code: string): void {
  const { error } = JSON.parse(answer.body);
  assert.equal(error.code, code);
  assert.equal(typeof error.message, 'string');
  assert.equal(typeof error.type, 'string');
  assert.ok('param' in error);
  const id = answer.headers['x-request-id'];
  assert.match(String(id), /^[0-9A-Z]{26}$/);
  assert.ok(error.message.includes(String(id)), 'the message carries the request id');
}

async function ledgerIsEmpty(stack: RunningStack): Promise<void> {
  const report = await stack.usage();
  assert.equal(report.total.attempts, 0);
  assert.deepEqual((await stack.verify()).problems, []);
  assert.equal(stack.twin.usage().attempts.length, 0);
}

// [what, path, request, status, code]
const refused = [
  ['malformed JSON', v1, { headers: key, body: '{"model":' }, 400, 'invalid_json'],
  ['a JSON list', v1, { headers: key, body: '[]' }, 400, 'invalid_json'],
  ['an empty body', v1, { headers: key, body: '' }, 400, 'invalid_json'],
  [
    'broken UTF-8',
    v1,
    { headers: key, body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
    400,
    'invalid_json',
  ],
  ['a NUL byte', v1, { headers: key, body: '{"model":"a\u0000b"}' }, 400, 'invalid_json'],
  [
    'a member twice',
    v1,
    { headers: key, body: '{"model":"gpt-5.4-mini","messages":[{}],"model":"gpt-5-mini"}' },
    400,
    'invalid_request_body',
  ],
  [
    'a member of stream_options twice',
    v1,
    {
      headers: key,
      body: '{"model":"gpt-5.4-mini","messages":[{}],"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}',
    },
    400,
    'invalid_request_body',
  ],
  ['no model', v1, { headers: key, body: { messages: [] } }, 400, 'invalid_request_body'],
  ['stream as text', v1, { headers: key, body: { ...chat, stream: 'yes' } }, 400, 'invalid_request_body'],
  [
    'the wrong content-type',
    v1,
    { headers: { ...key, 'content-type': 'text/plain' }, body: chat },
    415,
    'unsupported_media_type',
  ],
  [
    'a form',
    v1,
    { headers: { ...key, 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' },
    415,
    'unsupported_media_type',
  ],
  [
    'another charset',
    v1,
    { headers: { ...key, 'content-type': 'application/json; charset=latin1' }, body: chat },
    415,
    'unsupported_media_type',
  ],
  [
    'a compressed body',
    v1,
    { headers: { ...key, 'content-encoding': 'gzip' }, body: chat },
    415,
    'unsupported_media_type',
  ],
  ['no key', v1, { body: chat }, 401, 'missing_api_key'],
  ['a wrong key', v1, { headers: { 'api-key': 'nope' }, body: chat }, 401, 'invalid_api_key'],
  ['an empty key', v1, { headers: { 'api-key': '' }, body: chat }, 401, 'missing_api_key'],
  ['a basic authorization', v1, { headers: { authorization: 'Basic abc' }, body: chat }, 401, 'missing_api_key'],
  ['an unknown model', v1, { headers: key, body: { ...chat, model: 'x' } }, 404, 'model_not_found'],
  [
    'an unknown deployment',
    '/openai/deployments/x/chat/completions?api-version=2024-10-21',
    { headers: key, body: chat },
    404,
    'DeploymentNotFound',
  ],
  ['a model of another product', v1, { headers: { 'api-key': keyOf('small') }, body: chat }, 403, 'model_not_allowed'],
  [
    'no api-version',
    '/openai/deployments/gpt-5.4-mini/chat/completions',
    { headers: key, body: chat },
    400,
    'missing_api_version',
  ],
  [
    'an api-version that is none',
    '/openai/deployments/gpt-5.4-mini/chat/completions?api-version=latest',
    { headers: key, body: chat },
    400,
    'invalid_api_version',
  ],
  [
    'an api-version of month 13',
    '/openai/deployments/gpt-5.4-mini/chat/completions?api-version=2024-13-01',
    { headers: key, body: chat },
    400,
    'invalid_api_version',
  ],
  [
    'two api-versions',
    '/openai/deployments/gpt-5.4-mini/chat/completions?api-version=2024-10-21&api-version=2023-05-15',
    { headers: key, body: chat },
    400,
    'invalid_api_version',
  ],
  [
    'a dated api-version on v1',
    `${v1}?api-version=2024-10-21`,
    { headers: key, body: chat },
    400,
    'invalid_api_version',
  ],
  ['data_sources on v1', v1, { headers: key, body: { ...chat, data_sources: [] } }, 400, 'unsupported_parameter'],
  [
    'background',
    '/openai/v1/responses',
    { headers: key, body: { model: 'gpt-5-mini', input: 'x', background: true } },
    400,
    'unsupported_parameter',
  ],
  [
    'an operation that is not metered',
    '/openai/v1/images/generations',
    { headers: key, body: chat },
    403,
    'operation_not_metered',
  ],
  ['a path that is nothing', '/favicon.ico', {}, 404, 'not_found'],
  ['the wrong method', v1, { headers: key }, 405, 'method_not_allowed'],
  [
    'an upgrade',
    '/openai/v1/models',
    { headers: { ...key, connection: 'upgrade', upgrade: 'websocket' } },
    403,
    'operation_not_metered',
  ],
] as const;

describe('bad input is refused in the dialect, with a request id, and costs nothing', () => {
  for (const [what, path, request, status, code] of refused) {
    test(what, async (context) => {
      const stack = await sharedStack(context);
      const answer = await call(`${stack.url}${path}`, request);
      assert.equal(answer.status, status);
      isDialectError(answer, code);
      await ledgerIsEmpty(stack);
    });
  }
});

let shared: Promise<RunningStack> | undefined;
const afterAll: (() => Promise<void>)[] = [];
/** One stack for all refusals: they leave nothing behind, which each of them checks. */
function sharedStack(_context: TestContext): Promise<RunningStack> {
  shared ??= startStack(
    { after: (run) => void afterAll.push(async () => void (await run?.({} as TestContext, () => {}))) },
    { config: (twin) => configFor(twin) },
  );
  return shared;
}
test.after(async () => {
  for (const run of afterAll) await run();
});

/** Sends raw bytes and returns all that comes back until the connection is closed. */
function raw(stack: RunningStack, bytes: string | Buffer, options: { readonly end?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(stack.gateway.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.once('error', () => {});
    socket.once('close', () => resolve(text));
    socket.write(bytes);
    if (options.end === true) socket.end();
  });
}

const head = (lines: readonly string[]): string => `POST ${v1} HTTP/1.1\r\nhost: x\r\n${lines.join('\r\n')}\r\n\r\n`;
const body = JSON.stringify(chat);

// [what, bytes, status line, code]
const malformed = [
  ['not HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
  [
    'a header with a NUL byte',
    head([`api-key: ${keys.marketing}`, 'x: a\u0000b', 'content-length: 0']),
    400,
    'malformed_request',
  ],
  [
    'two content-lengths',
    head([`api-key: ${keys.marketing}`, 'content-length: 1', 'content-length: 2']),
    400,
    'malformed_request',
  ],
  [
    'length and chunks together',
    head([`api-key: ${keys.marketing}`, 'content-length: 5', 'transfer-encoding: chunked']),
    400,
    'malformed_request',
  ],
  [
    'a chunk size that is none',
    `${head([`api-key: ${keys.marketing}`, 'content-type: application/json', 'transfer-encoding: chunked'])}zz\r\n`,
    400,
    'malformed_request',
  ],
  ['a megabyte of headers', head([`x: ${'y'.repeat(1024 * 1024)}`]), 431, 'headers_too_large'],
  [
    'two keys',
    head([
      `api-key: ${keys.marketing}`,
      `api-key: ${keys.finance}`,
      'content-type: application/json',
      `content-length: ${body.length}`,
      'connection: close',
    ]) + body,
    400,
    'duplicate_header',
  ],
  [
    'two content-types',
    head([
      `api-key: ${keys.marketing}`,
      'content-type: application/json',
      'content-type: text/plain',
      `content-length: ${body.length}`,
      'connection: close',
    ]) + body,
    400,
    'duplicate_header',
  ],
] as const;

describe('what is not well-formed HTTP is refused', () => {
  for (const [what, bytes, status, code] of malformed) {
    test(what, async (context) => {
      const stack = await sharedStack(context);
      const answer = await raw(stack, bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      const { error } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
      assert.equal(error.code, code);
      await ledgerIsEmpty(stack);
    });
  }

  test('a hundred megabytes of headers are not read to their end', async (context) => {
    const stack = await sharedStack(context);
    const sent = await new Promise<number>((resolve) => {
      const socket = connect(stack.gateway.port, '127.0.0.1');
      const line = Buffer.from(`x: ${'y'.repeat(64 * 1024)}\r\n`);
      let bytes = 0;
      const more = (): void => {
        while (bytes < 100 * 1024 * 1024 && !socket.destroyed) {
          bytes += line.length;
          if (!socket.write(line)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      socket.once('error', () => {});
      socket.once('close', () => resolve(socket.bytesWritten - socket.writableLength));
      socket.resume();
      socket.write(`POST ${v1} HTTP/1.1\r\nhost: x\r\n`);
      more();
    });
    assert.ok(sent < 20 * 1024 * 1024, `${sent} bytes were taken`);
    await ledgerIsEmpty(stack);
  });
});

test('a body over the limit is refused before it is read', async (context) => {
  const stack = await startStack(context, { config: (twin) => configFor(twin, { listen: ', maxBodyBytes: 10KiB' }) });
  const declared = await raw(
    stack,
    head([`api-key: ${keys.marketing}`, 'content-type: application/json', 'content-length: 50000000']),
  );
  assert.match(declared, /^HTTP\/1\.1 413 /);
  const undeclared = await raw(
    stack,
    `${head([`api-key: ${keys.marketing}`, 'content-type: application/json', 'transfer-encoding: chunked'])}8000\r\n${'x'.repeat(0x8000)}\r\n`,
  );
  assert.match(undeclared, /^HTTP\/1\.1 413 /);
  await ledgerIsEmpty(stack);
});

test('a client that sends a byte now and then is answered 408 and cut', async (context) => {
  const stack = await startStack(context, {
    config: (twin) => configFor(twin, { listen: ', headersTimeout: 300ms, requestTimeout: 400ms' }),
  });
  const slowHead = raw(stack, 'POST /openai/v1/chat');
  const slowBody = raw(
    stack,
    `${head([`api-key: ${keys.marketing}`, 'content-type: application/json', 'content-length: 500'])}{`,
  );
  assert.match(await slowHead, /^HTTP\/1\.1 408 [\s\S]*request_timeout/);
  assert.match(await slowBody, /^HTTP\/1\.1 408 [\s\S]*request_timeout/);
  await ledgerIsEmpty(stack);
});

test('a client that goes away in the middle of its body leaves nothing', async (context) => {
  const stack = await sharedStack(context);
  await raw(
    stack,
    `${head([`api-key: ${keys.marketing}`, 'content-type: application/json', 'content-length: 500'])}{"model`,
    { end: true },
  );
  await ledgerIsEmpty(stack);
});

describe('every spelling of a key is accepted', () => {
  const spellings = [
    ['api-key', v1, { 'api-key': keys.finance }],
    ['bearer', v1, { authorization: `Bearer ${keys.finance}` }],
    ['bearer in lower case', v1, { authorization: `bearer ${keys.finance}` }],
    ["API management's header", v1, { 'Ocp-Apim-Subscription-Key': keys.finance }],
    ["API management's query", `${v1}?subscription-key=${keys.finance}`, {}],
    ['header before query', `${v1}?subscription-key=wrong`, { 'Ocp-Apim-Subscription-Key': keys.finance }],
    ['api-key beside another authorization', v1, { 'api-key': keys.finance, authorization: 'Bearer not-used' }],
  ] as const;
  for (const [what, path, headers] of spellings) {
    test(what, async (context) => {
      const stack = await startStack(context);
      const answer = await call(`${stack.url}${path}`, { headers, body: chat });
      assert.equal(answer.status, 200, answer.body);
      assert.equal((await stack.usage()).rows[0]?.key, 'finance');
      assertNotLogged(stack, keys.finance, 'no key is logged');
    });
  }
});

test('neither the key of a client nor what is not meant for it goes upstream, and nothing of Tollgate comes back', async (context) => {
  const stack = await startStack(context);
  const answer = await call(`${stack.url}${v1}`, {
    headers: {
      'api-key': keys.marketing,
      cookie: 'a=b',
      'x-ms-client-request-id': 'mine-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    body: chat,
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-ms-client-request-id'], 'mine-1');
  assert.equal(answer.headers['server'], undefined);
  assert.equal(answer.headers['x-ms-region'], undefined);
  const [attempt] = stack.twin.usage().attempts;
  assert.match(attempt?.id ?? '', /^[0-9A-Z]{26}$/, 'the attempt has an id of our own');
  await untilLogged(stack, /0af7651916cd43dd8448eb211c80319c/);
});
