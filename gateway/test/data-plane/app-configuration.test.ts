// A configuration that comes from App Configuration, with its secrets in Key Vault: gateways as processes of their own,
// which know the services under names of Azure's and have no key but those.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test, type TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { call, keyOf, keys } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');
const preload = path.join(import.meta.dirname, '../support/azure-names-preload.ts');
const referenceType = 'application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8';
const flagType = 'application/vnd.microsoft.appconfig.ff+json;charset=utf-8';

interface Running {
  readonly port: number;
  readonly adminPort: number;
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  log(): string;
}

interface Place {
  readonly twin: RunningTwin;
  readonly data: string;
  readonly vault: string;
  /** Resolves when it listens; rejects with what it said where it ended instead. */
  readonly start: (environment?: Readonly<Record<string, string>>) => Promise<Running>;
  set(key: string, value: string, contentType?: string): void;
  /** A configuration that the gateway can be started with, in three keys and two references. */
  fill(): void;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function placeFor(context: TestContext): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-store-'));
  const caFile = path.join(folder, 'ca.pem');
  const twin = await startTwin({
    key: 'twin-key-of-the-test',
    securePort: 0,
    caFile,
    keyVault: { secrets: { openai: 'twin-key-of-the-test', web: keys.marketing } },
  });
  const { port } = new URL(twin.secureUrl ?? '');
  const processes: Running[] = [];
  context.after(async () => {
    for (const one of processes) one.process.kill('SIGKILL');
    await Promise.all(processes.map(async (one) => await one.ended));
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  const [data, file] = [path.join(folder, 'data'), path.join(folder, 'tollgate.yaml')];
  const vault = `https://contoso.vault.azure.net:${port}`;
  const set = (key: string, value: string, contentType = ''): void =>
    twin.azure.appConfiguration.set({ key, value, contentType });
  const reference = (key: string, name: string): void =>
    set(key, JSON.stringify({ uri: `${vault}/secrets/${name}` }), referenceType);
  const ofAzure = {
    NODE_EXTRA_CA_CERTS: caFile,
    IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
    IDENTITY_HEADER: 'twin-identity-header',
    TOLLGATE_APP_CONFIGURATION: `https://contoso.azconfig.io:${port}`,
  };
  return {
    twin,
    data,
    vault,
    file,
    environment: ofAzure,
    set,
    async start(environment = {}) {
      const running = await startGateway({
        data,
        environment: { ...ofAzure, ...environment },
      });
      processes.push(running);
      return running;
    },
    fill() {
      set('tollgate', base(twin.url));
      set('tollgate:products:standard', 'models: [gpt-5.4-mini]\nunpriced: allow-and-flag\n');
      set('tollgate:appConfiguration', 'pollEvery: 1s');
      set('tollgate:keyVault', 'refreshEvery: 5s');
      reference('tollgate:endpoints:weu:auth:key', 'openai');
      reference('tollgate:subscriptions:web:keys:primary', 'web');
    },
  };
}

const base = (twin: string): string =>
  JSON.stringify({
    organisation: 'contoso',
    ledger: { durability: 'process' },
    costCentres: { marketing: {} },
    subscriptions: { web: { product: 'standard', consumer: 'web', costCentre: 'marketing' } },
    endpoints: {
      weu: {
        resource: `${twin}/contoso-weu`,
        region: 'westeurope',
        deployment: 'gpt-5.4-mini',
        model: 'gpt-5.4-mini',
        type: 'GlobalStandard',
        auth: {},
      },
    },
    models: { 'gpt-5.4-mini': { tiers: [['weu']] } },
  });

async function startGateway(at: {
  readonly data: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<Running> {
  const child = spawn(process.execPath, ['--import', preload, main, '--data', at.data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TOLLGATE_PORT: '0', TOLLGATE_ADMIN_PORT: '0', ...at.environment },
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
  return { ...(await listening.promise), process: child, ended, log: () => lines.join('\n') };
}

async function chat({ port }: Running, key = keys.marketing): Promise<number> {
  const answer = await call(`http://127.0.0.1:${port}/openai/v1/chat/completions`, {
    headers: { 'api-key': key },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=5' }] },
  });
  return answer.status;
}

/** Waits for a gateway that is a process of its own: what it said is in the failure. */
async function untilIn(running: Running, holds: () => boolean | Promise<boolean>): Promise<void> {
  await until(holds, () => `that; it said: ${running.log().slice(-4000)}`);
}

async function metric({ adminPort }: Running, name: string): Promise<string> {
  const { body } = await call(`http://127.0.0.1:${adminPort}/metrics`, {});
  return body.split('\n').find((line) => line.startsWith(name)) ?? '';
}

/** The configuration in force, and how it came about. `reload`: after loading it anew. */
async function shown({ adminPort }: Running, data: string, reload = false): Promise<string> {
  const [at, method] = reload ? ['config/reload', 'POST'] : ['config', 'GET'];
  const token = readFileSync(path.join(data, 'admin-token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  return (await call(`http://127.0.0.1:${adminPort}/admin/v1/${at}`, { method, headers })).body;
}

suite('a configuration from App Configuration', () => {
  test('is followed live: changes, flags and rotated secrets are taken over while every call is answered', async (context) => {
    const place = await placeFor(context);
    place.fill();
    const gateway = await place.start();
    const statuses: number[] = [];
    const stop = new AbortController();
    const traffic = (async () => {
      while (!stop.signal.aborted) statuses.push(await chat(gateway));
    })();
    place.set('tollgate:products:standard', 'models: [gpt-5.4-mini, other]\nunpriced: allow-and-flag\n');
    place.set('tollgate:models:other', 'tiers: [[weu]]');
    await untilIn(gateway, async () => (await shown(gateway, place.data)).includes('"other"'));
    place.set('tollgate:subscriptions:second', 'product: standard\nconsumer: second\ncostCentre: marketing\n');
    place.set(
      'tollgate:subscriptions:second:keys:primary',
      JSON.stringify({ uri: `${place.vault}/secrets/second` }),
      referenceType,
    );
    place.twin.azure.keyVault.set({ name: 'second', value: keyOf('second') });
    await untilIn(gateway, async () => (await chat(gateway, keyOf('second'))) === 200);
    await until(() => statuses.length > 10);
    stop.abort();
    await traffic;
    assert.deepEqual([...new Set(statuses)], [200], 'not one call failed');
    place.twin.azure.keyVault.set({ name: 'web', value: keys.finance });
    await untilIn(gateway, async () => (await chat(gateway, keys.finance)) === 200);
    assert.equal(await chat(gateway, keys.marketing), 401, 'the old version of the key');
    place.set(
      '.appconfig.featureflag/tollgate.subscriptions.web',
      JSON.stringify({ id: 'tollgate.subscriptions.web', enabled: false, conditions: { client_filters: [] } }),
      flagType,
    );
    await untilIn(gateway, async () => (await chat(gateway, keys.finance)) === 403);
    const copy = readFileSync(path.join(place.data, 'app-configuration.json'), 'utf8');
    for (const secret of [keys.marketing, keys.finance, 'twin-key-of-the-test']) {
      assert.ok(!copy.includes(secret), 'references stay references on disk');
      assert.ok(!gateway.log().includes(secret));
    }
  });

  test('that is nonsense changes nothing; all that is wrong is told, by key; so is a store that is away', async (context) => {
    const place = await placeFor(context);
    place.fill();
    const gateway = await place.start();
    place.set('tollgate:products:standard', 'models: [gpt-5.4-mini, none]\nunpriced: perhaps\n');
    await untilIn(gateway, async () => (await metric(gateway, 'tollgate_app_configuration_refused')).endsWith(' 1'));
    const told = await shown(gateway, place.data);
    assert.match(
      told,
      /contoso\.azconfig\.io:\d+\/tollgate:products:standard:1:24 products\.standard\.models\[1\]: there is no model 'none'/,
    );
    assert.match(told, /tollgate:products:standard:2:11 products\.standard\.unpriced: 'perhaps' is not one of/);
    assert.equal(await chat(gateway), 200);
    place.twin.azure.addFault({
      service: 'app-configuration',
      kind: 'status',
      status: 429,
      retryAfterMs: 100,
      times: null,
    });
    await untilIn(gateway, async () => (await metric(gateway, 'tollgate_app_configuration_failing')).endsWith(' 1'));
    assert.equal(await chat(gateway), 200);
    place.twin.azure.faults.clear();
    place.fill();
    assert.match(await shown(gateway, place.data, true), /"ok":true/);
    assert.ok((await metric(gateway, 'tollgate_app_configuration_refused')).endsWith(' 0'));
    await untilIn(gateway, () => gateway.log().includes('can be asked again'));
    assert.equal(gateway.log().split('cannot be taken from its store').length - 1, 1, 'said once');
  });

  test('away at the start: the copy of what was in force last, loudly, and the store again when it is back', async (context) => {
    const place = await placeFor(context);
    place.fill();
    const first = await place.start();
    await untilIn(first, () => existsSync(path.join(place.data, 'app-configuration.json')));
    first.process.kill('SIGTERM');
    await first.ended;
    place.twin.azure.addFault({ service: 'app-configuration', kind: 'reset', times: null });
    const second = await place.start();
    assert.equal(await chat(second), 200);
    assert.match(await metric(second, 'tollgate_configuration_source'), /source="last-good-copy"/);
    assert.match(second.log(), /the configuration of the store cannot be used; the gateway starts with an older one/);
    assert.match(await shown(second, place.data), /"source":"contoso\.azconfig\.io:\d+, the copy of 20/);
    place.twin.azure.faults.clear();
    await untilIn(second, async () =>
      (await metric(second, 'tollgate_configuration_source')).includes('"app-configuration"'),
    );
  });

  test('nonsense at the start: the copy as well; without one the file; without that it does not start, and says why', async (context) => {
    const place = await placeFor(context);
    place.set('tollgate', '{"organisation": "contoso", "endpints": {}}');
    await assert.rejects(
      place.start(),
      /contoso\.azconfig\.io:\d+\/tollgate:1:29 endpints: there is no setting 'endpints' here/,
    );
    writeFileSync(place.file, base(place.twin.url).replace('"auth":{}', '"auth":{"key":"${UPSTREAM_KEY}"}'));
    const gateway = await place
      .start({ TOLLGATE_CONFIG: place.file, UPSTREAM_KEY: 'twin-key-of-the-test' })
      .catch((error: Error) => error);
    assert.ok(gateway instanceof Error, 'the file has mistakes of its own');
    assert.match(gateway.message, /tollgate:1:29 endpints/);
    assert.match(gateway.message, /tollgate\.yaml:1:\d+ subscriptions\.web\.product: there is no product 'standard'/);
    writeFileSync(place.file, 'organisation: contoso\nappConfiguration: { pollEvery: 1s }\n');
    const started = await place.start({ TOLLGATE_CONFIG: place.file });
    assert.match(await metric(started, 'tollgate_configuration_source'), /source="file"/);
    place.fill();
    await untilIn(started, async () => (await chat(started)) === 200);
  });

  test('that is waited for does not hold up a stop', async (context) => {
    const place = await placeFor(context);
    const { appConfiguration } = place.twin.azure;
    const asked = Promise.withResolvers<void>();
    // Takes the request, and never answers.
    appConfiguration.handle = async () => await Promise.resolve(true).finally(asked.resolve);
    const child = spawn(process.execPath, ['--import', preload, main, '--data', place.data], {
      env: { ...process.env, ...place.environment },
      stdio: 'ignore',
    });
    const ended = once(child, 'close');
    await asked.promise;
    child.kill('SIGTERM');
    // A status of its own, and no death by the signal: the first process of a container gets none that it does not ask for.
    assert.deepEqual(await ended, [143, null]);
  });

  test('empty, not allowed, or with a token for somebody else, it is told what to do', async (context) => {
    const place = await placeFor(context);
    await assert.rejects(place.start(), /the store holds no key 'tollgate'/);
    place.twin.azure.addFault({ service: 'app-configuration', kind: 'status', status: 403, times: null });
    await assert.rejects(place.start(), /Give its identity the role App Configuration Data Reader/);
    place.twin.azure.faults.clear();
    place.twin.azure.addFault({ service: 'identity', kind: 'wrong-audience', times: null });
    await assert.rejects(place.start(), /the store does not take the gateway's token \(401\)/);
  });

  test('with a label, its key values go before those without one', async (context) => {
    const place = await placeFor(context);
    place.fill();
    place.twin.azure.appConfiguration.set({ key: 'tollgate:log', value: 'level: warn' });
    place.twin.azure.appConfiguration.set({ key: 'tollgate:log', label: 'prod', value: 'level: debug' });
    const gateway = await place.start({ TOLLGATE_APP_CONFIGURATION_LABEL: 'prod' });
    const told = await shown(gateway, place.data);
    assert.match(told, /"log":\{"level":"debug"\}/);
    assert.match(told, /"source":"contoso\.azconfig\.io:\d+ \(label prod\)"/);
  });
});
