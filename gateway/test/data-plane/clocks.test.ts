// Whole gateway processes whose clocks are wrong, differ, and are set while they run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { redisOrSkip, startRedis } from '../support/redis-server.ts';
import { call, configFor, keyOf, keys } from '../support/running-gateway.ts';
import { faketimeOrSkip, shiftedClock, type ShiftedClock } from '../support/shifted-clock.ts';
import { eventually } from '../support/until.ts';

const minute = 60_000;
const hour = 60 * minute;

const settings = `
budget: { amount: 5 USD, every: day, hard: true }
counters: { redis: { url: '\${TEST_REDIS_URL}', lease: 5s, timeout: 10s } }
consumers: { marketing: { limits: { requestsPerMinute: 5000, concurrentRequests: 50 } } }
prices:
  - { model: gpt-5.4-mini, type: GlobalStandard, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
  - { model: gpt-5.4-mini, type: GlobalStandard, serviceTier: priority, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
`;

interface Place {
  readonly twin: RunningTwin;
  readonly start: (clock: ShiftedClock, folder?: string) => Promise<GatewayProcess>;
}

async function place(context: TestContext): Promise<Place> {
  const twin = await startTwin({ port: 0, key: 'twin-key-of-the-test', latency: 'none' });
  context.after(async () => await twin.close());
  const redis = await startRedis();
  context.after(async () => await redis.close());
  const { url } = await (await postgresServer()).createDatabase();
  const config = configFor(twin.url, { ledger: ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off } }" });
  const environment = {
    TEST_TWIN_KEY: twin.key,
    TEST_KEY_MARKETING: keys.marketing,
    TEST_KEY_FINANCE: keys.finance,
    TEST_KEY_SMALL: keyOf('small'),
    TEST_DATABASE_URL: url,
    TEST_REDIS_URL: redis.url,
  };
  return {
    twin,
    start: async (clock, folder) =>
      await startGatewayProcess(context, {
        config: config + settings,
        environment: { ...environment, ...clock.environment },
        ...(folder === undefined ? {} : { folder }),
      }),
  };
}

async function admin(gateway: GatewayProcess, where: string, method = 'GET'): Promise<unknown> {
  const token = readFileSync(path.join(gateway.dataFolder, 'admin-token'), 'utf8').trim();
  const { status, body } = await call(`${gateway.adminUrl}${where}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

async function ask({ url }: GatewayProcess): Promise<string> {
  const { status, body } = await call(`${url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: {
      model: 'gpt-5.4-mini',
      max_completion_tokens: 20,
      messages: [{ role: 'user', content: 'Tell me. twin:tokens=20' }],
    },
  });
  return status === 200 ? 'ok' : body;
}

/** Every call is served. */
async function serve(gateways: readonly GatewayProcess[], times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) for (const gateway of gateways) assert.equal(await ask(gateway), 'ok');
}

async function usage(gateway: GatewayProcess): Promise<UsageReport> {
  return (await admin(gateway, '/admin/v1/usage?by=consumer&waitMs=20000')) as UsageReport;
}

async function assertExact(gateways: readonly GatewayProcess[], twin: RunningTwin): Promise<void> {
  const truth = twin.usage().total;
  for (const gateway of gateways)
    await eventually(
      async () => (await usage(gateway)).lag.records === 0 && (await usage(gateway)).lag.openAttempts === 0,
      'the store has everything',
    );
  for (const gateway of gateways) {
    const { total } = await usage(gateway);
    assert.deepEqual(
      [total.attempts, total.inputTokens, total.outputTokens],
      [truth.requests, truth.inputTokens, truth.outputTokens],
    );
    const verified = (await admin(gateway, '/admin/v1/ledger/verify', 'POST')) as LedgerVerification;
    assert.deepEqual(verified.problems, []);
  }
}

describe('gateways whose clocks are wrong', { ...orSkip, ...redisOrSkip, ...faketimeOrSkip }, () => {
  test('share store and counters though they are ten minutes apart, and stay exact while their clocks are set', async (context) => {
    const { twin, start } = await place(context);
    const [early, late] = [shiftedClock(context, 5 * minute), shiftedClock(context, -5 * minute)];
    const gateways = [await start(early), await start(late)];
    for (const gateway of gateways)
      await eventually(async () => (await ask(gateway)) === 'ok', 'a first call is served');
    await serve(gateways, 5);
    await assertExact(gateways, twin);
    for (const [one, other] of [
      [hour, -hour],
      [-hour, hour],
      [26 * hour, 0],
      [0, 0],
    ] as const) {
      early.set(one);
      late.set(other);
      // In the window of another day the budget has to be read from the ledger.
      for (const gateway of gateways)
        await eventually(async () => (await ask(gateway)) === 'ok', 'a call is served after the clock was set');
      await serve(gateways, 5);
    }
    await assertExact(gateways, twin);
    const shown = JSON.stringify(await admin(gateways[0] ?? assert.fail(), '/admin/v1/usage/records?limit=1000'));
    const times = [...shown.matchAll(/"at":"([^"]+)"/g)].map(([, at = '']) => (Date.parse(at) - Date.now()) / hour);
    assert.ok(Math.max(...times) > 24 && Math.min(...times) < -0.9, 'records bear the time that the clock showed');
  });

  test('one that was killed goes on with its journal by a clock that has gone back', async (context) => {
    const { twin, start } = await place(context);
    const clock = shiftedClock(context, hour);
    const killed = await start(clock);
    await eventually(async () => (await ask(killed)) === 'ok', 'a first call is served');
    await serve([killed], 3);
    const underWay = Array.from({ length: 4 }, async () => await ask(killed).catch(() => 'gone'));
    await killed.kill();
    await Promise.all(underWay);
    clock.set(-5 * minute);
    const next = await start(clock, killed.folder);
    await eventually(async () => (await ask(next)) === 'ok', 'a call is served by the next one');
    await eventually(async () => (await usage(next)).lag.records === 0, 'the store has everything');
    const { problems } = (await admin(next, '/admin/v1/ledger/verify', 'POST')) as LedgerVerification;
    assert.deepEqual(problems, []);
    const { total } = await usage(next);
    assert.ok((total.attempts ?? 0) >= (twin.usage().total.requests ?? 0));
  });
});
