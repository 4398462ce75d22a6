// What `doctor` finds: as a process of its own, against the twin over TLS, and real servers behind doors that take its tokens.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { entraPostgres, entraRedis, makeRole } from '../support/entra-doors.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { authorityOfTests, redisOrSkip, startRedis } from '../support/redis-server.ts';

const main = path.join(import.meta.dirname, '../../src/doctor.ts');
const namesPreload = path.join(import.meta.dirname, '../support/azure-names-preload.ts');
const usageTable = readFileSync(path.join(import.meta.dirname, '../../../infra/data/usage-table.json'), 'utf8');
const { columns } = JSON.parse(usageTable) as { columns: { name: string; type: 'string' }[] };
const workspace = '7a0f1c00-0000-4000-8000-0000000000aa';
const tenant = '7a0f1c00-0000-4000-8000-000000000001';
const stream = 'Custom-TollgateUsage_CL';

interface Finding {
  readonly check: string;
  readonly outcome: string;
  readonly detail: string;
  readonly fix?: string;
}

interface Run {
  readonly status: number;
  readonly findings: readonly Finding[];
  readonly output: string;
  /** What is found of one check, or the first whose name begins so. */
  readonly of: (check: string) => Finding;
}

interface Place {
  readonly twin: RunningTwin;
  readonly doctor: (
    config: string,
    more?: { readonly args?: readonly string[]; readonly env?: object },
  ) => Promise<Run>;
}

async function setUp(context: TestContext): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-doctor-'));
  const caFile = path.join(folder, 'ca.pem');
  const twin = await startTwin({
    securePort: 0,
    caFile,
    logs: { 'dcr-1': { [stream]: { columns } } },
    workspace: { id: workspace },
  });
  context.after(async () => {
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  return {
    twin,
    async doctor(config, { args = [], env = {} } = {}) {
      const file = path.join(folder, 'tollgate.yaml');
      writeFileSync(file, config);
      const all = [main, '--config', file, '--data', path.join(folder, 'data'), '--json', ...args];
      const environment = {
        ...process.env,
        NODE_EXTRA_CA_CERTS: caFile,
        IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
        IDENTITY_HEADER: 'twin-identity-header',
        TEST_WRONG_KEY: 'wrong-key-of-the-test',
        ...env,
      };
      const { status, stdout, stderr } = await new Promise<{ status: number; stdout: string; stderr: string }>(
        (resolve) => {
          execFile(process.execPath, all, { env: environment }, (error, out, err) => {
            resolve({ status: Number(error?.code ?? 0), stdout: out, stderr: err });
          });
        },
      );
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      const of = (check: string): Finding => {
        const found = findings.find((one) => one.check.startsWith(check));
        assert.ok(found !== undefined, `nothing is said of ${check}: ${stdout}`);
        return found;
      };
      return { status, findings, output: stdout + stderr, of };
    },
  };
}

/** `url`: of the twin over TLS. */
const endpoint = (url: string, changes = ''): string =>
  `{ resource: '${url}/contoso-weu', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: managed-identity${changes} }`;

const logsAt = (url: string, more = ''): string =>
  `logAnalytics: { endpoint: '${url}', rule: dcr-1, workspace: ${workspace}, queryEndpoint: '${url}'${more} }`;

function configOf(url: string, { ledger = '', more = '' } = {}): string {
  return `
organisation: contoso
endpoints: { weu: ${endpoint(url)} }
models: { gpt-5.4-mini: { tiers: [[weu]] } }
entra:
  tenants: [${tenant}]
  audiences: [api://tollgate]
  authority: '${url}'
  callers: [{ claims: { oid: somebody }, subscriptionHeader: x-tollgate-subscription }]
ledger: { backlog: { bytes: 1MiB }${ledger === '' ? '' : `, ${ledger}`} }
${more}`;
}

const isToken = /eyJ[\w-]{10,}/;

test('where everything is well, it says so, spends nothing, and has read its row back', async (context) => {
  const { twin, doctor } = await setUp(context);
  const { status, findings, output } = await doctor(
    configOf(twin.secureUrl ?? '', { ledger: logsAt(twin.secureUrl ?? '') }),
  );
  const troubles = findings.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'skipped');
  assert.deepEqual([status, troubles], [0, []]);
  assert.deepEqual(
    findings.filter(({ outcome }) => outcome === 'ok').map(({ check }) => check),
    [
      'configuration',
      'data folder',
      'prices',
      'token ai.azure.com',
      'token monitor.azure.com',
      'token api.loganalytics.io',
      'endpoint weu',
      'Log Analytics, write',
      'Log Analytics, read',
      `callers' tokens, tenant ${tenant}`,
      'clock',
    ],
  );
  assert.equal(twin.usage().total.outputTokens, 0, 'nothing is generated');
  const [row] = twin.azure.logs.rows(stream);
  assert.deepEqual([row?.['Outcome'], row?.['InputTokens']], ['doctor', undefined]);
  assert.doesNotMatch(output, isToken);
});

test('one small call is made where that is asked for', async (context) => {
  const { twin, doctor } = await setUp(context);
  const { status, of } = await doctor(configOf(twin.secureUrl ?? ''), { args: ['--call'] });
  assert.equal(status, 0);
  assert.match(of('endpoint weu').detail, /a chat\.completions call was answered in \d+ ms, \d+ tokens/);
  assert.ok(twin.usage().total.outputTokens > 0);
});

const wrongs: readonly {
  readonly what: string;
  /** In the place of the endpoint's. */
  readonly change: (url: string, twin: RunningTwin) => string;
  readonly says: RegExp;
  readonly fix: RegExp;
}[] = [
  {
    what: 'a host that is none',
    change: () => endpoint('https://nowhere.invalid'),
    says: /no such host/,
    fix: /private DNS zone/,
  },
  {
    what: 'a port where nobody listens',
    change: () => endpoint('https://localhost:2'),
    says: /nothing listens/,
    fix: /port/,
  },
  {
    what: 'a deployment that is not there',
    change: (url) => endpoint(url).replace('deployment: gpt-5.4-mini', 'deployment: gpt-none'),
    says: /has no deployment 'gpt-none'/,
    fix: /correct `deployment`/,
  },
  {
    what: 'a wrong key',
    change: (url) => endpoint(url).replace('managed-identity', "{ key: '${TEST_WRONG_KEY}' }"),
    says: /answers 401/,
    fix: /The key is wrong/,
  },
  {
    what: 'an identity that the resource does not let in',
    change: (url, twin) => {
      twin.azure.addFault({ service: 'identity', kind: 'wrong-audience', times: null });
      return endpoint(url);
    },
    says: /answers 401/,
    fix: /Cognitive Services OpenAI User/,
  },
  {
    what: 'no token',
    change: (url, twin) => {
      twin.azure.addFault({ service: 'identity', kind: 'status', status: 400, times: null });
      return endpoint(url);
    },
    says: /no token/,
    fix: /See the token/,
  },
];
for (const { what, change, says, fix } of wrongs)
  test(`tells ${what} from everything else`, async (context) => {
    const { twin, doctor } = await setUp(context);
    const url = twin.secureUrl ?? '';
    const { status, of, output } = await doctor(configOf(url).replace(endpoint(url), change(url, twin)));
    const found = of('endpoint weu');
    assert.deepEqual([status, found.outcome], [1, 'failed']);
    assert.match(found.detail, says);
    assert.match(found.fix ?? '', fix);
    assert.doesNotMatch(output, /wrong-key-of-the-test/);
    assert.doesNotMatch(output, isToken);
  });

test('tells what Log Analytics has against it, and does not wait where it is told not to', async (context) => {
  const { twin, doctor } = await setUp(context);
  const url = twin.secureUrl ?? '';
  const fixOf = async (ledger: string, args: readonly string[] = ['--no-wait']) => {
    const { of } = await doctor(configOf(url, { ledger }), { args });
    const [write, read] = [of('Log Analytics, write'), of('Log Analytics, read')];
    return `${write.outcome} ${write.fix ?? ''} | ${read.outcome} ${read.detail} ${read.fix ?? ''}`;
  };
  assert.match(await fixOf(logsAt(url).replace('dcr-1', 'dcr-2')), /failed No such rule.* \| skipped/);
  assert.match(await fixOf(logsAt(url, ', scope: https://vault.azure.net/.default')), /failed .*Metrics Publisher/);
  assert.match(
    await fixOf(logsAt(url, ', queryScope: https://vault.azure.net/.default')),
    /ok {2}\| failed .*Data Reader/,
  );
  assert.match(await fixOf(logsAt(url).replace(workspace, tenant)), /ok {2}\| failed .*There is no workspace/);
  assert.match(await fixOf(logsAt(url)), /ok {2}\| (ok|skipped)/);
});

test('a store of the configuration that is away is told, with what is used instead', async (context) => {
  const { twin, doctor } = await setUp(context);
  const { port } = new URL(twin.secureUrl ?? '');
  const env = {
    TOLLGATE_APP_CONFIGURATION: `https://contoso.azconfig.io:${port}`,
    NODE_OPTIONS: `--import=${namesPreload}`,
  };
  const text = configOf(twin.secureUrl ?? '');
  twin.azure.appConfiguration.set({ key: 'tollgate', value: text, contentType: 'application/yaml' });
  const fromStore = await doctor(text, { env });
  assert.match(fromStore.of('configuration').detail, /contoso\.azconfig\.io:\d+: 1 endpoint,/);
  assert.equal(fromStore.status, 0, fromStore.output);
  twin.azure.addFault({ service: 'app-configuration', kind: 'status', status: 403, times: null });
  const refused = await doctor(text, { env });
  const told = refused.findings.filter(({ check, outcome }) => check === 'configuration' && outcome !== 'ok');
  assert.match(JSON.stringify(told), /App Configuration Data Reader/);
});

test('a configuration that is wrong is told whole, and nothing else is looked at but the folder', async (context) => {
  const { doctor } = await setUp(context);
  const { status, findings } = await doctor('organisation: contoso\nledger: { durability: maybe }\nendpoint: {}\n');
  assert.equal(status, 1);
  assert.equal(findings.filter(({ check, outcome }) => check === 'configuration' && outcome === 'failed').length, 2);
  assert.deepEqual(
    findings.slice(-2).map(({ check, outcome }) => `${check} ${outcome}`),
    ['data folder ok', 'everything else skipped'],
  );
});

test(
  'PostgreSQL and Redis are looked at by token, and what is missing is named',
  { ...orSkip, ...redisOrSkip },
  async (context) => {
    const { twin, doctor } = await setUp(context);
    const postgres = await postgresServer();
    const { name, superuserUrl } = await postgres.createDatabase();
    const database = await entraPostgres(twin, superuserUrl);
    const server = await startRedis();
    const door = await entraRedis(twin, server, () => Date.now());
    context.after(async () => {
      await Promise.all([database.close(), door.close()]);
      await server.close();
    });
    const authorityFile = path.join(mkdtempSync(path.join(tmpdir(), 'tollgate-doctor-ca-')), 'servers.pem');
    writeFileSync(authorityFile, authorityOfTests());
    const config = configOf(twin.secureUrl ?? '', {
      ledger: `store: { postgres: { url: '\${TEST_DATABASE}', identity: managed-identity, certificateAuthority: { file: '${authorityFile}' } } }`,
      more: `counters: { redis: { url: '\${TEST_REDIS}', identity: managed-identity, certificateAuthority: { file: '${authorityFile}' } } }`,
    });
    const env = {
      TEST_DATABASE: `postgres://id-tollgate@localhost:${postgres.port}/${name}?sslmode=verify-full`,
      TEST_REDIS: door.url,
    };
    const clientId = '7a0f1c00-0000-4000-8000-000000001d01';
    const { oid } = twin.azure.issuer.read(twin.azure.token({ clientId, audience: 'any' })) ?? {};
    const objectId = typeof oid === 'string' ? oid : '';

    const strangers = await doctor(config.replaceAll(`, certificateAuthority: { file: '${authorityFile}' }`, ''), {
      env,
    });
    for (const check of ['PostgreSQL', 'Redis']) {
      assert.match(strangers.of(check).detail, /certificate/);
      assert.match(strangers.of(check).fix ?? '', /certificateAuthority/);
    }

    const before = await doctor(config, { env });
    assert.equal(before.status, 1);
    assert.match(before.of('PostgreSQL').fix ?? '', /pgaadauth_create_principal/);
    assert.match(before.of('Redis').fix ?? '', new RegExp(`access policy.*${objectId}`));

    await makeRole(superuserUrl, 'id-tollgate');
    database.roles.set('id-tollgate', { objectId });
    door.assigned.add(objectId);
    const after = await doctor(config, { env });
    assert.deepEqual(
      [after.of('PostgreSQL').outcome, after.of('Redis').outcome, after.status],
      ['ok', 'ok', 0],
      after.output,
    );
    assert.match(after.of('PostgreSQL').detail, /as id-tollgate; its tables are made when a gateway starts/);
    assert.match(after.of('Redis').detail, /scripts run, nothing is evicted/);
    assert.doesNotMatch(before.output + after.output, isToken);
  },
);
