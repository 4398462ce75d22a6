// A store of key values, read with Microsoft's client from the twin's App Configuration under a name of Azure's.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { lastGoodFile } from '#adapters/app-configuration/last-good.ts';
import { AppConfigurationStore } from '#adapters/app-configuration/store.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { azureNames } from '../support/azure-names.ts';
import { ManualClock } from '../support/manual-clock.ts';

const scope = 'https://azconfig.io/.default';

interface Place {
  readonly twin: RunningTwin;
  readonly store: AppConfigurationStore;
}

async function storeFor(context: TestContext, audience = 'https://azconfig.io'): Promise<Place> {
  const twin = await startTwin({ securePort: 0 });
  context.after(async () => await twin.close());
  const tokens = { name: 'test', token: () => twin.azure.token({ audience }), insteadOf: async () => undefined };
  const target = { endpoint: azureNames(twin).store, label: 'prod', scope };
  return { twin, store: new AppConfigurationStore(target, { tokens, clock: new ManualClock() }) };
}

suite('a store of App Configuration', () => {
  test('gives our key values and flags, of the label and without one, over all pages', async (context) => {
    const { twin, store } = await storeFor(context);
    const { appConfiguration: values } = twin.azure;
    for (let at = 0; at < 205; at += 1) values.set({ key: `tollgate:models:m${at}`, value: '{}' });
    values.set({ key: 'tollgate:log', label: 'prod', value: 'level: debug', contentType: 'text/yaml' });
    values.set({ key: 'tollgate:log', label: 'test', value: 'level: warn' });
    values.set({ key: 'others', value: 'x' });
    values.set({ key: '.appconfig.featureflag/tollgate.endpoints.weu', value: '{}' });
    values.set({ key: '.appconfig.featureflag/beta', value: '{}' });
    const { keyValues } = await store.read();
    assert.equal(keyValues.length, 207);
    assert.deepEqual(
      keyValues.find(({ key }) => key === 'tollgate:log'),
      { key: 'tollgate:log', label: 'prod', value: 'level: debug', contentType: 'text/yaml' },
    );
  });

  test('knows whether it holds something else by ETags alone: changed, added, taken out, another flag', async (context) => {
    const { twin, store } = await storeFor(context);
    const { appConfiguration: values } = twin.azure;
    for (let at = 0; at < 101; at += 1) values.set({ key: `tollgate:models:m${at}`, value: '{}' });
    const changes: readonly (() => void)[] = [
      () => values.set({ key: 'tollgate:models:m99', value: '{a: 1}' }),
      () => values.set({ key: 'tollgate:new', label: 'prod', value: '1' }),
      () => void values.remove('tollgate:models:m0'),
      () => void values.remove('tollgate:models:m1'),
      () => values.set({ key: '.appconfig.featureflag/tollgate.endpoints.weu', value: '{}' }),
    ];
    for (const change of changes) {
      const { version } = await store.read();
      assert.equal(await store.hasChanged(version), false);
      values.set({ key: 'of others', value: String(Math.random()) });
      assert.equal(await store.hasChanged(version), false, 'keys of others do not count');
      change();
      assert.equal(await store.hasChanged(version), true);
    }
    assert.ok((values.reads[304] ?? 0) > 10);
  });

  test('with a sentinel, key values count when that has changed; flags count at once', async (context) => {
    const { twin, store } = await storeFor(context);
    const { appConfiguration: values } = twin.azure;
    values.set({ key: 'tollgate', value: 'a: 1' });
    values.set({ key: 'tollgate:sentinel', value: '1' });
    const { version } = await store.read();
    values.set({ key: 'tollgate', value: 'a: 2' });
    assert.equal(await store.hasChanged(version), false, 'half of a change is not looked at');
    values.set({ key: 'tollgate:sentinel', value: '2' });
    assert.equal(await store.hasChanged(version), true);
    const { version: second } = await store.read();
    values.set({ key: '.appconfig.featureflag/tollgate.endpoints.weu', value: '{}' });
    assert.equal(await store.hasChanged(second), true);
    const { version: third } = await store.read();
    values.remove('tollgate:sentinel');
    assert.equal(await store.hasChanged(third), true, 'a sentinel that is gone');
  });

  test('a sentinel that is added under the label counts beside the one without', async (context) => {
    const { twin, store } = await storeFor(context);
    const { appConfiguration: values } = twin.azure;
    values.set({ key: 'tollgate:sentinel', value: '1' });
    const { version } = await store.read();
    values.set({ key: 'tollgate:sentinel', label: 'prod', value: '1' });
    assert.equal(await store.hasChanged(version), true);
    const { version: second } = await store.read();
    values.set({ key: 'tollgate:sentinel', value: '2' });
    assert.equal(await store.hasChanged(second), true, 'nor does the label hide it');
  });

  for (const changesFor of [1, 100])
    test(`that changes between two pages is read anew, up to three times; it changes ${changesFor} times`, async (context) => {
      const { twin, store } = await storeFor(context);
      const { appConfiguration: values } = twin.azure;
      const write = (value: string): void => {
        for (const name of ['a', 'z']) values.set({ key: `tollgate:${name}`, value });
      };
      write('0');
      for (let at = 0; at < 120; at += 1) values.set({ key: `tollgate:models:m${at}`, value: '{}' });
      const list = values.handle.bind(values);
      let changes = 0;
      values.handle = async (request, response) => {
        const isSecondPage = request.method === 'GET' && (request.url ?? '').includes('after=');
        if (isSecondPage && changes < changesFor) write(String((changes += 1)));
        return await list(request, response);
      };
      if (changesFor > 1) {
        const error: unknown = await store.read().catch((thrown: unknown) => thrown);
        assert.match(store.failureOf(error).problem, /changes while it is read/);
        return;
      }
      const { keyValues } = await store.read();
      const seen = keyValues.filter(({ key }) => /^tollgate:[az]$/.test(key)).map(({ value }) => value);
      assert.deepEqual(seen, ['1', '1']);
    });

  test('that holds far too much says so, and is not asked again at once', async (context) => {
    const { twin, store } = await storeFor(context);
    for (let at = 0; at <= 10_000; at += 1) twin.azure.appConfiguration.set({ key: `tollgate:m${at}`, value: '' });
    const error: unknown = await store.read().catch((thrown: unknown) => thrown);
    const { problem, mayPass } = store.failureOf(error);
    assert.match(problem, /more than 10000 key values/);
    assert.equal(mayPass, false);
  });

  for (const [what, fault, expected] of [
    ['no role', { kind: 'status', status: 403 }, /403.*App Configuration Data Reader/],
    ['throttled', { kind: 'status', status: 429, retryAfterMs: 1500 }, /the store answers 429/],
    ['away', { kind: 'reset' }, /cannot be reached/],
    ['no JSON', { kind: 'malformed' }, /./],
  ] as const)
    test(`that cannot be asked says why, and what to do: ${what}`, async (context) => {
      const { twin, store } = await storeFor(context);
      twin.azure.addFault({ service: 'app-configuration', ...fault, times: null });
      const error = await store.read().then(
        () => assert.fail('it was read'),
        (thrown: unknown) => thrown,
      );
      const { problem, fix, waitMs } = store.failureOf(error);
      assert.match(`${problem} ${fix}`, expected);
      if (what === 'throttled') assert.equal(waitMs, 1500);
    });

  test('does not take a token for somebody else', async (context) => {
    const { store } = await storeFor(context, 'https://vault.azure.net');
    await assert.rejects(store.read(), (error) =>
      /does not take the gateway's token/.test(store.failureOf(error).problem),
    );
  });
});

function fileFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-copy-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'data/app-configuration.json');
}

suite('the copy of what was in force last', () => {
  const keyValues = [{ key: 'tollgate', label: null, value: 'a: 1', contentType: '' }];
  const of = { endpoint: 'https://contoso.azconfig.io', label: 'prod' };

  test('is for its owner alone, and is read as it was written', async (context) => {
    const file = fileFor(context);
    const copy = lastGoodFile(file, of);
    assert.equal(await copy.read(), undefined);
    await copy.write([], 0);
    await copy.write(keyValues, Date.UTC(2026, 10, 25));
    assert.deepEqual(await copy.read(), { keyValues, savedAt: Date.UTC(2026, 10, 25) });
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('of another store or label, or a broken one, is none', async (context) => {
    const file = fileFor(context);
    await lastGoodFile(file, of).write(keyValues, 0);
    for (const other of [
      { ...of, label: null },
      { ...of, endpoint: 'https://fabrikam.azconfig.io' },
    ])
      assert.equal(await lastGoodFile(file, other).read(), undefined);
    const good = readFileSync(file, 'utf8');
    for (const broken of [
      good.slice(0, -9),
      good.replace('1970-01-01', 'yesterday'),
      good.replace('"a: 1"', '1'),
      '[]',
      '',
    ]) {
      writeFileSync(file, broken);
      assert.equal(await lastGoodFile(file, of).read(), undefined, broken);
    }
  });
});
