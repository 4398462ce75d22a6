import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { startTwin, type RunningTwin } from '../../twin/src/server.ts';
import { deployedGateway, filledIn } from './support/deployed-gateway.ts';
import { asTwinResources, asTwinStreams } from './support/twin-of-templates.ts';
import { profiles } from './support/profiles.ts';
import { infraFolder, readInfra, repositoryRoot, snapshot } from './support/snapshot.ts';

/*
 * The gateway as the templates would start it: its container's environment, its mounted configuration and its probes
 * are read out of them. What differs is where things are: the twin's address stands for Azure's, a temporary folder for
 * the container's root, free ports for the container's own.
 */
const templates = new TemplateSet(readTemplates(infraFolder));
const deployment = snapshot(templates, profiles.get('api-management') ?? {});
const deployed = deployedGateway(deployment);
const environment = Object.fromEntries(
  Object.entries(deployed.environment).map(([name, value]) => [name, filledIn(value)]),
);
const tenant = environment['TOLLGATE_TENANT_ID'] ?? '';
const apiManagement = environment['TOLLGATE_APIM_PRINCIPAL_ID'] ?? '';

let twin: RunningTwin;
let gateway: ChildProcess;
let root: string;
let url: string;
let output = '';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

before(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'tollgate-container-'));
  twin = await startTwin({
    resources: asTwinResources(deployment),
    entra: { tenants: [tenant], identities: [{ clientId: environment['AZURE_CLIENT_ID'] ?? '' }] },
    logs: { [environment['TOLLGATE_LOGS_RULE_ID'] ?? '']: asTwinStreams(deployment) },
    // Tokens for Azure Monitor go over TLS alone.
    securePort: 0,
    caFile: path.join(root, 'ca.pem'),
  });
  const file = path.join(root, deployed.configurationPath);
  mkdirSync(path.dirname(file), { recursive: true });
  const here = filledIn(deployed.configuration)
    .replaceAll(/https:\/\/([a-z0-9-]+)\.openai\.azure\.com/g, `${twin.url}/$1`)
    .replace('"tenants":', `"authority":"${twin.url}","tenants":`);
  writeFileSync(file, here);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  gateway = spawn(process.execPath, [path.join(repositoryRoot, 'gateway/src/main.ts')], {
    env: {
      ...environment,
      TOLLGATE_CONFIG: path.join(root, environment['TOLLGATE_CONFIG'] ?? ''),
      TOLLGATE_DATA: path.join(root, environment['TOLLGATE_DATA'] ?? ''),
      TOLLGATE_PORT: String(port),
      TOLLGATE_ADMIN_PORT: '0',
      TOLLGATE_LOGS_ENDPOINT: twin.secureUrl,
      NODE_EXTRA_CA_CERTS: path.join(root, 'ca.pem'),
      // What Container Apps themselves add.
      IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
      IDENTITY_HEADER: 'twin-identity-header',
      CONTAINER_APP_REPLICA_NAME: 'tollgate--0000001-abc',
    },
  });
  for (const stream of [gateway.stdout, gateway.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const startup = deployed.probes.find(({ type }) => type === 'Startup');
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await fetch(`${url}${startup?.path ?? ''}`).catch(() => undefined);
    if (answer?.ok === true) return;
    assert.equal(gateway.exitCode, null, output);
    await pause(100);
  }
  assert.fail(`The startup probe was not answered.\n${output}`);
});

after(async () => {
  const ended = new Promise((resolve) => gateway.once('exit', resolve));
  if (gateway.exitCode === null && gateway.kill('SIGTERM')) await ended;
  await twin.close();
  rmSync(root, { recursive: true, force: true });
});

const token = (oid = apiManagement): string =>
  twin.azure.token({ audience: `api://${environment['TOLLGATE_APP_ID'] ?? ''}`, version: 1, claims: { oid } });

function chat(headers: Record<string, string>, model = 'gpt-5.4-mini'): Promise<Response> {
  return fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });
}

const charged = (): unknown[] =>
  output
    .split('\n')
    .filter((line) => line.includes('"msg":"request"') && line.endsWith('}'))
    .map((line) => JSON.parse(line).subscription);

const rows = () => twin.azure.logs.rows(environment['TOLLGATE_LOGS_STREAM'] ?? '');

describe('the gateway as the templates start it', () => {
  test('answers its probes', async () => {
    for (const { path: probe } of deployed.probes) assert.equal((await fetch(`${url}${probe}`)).status, 200, probe);
  });

  test('serves a call that API Management brings, on every model, with no key anywhere, charged to whom it names', async () => {
    for (const model of ['gpt-5.4-mini', 'gpt-5-mini']) {
      const answer = await chat({ authorization: `Bearer ${token()}`, 'x-tollgate-subscription': 'finance' }, model);
      assert.equal(answer.status, 200, `${await answer.text()}\n${output}`);
    }
    for (let waited = 0; waited < 100 && charged().length < 2; waited += 1) await pause(50);
    assert.deepEqual(charged(), ['finance', 'finance']);
    assert.equal(twin.usage().attempts.length, 2);
    assert.ok(twin.azure.managedIdentity.asked > 0, 'Azure OpenAI was called with a token of the identity');
  });

  test('writes what was used into the table of the templates, every column of it', async () => {
    for (let waited = 0; waited < 400 && rows().length < 2; waited += 1) await pause(50);
    assert.deepEqual(
      rows().map(({ Consumer, Outcome }) => [Consumer, Outcome]),
      [
        ['finance', 'completed'],
        ['finance', 'completed'],
      ],
      output,
    );
    const { columns } = JSON.parse(readInfra('data/usage-table.json'));
    assert.deepEqual(
      Object.keys(rows()[0] ?? {}).toSorted(),
      columns.map(({ name }: { name: string }) => name).toSorted(),
    );
  });

  test('believes nobody else who says whose call it is', async () => {
    const forged = { 'x-tollgate-subscription': 'finance' };
    assert.equal((await chat(forged)).status, 401);
    assert.equal((await chat({ ...forged, authorization: `Bearer ${token(tenant)}` })).status, 403);
  });

  test('keeps its data where the volume is', () => {
    assert.ok(readFileSync(path.join(root, deployed.dataFolder, 'admin-token'), 'utf8').length > 20);
  });
});
