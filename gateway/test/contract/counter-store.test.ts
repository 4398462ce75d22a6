import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { RedisCounters } from '../../src/adapters/redis/counter-store.ts';
import { CounterSet } from '../../src/adapters/memory-counters/counter-set.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ulidSource } from '../../src/kernel/ids.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { redisOrSkip, startRedis, startRedisCluster, type RedisServer } from '../support/redis-server.ts';
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
}

/** Counters on a real server. Time is the test's, but for how long an answer is waited for. */
async function openOn({ url, cluster, nodes }: Place): Promise<OpenCounters> {
  const clock = new ManualClock();
  const ids = ulidSource();
  const address = { url, password: null, cluster, certificateAuthority: null };
  const opened: RedisCounters[] = [];
  const empty = async (): Promise<void> => {
    for (const node of nodes) await node.command('FLUSHALL');
  };
  await empty();
  return {
    async connect(journal) {
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
