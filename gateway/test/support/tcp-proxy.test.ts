import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A server that answers every line in two pieces, and remembers what it was asked. */
async function withProxy(context: TestContext): Promise<{ proxy: TcpProxy; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split('\n')) {
        asked.push(line);
        socket.write('done: ');
        socket.write(`${line}\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy({ port: (server.address() as AddressInfo).port });
  context.after(async () => {
    await proxy.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return { proxy, asked };
}

interface Client {
  readonly socket: Socket;
  /** The next whole line, or how the connection ended. */
  line(): Promise<string>;
}

async function client(proxy: TcpProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  const seen = { text: '', ended: '', changed: Promise.withResolvers<void>() };
  const change = (): void => {
    seen.changed.resolve();
    seen.changed = Promise.withResolvers();
  };
  socket.on('data', (chunk: Buffer) => {
    seen.text += chunk.toString();
    change();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.ended = error.code ?? 'error';
  });
  socket.on('close', () => {
    seen.ended ||= 'closed';
    change();
  });
  await once(socket, 'connect');
  return {
    socket,
    async line() {
      while (!seen.text.includes('\n')) {
        if (seen.ended !== '') return seen.ended;
        await seen.changed.promise;
      }
      const [line = '', ...rest] = seen.text.split('\n');
      seen.text = rest.join('\n');
      return line;
    },
  };
}

test('passes both ways', async (context) => {
  const { proxy } = await withProxy(context);
  const one = await client(proxy);
  one.socket.write('begin\n');
  assert.equal(await one.line(), 'done: begin');
  assert.deepEqual([proxy.connections(), proxy.accepted()], [1, 1]);
});

test('holds answers, in order, until they are released', async (context) => {
  const { proxy, asked } = await withProxy(context);
  const one = await client(proxy);
  proxy.hold();
  one.socket.write('a\n');
  one.socket.write('b\n');
  while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const line = one.line();
  assert.equal(await Promise.race([line, new Promise((resolve) => setImmediate(resolve, 'nothing'))]), 'nothing');
  proxy.release();
  assert.deepEqual([await line, await one.line()], ['done: a', 'done: b']);
});

test('loses the answer to one request that the server has carried out, and only that', async (context) => {
  const { proxy, asked } = await withProxy(context);
  const one = await client(proxy);
  const lost = proxy.loseReply({ request: 'commit', reply: 'commit' });
  one.socket.write('insert\n');
  assert.equal(await one.line(), 'done: insert');
  one.socket.write('commit\n');
  await lost;
  assert.equal(await one.line(), 'ECONNRESET');
  assert.deepEqual(asked, ['insert', 'commit']);
  const other = await client(proxy);
  other.socket.write('commit\n');
  assert.equal(await other.line(), 'done: commit');
});

test('cuts every connection and takes no new one until it is restored', async (context) => {
  const { proxy } = await withProxy(context);
  const one = await client(proxy);
  proxy.cut();
  assert.equal(await one.line(), 'ECONNRESET');
  const refused = connect(proxy.port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  proxy.restore();
  const other = await client(proxy);
  other.socket.write('again\n');
  assert.equal(await other.line(), 'done: again');
});

test('leads to a port that is known only after the proxy is there, and to another server from then on', async (context) => {
  const [first, second] = await Promise.all(
    ['first', 'second'].map(async (name) => {
      const server = createServer((socket) => void socket.on('error', () => {}).end(name));
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      context.after(() => server.close());
      return { port: (server.address() as AddressInfo).port };
    }),
  );
  assert.ok(first !== undefined && second !== undefined);
  const to = { port: 1 };
  const proxy = await startTcpProxy(to);
  context.after(async () => await proxy.close());
  const said = async (): Promise<string> => {
    let text = '';
    for await (const chunk of connect(proxy.port, '127.0.0.1')) text += String(chunk);
    return text;
  };
  to.port = first.port;
  assert.equal(await said(), 'first');
  proxy.leadTo(second);
  assert.equal(await said(), 'second');
});
