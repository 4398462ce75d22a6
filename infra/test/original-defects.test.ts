import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { asText } from '../../tools/bicep/values.ts';
import { checkSettings } from '../hooks/check-settings.mjs';
import { notices } from './support/checks.ts';
import { own } from './support/definitions.ts';
import { deployedGateway } from './support/deployed-gateway.ts';
import { at, listAt, made } from './support/problems.ts';
import { base, profiles } from './support/profiles.ts';
import { infraFolder, readInfra, repositoryRoot, snapshot } from './support/snapshot.ts';

/*
 * What was wrong with Azure/enterprise-azureai at 3e6c97f, from which this comes: one test each, which fails if it comes back.
 */
const files = readTemplates(infraFolder);
const templates = new TemplateSet(files);
const deploy = (name: string) => snapshot(templates, profiles.get(name) ?? {});
const models = JSON.parse(readInfra('data/models.json'));
const everything = templates.files.map((file) => files.get(file) ?? '').join('\n');

const image = (name: string): string =>
  asText(
    at(made(deploy(name), 'Microsoft.App/containerApps')[0]?.body, 'properties.template.containers.0.image') ?? '',
  );

/** The rule that notices it, when one file is changed so. */
function noticed(file: string, from: string | RegExp, to: string): string[] {
  const before = files.get(file) ?? '';
  const after = before.replace(from, () => to);
  assert.notEqual(after, before, `${file} does not hold what is replaced`);
  return notices('', new Map([...files, [file, after]]), own);
}

describe('the twelve defects', () => {
  test('1: no template is named after a service, which azd would deploy instead of the image', () => {
    assert.ok(!existsSync(path.join(infraFolder, 'gateway.bicep')));
    assert.deepEqual(globSync('*.bicep', { cwd: infraFolder }).toSorted(), ['main.bicep', 'resources.bicep']);
  });

  test('2: provisioning again keeps the image that runs, and the first one listens nowhere that is asked', () => {
    assert.match(image('again'), /properties\.template\.containers\[0\]\.image/);
    assert.match(image('quick'), /containerapps-helloworld/);
    assert.ok(
      noticed('resources.bicep', 'image: runningImage.outputs.image', 'image: placeholderImage').includes('image'),
    );
  });

  test('3: "false" is false: every switch is compared with a value, once, for every system', () => {
    assert.deepEqual(globSync('**/*.{sh,ps1}', { cwd: infraFolder }), []);
    assert.match(checkSettings({ ...base, USE_APIM: 'False' }, models).join(), /write true or false/);
    const bare = globSync('hooks/*.mjs', { cwd: infraFolder }).flatMap((file) =>
      [...readInfra(file).matchAll(/if \(!?(?:settings\.|process\.env\.)?(?:USE_\w+|NETWORK_ISOLATION)\)/g)].map(
        ([text]) => `${file}: ${text}`,
      ),
    );
    assert.deepEqual(bare, []);
  });

  test('4: a pipeline deploys: no signed-in user, no az, no question, its own kind of principal', () => {
    const hooks = globSync('hooks/*.mjs', { cwd: infraFolder }).map(readInfra).join('\n');
    assert.doesNotMatch(hooks, /signed-in-user|'az'|readline|prompt\(/);
    const kinds = made(deploy('again'), 'Microsoft.Authorization/roleAssignments')
      .filter(({ body }) => at(body, 'properties.principalId') === base['AZURE_PRINCIPAL_ID'])
      .map(({ body }) => at(body, 'properties.principalType'));
    assert.deepEqual(new Set(kinds), new Set(['ServicePrincipal']));
    assert.equal(
      made(deploy('nobody'), 'Microsoft.Authorization/roleAssignments').filter(
        ({ body }) => at(body, 'properties.principalType') === 'User',
      ).length,
      0,
    );
    assert.ok(
      noticed('core/host/registry.bicep', 'principalType: deployerPrincipalType', "principalType: 'User'").includes(
        'role',
      ),
    );
  });

  test('5: names of role assignments hold the role: two on one scope do not collide', () => {
    const names = made(deploy('full'), 'Microsoft.Authorization/roleAssignments').map(({ id }) => id);
    assert.equal(new Set(names).size, names.length);
    assert.ok(
      noticed(
        'core/host/registry.bicep',
        'guid(registry.id, gatewayPrincipalId, roles.acrPull.id)',
        'guid(registry.id, gatewayPrincipalId)',
      ).includes('role'),
    );
  });

  test('6: any number of regions, each with a name of its own; one that is named twice is refused, and would be one', () => {
    const same = snapshot(templates, { ...base, SECONDARY_OPENAI_LOCATION: 'swedencentral' });
    assert.equal(made(same, 'Microsoft.CognitiveServices/accounts').length, 1);
    assert.match(checkSettings({ ...base, SECONDARY_OPENAI_LOCATION: 'swedencentral' }, models).join(), /named twice/);
    const accounts = made(deploy('full'), 'Microsoft.CognitiveServices/accounts').map(({ name }) => name);
    assert.equal(new Set(accounts).size, 4);
    const { endpoints } = JSON.parse(deployedGateway(deploy('quick')).configuration);
    assert.ok(
      Object.values(endpoints).every((one) => JSON.stringify(one) !== '{}'),
      'no empty endpoint for a region that is not there',
    );
  });

  test('7: every deployment has its content filter attached, and what is described is used', () => {
    for (const { name, body } of made(deploy('full'), 'Microsoft.CognitiveServices/accounts/deployments'))
      assert.equal(at(body, 'properties.raiPolicyName'), 'tollgate-default', name);
    assert.ok(
      noticed('core/ai/account.bicep', '      raiPolicyName: deployment.contentFilter\n', '').includes(
        'content-filter',
      ),
    );
    assert.doesNotMatch(everything, /scaleSettings/);
  });

  test('8: zones are asked for only where somebody says that there are some', () => {
    assert.doesNotMatch(everything, /zones: \[\s*'1'/);
    assert.equal(
      at(made(deploy('isolated'), 'Microsoft.App/managedEnvironments')[0]?.body, 'properties.zoneRedundant'),
      false,
    );
    assert.equal(
      at(made(deploy('full'), 'Microsoft.App/managedEnvironments')[0]?.body, 'properties.zoneRedundant'),
      true,
    );
  });

  test('9: no address is no rule, and a vault has soft delete', () => {
    const [vault] = made(deploy('sealed'), 'Microsoft.KeyVault/vaults');
    assert.deepEqual(at(vault?.body, 'properties.networkAcls.ipRules'), []);
    assert.equal(at(vault?.body, 'properties.enableSoftDelete'), true);
    assert.match(checkSettings({ ...base, ALLOWED_IP_RANGES: ',' }, models).join(), /holds ''/);
  });

  test('10: one host has azd-service-name, and nothing else', () => {
    const tagged = deploy('full').resources.filter(({ body }) => at(body, 'tags.azd-service-name') !== undefined);
    assert.deepEqual(
      tagged.map(({ type }) => type),
      ['Microsoft.App/containerApps'],
    );
  });

  test('11: nothing is left lying about, and taking down deletes nothing whose name is empty', () => {
    assert.deepEqual(
      globSync('**/{.DS_Store,debug.txt,*.log}', {
        cwd: repositoryRoot,
        exclude: (name) => name.endsWith('node_modules') || name.endsWith('.git'),
      }),
      [],
    );
    assert.doesNotMatch(
      globSync('hooks/*.mjs', { cwd: infraFolder }).map(readInfra).join('\n'),
      /'DELETE'|\baz (ad|group delete)\b|\brm -/,
    );
  });

  test('12: streams are not held back: no bodies in diagnostics, no buffered reply', () => {
    const policy = readInfra('policies/api.xml');
    assert.match(policy, /<forward-request[^>]*buffer-response="false"/);
    for (const { body } of made(deploy('full'), 'Microsoft.ApiManagement/service/diagnostics'))
      for (const side of ['frontend', 'backend'])
        for (const way of ['request', 'response']) assert.equal(at(body, `properties.${side}.${way}.body.bytes`), 0);
  });
});

describe('the security weaknesses', () => {
  const weak: readonly (readonly [what: string, file: string, from: string | RegExp, to: string, rule: string])[] = [
    [
      'an admin user of the registry',
      'core/host/registry.bicep',
      'adminUserEnabled: false',
      'adminUserEnabled: true',
      'baseline',
    ],
    [
      'a registry that is public under isolation',
      'core/host/registry.bicep',
      "network.isolated && empty(allowedIpRanges) ? 'Disabled' : 'Enabled'",
      "'Enabled'",
      'isolation',
    ],
    [
      'keys of App Configuration',
      'core/config/app-configuration.bicep',
      'disableLocalAuth: true',
      'disableLocalAuth: false',
      'baseline',
    ],
    [
      'App Configuration open to the internet',
      'core/config/app-configuration.bicep',
      "network.isolated ? 'Disabled' : 'Enabled'",
      "'Enabled'",
      'isolation',
    ],
    [
      'a vault open to the internet',
      'core/security/key-vault.bicep',
      "defaultAction: network.isolated ? 'Deny' : 'Allow'",
      "defaultAction: 'Allow'",
      'isolation',
    ],
    [
      'the key of a cache beyond that of API Management',
      'core/cache/redis.bicep',
      "empty(entraPrincipals) ? 'Enabled' : 'Disabled'",
      "'Enabled'",
      'baseline',
    ],
    ['prompts in Application Insights', 'core/apim/service.bicep', 'bytes: 0', 'bytes: 8192', 'bodies'],
    [
      'addresses of callers in Application Insights',
      'core/apim/service.bicep',
      'logClientIp: false',
      'logClientIp: true',
      'baseline',
    ],
    ['subscriptions that may trace', 'core/apim/api.bicep', 'allowTracing: false', 'allowTracing: true', 'baseline'],
    [
      'subscriptions to all APIs',
      'core/apim/api.bicep',
      'scope: standard.id',
      "scope: '${service.id}/apis'",
      'subscription',
    ],
    [
      'errors in the headers of replies',
      'policies/api.xml',
      '<outbound>',
      '<outbound><set-header name="X-LastErrorMessage"><value>@(context.LastError.Message)</value></set-header>',
      'policy',
    ],
    [
      'a consumer whom anybody can name',
      'core/host/gateway-configuration.bicep',
      "oid: '\\${TOLLGATE_APIM_PRINCIPAL_ID}'",
      "tid: '\\${TOLLGATE_TENANT_ID}'",
      'origin',
    ],
    [
      'a private link scope that lets everything in',
      'core/monitor/private-link-scope.bicep',
      "ingestionAccessMode: 'PrivateOnly'",
      "ingestionAccessMode: 'Open'",
      'baseline',
    ],
    [
      'a subnet without rules',
      'core/network/network.bicep',
      '          networkSecurityGroup: {\n            id: endpointsRules.id\n          }\n',
      '',
      'subnet',
    ],
    [
      'keys read by listKeys',
      'core/ai/account.bicep',
      'output id string = account.id',
      'output id string = account.listKeys().key1',
      'keys-read',
    ],
  ];
  for (const [what, file, from, to, rule] of weak)
    test(`${what}: noticed`, () => {
      assert.ok(noticed(file, from, to).includes(rule), rule);
    });

  test('a secret that can be computed from public names: no secret is made here at all', () => {
    assert.doesNotMatch(everything, /(SECRET|PASSWORD|secret|password)['"]?:? *=? *uniqueString/);
    for (const name of profiles.keys())
      for (const variable of Object.keys(deployedGateway(deploy(name)).environment))
        assert.doesNotMatch(variable, /SECRET|PASSWORD|KEY$/);
  });

  test('the key of a caller is known under the name that clients use, and taken as nothing else', () => {
    const [api] = made(deploy('full'), 'Microsoft.ApiManagement/service/apis');
    assert.deepEqual(at(api?.body, 'properties.subscriptionKeyParameterNames'), {
      header: 'api-key',
      query: 'subscription-key',
    });
  });

  test('locks, a budget, alerts and policies are really deployed', () => {
    const full = deploy('full');
    for (const type of ['Microsoft.Authorization/locks', 'Microsoft.Consumption/budgets'])
      assert.equal(made(full, type).length, 1, type);
    assert.equal(made(full, 'Microsoft.Authorization/policyAssignments').length, 5);
    const alerts = made(full, 'Microsoft.Insights/scheduledQueryRules').map(({ name }) => name);
    assert.deepEqual(alerts.toSorted(), [
      'tollgate-batches',
      'tollgate-budget',
      'tollgate-ledger-backlog',
      'tollgate-quota',
      'tollgate-server-errors',
      'tollgate-silent',
      'tollgate-throttling',
      'tollgate-unpriced',
    ]);
    assert.equal(listAt(made(full, 'Microsoft.Insights/actionGroups')[0]?.body, 'properties.emailReceivers').length, 2);
  });
});
