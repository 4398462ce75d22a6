import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MessageParser } from '#http1/message-parser.ts';
import { listenLocally } from '#processes/listen.ts';
import { Pacer } from '#upstream/pacer.ts';
import { eventsPerStream } from '#upstream/replies.ts';
import { StaticUpstream } from '#upstream/static-upstream.ts';
import type { LoadPlan, RequestTemplate } from './plan.ts';
import { pacedStream, unstreamedChat } from './requests.ts';
import { runLoad } from './run-load.ts';

const template = (part: Partial<RequestTemplate>): RequestTemplate => ({
  name: 'plain',
  path: '/x',
  body: '{}',
  terminal: null,
  breakOffAfterEvents: null,
  ...part,
});

function plan(port: number, part: Partial<LoadPlan>): LoadPlan {
  return {
    port,
    headers: { 'api-key': 'k' },
    connections: 3,
    templates: [template({})],
    durationMs: null,
    totalRequests: 20,
    pid: null,
    core: null,
    ...part,
  };
}

/** A server that answers the n-th request, counted from 0 over all connections, with raw bytes. */
async function serve(
  context: TestContext,
  answer: (socket: Socket, number: number, body: string) => void,
): Promise<{ port: number; requests: () => number; connections: () => number }> {
  let requests = 0;
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    let body = '';
    const parser = new MessageParser('request', {
      head: () => (body = ''),
      body: (part) => (body += part.toString()),
      end: () => {
        requests += 1;
        answer(socket, requests - 1, body);
      },
    });
    socket.on('data', (chunk: Buffer) => parser.push(chunk));
    socket.on('error', () => socket.destroy());
  });
  const port = await listenLocally(server);
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port, requests: () => requests, connections: () => connections };
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

test('sends exactly as many requests as planned and keeps its connections', async (context) => {
  const server = await serve(context, (socket) => socket.write(ok));
  const result = await runLoad(plan(server.port, { connections: 4, totalRequests: 37 }), new Pacer());
  assert.equal(result.received, 37);
  assert.equal(server.requests(), 37);
  assert.equal(server.connections(), 4);
  assert.deepEqual([result.refused, result.failures], [{}, {}]);
  assert.ok((result.latency?.p50 ?? 0) > 0);
  assert.equal(result.firstByte, null);
});

test('a run by time ends, and finishes what is in flight', async (context) => {
  const server = await serve(context, (socket) => socket.write(ok));
  const result = await runLoad(plan(server.port, { totalRequests: null, durationMs: 30 }), new Pacer());
  assert.equal(result.received, server.requests());
  assert.ok(result.received >= result.receivedInWindow && result.receivedInWindow > 0);
});

test('uses its templates in turn and counts them apart', async (context) => {
  const bodies: string[] = [];
  const server = await serve(context, (socket, _number, body) => {
    bodies.push(body);
    socket.write(ok);
  });
  const templates = [template({ name: 'a', body: '{"n":1}' }), template({ name: 'b', body: '{"n":2}' })];
  const result = await runLoad(plan(server.port, { connections: 1, templates, totalRequests: 5 }), new Pacer());
  assert.deepEqual(bodies, ['{"n":1}', '{"n":2}', '{"n":1}', '{"n":2}', '{"n":1}']);
  assert.deepEqual(result.receivedByTemplate, { a: 3, b: 2 });
});

test('reads replies that arrive byte by byte', async (context) => {
  const reply =
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n';
  const server = await serve(context, (socket) => {
    const bytes = [...Buffer.from(reply)];
    const next = (): void => {
      const byte = bytes.shift();
      if (byte === undefined) return;
      socket.write(Buffer.from([byte]), () => setImmediate(next));
    };
    next();
  });
  const templates = [template({ terminal: '[DONE]' })];
  const result = await runLoad(plan(server.port, { connections: 1, templates, totalRequests: 2 }), new Pacer());
  assert.deepEqual([result.received, result.events, result.failures], [2, 4, {}]);
  assert.equal(result.latency, null);
  assert.ok((result.firstByte?.p50 ?? 0) > 0);
});

test('counts refusals by status, and goes on', async (context) => {
  const server = await serve(context, (socket, number) =>
    socket.write(number % 4 === 0 ? 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n' : ok),
  );
  const result = await runLoad(plan(server.port, {}), new Pacer());
  assert.deepEqual([result.received, result.refused], [15, { 429: 5 }]);
});

test('a reply that is cut off is a failure; the connection is opened anew', async (context) => {
  const server = await serve(context, (socket, number) => {
    if (number === 2) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
    else if (number === 5) socket.destroy();
    else socket.write(ok);
  });
  const result = await runLoad(plan(server.port, { connections: 1, totalRequests: 10 }), new Pacer());
  assert.equal(result.received, 8);
  assert.equal(
    Object.values(result.failures).reduce((sum, count) => sum + count, 0),
    2,
  );
  assert.equal(server.connections(), 3);
});

test('a stream that ends without its terminal event is a failure, whatever its status', async (context) => {
  const server = await serve(context, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\ndata: a\n\n'),
  );
  const templates = [template({ terminal: '[DONE]' })];
  const result = await runLoad(plan(server.port, { templates, totalRequests: 3 }), new Pacer());
  assert.deepEqual([result.received, result.failures], [0, { 'a stream ended without its terminal event': 3 }]);
});

test('a reply that says connection: close, or runs until the close, is received in full', async (context) => {
  const server = await serve(context, (socket, number) => {
    if (number % 2 === 0) socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok');
    else socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the close');
  });
  const result = await runLoad(plan(server.port, { connections: 1, totalRequests: 6 }), new Pacer());
  assert.deepEqual([result.received, result.failures, server.connections()], [6, {}, 6]);
});

test('breaks streams off where the plan says so, and does not take their rest for the next reply', async (context) => {
  const server = await serve(context, (socket, _number, body) => {
    if (body === '{"cut":true}') {
      const events = 'data: a\n\n'.repeat(50);
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${events.length + 14}\r\n\r\n${events}data: [DONE]\n\n`);
    } else socket.write(ok);
  });
  const templates = [
    template({ name: 'cut', body: '{"cut":true}', terminal: '[DONE]', breakOffAfterEvents: 2 }),
    template({}),
  ];
  const result = await runLoad(plan(server.port, { connections: 2, templates, totalRequests: 20 }), new Pacer());
  assert.deepEqual([result.received, result.brokenOff, result.failures], [10, 10, {}]);
  assert.deepEqual(result.receivedByTemplate, { plain: 10 });
});

test('gives up when nobody listens, and says why', async () => {
  const closed = createServer();
  const port = await listenLocally(closed);
  await new Promise((resolve) => closed.close(resolve));
  const result = await runLoad(plan(port, { totalRequests: 1_000_000 }), new Pacer());
  assert.equal(result.received, 0);
  assert.ok((result.failures['ECONNREFUSED'] ?? 0) >= 500);
});

test('ends when nothing arrives any more, and says so', async (context) => {
  const server = await serve(context, () => undefined);
  const result = await runLoad(plan(server.port, { connections: 2, totalRequests: 100 }), new Pacer(), 1);
  assert.deepEqual([result.received, result.failures], [0, { 'nothing arrived any more': 2 }]);
});

test('against the static upstream both sides count alike, streams event by event', async (context) => {
  const pacer = new Pacer();
  const upstream = new StaticUpstream(pacer);
  const port = await listenLocally(upstream.server);
  context.after(() => upstream.close());
  const templates = [unstreamedChat, pacedStream];
  const result = await runLoad(plan(port, { connections: 6, templates, totalRequests: 40, pid: process.pid }), pacer);
  assert.deepEqual([result.failures, result.refused, result.nudges], [{}, {}, 0]);
  assert.equal(result.received, 40);
  assert.equal(upstream.count.requests, 40);
  assert.deepEqual(result.receivedByTemplate, { chat: 20, 'chat stream': 20 });
  assert.equal(result.events, 20 * eventsPerStream.withoutUsage);
  assert.equal(upstream.count.reported, 20);
  assert.ok((result.latency?.max ?? 0) > 0 && (result.firstByte?.max ?? 0) > 0);
});

test('a request is of about 1,000 bytes', () => {
  assert.ok(unstreamedChat.body.length > 950 && unstreamedChat.body.length < 1_050, String(unstreamedChat.body.length));
});
