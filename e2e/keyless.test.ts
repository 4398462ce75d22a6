// Two gateways as Azure would run them, and no key anywhere: configuration from App Configuration, callers by Entra, Azure OpenAI,
// PostgreSQL, Redis, Log Analytics and Application Insights by managed identity. The twin plays Azure; PostgreSQL and Redis are real
// servers behind doors that take the twin's tokens, which last for less than the run.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { usageRecordsSchema, type LedgerRecord } from '@tollgate/contract/admin-api/usage.ts';
import { startTwin, type RunningTwin } from '../twin/src/server.ts';
import { entraPostgres, entraRedis, makeRole, type EntraRedis } from '../gateway/test/support/entra-doors.ts';
import { orSkip, postgresServer } from '../gateway/test/support/postgres-server.ts';
import { authorityOfTests, redisOrSkip, startRedis } from '../gateway/test/support/redis-server.ts';

const fromRoot = (name: string): string => path.join(import.meta.dirname, '..', name);
const main = fromRoot('gateway/src/main.ts');
const names = fromRoot('gateway/test/support/azure-names-preload.ts');
const { columns } = JSON.parse(readFileSync(fromRoot('infra/data/usage-table.json'), 'utf8'));
const rule = 'dcr-0123456789abcdef0123456789abcdef';
const stream = 'Custom-TollgateUsage_CL';
const tenant = '7a0f1c00-0000-4000-8000-000000000001';
const audience = 'api://tollgate';
/** The caller's registration, and the gateway's identity. */
const application = '7a0f1c00-0000-4000-8000-00000000ca11';
const identity = '7a0f1c00-0000-4000-8000-000000001d01';
/** So short that every token is renewed during the run: when a fifth of it is left, which is more than the five seconds of margin. */
const lifetimeSeconds = 40;
const longestMs = 180_000;

type Closer = () => unknown;

interface Replica {
  readonly url: string;
  readonly adminUrl: string;
  readonly data: string;
  readonly process: ChildProcess;
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>;
  log(): string;
}

interface Place {
  readonly twin: RunningTwin;
  readonly redis: EntraRedis;
  /** Tokens that PostgreSQL took. */
  readonly taken: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly start: (name: string) => Promise<Replica>;
  /** Puts a configuration into App Configuration. */
  publish(changes?: { readonly models: readonly string[] }): string;
}

function configurationOf(twin: RunningTwin, models: readonly string[]): object {
  const endpoint = (resource: string, deployment: string): object => ({
    resource: `${twin.secureUrl}/${resource}`,
    region: 'westeurope',
    deployment,
    model: deployment,
    type: 'GlobalStandard',
    auth: 'managed-identity',
  });
  return {
    organisation: 'contoso',
    listen: { port: 0, admin: { port: 0 } },
    appConfiguration: { pollEvery: '1s' },
    ledger: {
      store: { postgres: { url: '${TOLLGATE_POSTGRES_URL}', identity: 'managed-identity' } },
      logAnalytics: { endpoint: '${TOLLGATE_LOGS_ENDPOINT}', rule, stream },
    },
    counters: { redis: { url: '${TOLLGATE_REDIS_URL}', identity: 'managed-identity', timeout: '10s' } },
    telemetry: { identity: 'managed-identity', traces: { followed: 10_000 } },
    entra: {
      tenants: [tenant],
      audiences: [audience],
      authority: twin.secureUrl,
      callers: [{ clientId: application, subscription: 'web' }],
    },
    costCentres: { marketing: {} },
    products: { standard: { models, unpriced: 'allow-and-flag' } },
    subscriptions: {
      web: {
        product: 'standard',
        consumer: 'web',
        costCentre: 'marketing',
        budget: { amount: '100.00 USD', every: 'month', hard: true },
      },
    },
    endpoints: {
      weu: endpoint('contoso-weu', 'gpt-5.4-mini'),
      swc: endpoint('contoso-swc', 'gpt-5.4-mini'),
      reasoning: endpoint('contoso-swc', 'gpt-5-mini'),
    },
    models: { 'gpt-5.4-mini': { tiers: [['weu'], ['swc']] }, 'gpt-5-mini': { tiers: [['reasoning']] } },
  };
}

async function placeFor(context: TestContext): Promise<Place> {
  const closers: Closer[] = [];
  context.after(async () => {
    for (const close of closers.toReversed()) await close();
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-keyless-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const authorities = path.join(folder, 'authorities.pem');
  const twin = await startTwin({
    securePort: 0,
    caFile: authorities,
    logs: { [rule]: { [stream]: { columns } } },
    entra: { lifetimeSeconds, applications: { [application]: { secret: 'of the caller alone', uri: audience } } },
  });
  closers.push(async () => await twin.close());
  twin.azure.insights.tokensOnly = true;
  appendFileSync(authorities, authorityOfTests());
  const { oid } = twin.azure.issuer.read(twin.azure.token({ clientId: identity, audience: 'any' })) ?? {};
  assert.ok(typeof oid === 'string');
  const server = await postgresServer();
  const { name: database, superuserUrl } = await server.createDatabase();
  const postgres = await entraPostgres(twin, superuserUrl);
  closers.push(async () => await postgres.close());
  await makeRole(superuserUrl, 'id-tollgate');
  postgres.roles.set('id-tollgate', { objectId: oid });
  const redisServer = await startRedis();
  closers.push(async () => await redisServer.close());
  const redis = await entraRedis(twin, redisServer, Date.now);
  closers.push(async () => await redis.close());
  redis.assigned.add(oid);
  const { port } = new URL(twin.secureUrl ?? '');
  const environment = {
    NODE_EXTRA_CA_CERTS: authorities,
    IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
    IDENTITY_HEADER: 'twin-identity-header',
    AZURE_CLIENT_ID: identity,
    TOLLGATE_APP_CONFIGURATION: `https://contoso.azconfig.io:${port}`,
    TOLLGATE_DATA: path.join(folder, 'data'),
    TOLLGATE_PORT: '0',
    TOLLGATE_ADMIN_PORT: '0',
    TOLLGATE_POSTGRES_URL: `postgres://id-tollgate@localhost:${server.port}/${database}?sslmode=verify-full`,
    TOLLGATE_REDIS_URL: redis.url,
    TOLLGATE_LOGS_ENDPOINT: twin.secureUrl ?? '',
    APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=${twin.secureUrl}/`,
    OTEL_EXPORTER_OTLP_ENDPOINT: twin.url,
  };
  return {
    twin,
    redis,
    taken: postgres.taken,
    environment,
    publish({ models } = { models: ['gpt-5.4-mini'] }) {
      const text = JSON.stringify(configurationOf(twin, models));
      twin.azure.appConfiguration.set({ key: 'tollgate', value: text, contentType: 'application/json' });
      return text;
    },
    async start(name) {
      const replica = await startReplica({ ...environment, TOLLGATE_REPLICA: name });
      closers.push(async () => {
        replica.process.kill('SIGKILL');
        await replica.stop();
      });
      return replica;
    },
  };
}

/** Nothing of this process's environment is given on but where programs are. */
async function startReplica(environment: Readonly<Record<string, string>>): Promise<Replica> {
  const child = spawn(process.execPath, ['--import', names, main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  const lines: string[] = [];
  const listening = Promise.withResolvers<{ readonly port: number; readonly adminPort: number }>();
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    const { msg, port, adminPort } = JSON.parse(line);
    if (msg === 'listening') listening.resolve({ port, adminPort });
  });
  const ended = once(child, 'close');
  void ended.then(() => listening.reject(new Error(lines.join('\n'))));
  const { port, adminPort } = await listening.promise;
  return {
    url: `http://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}/admin/v1`,
    data: environment['TOLLGATE_DATA'] ?? '',
    process: child,
    async stop() {
      child.kill('SIGTERM');
      const [status] = await ended;
      return status;
    },
    log: () => lines.join('\n'),
  };
}

async function doctor(environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--import', names, fromRoot('gateway/src/doctor.ts'), '--no-wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [status] = await once(child, 'close');
  return { status, text };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(longestMs);
  while (!(await holds())) {
    if (signal.aborted) throw new Error(`It never came to this: ${what}.`);
    await setTimeout(50);
  }
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

interface Made {
  readonly traceId: string;
  readonly spanId: string;
  readonly status: number;
  readonly body: string;
}

/** Callers who make one call after the other, each with a token and a trace of its own. */
class Load {
  readonly made: Made[] = [];
  readonly #twin: RunningTwin;
  readonly #stop = new AbortController();
  #number = 0;
  #callers: Promise<void>[] = [];

  constructor(twin: RunningTwin) {
    this.#twin = twin;
  }

  async call(replica: Replica, isStream: boolean): Promise<void> {
    this.made.push(await this.ask(replica, 'gpt-5.4-mini', isStream));
  }

  /** A call that is not counted among those that must succeed. */
  async ask({ url }: Replica, model = 'gpt-5.4-mini', isStream = false): Promise<Made> {
    this.#number += 1;
    const [traceId, spanId] = [`0af7651916cd43dd${hex(this.#number, 16)}`, `b7ad6b71${hex(this.#number, 8)}`];
    const token = this.#twin.azure.token({ audience, clientId: application, version: 1 });
    const answer = await fetch(`${url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${spanId}-01`,
      },
      body: JSON.stringify({ model, stream: isStream, messages: [{ role: 'user', content: 'Hello twin:tokens=20' }] }),
    });
    const body = await answer.text().catch((error: unknown) => String(error));
    return { traceId, spanId, status: answer.status, body };
  }

  begin(replicas: readonly Replica[]): void {
    this.#callers = replicas.flatMap((replica) =>
      [false, true].map(async (isStream) => await this.#keepCalling(replica, isStream)),
    );
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#callers);
  }

  async #keepCalling(replica: Replica, isStream: boolean): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.call(replica, isStream);
      await setTimeout(40);
    }
  }
}

/** Every record of the ledger, as one of the gateways shows it. */
async function ledgerOf({ adminUrl, data }: Replica): Promise<readonly LedgerRecord[]> {
  const headers = { authorization: `Bearer ${readFileSync(path.join(data, 'admin-token'), 'utf8').trim()}` };
  const records: LedgerRecord[] = [];
  for (let after = ''; ;) {
    const page = await fetch(`${adminUrl}/usage/records?from=2020-01-01&limit=1000&waitMs=20000${after}`, { headers });
    const text = await page.text();
    assert.equal(page.status, 200, text);
    const { entries, next } = usageRecordsSchema.parse(JSON.parse(text));
    for (const entry of entries) if (entry.kind === 'record') records.push(entry.record);
    if (next === null) return records;
    after = `&after=${encodeURIComponent(next)}`;
  }
}

/** What of a record must be the same in the table. */
const ofLedger = ({ id, outcome, units, costNanoUsd, httpStatus }: LedgerRecord) => [
  id,
  outcome,
  httpStatus,
  units.inputTokens,
  units.outputTokens,
  costNanoUsd === null ? null : Number(costNanoUsd),
];
const ofTable = (row: Readonly<Record<string, unknown>>) =>
  ['RecordId', 'Outcome', 'HttpStatus', 'InputTokens', 'OutputTokens', 'CostNanoUsd'].map((name) => row[name] ?? null);

const byFirst = (one: readonly unknown[], other: readonly unknown[]): number =>
  String(one[0]).localeCompare(String(other[0]));

/** What stands for a key, whatever it is called: passwords in addresses, and what keys look like. */
const secretLike =
  /:\/\/[^/@\s]*:[^/@\s]+@|password|\btg_|\bsk-|twin-key|AccountKey|SharedAccess|api-key|client.?secret|eyJ[\w-]{8,}/i;

/** What Application Insights would show as requests. */
const requestsIn = ({ azure }: RunningTwin) =>
  azure.insights.items().filter((item) => JSON.stringify(item).includes('"RequestData"'));

test('everything by identity, through changes, renewals and faults', { ...orSkip, ...redisOrSkip }, async (context) => {
  const place = await placeFor(context);
  const { twin, redis, environment } = place;

  await context.test('no key is in the environment, or in the configuration', () => {
    assert.doesNotMatch(place.publish(), secretLike);
    for (const [name, value] of Object.entries(environment)) assert.doesNotMatch(value, secretLike, name);
  });

  const replicas = [await place.start('replica-one'), await place.start('replica-two')];
  const [one, two] = replicas;
  assert.ok(one !== undefined && two !== undefined);
  const output = () => replicas.map((replica) => replica.log()).join('\n');
  const load = new Load(twin);

  await context.test(
    'a change is taken over by both while they run, every token is renewed, resources fail, and no call does',
    async () => {
      // Counters that are new grant nothing for a while.
      for (const replica of replicas)
        await until('the budget is open', async () => (await load.ask(replica)).status === 200);
      assert.equal((await load.ask(one, 'gpt-5-mini')).status, 403, 'the product does not have it yet');
      load.begin(replicas);
      for (const fault of [
        { kind: 'status', status: 429, retryAfter: 1, times: 3 },
        { kind: 'status', status: 500, times: 3 },
        { kind: 'reset', times: 3 },
        { kind: 'refuse', times: 2 },
      ] as const) {
        twin.addFault({ ...fault, match: { resource: 'contoso-weu' } });
        await setTimeout(300);
      }
      for (const fault of [
        { kind: 'status', status: 429, retryAfter: 1 },
        { kind: 'status', status: 503, times: 2 },
        { kind: 'reset' },
      ] as const)
        twin.azure.addFault({ service: 'logs', ...fault });
      place.publish({ models: ['gpt-5.4-mini', 'gpt-5-mini'] });
      for (const replica of replicas)
        await until('the change is in force', async () => (await load.ask(replica, 'gpt-5-mini')).status === 200);
      const shown = () => redis.connections.filter(({ open }) => open).every(({ tokens }) => new Set(tokens).size > 1);
      await until('every connection to Redis has shown another token', shown);
      assert.equal(redis.hangUpOnEnded(), 0, 'and before the old one ended');
      await until('two hundred calls', () => load.made.length > 200);
      await load.end();
      const failures = load.made.filter(({ status, body }) => status !== 200 || body.includes('"error"'));
      assert.deepEqual(failures, [], output());
    },
  );

  await context.test('replies that break off on their way are in the ledger as what they are', async () => {
    twin.addFault({ kind: 'reset', afterBytes: 400, times: 4 });
    for (let made = 0; made < 4; made += 1) await load.ask(made % 2 === 0 ? one : two, 'gpt-5.4-mini', true);
    const broken = (await ledgerOf(one)).filter(
      ({ outcome, httpStatus }) => outcome === 'upstream-broke' && httpStatus === 200,
    );
    assert.ok(broken.length > 0);
  });

  await context.test('the table of Log Analytics, the ledger and Azure’s own record are the same', async () => {
    const ledger = await ledgerOf(two);
    assert.deepEqual(ledger.map(({ id }) => id).toSorted(), (await ledgerOf(one)).map(({ id }) => id).toSorted());
    const rows = () => new Map(twin.azure.logs.rows(stream).map((row) => [row['RecordId'], row]));
    await until('every record is in the table', () => rows().size >= ledger.length);
    assert.deepEqual([...rows().values()].map(ofTable).toSorted(byFirst), ledger.map(ofLedger).toSorted(byFirst));
    const { attempts } = twin.usage();
    const generated = new Map(attempts.map((each) => [each.id, each]));
    for (const id of generated.keys())
      assert.ok(
        ledger.some((record) => record.id === id),
        `${id} is in the ledger`,
      );
    for (const { id, outcome, units } of ledger) {
      if (outcome !== 'completed') continue;
      const truth = generated.get(id);
      assert.deepEqual([units.inputTokens, units.outputTokens], [truth?.inputTokens, truth?.outputTokens], id);
    }
  });

  await context.test('doctor finds everything, with the same identity and nothing else', async () => {
    const { status, text } = await doctor(environment);
    assert.equal(status, 0, text);
    for (const check of ['PostgreSQL', 'Redis', 'Log Analytics, write', 'endpoint weu', 'token redis.azure.com'])
      assert.match(text, new RegExp(`^ok +${check}: `, 'm'));
  });

  await context.test('every call comes to both collectors of traces', async () => {
    await until('a span of each call', () => {
      const served = twin.azure.collector.spans().filter(({ kind }) => kind === 'server');
      const traces = new Set(served.map(({ traceId }) => traceId));
      return load.made.every(({ traceId }) => traces.has(traceId)) && requestsIn(twin).length >= load.made.length;
    });
  });

  await context.test('they end cleanly, and PostgreSQL was signed in to with several tokens', async () => {
    for (const replica of replicas) assert.equal(await replica.stop(), 0, replica.log());
    assert.ok(new Set(place.taken).size >= 2, 'at least one for each gateway');
    assert.doesNotMatch(output(), /eyJ[\w-]{10,}/, 'no token is in the log');
  });

  await context.test('traces join client, gateway and upstream, attempt by attempt', () => {
    const spans = twin.azure.collector.spans();
    const reached = new Map(twin.usage().attempts.map(({ traceparent, id }) => [traceparent?.split('-')[2] ?? '', id]));
    let retried = 0;
    for (const { traceId, spanId } of load.made) {
      const inTrace = spans.filter((span) => span.traceId === traceId);
      const [served, ...others] = inTrace.filter(({ kind }) => kind === 'server');
      assert.ok(served !== undefined && others.length === 0, traceId);
      assert.equal(served.parentSpanId, spanId, 'the client’s is the parent');
      const attempts = inTrace.filter(({ kind }) => kind === 'client');
      assert.ok(attempts.length > 0, traceId);
      for (const attempt of attempts) assert.equal(attempt.parentSpanId, served.spanId);
      const last = attempts.toSorted((a, b) => Number(BigInt(a.startedAt) - BigInt(b.startedAt))).at(-1);
      assert.ok(reached.has(last?.spanId ?? ''), 'the upstream was told of the attempt that it answered');
      if (attempts.length > 1) retried += 1;
    }
    assert.ok(retried > 0, 'some were tried twice');
    assert.ok(requestsIn(twin).length >= load.made.length, 'Application Insights has them, too, by identity');
  });
});
