import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { DirectoryChange, DirectoryStore, NewAuditEntry } from '#directory/ports.ts';
import { addressOf, openPostgresDirectory } from '../../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../../test/support/postgres-server.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';

const entry = (subject: string): NewAuditEntry => ({
  at: 1_700_000_000_000,
  actor: 'admin-token',
  action: 'subscription.suspend',
  subject,
});
const suspend = (subscription: string): DirectoryChange => ({ kind: 'suspended', subscription });

const product = (at: number): DirectoryChange => ({
  kind: 'product-created',
  product: {
    name: 'standard',
    models: [],
    caps: { maxOutputTokens: at, maxChoices: null, maxRequestBytes: null },
    unpriced: 'refuse',
    createdAt: 0,
  },
});

async function openAt(context: TestContext, url: string, feedUrl = url): Promise<DirectoryStore> {
  const opened = await openPostgresDirectory(addressOf(url), addressOf(feedUrl));
  context.after(() => opened.close());
  return opened.store;
}

describe('a directory that several gateways share', orSkip, () => {
  test('tells each of them what the others commit, and of nothing else', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const [one, other] = [await openAt(context, url), await openAt(context, url)];
    const before = await other.load();
    const next = other.nextChange(before.version);
    await one.commit({ kind: 'noted' }, [entry('noted')]);
    await one.commit(suspend('web'), [entry('web')]);
    const version = await next;
    assert.equal(version, before.version + 1);
    const { suspended } = await other.load();
    assert.deepEqual(suspended, ['web']);
    // What is new already is told at once.
    assert.equal(await other.nextChange(before.version), version);
  });

  test('tells that another one is stored under the version that was seen, as after a failover that lost a change', async (context) => {
    const server = await postgresServer();
    const { name, url } = await server.createDatabase();
    const [one, other] = [await openAt(context, url), await openAt(context, url)];
    await one.commit(suspend('lost'), []);
    const { version } = await other.load();
    const next = other.nextChange(version);
    // What the new primary holds: as many changes, one of them another.
    await server.ask(
      "update directory_suspension set subscription = 'web'; update directory_version set mark = ''",
      name,
    );
    assert.equal(await next, -1);
    const loaded = await other.load();
    assert.deepEqual([loaded.version, loaded.suspended], [version, ['web']]);
    // And then there is nothing new.
    const later = other.nextChange(version);
    await one.commit(suspend('later'), []);
    assert.equal(await later, version + 1);
  });

  test('is looked at again when the line that tells was down', async (context) => {
    const server = await postgresServer();
    const made = await server.createDatabase();
    const proxy = await startTcpProxy(server);
    const [one, other] = [await openAt(context, made.url), await openAt(context, made.url, made.urlAt(proxy.port))];
    context.after(() => proxy.close());
    const { version } = await other.load();
    const next = other.nextChange(version);
    proxy.cut();
    // Committed while nobody could be told.
    await one.commit(suspend('web'), []);
    proxy.restore();
    assert.equal(await next, version + 1);
  });

  test('gives a name to one of those that ask for it at once, and numbers the trail without gaps', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => openAt(context, url)));
    const results = await Promise.all(
      stores.flatMap((store, at) => [
        store.commit(product(at), [entry(`product/${at}`)]),
        store.commit(suspend(`subscription-${at}`), [entry(`subscription/${at}`)]),
      ]),
    );
    assert.equal(results.filter((one) => one === 'committed').length, 5);
    assert.equal(results.filter((one) => one === 'name-taken').length, 3);
    const [store] = stores;
    const trail = (await store?.auditTrail({ before: null, limit: 20 })) ?? [];
    assert.deepEqual(
      trail.map((one) => one.id),
      [5, 4, 3, 2, 1],
    );
  });
});
