// Secrets of a configuration in Key Vault: at the start, after a rotation, and where the vault will not give them.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { compose, type Gateway } from '#compose/gateway.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { azureNames } from '../support/azure-names.ts';
import { call, keyOf, keys } from '../support/running-gateway.ts';

const twinKey = 'twin-key-of-the-test';
const signing = 'a-signing-key-of-the-test-with-40-letters';
const hook = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface Started {
  readonly problems: readonly string[];
  readonly url: string;
  readonly reload: () => Promise<string>;
  readonly logged: () => string;
  readonly show: () => Promise<string>;
  readonly metrics: () => Promise<string>;
}

/** `secretAt`: how a secret of this name stands in the file. */
function configuration(twin: RunningTwin, secretAt: (name: string) => string): string {
  return `organisation: contoso
listen: { port: 0, admin: { port: 0 } }
ledger: { durability: process }
costCentres: { marketing: {} }
products: { standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag } }
subscriptions:
  web: { product: standard, consumer: web, costCentre: marketing, keys: { primary: ${secretAt('web-key')} } }
endpoints:
  weu:
    resource: '${twin.url}/contoso-weu'
    region: westeurope
    deployment: gpt-5.4-mini
    model: gpt-5.4-mini
    type: GlobalStandard
    auth: { key: ${secretAt('openai-key')} }
models: { gpt-5.4-mini: { tiers: [[weu]] } }
routing: { affinity: { keys: [${secretAt('signing')}] } }
endUsers: { secret: ${secretAt('end-users')} }
alerts: { webhooks: { ops: { url: 'https://hooks.contoso.com/', secret: ${secretAt('hook')} } } }
`;
}

const all = {
  'web-key': keys.marketing,
  'openai-key': twinKey,
  signing,
  'end-users': 'a-key-for-end-users-with-more-than-32-letters',
  hook,
};

interface Place {
  readonly twin: RunningTwin;
  readonly start: (config?: string) => Promise<Started>;
}

/** One for all: Microsoft's library remembers for a whole process where the token endpoint is. */
const twinOfAll = startTwin({ key: twinKey, securePort: 0 });
after(async () => await (await twinOfAll).close());

async function placeWith(context: TestContext, secrets: Readonly<Record<string, string>>): Promise<Place> {
  const twin = await twinOfAll;
  twin.reset();
  for (const [name, value] of Object.entries(secrets)) twin.azure.keyVault.set({ name, value });
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-vault-'));
  const gateways: Gateway[] = [];
  context.after(async () => {
    for (const one of gateways) await one.drain('test');
    rmSync(folder, { recursive: true });
  });
  const { vault } = azureNames(twin);
  const configFile = path.join(folder, 'tollgate.yaml');
  return {
    twin,
    async start(config = configuration(twin, (name) => `{ keyVault: '${vault}/secrets/${name}' }`)) {
      writeFileSync(configFile, config);
      const lines: string[] = [];
      const environment = { IDENTITY_ENDPOINT: `${twin.url}/msi/token`, IDENTITY_HEADER: 'twin-identity-header' };
      // Microsoft's library for managed identities reads the process's own.
      Object.assign(process.env, environment);
      const started = await compose(
        { configFile, dataFolder: path.join(folder, 'data'), port: 0, adminPort: 0, checkOnly: false, environment },
        { log: pino({ base: null }, { write: (line: string) => void lines.push(line) }) },
      );
      if (!started.ok)
        return {
          problems: started.problems.map((one) => one.replaceAll(`${folder}/`, '')),
          url: '',
          reload: async () => await Promise.resolve(''),
          logged: () => lines.join(''),
          show: async () => await Promise.resolve(''),
          metrics: async () => await Promise.resolve(''),
        };
      const { gateway } = started;
      gateways.push(gateway);
      const token = readFileSync(path.join(folder, 'data/admin-token'), 'utf8').trim();
      const admin = async (at: string, method = 'GET'): Promise<string> =>
        (
          await call(`http://127.0.0.1:${gateway.adminPort}${at}`, {
            method,
            headers: { authorization: `Bearer ${token}` },
          })
        ).body;
      return {
        problems: [],
        url: `http://127.0.0.1:${gateway.port}`,
        reload: async () => await admin('/admin/v1/config/reload', 'POST'),
        logged: () => lines.join(''),
        show: async () => await admin('/admin/v1/config'),
        metrics: async () => await admin('/metrics'),
      };
    },
  };
}

async function chat({ url }: Started, key = keys.marketing): Promise<number> {
  const answer = await call(`${url}/openai/v1/chat/completions`, {
    headers: { 'api-key': key },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=5' }] },
  });
  return answer.status;
}

suite('a configuration whose secrets are in Key Vault', () => {
  test('is served with them: keys of callers, of resources, for signing, hashing and webhooks', async (context) => {
    const { twin, start } = await placeWith(context, all);
    const gateway = await start();
    assert.deepEqual(gateway.problems, []);
    assert.equal(await chat(gateway), 200);
    assert.equal(await chat(gateway, keyOf('other')), 401);
    const shown = `${await gateway.show()}${gateway.logged()}`;
    for (const secret of Object.values(all)) assert.ok(!shown.includes(secret), 'secrets are shown nowhere');
    assert.match(await gateway.metrics(), /tollgate_key_vault_secrets\{state="current"\} 5/);
    assert.ok(twin.usage().total.requests === 1);
  });

  test('takes a rotated key over without a restart, and keeps what it has while the vault is away', async (context) => {
    const { twin, start } = await placeWith(context, { ...all, 'openai-key': 'of yesterday' });
    const gateway = await start();
    assert.equal(await chat(gateway), 502, 'the resource does not take the key');
    twin.azure.keyVault.set({ name: 'openai-key', value: twinKey });
    twin.azure.keyVault.set({ name: 'web-key', value: keys.finance });
    assert.match(await gateway.reload(), /"ok":true/);
    assert.deepEqual([await chat(gateway, keys.finance), await chat(gateway, keys.marketing)], [200, 401]);
    twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 503, times: null });
    assert.match(await gateway.reload(), /"ok":true/);
    assert.equal(await chat(gateway, keys.finance), 200);
    assert.match(await gateway.metrics(), /tollgate_key_vault_secrets\{state="kept"\} 5/);
  });

  test('a new version that cannot be used is refused, and the old one stays', async (context) => {
    const { twin, start } = await placeWith(context, all);
    const gateway = await start();
    twin.azure.keyVault.set({ name: 'hook', value: 'no secret of webhooks' });
    const answer = await gateway.reload();
    assert.match(answer, /"ok":false/);
    assert.match(answer, /tollgate\.yaml:\d+:\d+ alerts\.webhooks\.ops\.secret: it is no secret of Standard Webhooks/);
    assert.equal(await chat(gateway), 200);
  });

  test('does not start without them: all that are missing are told, where they stand and what to do', async (context) => {
    const { 'web-key': webKey, hook: webhook } = all;
    const { start } = await placeWith(context, { 'web-key': webKey, hook: webhook });
    const { problems } = await start();
    assert.equal(problems.length, 3, problems.join('\n'));
    for (const [at, problem] of [
      [
        /^tollgate\.yaml:15:18 endpoints\.weu\.auth\.key: the secret https:.*openai-key does not exist\. Set it/,
        problems[0],
      ],
      [/^tollgate\.yaml:17:31 routing\.affinity\.keys\[0\]: the secret .*signing does not exist/, problems[1]],
      [/^tollgate\.yaml:18:21 endUsers\.secret: the secret .*end-users does not exist/, problems[2]],
    ] as const)
      assert.match(problem ?? '', at);
  });

  test('without the role, the role is named', async (context) => {
    const { twin, start } = await placeWith(context, all);
    twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 403, times: null });
    const { problems } = await start();
    assert.equal(problems.length, 5);
    for (const problem of problems)
      assert.match(problem, /\(403\)\. Give its identity the role Key Vault Secrets User/);
  });

  test('an address that is no vault’s is refused before anything is sent there', async (context) => {
    const { twin, start } = await placeWith(context, all);
    const { asked: before } = twin.azure.managedIdentity;
    const { problems } = await start(
      configuration(twin, () => `{ keyVault: 'https://contoso.vault.azure.net.example.com/secrets/a' }`),
    );
    assert.equal(problems.length, 5);
    for (const problem of problems) assert.match(problem, /expected the address of a secret: https:\/\/name\.vault/);
    assert.equal(twin.azure.managedIdentity.asked, before);
  });
});
