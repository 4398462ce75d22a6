// Whole gateways whose store is a PostgreSQL database, with faults between the two.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { compose } from '#compose/gateway.ts';
import { postgresServer, orSkip, type TestDatabase } from '../support/postgres-server.ts';
import { call, configFor, keyOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { assertNotLogged, untilLogged } from '../support/logged.ts';
import { until } from '../support/until.ts';

/** `more`: of the store. Where a statement's time is not to end, nothing that the machine does may take as long. */
const configWith =
  (more = '') =>
  (twinUrl: string): string =>
    configFor(twinUrl, { ledger: `, store: { postgres: { url: '\${TEST_DATABASE_URL}', tls: off${more} } }` });

async function startOn(context: TestContext, databaseUrl: string, more = ''): Promise<RunningStack> {
  return await startStack(context, { config: configWith(more), environment: { TEST_DATABASE_URL: databaseUrl } });
}

interface Faulty {
  readonly stack: RunningStack;
  readonly proxy: TcpProxy;
  readonly database: TestDatabase;
}

/** A gateway with a proxy between it and its database. */
async function startBehindProxy(context: TestContext, more = ''): Promise<Faulty> {
  const server = await postgresServer();
  const database = await server.createDatabase();
  const proxy = await startTcpProxy(server);
  try {
    return { stack: await startOn(context, database.urlAt(proxy.port), more), proxy, database };
  } finally {
    // After the gateway, which needs it to finish.
    context.after(() => proxy.close());
  }
}

const body = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'One word. twin:tokens=5' }] };

async function callTimes({ url }: RunningStack, times: number, key: string = keys.marketing): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: times }, () =>
      call(`${url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body }),
    ),
  );
  assert.deepEqual(
    answers.filter((one) => one.status !== 200),
    [],
  );
}

/** The report once the store has everything. */
async function settledUsage(stack: RunningStack): Promise<UsageReport> {
  let report = await stack.usage();
  await until(async () => {
    const { status, json } = await stack.admin('/admin/v1/usage?by=consumer&waitMs=20000');
    if (status !== 200) return false;
    report = json as UsageReport;
    return report.lag.openAttempts === 0 && report.lag.records === 0;
  });
  return report;
}

async function assertExact(stack: RunningStack): Promise<void> {
  const { total } = await settledUsage(stack);
  const truth = stack.twin.usage().total;
  assert.deepEqual(
    [total.attempts, total.inputTokens, total.outputTokens],
    [truth.requests, truth.inputTokens, truth.outputTokens],
  );
  assert.deepEqual((await stack.verify()).problems, []);
}

// They wait more than they work.
const together = { ...orSkip, concurrency: 5 };

describe('a gateway on PostgreSQL', together, () => {
  test('records, reports, verifies and keeps keys there, and starts anew on it', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const stack = await startOn(context, url);
    await callTimes(stack, 8);
    const made = await stack.admin('/admin/v1/subscriptions', {
      method: 'POST',
      body: { name: 'made', product: 'standard', consumer: 'made', costCentre: 'finance' },
    });
    const { primary } = (made.json as { keys: { primary: string } }).keys;
    await callTimes(stack, 2, primary);
    await assertExact(stack);
    await stack.gateway.drain('test');
    const again = await stack.restart();
    await callTimes(again, 3, primary);
    await assertExact(again);
    for (const one of [stack, again]) assertNotLogged(one, 'password-of-the-test');
  });

  test('shares it with another one: keys, suspensions and reports are one', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const [one, other] = [await startOn(context, url), await startOn(context, url)];
    const made = await one.admin('/admin/v1/subscriptions', {
      method: 'POST',
      body: { name: 'shared', product: 'standard', consumer: 'shared', costCentre: 'finance' },
    });
    const { primary } = (made.json as { keys: { primary: string } }).keys;
    const status = async (): Promise<number> =>
      (await call(`${other.url}/openai/v1/chat/completions`, { headers: { 'api-key': primary }, body })).status;
    await until(async () => (await status()) === 200);
    await callTimes(one, 3, primary);
    await callTimes(other, 4, primary);
    await one.admin('/admin/v1/subscriptions/shared/suspend', { method: 'POST' });
    await until(async () => (await status()) === 403);
    await Promise.all([settledUsage(one), settledUsage(other)]);
    const inAll = (one.twin.usage().total.requests ?? 0) + (other.twin.usage().total.requests ?? 0);
    for (const stack of [one, other]) {
      assert.equal((await stack.usage()).total.attempts, inAll);
      assert.deepEqual((await stack.verify()).problems, []);
    }
  });

  test('waits for a server that is down, saying so, and serves when it is back', async (context) => {
    const server = await postgresServer();
    const database = await server.createDatabase();
    const proxy = await startTcpProxy(server);
    proxy.cut();
    const starting = startOn(context, database.urlAt(proxy.port));
    await until(() => proxy.accepted() > 1);
    proxy.restore();
    const stack = await starting;
    context.after(() => proxy.close());
    await untilLogged(stack, /waiting for the store; nothing is served before/);
    await untilLogged(stack, /PostgreSQL at 127\.0\.0\.1:\d+\/test_\d+: /);
    await callTimes(stack, 1);
    await assertExact(stack);
  });

  test('does not start with a password that is refused, says what to do, and leaves nothing behind', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-test-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const configFile = path.join(folder, 'tollgate.yaml');
    writeFileSync(configFile, configWith()('http://127.0.0.1:1'));
    const start = async (databaseUrl: string) =>
      await compose({
        configFile,
        dataFolder: path.join(folder, 'data'),
        port: 0,
        adminPort: 0,
        checkOnly: false,
        environment: {
          TEST_TWIN_KEY: 'twin-key-of-the-test',
          TEST_KEY_MARKETING: keys.marketing,
          TEST_KEY_FINANCE: keys.finance,
          TEST_KEY_SMALL: keyOf('small'),
          TEST_DATABASE_URL: databaseUrl,
        },
      });
    const refused = await start(url.replace('password-of-the-test', 'guessed'));
    assert.ok(!refused.ok);
    assert.match(refused.problems.join('\n'), /Correct user and password in `ledger\.store\.postgres\.url`/);
    assert.doesNotMatch(refused.problems.join('\n'), /guessed/);
    const started = await start(url);
    assert.ok(started.ok);
    await started.gateway.drain('test');
  });
});

describe('a gateway whose PostgreSQL', together, () => {
  test('is down goes on serving, tells the admin API so, and catches up: nothing lost, nothing twice', async (context) => {
    const { stack, proxy } = await startBehindProxy(context);
    await callTimes(stack, 5);
    proxy.cut();
    await callTimes(stack, 40);
    const { status, text } = await stack.admin('/admin/v1/usage?by=consumer&waitMs=0');
    assert.equal(status, 503, text);
    assert.match(text, /ledger_unavailable.*PostgreSQL at/);
    const refused = await stack.admin('/admin/v1/subscriptions/marketing-web/suspend', { method: 'POST' });
    assert.equal(refused.status, 503, refused.text);
    await callTimes(stack, 5);
    await untilLogged(stack, /the store refuses records; trying again/);
    proxy.restore();
    await callTimes(stack, 5);
    await assertExact(stack);
  });

  test('answers slowly, beyond its own limits, keeps no call waiting, and has everything once', async (context) => {
    const { stack, proxy } = await startBehindProxy(context, ', statementTimeout: 1s');
    await callTimes(stack, 5);
    for (let round = 0; round < 3; round += 1) {
      proxy.hold();
      await callTimes(stack, 15);
      proxy.release();
    }
    proxy.hold();
    await callTimes(stack, 5);
    // Until the client gives the connection up and opens another one.
    const before = proxy.accepted();
    await until(() => proxy.accepted() > before);
    proxy.release();
    await assertExact(stack);
  });

  test('commits and then drops the connection stores nothing twice', async (context) => {
    const { stack, proxy } = await startBehindProxy(context);
    await callTimes(stack, 5);
    await settledUsage(stack);
    for (let round = 0; round < 3; round += 1) {
      const lost = proxy.loseReply({ request: 'commit', reply: 'COMMIT' });
      await Promise.all([lost, callTimes(stack, 10)]);
    }
    await assertExact(stack);
  });

  test('is gone when the gateway ends does not hold it up', async (context) => {
    const { stack, proxy } = await startBehindProxy(context);
    await callTimes(stack, 3);
    await settledUsage(stack);
    proxy.cut();
    await stack.gateway.drain('test');
    proxy.restore();
    await assertExact(await stack.restart());
  });

  test('is down at the end of the gateway leaves the rest to the next start', async (context) => {
    const { stack, proxy } = await startBehindProxy(context);
    await callTimes(stack, 3);
    await settledUsage(stack);
    proxy.hold();
    await callTimes(stack, 7);
    proxy.cut();
    proxy.release();
    await stack.gateway.drain('test');
    await untilLogged(stack, /the store has not caught up; the next start goes on/);
    proxy.restore();
    await assertExact(await stack.restart());
  });
});

// By itself: the server is everybody's.
describe('a gateway whose PostgreSQL', orSkip, () => {
  test('dies and recovers under load loses nothing that was told to be stored', async (context) => {
    const server = await postgresServer();
    const { url } = await server.createDatabase();
    const stack = await startOn(context, url);
    await callTimes(stack, 10);
    const load = callTimes(stack, 60);
    await server.stop('immediate');
    await callTimes(stack, 20);
    await server.start();
    await load;
    await callTimes(stack, 10);
    await assertExact(stack);
  });
});
