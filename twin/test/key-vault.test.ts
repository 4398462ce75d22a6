import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { SecretClient } from '@azure/keyvault-secrets';
import type { RunningTwin } from '#server.ts';
import { leadHere } from './support/azure-names.ts';
import { call, json, twinFor, type Got } from './support/call.ts';

const audience = 'https://vault.azure.net';
const version = 'api-version=7.6';

interface Vault {
  readonly twin: RunningTwin;
  readonly client: SecretClient;
  /** The scopes that tokens were asked for. */
  readonly scopes: string[];
}

async function vaultFor(context: TestContext): Promise<Vault> {
  const twin = await twinFor(context, { securePort: 0, keyVault: { secrets: { 'openai-key': 'first' } } });
  const scopes: string[] = [];
  const credential = {
    async getToken(scope: string | string[]) {
      scopes.push(String(scope));
      return await Promise.resolve({
        token: twin.azure.token({ audience }),
        expiresOnTimestamp: Date.now() + 3_600_000,
      });
    },
  };
  // The verification of the challenge's resource is on, as it is by default.
  return {
    twin,
    scopes,
    client: new SecretClient(leadHere(twin).vault, credential, { retryOptions: { maxRetries: 1 } }),
  };
}

function get(twin: RunningTwin, path: string, token: string | null = twin.azure.token({ audience })): Promise<Got> {
  return call(twin, { path, headers: token === null ? {} : { authorization: `Bearer ${token}` } });
}

void suite('Key Vault', () => {
  test('gives secrets to Microsoft’s library, which is told by the challenge whom the token is for', async (context) => {
    const { client, scopes, twin } = await vaultFor(context);
    const got = await client.getSecret('openai-key');
    assert.equal(got.value, 'first');
    assert.deepEqual(scopes, ['https://vault.azure.net/.default']);
    twin.azure.keyVault.set({ name: 'openai-key', value: 'second' });
    assert.equal((await client.getSecret('openai-key')).value, 'second');
    const { version: before = '' } = got.properties;
    assert.equal((await client.getSecret('openai-key', { version: before })).value, 'first', 'the old version stays');
  });

  test('takes new secrets and versions, lists them, and disables one', async (context) => {
    const { client } = await vaultFor(context);
    const expiresOn = new Date(Date.UTC(2020, 0, 1));
    const made = await client.setSecret('hook', 'whsec', { contentType: 'text/plain', expiresOn, tags: { team: 'a' } });
    const read = await client.getSecret('hook');
    assert.equal(read.value, 'whsec', 'one that has expired is given out, as by the service');
    assert.deepEqual(
      [read.properties.contentType, read.properties.expiresOn, read.properties.tags],
      ['text/plain', expiresOn, { team: 'a' }],
    );
    const names: string[] = [];
    for await (const { name } of client.listPropertiesOfSecrets()) names.push(name);
    assert.deepEqual(names, ['openai-key', 'hook']);
    await client.updateSecretProperties('hook', made.properties.version ?? '', { enabled: false });
    await assert.rejects(client.getSecret('hook'), { statusCode: 403 });
  });

  test('who shows no token, or one for somebody else, is told where to get one', async (context) => {
    const { twin } = await vaultFor(context);
    for (const token of [null, twin.azure.token({ audience: 'https://ai.azure.com' })]) {
      const answer = await get(twin, `/secrets/openai-key?${version}`, token);
      assert.equal(answer.status, 401);
      assert.match(
        String(answer.headers['www-authenticate']),
        /^Bearer authorization="https:\/\/localhost:\d+\/7a0f1c00-[^"]+", resource="https:\/\/vault.azure.net"$/,
      );
      assert.ok(!answer.body.toString().includes('first'));
    }
  });

  for (const [what, path, status, code] of [
    ['an unknown secret', `/secrets/none?${version}`, 404, 'SecretNotFound'],
    ['an unknown version', `/secrets/openai-key/0123?${version}`, 404, 'SecretNotFound'],
    ['a name that none can have', `/secrets/a_b?${version}`, 400, 'BadParameter'],
    ['no api-version', '/secrets/openai-key', 400, 'BadParameter'],
  ] as const)
    test(`refuses ${what}: ${code}`, async (context) => {
      const { twin } = await vaultFor(context);
      const answer = await get(twin, path);
      assert.deepEqual([answer.status, json(answer).error.code], [status, code]);
    });

  test('throttles and refuses on request, in its own words', async (context) => {
    const { twin } = await vaultFor(context);
    for (const [status, code] of [
      [429, 'Throttled'],
      [403, 'Forbidden'],
      [500, 'InternalServerError'],
    ] as const) {
      const fault = { service: 'key-vault', kind: 'status', status, retryAfter: 7 };
      assert.equal((await call(twin, { path: '/_twin/services/faults', body: fault })).status, 201);
      const answer = await get(twin, `/secrets/openai-key?${version}`);
      assert.deepEqual([answer.status, answer.headers['retry-after'], json(answer).error.code], [status, '7', code]);
    }
  });

  test('new versions can be made without a token, for tests; a reset brings the first ones back', async (context) => {
    const { twin, client } = await vaultFor(context);
    const body = { name: 'openai-key', value: 'rotated' };
    await call(twin, { path: '/_twin/key-vault/secrets', body });
    assert.equal((await client.getSecret('openai-key')).value, 'rotated');
    await call(twin, { path: '/_twin/reset', method: 'POST' });
    assert.equal((await client.getSecret('openai-key')).value, 'first');
  });
});
