// Passwords of PostgreSQL and Redis that are rotated while a gateway runs: real servers, and a vault of the twin's.
import assert from 'node:assert/strict';
import { after, describe, test, type TestContext } from 'node:test';
import { Client } from 'pg';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { startTwin } from '../../../twin/src/server.ts';
import { azureNames } from '../support/azure-names.ts';
import { makeRole } from '../support/entra-doors.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { redisOrSkip, startRedis } from '../support/redis-server.ts';
import { untilLogged } from '../support/logged.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const body = { model: 'gpt-5.4-mini', max_completion_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] };

async function ask({ url }: RunningStack): Promise<number> {
  return (await call(`${url}/openai/v1/chat/completions`, { headers: { 'api-key': keys.marketing }, body })).status;
}

/** Looks until it holds; the test's own time is the limit. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()))
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
}

interface Vault {
  /** The address of a secret. */
  readonly at: (name: string) => string;
  readonly set: (name: string, value: string) => void;
  /** What a gateway is told of its identity. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A vault beside the gateway's own twin: Microsoft's library trusts one for a whole process. */
const vaultOfAll = startTwin({ key: 'key-of-the-vault', securePort: 0 });
after(async () => await (await vaultOfAll).close());

async function vault(): Promise<Vault> {
  const twin = await vaultOfAll;
  const names = azureNames(twin);
  const environment = { IDENTITY_ENDPOINT: `${twin.url}/msi/token`, IDENTITY_HEADER: 'twin-identity-header' };
  // Microsoft's library for managed identities reads the process's own.
  Object.assign(process.env, environment);
  return {
    environment,
    at: (name) => `${names.vault}/secrets/${name}`,
    set: (name, value) => void twin.azure.keyVault.set({ name, value }),
  };
}

/** The gateway's own ledger, once the store has everything, against what the twin generated. */
async function assertExact(stack: RunningStack): Promise<void> {
  let report: UsageReport | undefined;
  await eventually(async () => {
    const { status, json } = await stack.admin('/admin/v1/usage?by=consumer&waitMs=20000');
    report = status === 200 ? (json as UsageReport) : undefined;
    return report?.lag.openAttempts === 0 && report.lag.records === 0;
  });
  const truth = stack.twin.usage().total;
  assert.deepEqual(
    [report?.total.attempts, report?.total.inputTokens, report?.total.outputTokens],
    [truth.requests, truth.inputTokens, truth.outputTokens],
  );
  assert.deepEqual((await stack.verify()).problems, []);
}

async function rowsIn(superuserUrl: string, statement: string): Promise<number> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    return (await client.query(statement)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

const connectionsOf = (role: string): string => `select 1 from pg_stat_activity where usename = '${role}'`;

let roles = 0;

async function startOnPostgres(context: TestContext, how: 'alone' | 'in the URL', refreshEvery: string) {
  const { at, set, environment } = await vault();
  const server = await postgresServer();
  const database = await server.createDatabase();
  roles += 1;
  const role = `tollgate_rotated_${roles}`;
  await makeRole(database.superuserUrl, role);
  const change = async (password: string): Promise<void> =>
    void (await rowsIn(database.superuserUrl, `alter role ${role} with password '${password}'`));
  await change('the-first');
  const url = (password?: string): string =>
    `postgres://${role}${password === undefined ? '' : `:${password}`}@localhost:${server.port}/${database.name}`;
  const name = `postgres-${roles}`;
  set(name, how === 'alone' ? 'the-first' : url('the-first'));
  const setting =
    how === 'alone'
      ? `url: '\${TEST_DATABASE_URL}', password: { keyVault: '${at(name)}' }`
      : `url: { keyVault: '${at(name)}' }`;
  const stack = await startStack(context, {
    config: (twin) =>
      `${configFor(twin, { ledger: `, store: { postgres: { ${setting}, tls: off } }` })}keyVault: { refreshEvery: ${refreshEvery} }\n`,
    environment: { ...environment, TEST_DATABASE_URL: url() },
  });
  const cut = async (): Promise<number> =>
    await rowsIn(
      database.superuserUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`,
    );
  const open = async (): Promise<number> => await rowsIn(database.superuserUrl, connectionsOf(role));
  return {
    stack,
    change,
    cut,
    open,
    set: (password: string) => set(name, how === 'alone' ? password : url(password)),
  };
}

describe('the password of PostgreSQL', { ...orSkip, concurrency: 1 }, () => {
  test('rotated at the server first, in the vault later, with all connections cut in between: nothing is lost', async (context) => {
    const it = await startOnPostgres(context, 'alone', '1d');
    for (let one = 0; one < 5; one += 1) assert.equal(await ask(it.stack), 200);
    await it.change('the-second');
    await eventually(async () => {
      await it.cut();
      return (await it.open()) === 0;
    });
    for (let one = 0; one < 5; one += 1) assert.equal(await ask(it.stack), 200, 'the journal has it');
    const made = { name: 'made', product: 'standard', consumer: 'made', costCentre: 'finance' };
    for (const asked of [
      await it.stack.admin('/admin/v1/usage?by=consumer'),
      await it.stack.admin('/admin/v1/subscriptions', { method: 'POST', body: made }),
    ]) {
      assert.equal(asked.status, 503, asked.text);
      assert.match(asked.text, /ledger_unavailable.*password authentication failed/);
    }
    // Not once a day: that it was refused is why the vault is asked.
    it.set('the-second');
    await assertExact(it.stack);
    await untilLogged(it.stack, /"setting":"ledger\.store".*new connections show another password from now on/);
    for (const password of ['the-first', 'the-second']) assert.ok(!it.stack.logged().includes(password));
  });

  test('rotated in the vault first, as a part of the URL, by a reload: new connections show it', async (context) => {
    const it = await startOnPostgres(context, 'in the URL', '1d');
    assert.equal(await ask(it.stack), 200);
    it.set('the-second');
    await it.change('the-second');
    const { json } = await it.stack.admin('/admin/v1/config/reload', { method: 'POST' });
    assert.deepEqual(json, { ok: true, problems: [] });
    assert.ok((await it.cut()) > 0);
    for (let one = 0; one < 5; one += 1) assert.equal(await ask(it.stack), 200);
    await assertExact(it.stack);
  });
});

describe('the password of Redis', { ...redisOrSkip, concurrency: 1 }, () => {
  test('rotated at the server and in the vault, its connections cut: budgets are counted on, whole', async (context) => {
    const { at, set, environment } = await vault();
    set('redis', 'the-first');
    const server = await startRedis({ password: 'the-first' });
    const stack = await startStack(context, {
      config: (twin) => `${configFor(twin)}
keyVault: { refreshEvery: 1d }
counters: { redis: { url: '\${TEST_REDIS_URL}', password: { keyVault: '${at('redis')}' }, lease: 1s } }
consumers: { marketing: { limits: { quotas: [{ requests: 1000, every: year }] } } }
`,
      environment: { ...environment, TEST_REDIS_URL: `redis://localhost:${server.port}` },
    });
    context.after(async () => await server.close());
    // Hard limits refuse while the counters cannot be asked: that is told, and no call of those is counted.
    let answered = 0;
    const askUntilAnswered = async (): Promise<void> =>
      await eventually(async () => {
        const status = await ask(stack);
        assert.ok(status === 200 || status === 503, String(status));
        answered += Number(status === 200);
        return status === 200;
      });
    for (let one = 0; one < 3; one += 1) await askUntilAnswered();
    await server.changePassword('the-second');
    assert.ok(Number(await server.command('CLIENT', 'KILL', 'TYPE', 'normal')) > 0);
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => await Promise.resolve(stack.logged().includes('does not take the password')));
    set('redis', 'the-second');
    await eventually(async () => await Promise.resolve(stack.logged().includes('takes the password again')));
    for (let one = 0; one < 3; one += 1) await askUntilAnswered();
    const { json } = await stack.admin('/admin/v1/budgets?node=consumer/marketing');
    const { budgets } = json as { budgets: { spent: string }[] };
    assert.equal(budgets[0]?.spent, String(answered));
    for (const password of ['the-first', 'the-second']) assert.ok(!stack.logged().includes(password));
  });
});
