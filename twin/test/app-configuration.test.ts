import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { AppConfigurationClient } from '@azure/app-configuration';
import type { RunningTwin } from '#server.ts';
import { leadHere } from './support/azure-names.ts';
import { call, json, twinFor, type Got } from './support/call.ts';

const audience = 'https://azconfig.io';

interface Store {
  readonly twin: RunningTwin;
  readonly client: AppConfigurationClient;
  readonly scopes: Set<string>;
}

async function storeFor(context: TestContext): Promise<Store> {
  const twin = await twinFor(context, { securePort: 0 });
  const scopes = new Set<string>();
  const credential = {
    async getToken(scope: string | string[]) {
      scopes.add(String(scope));
      return await Promise.resolve({
        token: twin.azure.token({ audience }),
        expiresOnTimestamp: Date.now() + 3_600_000,
      });
    },
  };
  const client = new AppConfigurationClient(leadHere(twin).store, credential, { retryOptions: { maxRetries: 1 } });
  return { twin, client, scopes };
}

const keyAt = (at: number): string => `k${String(at).padStart(3, '0')}`;

async function pagesOf(client: AppConfigurationClient, filters: object, pageEtags?: string[]) {
  const pages: { readonly items: string[]; readonly etag: string | undefined }[] = [];
  const options = { ...filters, ...(pageEtags === undefined ? {} : { pageEtags }) };
  for await (const page of client.listConfigurationSettings(options).byPage())
    pages.push({
      items: page.items.map(({ key, label, value }) => `${key}[${label ?? ''}]=${value}`),
      etag: page.etag,
    });
  return pages;
}

function list(twin: RunningTwin, query: string, token = twin.azure.token({ audience })): Promise<Got> {
  return call(twin, { path: `/kv?${query}`, headers: { authorization: `Bearer ${token}` } });
}

void suite('App Configuration', () => {
  test('lists key values of a key prefix and of several labels, no label among them', async (context) => {
    const { twin, client, scopes } = await storeFor(context);
    const store = twin.azure.appConfiguration;
    store.set({ key: 'tollgate', value: 'base' });
    store.set({ key: 'tollgate', label: 'prod', value: 'of prod' });
    store.set({ key: 'tollgate', label: 'test', value: 'of test' });
    store.set({ key: 'other', value: 'x' });
    const [page] = await pagesOf(client, { keyFilter: 'tollgate*', labelFilter: '\0,prod' });
    assert.deepEqual(page?.items, ['tollgate[]=base', 'tollgate[prod]=of prod']);
    assert.deepEqual([...scopes], ['https://azconfig.io/.default']);
  });

  test('a page that has not changed since its ETag is 304, each page by itself', async (context) => {
    const { twin, client } = await storeFor(context);
    for (let at = 0; at < 150; at += 1) twin.azure.appConfiguration.set({ key: keyAt(at), value: String(at) });
    const before = await pagesOf(client, {});
    assert.deepEqual(
      before.map(({ items }) => items.length),
      [100, 50],
    );
    const etags = before.flatMap(({ etag }) => (etag === undefined ? [] : [etag]));
    assert.deepEqual(
      (await pagesOf(client, {}, etags)).map(({ items }) => items.length),
      [0, 0],
      'nothing comes of what is as it was',
    );
    twin.azure.appConfiguration.set({ key: keyAt(120), value: 'changed' });
    const after = await pagesOf(client, {}, etags);
    assert.deepEqual(
      after.map(({ items }) => items.length),
      [0, 50],
    );
    assert.ok(after[1]?.items.includes(`${keyAt(120)}[]=changed`));
  });

  test('a key value is read, written under conditions, and deleted, by Microsoft’s library', async (context) => {
    const { client } = await storeFor(context);
    const id = { key: 'tollgate:endpoints', label: 'prod' };
    const made = await client.addConfigurationSetting({ ...id, value: '{}', contentType: 'application/json' });
    await assert.rejects(client.addConfigurationSetting({ ...id, value: '{}' }), { statusCode: 412 });
    assert.equal((await client.getConfigurationSetting(made, { onlyIfChanged: true })).statusCode, 304);
    await client.setConfigurationSetting({ ...id, value: '{"a": 1}' });
    await assert.rejects(client.setConfigurationSetting({ ...made, value: 'x' }, { onlyIfUnchanged: true }), {
      statusCode: 412,
    });
    const read = await client.getConfigurationSetting(id);
    assert.deepEqual([read.value, read.label, read.isReadOnly], ['{"a": 1}', 'prod', false]);
    assert.equal((await client.deleteConfigurationSetting(id)).statusCode, 200);
    assert.equal((await client.deleteConfigurationSetting(id)).statusCode, 204);
    await assert.rejects(client.getConfigurationSetting(id), { statusCode: 404 });
  });

  test('answers carry a sync token, and $select names the members that come', async (context) => {
    const { twin } = await storeFor(context);
    twin.azure.appConfiguration.set({ key: 'a', value: 'x' });
    const answer = await list(twin, 'api-version=2023-11-01&%24Select=key%2Cvalue');
    assert.match(String(answer.headers['sync-token']), /^twin=[^;]+;sn=\d+$/);
    assert.equal(answer.headers['content-type'], 'application/vnd.microsoft.appconfig.kvset+json; charset=utf-8');
    assert.deepEqual(json(answer).items, [{ key: 'a', value: 'x' }]);
  });

  test('a token of another service is refused, and so is a call without an api-version', async (context) => {
    const { twin } = await storeFor(context);
    const wrong = await list(twin, 'api-version=1', twin.azure.token({ audience: 'https://ai.azure.com' }));
    assert.equal(wrong.status, 401);
    assert.match(String(wrong.headers['www-authenticate']), /^HMAC-SHA256, Bearer/);
    assert.equal((await list(twin, 'key=a')).status, 400);
  });

  test('throttles on request, with milliseconds', async (context) => {
    const { twin } = await storeFor(context);
    twin.azure.addFault({ service: 'app-configuration', kind: 'status', status: 429, retryAfterMs: 250 });
    const answer = await list(twin, 'api-version=1');
    assert.deepEqual([answer.status, answer.headers['retry-after-ms']], [429, '250']);
    assert.equal(json(answer).type, 'https://azconfig.io/errors/too-many-requests');
  });

  test('a key value larger than 10 KB is refused, also through the twin’s own interface', async (context) => {
    const { twin, client } = await storeFor(context);
    const value = 'x'.repeat(10 * 1024);
    await assert.rejects(client.setConfigurationSetting({ key: 'big', value }), { statusCode: 413 });
    const path = '/_twin/app-configuration/key-values';
    assert.equal((await call(twin, { path, body: { key: 'big', value } })).status, 413);
    assert.equal((await call(twin, { path, body: { key: 'small', value: 'x' } })).status, 200);
    assert.deepEqual(json(await call(twin, { path: `${path}?key=small`, method: 'DELETE' })), { removed: true });
  });
});
