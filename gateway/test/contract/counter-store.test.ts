import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RedisConnection, type RedisAddress } from '../../src/adapters/redis/connection.ts';
import { RedisCounters } from '../../src/adapters/redis/counter-store.ts';
import { TokenSignIn } from '../../src/adapters/redis/token-sign-in.ts';
import { CounterSet } from '../../src/adapters/memory-counters/counter-set.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ulidSource } from '../../src/kernel/ids.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { entraRedis, type EntraRedis } from '../support/entra-doors.ts';
import { entraTokens, type EntraTokens } from '../support/entra-tokens.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  authorityOfTests,
  redisOrSkip,
  startRedis,
  startRedisCluster,
  type RedisServer,
} from '../support/redis-server.ts';
import { counterStoreContract, leaseMs, type OpenCounters } from './counter-store.suite.ts';

counterStoreContract('memory', async () => {
  const clock = new ManualClock();
  const counters = new CounterSet({ clock, shared: { leaseMs } });
  return await Promise.resolve({
    connect: async (journal: string) => await Promise.resolve(counters.connect(journal)),
    async advance(ms: number) {
      clock.advance(ms);
      await Promise.resolve();
    },
    async lose() {
      counters.lose();
      await Promise.resolve();
    },
    async close() {
      await Promise.resolve();
    },
  });
});

interface Place {
  readonly url: string;
  readonly cluster: boolean;
  readonly nodes: readonly RedisServer[];
  /** How it is signed in to; default: not at all. */
  readonly entrance?: () => Pick<RedisAddress, 'signIn' | 'certificateAuthority'>;
}

/** Counters on a real server. Time is the test's, but for how long an answer is waited for. */
async function openOn({ url, cluster, nodes, entrance }: Place): Promise<OpenCounters> {
  const clock = new ManualClock();
  const ids = ulidSource();
  const way = { url, password: null, cluster, certificateAuthority: null };
  const opened: RedisCounters[] = [];
  const empty = async (): Promise<void> => {
    for (const node of nodes) await node.command('FLUSHALL');
  };
  await empty();
  return {
    async connect(journal) {
      const address = { ...way, ...entrance?.() };
      const connection = new RedisConnection({ address, clock: systemClock, log: silentLog });
      await connection.connected();
      const store = new RedisCounters({
        connection,
        keyPrefix: 'tollgate:',
        organisation: 'contoso',
        journal,
        leaseMs,
        timeoutMs: 10_000,
        clock: {
          now: () => clock.now(),
          monotonic: () => clock.monotonic(),
          // However busy the machine is, whoever is asked has the time to answer.
          after: (ms, run) => systemClock.after(100 * ms, run),
        },
        ids,
        log: silentLog,
        time: () => clock.now(),
      });
      opened.push(store);
      return store;
    },
    async advance(ms) {
      clock.advance(ms);
      await Promise.resolve();
    },
    lose: empty,
    async close() {
      for (const store of opened) await store.close();
    },
  };
}

describe('counters on a server', redisOrSkip, () => {
  let server: RedisServer | undefined;
  before(async () => {
    server = await startRedis();
  });
  after(async () => await server?.close());
  counterStoreContract('Redis', async () => {
    assert.ok(server !== undefined);
    return await openOn({ url: server.url, cluster: false, nodes: [server] });
  });
});

describe('counters on a server of Azure', redisOrSkip, () => {
  let server: RedisServer | undefined;
  let door: EntraRedis | undefined;
  let tokens: EntraTokens | undefined;
  const closers: (() => Promise<void>)[] = [];
  before(async () => {
    server = await startRedis();
    tokens = await entraTokens({ after: (close) => void closers.push(close) });
    door = await entraRedis(tokens.twin, server, () => Date.now());
    door.assigned.add(tokens.objectId);
  });
  after(async () => {
    await door?.close();
    await server?.close();
    for (const close of closers) await close();
  });
  const entrance = () => {
    assert.ok(tokens !== undefined);
    const { clock, log } = tokens;
    const scope = 'https://redis.azure.com/.default';
    const signIn = new TokenSignIn({ tokens: tokens.cache(), scope, clock, log });
    return { signIn, certificateAuthority: authorityOfTests() };
  };
  counterStoreContract('Redis by token', async () => {
    assert.ok(server !== undefined && door !== undefined);
    return await openOn({ url: door.url, cluster: false, nodes: [server], entrance });
  });
});

describe('counters on a cluster of three', redisOrSkip, () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>> | undefined;
  before(async () => {
    cluster = await startRedisCluster(3);
  });
  after(async () => await cluster?.close());

  counterStoreContract('Redis Cluster', async () => {
    assert.ok(cluster !== undefined);
    return await openOn({ ...cluster, cluster: true });
  });

  test('everything of an organisation is on one node', async () => {
    assert.ok(cluster !== undefined);
    const sizes = await Promise.all(cluster.nodes.map(async (node) => Number(await node.command('DBSIZE'))));
    assert.equal(sizes.filter((size) => size > 0).length, 1, String(sizes));
  });
});
