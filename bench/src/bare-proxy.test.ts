import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runLoad } from '#load/run-load.ts';
import { pacedStream, unstreamedChat } from '#load/requests.ts';
import { listenLocally } from '#processes/listen.ts';
import { Pacer } from '#upstream/pacer.ts';
import { eventsPerStream } from '#upstream/replies.ts';
import { StaticUpstream } from '#upstream/static-upstream.ts';
import { createBareProxy } from './bare-proxy.ts';

async function before(context: TestContext, upstreamPort: number): Promise<number> {
  const { server, pool } = createBareProxy(`http://127.0.0.1:${upstreamPort}`);
  const port = await listenLocally(server);
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await pool.destroy();
  });
  return port;
}

async function behind(context: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return await before(context, await listenLocally(server));
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function call(
  port: number,
  part: { method?: string; path?: string; headers?: Record<string, string>; body?: Buffer },
): Promise<IncomingMessage> {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    agent: false,
    method: part.method ?? 'POST',
    path: part.path ?? '/',
    headers: part.headers ?? {},
  });
  outgoing.end(part.body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

for (const bytes of [0, 1, 1_000, 3_000_000]) {
  test(`passes on method, path, headers and a body of ${bytes} bytes unchanged, and the reply`, async (context) => {
    const body = randomBytes(bytes);
    let seen:
      | { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders; digest: string }
      | undefined;
    const reply = randomBytes(bytes + 7);
    const port = await behind(context, (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method, url, headers } = incoming;
        seen = { method, url, headers, digest: digest(Buffer.concat(chunks)) };
        outgoing.writeHead(201, { 'x-told': 'yes', 'set-cookie': ['a=1', 'b=2'] }).end(reply);
      });
    });
    const response = await call(port, { path: '/a/b?c=d%20e', headers: { 'api-key': 'k', 'x-other': 'ü' }, body });
    assert.equal(digest(await read(response)), digest(reply));
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers['x-told'], 'yes');
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(seen?.digest, digest(body));
    assert.deepEqual([seen?.method, seen?.url, seen?.headers['api-key']], ['POST', '/a/b?c=d%20e', 'k']);
  });
}

test('passes a stream on piece by piece, before the next one is sent', async (context) => {
  let upstream: ServerResponse | undefined;
  const port = await behind(context, (_incoming, outgoing) => {
    upstream = outgoing;
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.write('data: 0\n\n');
  });
  const response = await call(port, { method: 'GET' });
  const seen: string[] = [];
  for await (const chunk of response) {
    seen.push(String(chunk));
    if (seen.length < 5) upstream?.write(`data: ${seen.length}\n\n`);
    else upstream?.end();
  }
  assert.deepEqual(seen, ['data: 0\n\n', 'data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n', 'data: 4\n\n']);
});

test('a client that leaves cancels the call', async (context) => {
  const cancelled = Promise.withResolvers<void>();
  const port = await behind(context, (_incoming, outgoing) => {
    outgoing.on('close', () => cancelled.resolve());
    outgoing.write('data: 0\n\n');
  });
  const response = await call(port, { method: 'GET' });
  await once(response, 'data');
  response.destroy();
  await cancelled.promise;
});

test('answers 502 when nobody is behind it', async (context) => {
  const closed = createServer();
  const free = await listenLocally(closed);
  await new Promise((resolve) => closed.close(resolve));
  const port = await before(context, free);
  const response = await call(port, { body: Buffer.from('{}') });
  await read(response);
  assert.equal(response.statusCode, 502);
});

test('carries the load of the benchmark without a difference', async (context) => {
  const pacer = new Pacer();
  const upstream = new StaticUpstream(pacer);
  context.after(() => upstream.close());
  const port = await before(context, await listenLocally(upstream.server));
  const result = await runLoad(
    {
      port,
      headers: {},
      connections: 6,
      templates: [unstreamedChat, pacedStream],
      durationMs: null,
      totalRequests: 60,
      pid: null,
      core: null,
    },
    pacer,
  );
  assert.deepEqual([result.received, result.failures, result.refused], [60, {}, {}]);
  assert.deepEqual([upstream.count.requests, upstream.count.brokenOff], [60, 0]);
  assert.equal(result.events, 30 * eventsPerStream.withoutUsage);
});
