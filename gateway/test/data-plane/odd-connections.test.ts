import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { assertNotLogged, untilLogged } from '../support/logged.ts';

const key = { 'api-key': keys.marketing };
const path = '/openai/v1/chat/completions';
const body = (stream: boolean): string =>
  JSON.stringify({ model: 'one-endpoint', messages: [{ role: 'user', content: 'hi' }], stream });
const words = 'data: {"model":"m","choices":[{"index":0,"delta":{"content":"Aarhus and Odense"}}]}\n\n';
const end = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\ndata: [DONE]\n\n';

/** A gateway whose endpoints are all this server, for behaviour that no well-meaning upstream has. */
async function stackOver(context: TestContext, listener: RequestListener, listen = ''): Promise<RunningStack> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stack = await startStack(context, {
    config(twin) {
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      return configFor(twin, { listen }).replaceAll(twin, `http://127.0.0.1:${address.port}`);
    },
  });
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return stack;
}

function request(text: string, more = ''): string {
  return `POST ${path} HTTP/1.1\r\nhost: x\r\napi-key: ${keys.marketing}\r\n${more}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

function connection(context: TestContext, stack: RunningStack): Socket {
  const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
  context.after(() => socket.destroy());
  return socket;
}

describe('odd connections', () => {
  test('an upstream that resets after [DONE] leaves the reply whole and its record single', async (context) => {
    const stack = await stackOver(context, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(words + end, () => response.socket?.resetAndDestroy());
    });
    for (let at = 0; at < 10; at += 1) {
      const answer = await call(`${stack.url}${path}`, { headers: key, body: body(true) });
      assert.ok(answer.body.endsWith('data: [DONE]\n\n'), answer.body);
    }
    const { total } = await stack.usage('outcome');
    assert.deepEqual([total.attempts, total.inputTokens, total.outputTokens], [10, 70, 30]);
    assert.match((await stack.admin('/metrics')).text, /tollgate_tokens_total\{[^}]*kind="input"\} 70\n/);
    assert.match((await stack.admin('/admin/v1/deployments')).text, /"inFlight":0/);
    assertNotLogged(stack, /"level":50/);
  });

  test('an upstream whose compression cannot be undone is let go at once', async (context) => {
    const closed = Promise.withResolvers<void>();
    const stack = await stackOver(context, (_, response) => {
      response.once('close', closed.resolve);
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'compress' });
      response.write(words);
    });
    const answer = await call(`${stack.url}${path}`, { headers: key, body: body(true) });
    assert.equal(answer.status, 503);
    await closed.promise;
  });

  test('an offer of h2c is left unanswered, and the call is served', async (context) => {
    const stack = await startStack(context);
    const offer = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    const answer = await call(`${stack.url}${path}`, { headers: { ...key, ...offer }, body: body(false) });
    assert.equal(answer.status, 200, answer.body);
  });

  test('bytes that are no request, behind a streamed one, put nothing into its answer', async (context) => {
    const stack = await stackOver(context, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(words);
    });
    const socket = connection(context, stack);
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      if (received.includes('Odense')) socket.write('NO REQUEST\r\n\r\n');
    });
    socket.on('error', () => {});
    socket.write(request(body(true)));
    await once(socket, 'close');
    assert.match(received, /Odense/);
    assert.doesNotMatch(received, /malformed_request/);
  });

  test('a stream that a drain cuts is recorded with what was delivered', async (context) => {
    const stack = await stackOver(
      context,
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(words);
      },
      ', drainTimeout: 1ms',
    );
    const socket = connection(context, stack);
    socket.write(request(body(true)));
    await once(socket, 'data');
    await stack.gateway.drain('test');
    await untilLogged(stack, /"attempts":\["weu:client-left"\]/);
  });

  test('an answer whose head cannot be written is an error, recorded, and ends no process', async (context) => {
    const stack = await startStack(context, {
      overrides: {
        steps: [
          {
            name: 'impossible-header',
            section: 'outbound',
            run({ reply }) {
              reply?.headers.set('x-city', 'Łódź');
            },
          },
        ],
      },
    });
    for (const stream of [true, false]) {
      const answer = await call(`${stack.url}${path}`, { headers: key, body: body(stream) });
      assert.equal(answer.status, 500);
      assert.equal(JSON.parse(answer.body).error.code, 'internal_error');
    }
    assert.equal((await stack.usage()).total.attempts, 2);
    assert.equal((await stack.verify()).journal.open, 0);
  });
});
