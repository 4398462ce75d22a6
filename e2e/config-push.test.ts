// `tollgate config push` and `diff`, as somebody who is signed in with what the environment has, into the twin's App Configuration
// under a name of Azure's; and a gateway that must never take over half of it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '../twin/src/server.ts';
import { azureNames } from '../gateway/test/support/azure-names.ts';
import { runCli, type Ran } from '../cli/test/support/run-cli.ts';

const signIn = {
  AZURE_TENANT_ID: '7a0f1c00-0000-4000-8000-000000000001',
  AZURE_CLIENT_ID: '7a0f1c00-0000-4000-8000-00000000ca11',
  AZURE_CLIENT_SECRET: 'twin-client-secret',
};

const whole = (level: string, endpoints = ['weu']): string =>
  JSON.stringify(
    {
      organisation: 'contoso',
      log: { level },
      endpoints: Object.fromEntries(
        endpoints.map((name) => [
          name,
          {
            resource: `https://${name}.openai.azure.com`,
            region: 'westeurope',
            deployment: 'gpt-5.4-mini',
            model: 'gpt-5.4-mini',
            type: 'GlobalStandard',
            auth: 'managed-identity',
          },
        ]),
      ),
      models: { 'gpt-5.4-mini': { tiers: [endpoints] } },
    },
    null,
    1,
  );

interface Place {
  readonly twin: RunningTwin;
  readonly file: string;
  readonly write: (text: string) => void;
  readonly run: (verb: 'push' | 'diff', ...more: readonly string[]) => Promise<Ran>;
  /** Writes that the store has had since the last time. */
  readonly writes: () => readonly string[];
}

async function placeFor(context: TestContext): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-push-'));
  const twin = await startTwin({ securePort: 0 });
  const { store } = azureNames(twin);
  Object.assign(process.env, signIn, { AZURE_AUTHORITY_HOST: twin.secureUrl });
  context.after(async () => {
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  const file = path.join(folder, 'tollgate.yaml');
  const values = twin.azure.appConfiguration;
  const written: string[] = [];
  const handle = values.handle.bind(values);
  values.handle = async (request, response) => {
    const { method = '', url = '' } = request;
    if (method === 'PUT' || method === 'DELETE')
      written.push(`${method} ${decodeURIComponent(url.replace(/^.kv.|[?].*$/g, ''))}`);
    return await handle(request, response);
  };
  return {
    twin,
    file,
    write: (text) => writeFileSync(file, text),
    run: async (verb, ...more) =>
      await runCli(['config', verb, file, '--store', store, ...more], { PATH: process.env['PATH'] }),
    writes: () => written.splice(0),
  };
}

suite('config push', () => {
  test('writes what is not there, then only what is different, and deletes what has gone; the sentinel first and last', async (context) => {
    const { twin, write, run, writes } = await placeFor(context);
    const values = twin.azure.appConfiguration;
    values.set({
      key: '.appconfig.featureflag/tollgate.endpoints.swc',
      value: '{"enabled":true}',
      contentType: 'application/vnd.microsoft.appconfig.ff+json',
    });
    write(whole('info'));
    const dry = await run('push', '--dry-run');
    assert.equal(dry.status, 0, dry.err);
    assert.match(dry.out, /^would be added tollgate:endpoints$/m);
    assert.deepEqual(writes(), []);
    const first = await run('push', '--json');
    assert.equal(first.status, 0, first.err);
    assert.equal(JSON.parse(first.out).changes.length, 4);
    const order = writes();
    assert.deepEqual([order[0], order.at(-1), order.length], ['PUT tollgate:sentinel', 'PUT tollgate:sentinel', 6]);
    assert.doesNotMatch(values.valueOf('tollgate:sentinel') ?? '', /writing/);

    const again = await run('push');
    assert.deepEqual([again.status, again.out, writes()], [0, '', []]);
    assert.match(again.err, /nothing was written/);
    assert.equal((await run('diff')).status, 0);

    write(
      whole('debug').replace(
        '"organisation": "contoso",',
        '"organisation": "contoso", "keyVault": {"refreshEvery": "1m"},',
      ),
    );
    const diff = await run('diff');
    assert.equal(diff.status, 1);
    assert.match(diff.out, /^changed tollgate:log\n[^]*^- .*info[^]*^\+ .*debug/m);
    assert.equal((await run('push')).status, 0);
    assert.deepEqual(writes(), [
      'PUT tollgate:sentinel',
      'PUT tollgate:keyVault',
      'PUT tollgate:log',
      'PUT tollgate:sentinel',
    ]);
    write(whole('debug'));
    assert.match((await run('push')).out, /^deleted tollgate:keyVault$/m);
    assert.equal(values.valueOf('tollgate:keyVault'), undefined);
    assert.ok(values.valueOf('.appconfig.featureflag/tollgate.endpoints.swc'), 'flags are left alone');
  });

  test('of what the gateway would refuse writes nothing, and says what is wrong with it where', async (context) => {
    const { twin, write, run, writes } = await placeFor(context);
    write(whole('loud'));
    const alone = await run('push');
    assert.equal(alone.status, 1);
    assert.match(alone.err, /tollgate\.yaml:\d+:\d+.*log\.level[^]*Nothing was written/);
    // Good by itself, and not with what stands there without a label.
    write(whole('info'));
    twin.azure.appConfiguration.set({ key: 'tollgate:endpoints:weu', value: '{}' });
    const together = await run('push', '--label', 'prod');
    assert.equal(together.status, 1);
    assert.match(together.err, /the same stands in .*tollgate:endpoints/);
    assert.deepEqual(writes(), []);
  });

  test('with a label writes what is different there alone, and the check is of both together', async (context) => {
    const { twin, write, run } = await placeFor(context);
    write(whole('info'));
    assert.equal((await run('push')).status, 0);
    write('log: { level: debug }\n');
    const { status, out, err } = await run('push', '--label', 'prod');
    assert.deepEqual([status, out], [0, 'added tollgate:log\n'], err);
    assert.match(twin.azure.appConfiguration.valueOf('tollgate:log') ?? '', /info/);
    assert.match(twin.azure.appConfiguration.valueOf('tollgate:log', 'prod') ?? '', /debug/);
  });

  test('that is broken off leaves a sign that no gateway passes, and is completed by another', async (context) => {
    const { twin, write, run, writes } = await placeFor(context);
    const values = twin.azure.appConfiguration;
    write(whole('info'));
    await run('push');
    write(whole('debug', ['weu', 'swc']));
    // Somebody changes a key in the portal once the push has begun.
    const handle = values.handle.bind(values);
    values.handle = async (request, response) => {
      if (request.method === 'PUT' && (request.url ?? '').includes('sentinel'))
        values.set({ key: 'tollgate:log', value: 'level: warn' });
      return await handle(request, response);
    };
    const broken = await run('push');
    values.handle = handle;
    assert.equal(broken.status, 1);
    assert.match(broken.err, /412[^]*holds a part of this push[^]*--take-over/);
    assert.match(values.valueOf('tollgate:sentinel') ?? '', /^writing /);
    assert.match(values.valueOf('tollgate:log') ?? '', /warn/, "the other's change is not lost");
    writes();
    const refused = await run('push');
    assert.equal(refused.status, 1);
    assert.match(refused.err, /Somebody else is writing/);
    assert.deepEqual(writes(), []);
    const completed = await run('push', '--take-over');
    assert.equal(completed.status, 0, completed.err);
    assert.doesNotMatch(values.valueOf('tollgate:sentinel') ?? '', /writing/);
    assert.match(values.valueOf('tollgate:log') ?? '', /debug/);
  });

  test('of two at once one comes to its end, and the other says that it did not', async (context) => {
    const { twin, write, run } = await placeFor(context);
    const values = twin.azure.appConfiguration;
    // Both have read what is there before either writes.
    const handle = values.handle.bind(values);
    const ready = Promise.withResolvers<void>();
    let writing = 0;
    values.handle = async (request, response) => {
      if (request.method === 'PUT' && (request.url ?? '').includes('sentinel')) writing += 1;
      if (writing === 2) ready.resolve();
      if (request.method === 'PUT') await ready.promise;
      return await handle(request, response);
    };
    write(whole('info'));
    const both = await Promise.all([run('push'), run('push')]);
    assert.deepEqual(
      both.map(({ status }) => status).toSorted((a, b) => a - b),
      [0, 1],
      both.map(({ err }) => err).join(),
    );
    assert.equal((await run('diff')).status, 0);
  });

  test('says what is missing: a store, a role', async (context) => {
    const { twin, file, write, run } = await placeFor(context);
    write(whole('info'));
    assert.equal((await runCli(['config', 'diff', file])).status, 2);
    assert.equal((await runCli(['config', 'diff', file, '--store', 'https://azconfig.io.example.org'])).status, 2);
    assert.equal((await run('diff', '--label', 'a,b')).status, 2);
    twin.azure.addFault({ service: 'app-configuration', operation: 'set', kind: 'status', status: 403, times: null });
    const { status, err } = await run('push');
    assert.equal(status, 1);
    assert.match(err, /App Configuration Data Owner/);
  });
});
