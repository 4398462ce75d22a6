import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { documentOf } from '../../gateway/src/config/key-values.ts';
import { checkConfiguration } from '../../gateway/src/compose/gateway.ts';
import { storedOperations } from '../../gateway/src/model/stored-calls.ts';
import { targetOf } from '../../gateway/src/proxy/accept/operations.ts';
import { readSettings } from '../../gateway/src/settings.ts';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { asText } from '../../tools/bicep/values.ts';
import { deployedGateway, filledIn } from './support/deployed-gateway.ts';
import { at, listAt, made } from './support/problems.ts';
import { profiles } from './support/profiles.ts';
import { keyValuesOf } from './support/twin-of-templates.ts';
import { infraFolder, readInfra, repositoryRoot, snapshot } from './support/snapshot.ts';

const templates = new TemplateSet(readTemplates(infraFolder));
const services = readFileSync(path.join(repositoryRoot, 'docs/azure/services.md'), 'utf8');
const documented = [...services.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+)/gm)].flatMap(([, names = '']) =>
  [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
);

/** The container's environment with the quick start, and what else is set. */
const quickStart = (extra: Readonly<Record<string, string>>) =>
  deployedGateway(snapshot(templates, { ...profiles.get('quick'), ...extra })).environment;

describe('the configuration that the templates write', () => {
  for (const [name, environment] of profiles)
    test(`${name}: the gateway itself finds nothing wrong with it, and every variable it refers to is set`, () => {
      const deployed = deployedGateway(snapshot(templates, environment));
      const variables = Object.fromEntries(
        Object.entries(deployed.environment).map(([key, value]) => [key, filledIn(value)]),
      );
      const referred = [...deployed.configuration.matchAll(/\$\{([A-Z_]+)/g)].map(([, variable = '']) => variable);
      assert.deepEqual(
        referred.filter((variable) => !(variable in variables)),
        [],
      );

      const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-infra-'));
      try {
        const file = path.join(folder, path.basename(deployed.configurationPath));
        writeFileSync(file, filledIn(deployed.configuration));
        const settings = readSettings([], { ...variables, TOLLGATE_CONFIG: file, TOLLGATE_DATA: folder });
        assert.notEqual(settings, 'help');
        const { problems } = checkConfiguration(settings as Exclude<typeof settings, 'help'>);
        assert.deepEqual(problems, [], 'not even a warning');
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

  test('it is mounted where TOLLGATE_CONFIG looks, and TOLLGATE_DATA is on the volume', () => {
    for (const [name, environment] of profiles) {
      const deployed = deployedGateway(snapshot(templates, environment));
      assert.equal(deployed.environment['TOLLGATE_CONFIG'], deployed.configurationPath, name);
      assert.equal(deployed.environment['TOLLGATE_DATA'], deployed.dataFolder, name);
    }
  });

  test('what is written to App Configuration is the same configuration, in pieces that the service takes', () => {
    for (const [name, environment] of profiles) {
      const deployment = snapshot(templates, environment);
      const { configuration, environment: given } = deployedGateway(deployment);
      const keyValues = keyValuesOf(deployment);
      const followed = environment['FOLLOW_APP_CONFIGURATION'] === 'true' || keyValues.length > 0;
      assert.equal('TOLLGATE_APP_CONFIGURATION' in given, followed, name);
      if (keyValues.length === 0) continue;
      for (const { key, value } of keyValues) assert.ok(Buffer.byteLength(value) <= 10_000, `${name} ${key}`);
      const { value, problems } = documentOf(
        keyValues.map((one) => ({ ...one, label: null })),
        'contoso.azconfig.io',
      );
      assert.deepEqual(problems, [], name);
      assert.deepEqual(JSON.parse(JSON.stringify(value)), JSON.parse(configuration), name);
    }
  });

  test('a configuration that App Configuration would not take stays in the mounted file', () => {
    const many = Array.from({ length: 12 }, (_, n) => `region${n}`).join(',');
    const deployment = snapshot(templates, { ...profiles.get('quick'), ADDITIONAL_OPENAI_LOCATIONS: many });
    assert.deepEqual(keyValuesOf(deployment), []);
    assert.ok(!('TOLLGATE_APP_CONFIGURATION' in deployedGateway(deployment).environment));
  });

  test('another configuration is another revision: a secret alone would start none', () => {
    const { TOLLGATE_CONFIG_HASH: before } = quickStart({});
    assert.ok(before !== undefined);
    assert.equal(quickStart({ LOG_RETENTION_DAYS: '60' })['TOLLGATE_CONFIG_HASH'], before);
    assert.notEqual(quickStart({ STREAM_SECONDS: '901' })['TOLLGATE_CONFIG_HASH'], before);
  });

  test('probes and ingress use the port that the gateway is told, on paths that it serves', () => {
    const { environment, probes, targetPort } = deployedGateway(snapshot(templates, profiles.get('quick') ?? {}));
    assert.equal(String(targetPort), environment['TOLLGATE_PORT']);
    assert.deepEqual(
      probes.map(({ port }) => port),
      [targetPort, targetPort, targetPort],
    );
    const server = readFileSync(path.join(repositoryRoot, 'gateway/src/proxy/accept/server.ts'), 'utf8');
    for (const { path: served } of probes) assert.ok(server.includes(`'${served}'`), served);
  });

  test('every deployment that is made is an endpoint, with its model, type and region; and nothing else is', () => {
    for (const name of ['quick', 'full']) {
      const deployment = snapshot(templates, profiles.get(name) ?? {});
      const regions = new Map(
        made(deployment, 'Microsoft.CognitiveServices/accounts').map((one) => [one.name, one.body['location']]),
      );
      const deployed = made(deployment, 'Microsoft.CognitiveServices/accounts/deployments').map((one) => {
        const account = one.id.split('/').at(-3) ?? '';
        return [
          `https://${account}.openai.azure.com`,
          asText(regions.get(account) ?? ''),
          one.name,
          asText(at(one.body, 'properties.model.name') ?? ''),
          asText(at(one.body, 'sku.name') ?? ''),
        ].join(' ');
      });
      const { endpoints } = JSON.parse(deployedGateway(deployment).configuration);
      const configured = Object.values<Record<string, string>>(endpoints).map((one) =>
        ['resource', 'region', 'deployment', 'model', 'type'].map((member) => one[member]).join(' '),
      );
      assert.deepEqual(configured.toSorted(), deployed.toSorted(), name);
    }
  });

  test('provisioned deployments are the first tier of their model', () => {
    const { models } = JSON.parse(deployedGateway(snapshot(templates, profiles.get('full') ?? {})).configuration);
    const [first, second] = models['gpt-5.4-mini'].tiers;
    assert.ok(
      first.every((name: string) => name.startsWith('gpt-5.4-mini-ptu-')),
      String(first),
    );
    assert.equal(second.length, 4);
  });
});

test('every variable that the templates set is described in docs/azure/services.md', () => {
  const set = new Set(
    [...profiles.values()].flatMap((environment) =>
      Object.keys(deployedGateway(snapshot(templates, environment)).environment),
    ),
  );
  assert.deepEqual(
    [...set].filter((name) => !documented.includes(name)),
    [],
  );
});

/** Set by the templates although nothing of theirs reads it, each with the reason. */
const readByNothing: Readonly<Record<string, string>> = {
  TOLLGATE_TENANT_ID: 'for `entra`, which somebody may add to let callers in by their own tokens',
  TOLLGATE_CONFIG_HASH: 'changes with the configuration, so that a new revision starts',
};

test('every variable that the templates set is read: by the gateway, or by the configuration that it is given', () => {
  const sources = globSync('gateway/src/**/*.ts', { cwd: repositoryRoot, exclude: (name) => name.endsWith('.test.ts') })
    .map((file) => readFileSync(path.join(repositoryRoot, file), 'utf8'))
    .join('\n');
  for (const [name, environment] of profiles) {
    const { environment: set, configuration } = deployedGateway(snapshot(templates, environment));
    assert.deepEqual(
      Object.keys(set).filter(
        (one) =>
          !(one in readByNothing) && !new RegExp(`\\b${one}\\b`).test(sources) && !configuration.includes(`\${${one}}`),
      ),
      [],
      name,
    );
  }
});

const columnsOf = (value: ReturnType<typeof at>): string[] =>
  listAt(value, 'columns').map(
    (one) => `${asText(at(one, 'name') ?? '')} ${asText(at(one, 'type') ?? '').toLowerCase()}`,
  );

describe('the usage table', () => {
  const usage = JSON.parse(readInfra('data/usage-table.json'));

  test('the rule declares every column of the table, under the same type', () => {
    const deployed = snapshot(templates, profiles.get('full') ?? {});
    const [table] = made(deployed, 'Microsoft.OperationalInsights/workspaces/tables');
    const [rule] = made(deployed, 'Microsoft.Insights/dataCollectionRules');
    const [[stream, declared] = ['', null]] = Object.entries(at(rule?.body, 'properties.streamDeclarations') ?? {});
    assert.equal(stream, `Custom-${table?.name ?? ''}`);
    assert.deepEqual(columnsOf(declared), columnsOf(at(table?.body, 'properties.schema')));
    assert.equal(asText(at(rule?.body, 'properties.dataFlows.0.outputStream') ?? ''), stream);
  });

  test('no column has a name that Log Analytics keeps for itself', () => {
    const names = usage.columns.map(({ name }: { name: string }) => name.toLowerCase());
    assert.deepEqual(
      ['id', 'type', 'tenantid', '_resourceid', 'title', 'uniqueid'].filter((name) => names.includes(name)),
      [],
    );
    assert.equal(new Set(names).size, names.length);
  });

  test("it holds the original's columns, so that its queries go on working", () => {
    const names = usage.columns.map(({ name }: { name: string }) => name);
    for (const name of [
      'TimeGenerated',
      'Consumer',
      'Model',
      'ObjectType',
      'InputTokens',
      'OutputTokens',
      'TotalTokens',
      'RecordId',
      'EventTime',
    ])
      assert.ok(names.includes(name), name);
  });
});

test('roles.json says of every role who holds it, where and why; the guide names each', () => {
  const roles: Record<string, Record<string, string>> = JSON.parse(readInfra('roles.json'));
  for (const [key, role] of Object.entries(roles)) {
    for (const member of ['id', 'name', 'holder', 'scope', 'why'])
      assert.ok((role[member] ?? '').length > 3, `${key}.${member}`);
    assert.ok(
      readFileSync(path.join(repositoryRoot, 'docs/azure/architecture.md'), 'utf8').includes(role['name'] ?? '?'),
      `${role['name'] ?? ''} in docs/azure/architecture.md`,
    );
  }
});

test('a role is the one of its name: the ids of Azure, written down once more', () => {
  const ids: Readonly<Record<string, string>> = {
    AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
    AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec',
    'App Configuration Data Owner': '5ae67dd6-50cb-40e7-96ff-dc2bfa4b606b',
    'App Configuration Data Reader': '516239f1-63e1-4d78-a4de-a74fb236a071',
    'Cognitive Services OpenAI User': '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd',
    'Key Vault Secrets Officer': 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
    'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6',
    'Log Analytics Data Reader': '3b03c2da-16b3-4a49-8834-0f8130efdd3b',
    'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb',
  };
  const roles: Record<string, { name: string; id: string }> = JSON.parse(readInfra('roles.json'));
  for (const { name, id } of Object.values(roles)) assert.equal(id, ids[name], name);
});

test('the models that are deployed were not retired when the file was last looked at', () => {
  const { checkedOn, deployments, provisioned } = JSON.parse(readInfra('data/models.json'));
  for (const { name, retires } of [...deployments, ...provisioned])
    assert.ok(retires > checkedOn, `${name} retires on ${retires}`);
});

test('the API that is imported has every operation that the gateway serves, and no other', () => {
  const { paths } = JSON.parse(readInfra('data/azure-openai.openapi.json'));
  const imported = Object.entries<Record<string, object>>(paths).flatMap(([one, methods]) =>
    Object.keys(methods).map((method) => {
      const filled = one
        .replace('{id}', one.includes('conversations') ? 'conv_1' : 'resp_1')
        .replaceAll(/\{[^}]*\}/g, 'gpt');
      return targetOf(`/openai${filled}`, method.toUpperCase()).operation;
    }),
  );
  const metered = ['chat.completions', 'completions', 'embeddings', 'models.list', 'models.retrieve', 'responses'];
  assert.deepEqual([...new Set(imported)].toSorted(), [...metered, ...storedOperations].toSorted());
});
