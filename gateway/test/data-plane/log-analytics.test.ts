// Usage records on their way into Log Analytics: the gateway as a process of its own, which trusts the twin's authority.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { postgresUnderKills } from '../kill/stores.ts';
import { orSkip } from '../support/postgres-server.ts';
import { call, configFor, keyOf, keys } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');
const { columns } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../../infra/data/usage-table.json'), 'utf8'),
);
const rule = 'dcr-0123456789abcdef0123456789abcdef';
const stream = 'Custom-TollgateUsage_CL';

interface Running {
  readonly port: number;
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  log(): string;
}

interface Place {
  readonly twin: RunningTwin;
  /** `replica`: its name among several on one volume. */
  readonly start: (replica?: string) => Promise<Running>;
}

interface Shared {
  /** For the `ledger` section, with a comma before it. */
  readonly config: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function setUp(context: TestContext, shared: Shared = { config: '', environment: {} }): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-logs-'));
  const caFile = path.join(folder, 'ca.pem');
  const twin = await startTwin({
    key: 'twin-key-of-the-test',
    securePort: 0,
    caFile,
    logs: { [rule]: { [stream]: { columns } } },
  });
  const config = path.join(folder, 'tollgate.yaml');
  const ledger = `${shared.config}, logAnalytics: { endpoint: '${twin.secureUrl}', rule: ${rule} }`;
  writeFileSync(config, configFor(twin.url, { ledger }));
  const processes: Running[] = [];
  context.after(async () => {
    for (const one of processes) one.process.kill('SIGKILL');
    await Promise.all(processes.map(async (one) => await one.ended));
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  return {
    twin,
    async start(replica = '') {
      const environment = { ...shared.environment, TOLLGATE_REPLICA: replica };
      const running = await startGateway({ config, data: path.join(folder, 'data'), caFile, twin, environment });
      processes.push(running);
      return running;
    },
  };
}

async function startGateway(at: {
  readonly config: string;
  readonly data: string;
  readonly caFile: string;
  readonly twin: RunningTwin;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<Running> {
  const child = spawn(process.execPath, [main, '--config', at.config, '--data', at.data], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TOLLGATE_PORT: '0',
      TOLLGATE_ADMIN_PORT: '0',
      NODE_EXTRA_CA_CERTS: at.caFile,
      IDENTITY_ENDPOINT: `${at.twin.url}/msi/token`,
      IDENTITY_HEADER: 'twin-identity-header',
      TEST_TWIN_KEY: at.twin.key,
      TEST_KEY_MARKETING: keys.marketing,
      TEST_KEY_FINANCE: keys.finance,
      TEST_KEY_SMALL: keyOf('small'),
      ...at.environment,
    },
  });
  const lines: string[] = [];
  const listening = Promise.withResolvers<number>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    const { msg, port } = JSON.parse(line);
    if (msg === 'listening') listening.resolve(port);
  });
  const ended = once(child, 'close');
  void ended.then(() => listening.reject(new Error(`It ended: ${lines.join('\n')}`)));
  return { port: await listening.promise, process: child, ended, log: () => lines.join('\n') };
}

async function chat({ port }: Running, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const answer = await call(`http://127.0.0.1:${port}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=7' }] },
    });
    assert.equal(answer.status, 200, answer.body);
  }
}

/** Each RecordId once, as the queries count. */
const rowsIn = ({ azure }: RunningTwin) => new Map(azure.logs.rows(stream).map((row) => [row['RecordId'], row]));

/** What the table says, each record once, is what the twin itself has generated. */
function assertExact(twin: RunningTwin): void {
  const truth = twin.usage().total;
  const rows = [...rowsIn(twin).values()];
  const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column] ?? 0), 0);
  assert.deepEqual(
    [rows.length, sum('InputTokens'), sum('OutputTokens')],
    [truth.requests, truth.inputTokens, truth.outputTokens],
  );
}

test('every record is in the table, whatever the service did in between', async (context) => {
  const { twin, start } = await setUp(context);
  const gateway = await start();
  for (const fault of [
    { kind: 'status', status: 429, retryAfter: 1 },
    { kind: 'status', status: 503, times: 2 },
    { kind: 'reset' },
    { kind: 'slow', ms: 200 },
  ] as const)
    twin.azure.addFault({ service: 'logs', ...fault });
  twin.azure.addFault({ service: 'identity', kind: 'status', status: 500, times: 2 });
  await chat(gateway, 20);
  await until(
    () => rowsIn(twin).size >= 20,
    () => `all rows: ${gateway.log().slice(-2000)}`,
  );
  assertExact(twin);
  const [row] = rowsIn(twin).values();
  assert.deepEqual(Object.keys(row ?? {}).length, columns.length, 'no column has vanished');
});

test('what a killed gateway had not told yet is told after the restart, and nothing is lost', async (context) => {
  const { twin, start } = await setUp(context);
  const first = await start();
  await chat(first, 5);
  await until(
    () => rowsIn(twin).size >= 5,
    () => `all rows: ${first.log().slice(-2000)}`,
  );
  twin.azure.addFault({ service: 'logs', kind: 'status', status: 403, times: null });
  await chat(first, 10);
  first.process.kill('SIGKILL');
  await first.ended;
  twin.azure.faults.clear();
  const second = await start();
  await chat(second, 5);
  await until(
    () => rowsIn(twin).size >= 20,
    () => `all rows: ${second.log().slice(-2000)}`,
  );
  assertExact(twin);
});

test('whoever adopts the journal of a gateway that is gone tells what it had not told', orSkip, async (context) => {
  const { config, environment } = await postgresUnderKills();
  const { twin, start } = await setUp(context, { config: `, adoptAfter: 5s${config}`, environment });
  const gone = await start('gone');
  await chat(gone, 5);
  await until(
    () => rowsIn(twin).size >= 5,
    () => `all rows: ${gone.log().slice(-2000)}`,
  );
  twin.azure.addFault({ service: 'logs', kind: 'status', status: 503, times: null });
  await chat(gone, 10);
  gone.process.kill('SIGKILL');
  await gone.ended;
  twin.azure.faults.clear();
  const heir = await start('heir');
  await until(
    () => rowsIn(twin).size >= 15,
    () => `all rows: ${heir.log().slice(-2000)}`,
  );
  assertExact(twin);
});
