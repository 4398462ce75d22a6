import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { runCli } from '../../../test/support/run-cli.ts';

const fixture = path.join(import.meta.dirname, '../../../test/fixtures/proxy-config.json');
const regions = ['--region', 'fabrikam-frc=francecentral', 'fabrikam-weu=westeurope', 'swedencentral'];
const told = ['--model', 'embeddings=text-embedding-3-small', '--type', 'GlobalStandard'];

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-imported-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

suite('config import', () => {
  test('makes routes of models, priorities of tiers, destinations of endpoints, and the gateway accepts it', async () => {
    const { status, out, err } = await runCli(['config', 'import', fixture, ...regions, ...told]);
    assert.equal(status, 0, err);
    const { models, endpoints, products } = parse(out);
    assert.deepEqual(models['gpt-5.4-mini'].tiers, [
      ['fabrikam-frc-gpt-5.4-mini', 'fabrikam-weu-gpt-5.4-mini'],
      ['fabrikam-swc-gpt-5.4-mini'],
    ]);
    assert.deepEqual(endpoints['fabrikam-frc-gpt-5.4-mini'], {
      resource: 'https://fabrikam-frc.openai.azure.com',
      region: 'francecentral',
      deployment: 'gpt-5.4-mini',
      model: 'gpt-5.4-mini',
      type: 'GlobalStandard',
      auth: 'managed-identity',
    });
    assert.equal(endpoints['fabrikam-swc-gpt-5.4-mini'].region, 'swedencentral', 'the one for all others');
    assert.equal(endpoints['fabrikam-weu-embeddings'].model, 'text-embedding-3-small');
    assert.deepEqual(products.standard.models, ['gpt-5.4-mini', 'embeddings']);
  });

  test('says everything that is not carried over, and what was assumed', async () => {
    const { err } = await runCli(['config', 'import', fixture, ...regions]);
    for (const line of [
      /logLevel: nothing here does what this does/,
      /routes\[2\] \(phi4\): type 'maas' is no Azure OpenAI/,
      /routes\[3\]\.timeout: nothing here/,
      /routes\[3\] \(broken\)\.endpoints\[0\]: it has no address/,
      /routes\[3\] \(broken\)\.endpoints\[1\]: it has no address/,
      /routes\[3\] \(broken\): it has no endpoint that can be used/,
      /routes\[4\]: it has no name/,
      /X-Consumer: the proxy believed that header of everybody/,
      /fabrikam-weu-embeddings: its model is 'embeddings', as the route is called/,
      /fabrikam-frc-gpt-5\.4-mini: its type is Standard/,
    ])
      assert.match(err, line);
  });

  test('a key becomes a reference, and is shown nowhere', async () => {
    const { out, err } = await runCli(['config', 'import', fixture, ...regions, ...told]);
    assert.equal(parse(out).endpoints['fabrikam-weu-embeddings'].auth.key, '${FABRIKAM_WEU_KEY}');
    assert.match(err, /To be set in the environment of the gateway:\n {2}FABRIKAM_WEU_KEY/);
    assert.ok(!`${out}${err}`.includes('a-key-in-clear'));
  });

  test('asks in which regions the resources are, all of them at once, and writes nothing', async () => {
    const { status, out, err } = await runCli(['config', 'import', fixture, '--region', 'fabrikam-frc=francecentral']);
    assert.equal(status, 2);
    assert.equal(out, '');
    assert.match(err, /--region fabrikam-swc=REGION\n.*--region fabrikam-weu=REGION/);
  });

  test('reads exports of the store: flat, nested, and as a list', async (context) => {
    const folder = folderFor(context);
    const routes = readFileSync(fixture, 'utf8');
    const stores = [
      { 'AzureAIProxy:ProxyConfig': routes, 'AzureMonitor:DataCollectionEndpoint': 'https://dce.example' },
      {
        AzureAIProxy: { ProxyConfig: JSON.parse(routes) },
        AzureMonitor: { DataCollectionEndpoint: 'https://dce.example' },
      },
      [
        { key: 'AzureAIProxy:ProxyConfig', value: routes, label: null },
        { key: 'AzureMonitor:DataCollectionEndpoint', value: 'https://dce.example', label: null },
      ],
    ];
    for (const [at, store] of stores.entries()) {
      const file = path.join(folder, `store-${at}.json`);
      writeFileSync(file, JSON.stringify(store));
      const { status, out, err } = await runCli(['config', 'import', file, ...regions, ...told]);
      assert.equal(status, 0, err);
      assert.deepEqual(Object.keys(parse(out).models), ['gpt-5.4-mini', 'embeddings']);
      assert.match(err, /AzureMonitor:DataCollectionEndpoint: the table of usage records has other columns here/);
      assert.ok(!err.includes('dce.example'), 'names alone');
    }
  });

  test('writes to a file, not over one that is there; as JSON with the report', async (context) => {
    const out = path.join(folderFor(context), 'tollgate.yaml');
    const first = await runCli(['config', 'import', fixture, ...regions, ...told, '--out', out]);
    assert.deepEqual([first.status, first.out], [0, '']);
    const written = readFileSync(out, 'utf8');
    assert.match(written, /^# Made from proxy-config\.json/);
    assert.equal((await runCli(['config', 'import', fixture, ...regions, '--out', out])).status, 2);
    assert.equal(readFileSync(out, 'utf8'), written);
    const { ok, yaml, variables, notCarried } = JSON.parse(
      (await runCli(['config', 'import', fixture, ...regions, ...told, '--json'])).out,
    );
    assert.deepEqual([ok, yaml, variables], [true, written, ['FABRIKAM_WEU_KEY']]);
    assert.ok(notCarried.length >= 8);
  });

  for (const [what, text] of [
    ['no JSON', '{'],
    ['JSON of something else', '{"a": 1}'],
    ['a list of something else', '[1]'],
  ] as const)
    test(`refuses ${what}, and says what it expects`, async (context) => {
      const file = path.join(folderFor(context), 'x.json');
      writeFileSync(file, text);
      const { status, err } = await runCli(['config', 'import', file]);
      assert.equal(status, 2);
      assert.match(err, /holds no routes of enterprise-azureai's proxy/);
    });

  test('what the gateway refuses is told, with status 1', async () => {
    const { status, err } = await runCli(['config', 'import', fixture, ...regions, '--type', 'Cheap']);
    assert.equal(status, 1);
    assert.match(
      err,
      /Refused by the check of the gateway:\n {2}tollgate\.yaml:\d+:\d+ endpoints\S*type: 'Cheap' is not one of/,
    );
  });
});
