// Two stores of counters that are asked the same say the same: the one in memory, which can be read, and the scripts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CounterSet } from '../../src/adapters/memory-counters/counter-set.ts';
import { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { RedisCounters } from '../../src/adapters/redis/counter-store.ts';
import type { Answer, Ask, CounterStore, Exchange } from '../../src/accounting/budgets/ports.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ulidSource } from '../../src/kernel/ids.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { redisOrSkip, startRedis } from '../support/redis-server.ts';

const leaseMs = 5000;
const names = ['a', 'b', 'c'];
const nothing: Exchange = { accounts: [], rates: [], permits: [], asks: [], left: 0 };

/** Beyond what a double holds, and around 0. */
const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 200n }),
  fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
  fc.constantFrom(999_999_999n, 1_000_000_000n, 1_000_000_001n),
);
const signed = fc.oneof({ weight: 6, arbitrary: amount }, { weight: 1, arbitrary: amount.map((one) => -one) });

const account = fc.record({
  which: fc.integer({ min: 0, max: 2 }),
  own: fc.record({ spent: signed, unknown: signed, inFlight: amount }),
  kept: fc.option(amount),
  granted: signed,
  limit: fc.option(amount),
  lease: amount,
  fresh: fc.boolean(),
});

const rate = fc.record({
  which: fc.integer({ min: 0, max: 1 }),
  returned: fc.array(fc.record({ amount: fc.integer({ min: -5, max: 5 }), ago: fc.integer({ min: 0, max: 9000 }) }), {
    maxLength: 2,
  }),
});

const ask = fc.record({
  needs: fc.array(fc.record({ account: fc.nat(2), amount }), { maxLength: 3 }),
  takes: fc.array(fc.record({ rate: fc.nat(1), amount: fc.integer({ min: 1, max: 12 }), more: fc.nat(20) }), {
    maxLength: 2,
  }),
  permit: fc.boolean(),
});

const step = fc.record({
  gateway: fc.nat(2),
  ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 700 })),
  accounts: fc.uniqueArray(account, { selector: ({ which }) => which, maxLength: 3 }),
  rates: fc.uniqueArray(rate, { selector: ({ which }) => which, maxLength: 2 }),
  held: fc.nat(2),
  asks: fc.array(ask, { maxLength: 4 }),
  build: fc.option(
    fc.record({ which: fc.nat(2), of: fc.constantFrom('a', 'gone', 'other'), spent: amount, unknown: amount }),
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/**
 * Two shapes; of the second, gateways hold portions in advance. The bucket is filled by a 64th every millisecond, which
 * has as many binary as decimal digits: what is compared are the rules, not the last digits.
 */
const rates = [
  { shape: 'bucket', amount: 32, perMs: 2048, burst: 15, heldMs: 0 },
  { shape: 'sliding', amount: 20, perMs: 3000, burst: 20, heldMs: 500 },
] as const;

function exchangeOf({ accounts, rates: claimed, held, asks }: Step, run: number, now: number): Exchange {
  const places = asks.map(({ needs, takes, permit }): Ask => ({
    needs: needs.flatMap((one) => (one.account < accounts.length ? [one] : [])),
    takes: takes.flatMap((one) =>
      one.rate < claimed.length ? [{ rate: one.rate, amount: one.amount, atMost: one.amount + one.more }] : [],
    ),
    permits: permit ? [0] : [],
  }));
  return {
    accounts: accounts.map(({ which, ...claim }) => ({
      ...claim,
      key: `${run}-${which}`,
      endsAt: Date.UTC(2100, 0, 1),
    })),
    rates: claimed.map(({ which, returned }) => ({
      ...(rates[which] ?? rates[0]),
      key: `${run}-${which}`,
      returned: returned.map(({ amount: back, ago }) => ({ amount: back, takenAt: Math.max(0, now - ago) })),
    })),
    permits: [{ key: `${run}`, permits: 4, held }],
    asks: places,
    left: 0,
  };
}

const comparable = ({ epoch: _epoch, ...answer }: Answer): unknown => answer;

test(
  'Redis answers as the counters in memory do, whatever is stated, asked and built',
  redisOrSkip,
  async (context) => {
    const server = await startRedis();
    context.after(async () => await server.close());
    const clock = new ManualClock();
    const memory = new CounterSet({ clock, shared: { leaseMs } });
    const ids = ulidSource();
    const address = { url: server.url, password: null, cluster: false, certificateAuthority: null };
    const opened = await Promise.all(
      names.map(async (journal) => {
        const connection = new RedisConnection({ address, clock: systemClock, log: silentLog });
        await connection.connected();
        const redis = new RedisCounters({
          connection,
          keyPrefix: '',
          organisation: 'contoso',
          journal,
          leaseMs,
          timeoutMs: 10_000,
          clock: {
            now: () => clock.now(),
            monotonic: () => clock.monotonic(),
            after: (ms, run) => systemClock.after(ms, run),
          },
          ids,
          log: silentLog,
          time: () => clock.monotonic(),
        });
        context.after(async () => await redis.close());
        return { redis, memory: memory.connect(journal) };
      }),
    );
    const both = async (at: number, exchange: Exchange): Promise<readonly Answer[]> => {
      const pair = opened[at];
      assert.ok(pair !== undefined);
      const stores: readonly CounterStore[] = [pair.memory, pair.redis];
      return await Promise.all(stores.map(async (store) => await store.exchange(exchange)));
    };
    // Everybody is there, and the time in which a new set grants nothing is over.
    const everybody = async (): Promise<void> => {
      for (const at of names.keys()) await both(at, nothing);
    };
    await everybody();
    clock.advance(leaseMs + 1);
    let run = 0;
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        run += 1;
        await everybody();
        for (const one of steps) {
          clock.advance(one.ms);
          const exchange = exchangeOf(one, run, clock.monotonic());
          const [expected, actual] = await both(one.gateway, exchange);
          assert.ok(expected !== undefined && actual !== undefined);
          assert.deepEqual(comparable(actual), comparable(expected));
          granted += expected.asks.filter((answer) => answer.granted).length;
          if (one.build === null) continue;
          const { which, of, spent, unknown } = one.build;
          const pair = opened[one.gateway];
          await pair?.memory.build(`${run}-${which}`, new Map([[of, { spent, unknown }]]));
          await pair?.redis.build(`${run}-${which}`, new Map([[of, { spent, unknown }]]));
        }
      }),
      { numRuns: 150 },
    );
    assert.ok(granted > 300, String(granted));
  },
);
