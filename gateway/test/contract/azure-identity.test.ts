import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { developerIdentity, managedIdentity, workloadIdentity } from '#adapters/azure-identity/sources.ts';

const scope = 'https://ai.azure.com/.default';
const tenant = '7a0f1c00-0000-4000-8000-000000000001';
const application = '7a0f1c00-0000-4000-8000-00000000ca11';

/** A twin whose authority this process trusts, and the environment that leads Microsoft's libraries to it. */
async function twinWith(context: TestContext, environment: (twin: RunningTwin) => Record<string, string>) {
  const twin = await startTwin({ securePort: 0 });
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, twin.authority ?? '']);
  const added = environment(twin);
  Object.assign(process.env, added);
  context.after(async () => {
    for (const name of Object.keys(added)) delete process.env[name];
    setDefaultCACertificates(trusted);
    await twin.close();
  });
  return twin;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

test('on a virtual machine the metadata service gives a token of the machine, and another one when asked again', async (context) => {
  const twin = await twinWith(context, ({ url }) => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: url }));
  const source = managedIdentity({ clientId: undefined });
  const first = await source.fetch(scope);
  const second = await source.fetch(scope);
  assert.equal(claimsOf(first.text).aud, 'https://ai.azure.com');
  assert.notEqual(first.text, second.text, 'no cache in between');
  assert.ok(Math.abs(first.expiresAt - Date.now() - 3_600_000) < 60_000);
  assert.equal(twin.azure.managedIdentity.asked, 2);

  // The library remembers the address as long as the process lives, so that all of this is one test.
  const faults = [
    { kind: 'status', status: 429 },
    { kind: 'status' },
    { kind: 'reset' },
    { kind: 'malformed' },
  ] as const;
  for (const fault of faults) {
    const before: number = twin.azure.managedIdentity.asked;
    twin.azure.addFault({ service: 'identity', ...fault });
    await assert.rejects(async () => await source.fetch(scope), fault.kind);
    assert.equal(twin.azure.managedIdentity.asked, before + 1, `${fault.kind} is told, not tried again in secret`);
  }
});

test('in Kubernetes a token of the cluster is exchanged for one of Entra', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'federated-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'token');
  writeFileSync(file, `${part({ alg: 'RS256' })}.${part({ iss: 'https://oidc.example', sub: 'a' })}.x`);
  await twinWith(context, ({ secureUrl = '' }) => ({
    AZURE_TENANT_ID: tenant,
    AZURE_FEDERATED_TOKEN_FILE: file,
    AZURE_AUTHORITY_HOST: secureUrl,
  }));
  const { text } = await workloadIdentity({ clientId: application }).fetch(scope);
  assert.deepEqual([claimsOf(text).aud, claimsOf(text).appid], ['https://ai.azure.com', application]);
});

test('a developer signs in with what the environment has', async (context) => {
  await twinWith(context, ({ secureUrl = '' }) => ({
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: application,
    AZURE_CLIENT_SECRET: 'twin-client-secret',
    AZURE_AUTHORITY_HOST: secureUrl,
  }));
  const { text } = await developerIdentity({ clientId: undefined }).fetch(scope);
  assert.equal(claimsOf(text).appid, application);
});
