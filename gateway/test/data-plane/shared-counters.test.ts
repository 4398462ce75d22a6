// A whole gateway whose counters are on a server that hangs, or is not there.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import { counterListSchema, type CounterList } from '@tollgate/contract/admin-api/counters.ts';
import { RedisConnection } from '#adapters/redis/connection.ts';
import { RedisCounters } from '#adapters/redis/counter-store.ts';
import { systemClock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import { silentLog } from '#kernel/log.ts';
import { redisOrSkip, startRedis, type RedisServer } from '../support/redis-server.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { untilLogged } from '../support/logged.ts';
import { eventually, until } from '../support/until.ts';

/** Marketing has a hard budget; finance a soft one, a rate and a limit of requests at once. */
const limits = `
counters: { redis: { url: '\${TEST_REDIS_URL}', lease: 1s, timeout: 100ms } }
consumers:
  marketing: { budget: { amount: 5 USD, every: year, hard: true } }
  finance:
    budget: { amount: 5 USD, every: year, hard: false }
    limits: { requestsPerMinute: 1000, concurrentRequests: 50 }
`;

async function start(context: TestContext): Promise<{ stack: RunningStack; server: RedisServer }> {
  const server = await startRedis();
  const stack = await startStack(context, {
    config: (twin) => `${configFor(twin)}${limits}`,
    environment: { TEST_REDIS_URL: server.url },
  });
  context.after(async () => await server.close());
  return { stack, server };
}

async function ask({ url }: RunningStack, key: string): Promise<Answer> {
  return await call(`${url}/openai/v1/chat/completions`, {
    headers: { 'api-key': key },
    body: { model: 'gpt-5.4-mini', max_completion_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] },
  });
}

const codeOf = ({ status, body }: Answer): string => (status === 200 ? 'ok' : JSON.parse(body).error.code);

/** Asks until it is answered so; every answer must be one of these. */
async function askUntil(stack: RunningStack, key: string, wanted: string): Promise<void> {
  await until(async () => {
    const code = codeOf(await ask(stack, key));
    assert.ok(['ok', 'counters_unavailable'].includes(code), code);
    return code === wanted;
  }, `an answer ${wanted}`);
}

async function metric(stack: RunningStack, name: string): Promise<number> {
  const { text } = await stack.admin('/metrics');
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** What marketing has spent, as the server has it; below 0 where it does not know. */
async function spentByServer(server: RedisServer): Promise<bigint> {
  const found = await server.command('KEYS', '*:account:consumer/marketing/*');
  const [key] = Array.isArray(found) ? found.map(String) : [];
  if (key === undefined) return -1n;
  const [, spent = '-1'] = String(await server.command('HGET', key, 't')).split(' ');
  return BigInt(spent);
}

describe('counters that cannot be asked', redisOrSkip, () => {
  test('a server that hangs: what was granted is used, then a hard budget refuses and everything else goes on', async (context) => {
    const { stack, server } = await start(context);
    await askUntil(stack, keys.marketing, 'ok');
    server.pause();
    try {
      assert.equal(codeOf(await ask(stack, keys.marketing)), 'ok', 'the grant lasts');
      await askUntil(stack, keys.marketing, 'counters_unavailable');
      const refused = await ask(stack, keys.marketing);
      assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
      for (let time = 0; time < 5; time += 1) assert.equal(codeOf(await ask(stack, keys.finance)), 'ok');
      assert.ok((await metric(stack, 'tollgate_limits_unguarded_total')) >= 5);
      assert.ok((await metric(stack, 'tollgate_counters_failures_total')) > 0);
    } finally {
      server.resume();
    }
    await askUntil(stack, keys.marketing, 'ok');
    await untilLogged(stack, /the shared counters do not answer/);
    await untilLogged(stack, /the shared counters answer again/);
  });

  test('a server that is not there when the gateway starts: it starts, and counts when the server comes', async (context) => {
    const server = await startRedis();
    await server.kill();
    const stack = await startStack(context, {
      config: (twin) => `${configFor(twin)}${limits}`,
      environment: { TEST_REDIS_URL: server.url },
    });
    context.after(async () => await server.close());
    assert.equal(codeOf(await ask(stack, keys.marketing)), 'counters_unavailable');
    assert.equal(codeOf(await ask(stack, keys.finance)), 'ok');
    await server.start();
    await askUntil(stack, keys.marketing, 'ok');
  });

  test('a server that comes back empty: what was spent is told it by the gateway', async (context) => {
    const { stack, server } = await start(context);
    await askUntil(stack, keys.marketing, 'ok');
    await askUntil(stack, keys.finance, 'ok');
    await eventually(async () => (await spentByServer(server)) > 0n);
    const before = await spentByServer(server);
    await server.kill();
    await server.empty();
    await server.start();
    // No call comes: the gateway tells it with its next beat.
    await eventually(async () => (await spentByServer(server)) === before);
    assert.equal(await metric(stack, 'tollgate_counters_lost_total'), 1);
    await askUntil(stack, keys.marketing, 'ok');
  });

  test('what a gateway was granted that is gone for good is given to others, by an administrator and on the trail', async (context) => {
    const { stack, server } = await start(context);
    await askUntil(stack, keys.marketing, 'ok');
    const found = await server.command('KEYS', '*:account:consumer/marketing/*');
    const [name = ''] = Array.isArray(found) ? found.map(String) : [];
    const key = name.slice(name.indexOf('consumer/'));
    const nobody = { spent: 0n, unknown: 0n, inFlight: 0n };
    const gone = new RedisCounters({
      connection: new RedisConnection({
        address: { url: server.url, password: null, cluster: false, certificateAuthority: null },
        clock: systemClock,
        log: silentLog,
      }),
      keyPrefix: 'tollgate:',
      organisation: 'contoso',
      journal: 'gone',
      leaseMs: 1000,
      timeoutMs: 5000,
      clock: systemClock,
      ids: ulidSource(),
      log: silentLog,
    });
    context.after(async () => await gone.close());
    const claim = { key, endsAt: Date.UTC(2100, 0, 1), own: nobody, kept: null, lease: 0n, fresh: false };
    const accounts = [{ ...claim, granted: 1_000_000_000n, limit: 5_000_000_000n }];
    await eventually(async () => {
      await gone.exchange({ accounts, rates: [], permits: [], asks: [], left: 0 });
      return true;
    });
    const list = async (): Promise<CounterList> =>
      counterListSchema.parse((await stack.admin('/admin/v1/counters')).json);
    const ofGone = async () => (await list()).gateways.find(({ journal }) => journal === 'gone');
    const writeOff = async (journal: string) =>
      await stack.admin('/admin/v1/counters/write-off', {
        method: 'POST',
        body: { journal, reason: 'its volume is gone' },
      });

    assert.equal((await ofGone())?.accounts[0]?.outstanding, '1000000000');
    assert.equal((await writeOff('gone')).status, 409, 'it is there');
    assert.equal((await writeOff('nobody')).status, 404);
    await eventually(async () => (await ofGone())?.heard === false);
    const { status, text } = await writeOff('gone');
    assert.equal(status, 200, text);
    assert.deepEqual((await ofGone())?.accounts, [], 'nothing is set aside for it any more');
    const trail = auditPageSchema.parse((await stack.admin('/admin/v1/audit')).json).entries;
    assert.deepEqual(
      trail.filter(({ action }) => action === 'counters.write-off').map(({ subject }) => subject),
      ['journal/gone: its volume is gone'],
    );
  });
});
