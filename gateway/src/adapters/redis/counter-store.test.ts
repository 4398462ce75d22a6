import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { CountersUnavailable, type Answer, type Exchange } from '#accounting/budgets/ports.ts';
import { systemClock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import { silentLog } from '#kernel/log.ts';
import { authorityOfTests, redisOrSkip, startRedis, type RedisServer } from '../../../test/support/redis-server.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { RedisConnection, type RedisAddress } from './connection.ts';
import { RedisCounters } from './counter-store.ts';
import { until } from '../../../test/support/until.ts';

const leaseMs = 100;
const nothing: Exchange = { accounts: [], rates: [], permits: [], asks: [], left: 0 };
const account = {
  key: 'k',
  endsAt: Date.UTC(2100, 0, 1),
  own: { spent: 5n, unknown: 0n, inFlight: 0n },
  kept: null,
  granted: 5n,
  limit: 100n,
  lease: 0n,
  fresh: true,
};

function openCounters(
  context: TestContext,
  where: Partial<RedisAddress> & { readonly url: string },
  timeoutMs = 5000,
): RedisCounters {
  const address = { password: null, cluster: false, certificateAuthority: null, ...where };
  const counters = new RedisCounters({
    connection: new RedisConnection({ address, clock: systemClock, log: silentLog }),
    keyPrefix: 'tollgate:',
    organisation: 'contoso',
    journal: 'journal-1',
    leaseMs,
    timeoutMs,
    clock: systemClock,
    ids: ulidSource(),
    log: silentLog,
  });
  context.after(async () => await counters.close());
  return counters;
}

/** Asks until it is answered, as a gateway does with every beat. */
async function answered(counters: RedisCounters, exchange: Exchange = nothing): Promise<Answer> {
  let answer: Answer | undefined;
  await until(async () => {
    answer = await counters.exchange(exchange).catch(() => undefined);
    return answer !== undefined;
  }, 'an answer of the counters');
  return answer ?? assert.fail();
}

async function redis(context: TestContext, options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  const server = await startRedis(options);
  context.after(async () => await server.close());
  return server;
}

/** A server that says what the test wants, whatever it is asked. */
async function liar(context: TestContext, answer: (socket: Socket, asked: string) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => answer(socket, chunk.toString('latin1')));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

describe('counters on a server that misbehaves', () => {
  const lies: Readonly<Record<string, string>> = {
    'another protocol': 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n',
    'bytes without a meaning': '\u0000\u0007\u00ff\u00fe garbage \r\n\r\n',
    'an endless length': '$99999999999999\r\n',
    'a number': ':7\r\n',
    'nothing at all': '$-1\r\n',
    'an error': '-ERR no such thing\r\n',
    'that it is loading': '-LOADING Redis is loading the dataset in memory\r\n',
    'that it takes no writes': '-READONLY You can not write against a read only replica.\r\n',
    'that it is full': '-OOM command not allowed when used memory > maxmemory.\r\n',
    'a text that is no JSON': bulk('{"epoch":'),
    'JSON of another shape': bulk('[1,2,3]'),
    'an answer with numbers for amounts': bulk(
      '{"number":1,"generation":1,"epoch":"x","closedMs":0,"time":0,"gateways":1,"accounts":[{"granted":1}],"rates":{},"permits":{},"asks":{}}',
    ),
    'an answer to another question': bulk(
      '{"number":77,"generation":1,"epoch":"x","closedMs":0,"time":0,"gateways":1,"accounts":{},"rates":{},"permits":{},"asks":{}}',
    ),
    'an answer that lacks half of it': bulk('{"number":1,"generation":1,"epoch":"x"}'),
  };
  const saidByReplicas: Readonly<Record<string, string>> = {
    'Redis 7': "-READONLY You can't write against a read only replica. script: 1f, on @user_script:12.\r\n",
    'Redis 6':
      "-ERR Error running script (call to f_1f): @user_script:12: @user_script: 12: -READONLY You can't write against a read only replica.\r\n",
  };
  for (const [whose, text] of Object.entries(saidByReplicas)) {
    test(`that has become a replica is hung up on, as ${whose} says it`, async (context) => {
      const asking = new Set<Socket>();
      const url = await liar(context, (socket, asked) => {
        const runs = asked.includes('EVAL');
        if (runs) asking.add(socket);
        socket.write(runs ? text : '-ERR no such thing\r\n');
      });
      const counters = openCounters(context, { url });
      await until(async () => {
        await counters.exchange(nothing).catch(() => undefined);
        return asking.size > 1;
      }, 'another connection');
    });
  }
  for (const [what, text] of Object.entries(lies)) {
    test(`that answers ${what} is taken for one that cannot be asked`, async (context) => {
      const url = await liar(context, (socket) => void socket.write(text, 'latin1'));
      const counters = openCounters(context, { url }, 200);
      for (let time = 0; time < 3; time += 1) {
        await assert.rejects(async () => await counters.exchange(nothing), CountersUnavailable);
        await assert.rejects(
          async () => await counters.exchange({ ...nothing, accounts: [account] }),
          CountersUnavailable,
        );
      }
      await assert.rejects(async () => await counters.build('k', new Map()), CountersUnavailable);
      // Nobody answers, and nobody is waited for for ever.
      await counters.recall(['k']);
    });
  }

  test('that is not there does not keep anybody waiting', async (context) => {
    const counters = openCounters(context, { url: 'redis://127.0.0.1:1' });
    await assert.rejects(async () => await counters.exchange(nothing), CountersUnavailable);
  });

  test('that is not there yet is found when it is', redisOrSkip, async (context) => {
    const server = await redis(context);
    await server.kill();
    const counters = openCounters(context, server);
    await assert.rejects(async () => await counters.exchange(nothing), CountersUnavailable);
    await server.start();
    await answered(counters);
  });

  test('that hangs is waited for once, and then not until it has had a rest', redisOrSkip, async (context) => {
    const server = await redis(context);
    const counters = openCounters(context, server, 500);
    await answered(counters);
    server.pause();
    await assert.rejects(async () => await counters.exchange(nothing), /too slow/);
    await assert.rejects(async () => await counters.exchange(nothing), /have just failed/);
    server.resume();
    await answered(counters);
  });

  test('whose answer comes too late is not taken for the answer to the next question', redisOrSkip, async (context) => {
    const server = await redis(context);
    const proxy = await startTcpProxy(server);
    context.after(async () => await proxy.close());
    const counters = openCounters(context, { url: `redis://127.0.0.1:${proxy.port}` }, 500);
    const { epoch } = await answered(counters);
    proxy.hold();
    await assert.rejects(async () => await counters.exchange({ ...nothing, accounts: [account] }), CountersUnavailable);
    proxy.release();
    const answer = await answered(counters, {
      ...nothing,
      accounts: [{ ...account, own: { ...account.own, spent: 6n } }],
    });
    assert.equal(answer.epoch, epoch, 'it was made, and nothing is lost');
    assert.deepEqual(answer.accounts[0]?.total.spent, 6n);
  });

  test('that hangs for long is connected to anew', redisOrSkip, async (context) => {
    const server = await redis(context);
    const proxy = await startTcpProxy(server);
    context.after(async () => await proxy.close());
    const counters = openCounters(context, { url: `redis://127.0.0.1:${proxy.port}` }, 300);
    await answered(counters);
    const before = proxy.accepted();
    proxy.hold();
    await until(async () => {
      await counters.exchange(nothing).catch(() => undefined);
      return proxy.accepted() > before;
    }, 'another connection');
    proxy.release();
    await answered(counters);
  });
});

describe('counters on a server that was another one before', redisOrSkip, () => {
  test('that was restarted with its data is a new epoch, and keeps what silent gateways had', async (context) => {
    const server = await redis(context);
    const first = openCounters(context, server);
    const { epoch } = await answered(first, { ...nothing, accounts: [account] });
    await server.kill();
    await server.start();
    const other = new RedisCounters({
      connection: new RedisConnection({
        address: { url: server.url, password: null, cluster: false, certificateAuthority: null },
        clock: systemClock,
        log: silentLog,
      }),
      keyPrefix: 'tollgate:',
      organisation: 'contoso',
      journal: 'journal-2',
      leaseMs,
      timeoutMs: 5000,
      clock: systemClock,
      ids: ulidSource(),
      log: silentLog,
    });
    context.after(async () => await other.close());
    const claim = { ...account, own: { spent: 0n, unknown: 0n, inFlight: 0n }, granted: 0n };
    const told = await answered(other, { ...nothing, accounts: [claim] });
    assert.notEqual(told.epoch, epoch);
    assert.ok(told.closedMs > 0);
    assert.equal(told.accounts[0]?.built, false);
    await other.build('k', new Map());
    const built = await answered(other, { ...nothing, accounts: [claim] });
    assert.deepEqual(built.accounts[0]?.total.spent, 5n);
  });

  test('speaks TLS, and asks for its password', async (context) => {
    const server = await redis(context, { tls: true, password: 'p@ss' });
    const url = `rediss://localhost:${server.port}`;
    const authority = { certificateAuthority: authorityOfTests() };
    await answered(openCounters(context, { url, password: 'p@ss', ...authority }));
    const wrong = openCounters(context, { url, password: 'wrong', ...authority }, 200);
    await assert.rejects(async () => await wrong.exchange(nothing), CountersUnavailable);
    const distrusted = openCounters(context, { url, password: 'p@ss' }, 200);
    await assert.rejects(async () => await distrusted.exchange(nothing), CountersUnavailable);
  });
});
