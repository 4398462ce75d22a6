import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTwin, type RunningTwin } from '../../twin/src/server.ts';
import { askAzure } from '../hooks/check-azure.mjs';
import { checkSettings, retiring } from '../hooks/check-settings.mjs';
import { base, profiles } from './support/profiles.ts';
import { infraFolder, readInfra } from './support/snapshot.ts';

type Settings = Readonly<Record<string, string>>;
const front: Settings = { USE_APIM: 'true', TOLLGATE_APP_ID: 'x' };
const models = JSON.parse(readInfra('data/models.json'));
const subscription = '00000000-0000-4000-8000-000000000000';
const group = `/subscriptions/${subscription}/resourceGroups/rg-test/providers`;

/** A region with everything that `data/models.json` names, and so much left of one quota. */
const region = (left: number) => ({
  zones: false,
  models: [...models.deployments, ...models.provisioned].map(({ model, version, type }) => ({
    name: model,
    version,
    types: [type],
  })),
  quota: { 'OpenAI.GlobalStandard.gpt-5.4-mini': { used: 100 - left, limit: 100 } },
});

/** Providers of a subscription that nobody has deployed anything to. */
const neverUsed = ['ApiManagement', 'App', 'AppConfiguration', 'CognitiveServices', 'Consumption', 'KeyVault'].map(
  (name) => `Microsoft.${name}`,
);

/** A deployment as its account lists it. */
const deployed = ({ model, type, capacity }: { model: string; type: string; capacity: number }) => ({
  sku: { name: type, capacity },
  properties: { model: { name: model } },
});

/** As a virtual network lists it. */
const subnet = (name: string, addressPrefix: string, serviceName?: string) => ({
  name,
  properties: {
    addressPrefix,
    delegations: serviceName === undefined ? [] : [{ properties: { serviceName } }],
    networkSecurityGroup: { id: 'nsg' },
  },
});

/** The same, without its security group. */
function unguarded({ name, properties: { addressPrefix, delegations } }: ReturnType<typeof subnet>): object {
  return { name, properties: { addressPrefix, delegations } };
}

async function propertiesOf(address: string): Promise<unknown> {
  const reply = await fetch(`${address}?api-version=1`, { headers: { authorization: 'Bearer x' } });
  return JSON.parse(await reply.text()).properties;
}

const thisMonth = (): string => new Date().toISOString().slice(0, 7);

describe('settings that cannot work are refused, each with what to do', () => {
  const cases: readonly (readonly [what: string, settings: Settings, said: RegExp])[] = [
    ['no name', { AZURE_ENV_NAME: '' }, /AZURE_ENV_NAME is ''.*azd env new/],
    ['a name too long', { AZURE_ENV_NAME: 'x'.repeat(41) }, /1 to 40 letters/],
    ['no region', { AZURE_LOCATION: '' }, /AZURE_LOCATION is not set/],
    ['a switch that is neither', { USE_APIM: 'yes' }, /USE_APIM is 'yes': write true or false/],
    ['two regions that are the same', { SECONDARY_OPENAI_LOCATION: 'swedencentral' }, /swedencentral is named twice/],
    ['a region in its long form', { SECONDARY_OPENAI_LOCATION: 'West Europe' }, /'West Europe' is no region/],
    ['an empty address', { ALLOWED_IP_RANGES: '203.0.113.7,' }, /ALLOWED_IP_RANGES holds ''/],
    ['an address that is none', { DEPLOYER_IP: 'fe80::1' }, /DEPLOYER_IP holds 'fe80::1'/],
    ['a network too small', { NETWORK_ISOLATION: 'true', VIRTUAL_NETWORK_PREFIX: '10.0.0.0/26' }, /need a \/23/],
    [
      'an account without a region',
      { EXISTING_OPENAI_ACCOUNTS: `${group}/Microsoft.CognitiveServices/accounts/a` },
      /followed by @ and its region/,
    ],
    [
      'a network that nothing would use',
      { EXISTING_VIRTUAL_NETWORK_ID: `${group}/Microsoft.Network/virtualNetworks/v` },
      /NETWORK_ISOLATION is not true/,
    ],
    [
      'replicas that share nothing',
      { MAX_REPLICAS: '3' },
      /MAX_REPLICAS is 3, but not true: NETWORK_ISOLATION, USE_POSTGRES, USE_REDIS/,
    ],
    ['no range of replicas', { MIN_REPLICAS: '3' }, /MIN_REPLICAS 3 and MAX_REPLICAS 1 are no range/],
    ['PostgreSQL in the open', { USE_POSTGRES: 'true' }, /USE_POSTGRES needs NETWORK_ISOLATION=true/],
    [
      'a call that outlasts the ingress',
      { REQUEST_SECONDS: '600' },
      /the ingress cuts it after 240 s: lower it and let long calls be streamed \(STREAM_SECONDS\), or raise REQUEST_IDLE_MINUTES/,
    ],
    [
      'a call that outlasts API Management and Front Door',
      { ...front, USE_WAF: 'true', REQUEST_SECONDS: '600' },
      /API Management and Front Door cuts it after 240 s: lower it and let long calls be streamed \(STREAM_SECONDS\)\.$/,
    ],
    [
      'premium ingress behind API Management, which gives up earlier',
      { ...front, REQUEST_IDLE_MINUTES: '20', REQUEST_SECONDS: '900' },
      /REQUEST_IDLE_MINUTES is 20, but API Management in front gives up .* 240 s.* paid for nothing.* USE_APIM=false/,
    ],
    [
      'premium ingress behind Front Door, which gives up earlier',
      { USE_WAF: 'true', REQUEST_IDLE_MINUTES: '20' },
      /but Front Door in front gives up .*USE_WAF=false/,
    ],
    [
      'minutes of silence that there are not',
      { REQUEST_IDLE_MINUTES: '2' },
      /0 \(the ordinary ingress\), or from 4 to 30/,
    ],
    [
      'Front Door where it makes no private link',
      { AZURE_LOCATION: 'polandcentral', USE_WAF: 'true', NETWORK_ISOLATION: 'true' },
      /no private link in polandcentral: set WAF_PRIVATE_LINK_LOCATION to the nearest of .*germanywestcentral/,
    ],
    [
      'a private link that nothing would use',
      { WAF_PRIVATE_LINK_LOCATION: 'westeurope', USE_WAF: 'true' },
      /WAF_PRIVATE_LINK_LOCATION is set, but/,
    ],
    ...(['integration', 'injection'] as const).map((network): readonly [string, Settings, RegExp] => [
      `Front Door before API Management Premium v2, which it makes no private link to (${network})`,
      { ...front, USE_WAF: 'true', NETWORK_ISOLATION: 'true', APIM_SKU: 'PremiumV2', APIM_NETWORK: network },
      /no private link to API Management Premium v2: set APIM_SKU=StandardV2, or USE_WAF=false/,
    ]),
    [
      'a size of a Redis that is retired',
      { NETWORK_ISOLATION: 'true', USE_REDIS: 'true', REDIS_SKU: 'Premium_P1' },
      /REDIS_SKU is 'Premium_P1': .*Balanced_B0/,
    ],
    [
      'a size of Redis that is a cluster',
      { NETWORK_ISOLATION: 'true', USE_REDIS_CACHE_APIM: 'true', REDIS_SKU: 'Balanced_B50', ...front },
      /REDIS_SKU is 'Balanced_B50': one database without a cluster is made/,
    ],
    [
      'a size of PostgreSQL of another tier, and a disk that there is not',
      { NETWORK_ISOLATION: 'true', USE_POSTGRES: 'true', POSTGRES_TIER: 'Burstable', POSTGRES_STORAGE_GIB: '100' },
      /Standard_D2ds_v5 belongs to the tier GeneralPurpose, POSTGRES_TIER is Burstable[^]*POSTGRES_STORAGE_GIB is 100: Azure has disks of 32, 64/,
    ],
    [
      'a standby that there is not',
      {
        NETWORK_ISOLATION: 'true',
        USE_POSTGRES: 'true',
        POSTGRES_SKU: 'Standard_B2s',
        POSTGRES_TIER: 'Burstable',
        POSTGRES_HIGH_AVAILABILITY: 'true',
      },
      /a Burstable server has no standby/,
    ],
    ['memory that does not fit', { REPLICA_CPU: '2' }, /with 2 cores Container Apps give 4Gi/],
    ['API Management without proof of origin', { USE_APIM: 'true' }, /proof that calls come from it: TOLLGATE_APP_ID/],
    [
      'a certificate whose fingerprint is none',
      {
        USE_APIM: 'true',
        APIM_CERTIFICATE_SECRET_ID: 'https://kv.vault.azure.net/secrets/x/1',
        APIM_CERTIFICATE_SHA256: 'abc',
      },
      /without version[\s\S]*64 hexadecimal digits/,
    ],
    [
      'a certificate in a vault of somebody else',
      {
        USE_APIM: 'true',
        AZURE_KEY_VAULT_NAME: 'kv-ours',
        APIM_CERTIFICATE_SECRET_ID: 'https://kv-theirs.vault.azure.net/secrets/x',
        APIM_CERTIFICATE_SHA256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      },
      /must name a secret of the key vault that is made here \(kv-ours\)/,
    ],
    [
      'injection with the wrong tier',
      { USE_APIM: 'true', TOLLGATE_APP_ID: 'x', APIM_NETWORK: 'injection' },
      /needs APIM_SKU=PremiumV2/,
    ],
    [
      'a cache without what it is for',
      { USE_REDIS_CACHE_APIM: 'true', NETWORK_ISOLATION: 'true' },
      /but USE_APIM is not/,
    ],
    ['a budget that tells nobody', { MONTHLY_BUDGET: '100' }, /nobody would be told/],
    ['a budget from the middle of a month', { BUDGET_START_DATE: '2026-11-15' }, /first day of a month/],
  ];
  for (const [what, settings, said] of cases)
    test(what, () => {
      assert.match(checkSettings({ ...base, ...settings }, models).join('\n'), said);
    });

  test('all of them at once', () => {
    const settings = {
      AZURE_ENV_NAME: '',
      AZURE_LOCATION: '',
      USE_APIM: 'maybe',
      MAX_REPLICAS: '2',
      MONTHLY_BUDGET: '1',
    };
    assert.equal(checkSettings(settings, models).length, 5);
  });

  test('a capacity of 0, a type that does not exist, a provisioned deployment without its spillover target', () => {
    const [first] = models.deployments;
    const bad = {
      deployments: [
        { ...first, capacity: 0 },
        { ...first, name: 'other', type: 'Global' },
      ],
      provisioned: [{ ...models.provisioned[0], spillover: 'gone' }],
    };
    const said = checkSettings({ ...base, OPENAI_PROVISIONED_CAPACITY: '50' }, bad).join('\n');
    assert.match(said, /has a capacity of 0/);
    assert.match(said, /has the type 'Global', none of Standard,/);
    assert.match(said, /spills over to 'gone'/);
  });

  test('what the profiles of the templates set is accepted', () => {
    for (const [name, settings] of profiles) assert.deepEqual(checkSettings(settings, models), [], name);
  });

  test('models that retire soon are told, not refused', () => {
    assert.deepEqual(retiring(models, Date.parse('2026-11-25')), []);
    assert.match(retiring(models, Date.parse('2027-01-15')).join('\n'), /gpt-5-mini 2025-08-07 retires on 2027-02-06/);
  });
});

describe('the hooks, with the azd command and Azure played', () => {
  let folder: string;
  let twin: RunningTwin;
  let addresses: Server;
  let addressService: string;
  const pathBefore = process.env['PATH'];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tollgate-azd-'));
    // Gives a token where it is asked for one, and notes what is set.
    writeFileSync(
      path.join(folder, 'azd'),
      `#!/bin/sh\nif [ "$1" = auth ]; then [ -z "$NOT_SIGNED_IN" ] || { echo 'not logged in' >&2; exit 1; }; echo '{"token":"secret-token"}'; else echo "$*" >> "$AZD_LOG"; fi\n`,
    );
    chmodSync(path.join(folder, 'azd'), 0o755);
    process.env['PATH'] = `${folder}:${pathBefore ?? ''}`;
    addresses = createServer((_, response) => response.end('198.51.100.7\n'));
    await new Promise<void>((resolve) => addresses.listen(0, '127.0.0.1', resolve));
    const bound = addresses.address();
    addressService = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  });
  after(async () => {
    process.env['PATH'] = pathBefore;
    rmSync(folder, { recursive: true, force: true });
    addresses.close();
    await twin?.close();
  });

  async function playing(
    resourceManager: NonNullable<Parameters<typeof startTwin>[0]>['resourceManager'],
  ): Promise<void> {
    await twin?.close();
    twin = await startTwin({
      resourceManager: { regions: { swedencentral: region(100), westeurope: region(10) }, ...resourceManager },
    });
  }

  const here = (settings: Settings): Settings => ({
    ...base,
    AZURE_SUBSCRIPTION_ID: subscription,
    AZURE_RESOURCE_MANAGER_ENDPOINT: twin.url,
    ...settings,
  });

  function run(hook: string, settings: Settings = {}): Promise<{ code: number; text: string; set: string }> {
    const log = path.join(folder, 'azd.log');
    writeFileSync(log, '');
    const env = {
      PATH: process.env['PATH'],
      AZD_LOG: log,
      DEPLOYER_IP_SERVICE: addressService,
      ...here(settings),
    };
    return new Promise((resolve) => {
      execFile(process.execPath, [path.join(infraFolder, 'hooks', hook)], { env }, (failure, stdout, stderr) => {
        const code = typeof failure?.code === 'number' ? failure.code : 0;
        resolve({ code, text: stdout + stderr, set: readFileSync(log, 'utf8') });
      });
    });
  }

  test('preflight lets good settings through, and does not show its token', async () => {
    await playing({});
    const { code, text, set } = await run('preprovision.mjs');
    assert.equal(code, 0, text);
    assert.match(text, /nothing stands in the way/);
    assert.doesNotMatch(text, /secret-token/);
    assert.equal(set, '', 'no address is let in where nothing is closed');
  });

  test('preflight refuses bad settings before it asks Azure', async () => {
    await playing({});
    const { code, text } = await run('preprovision.mjs', {
      MAX_REPLICAS: '4',
      AZURE_RESOURCE_MANAGER_ENDPOINT: 'http://127.0.0.1:1',
    });
    assert.equal(code, 1);
    assert.match(text, /Nothing was deployed. One thing stands in the way/);
  });

  const refusals: readonly (readonly [string, Parameters<typeof playing>[0], Settings, RegExp])[] = [
    [
      'a region without the model',
      { regions: { swedencentral: { ...region(100), models: [] } } },
      {},
      /swedencentral does not have gpt-5\.4-mini 2026-03-17/,
    ],
    [
      'a model that the region has in another type only',
      {
        regions: {
          swedencentral: { ...region(100), models: region(1).models.map((one) => ({ ...one, types: ['Standard'] })) },
        },
      },
      {},
      /does not have gpt-5-mini 2025-08-07 as GlobalStandard/,
    ],
    [
      'too little quota, in the second region',
      {},
      { SECONDARY_OPENAI_LOCATION: 'westeurope' },
      /westeurope has 10 left of the quota for gpt-5\.4-mini/,
    ],
    [
      'too few provisioned units: their quota is one for all models',
      {
        regions: {
          swedencentral: { ...region(100), quota: { 'OpenAI.GlobalProvisionedManaged': { used: 80, limit: 100 } } },
        },
      },
      { OPENAI_PROVISIONED_CAPACITY: '50' },
      /has 20 left of .*OpenAI\.GlobalProvisionedManaged.*, gpt-5\.4-mini-ptu needs 50/,
    ],
    [
      'a number of provisioned units that is not sold',
      { regions: { swedencentral: region(100) } },
      { OPENAI_PROVISIONED_CAPACITY: '12' },
      /from 15, in steps of 5, .* gpt-5\.4-mini-ptu is to have 12: change OPENAI_PROVISIONED_CAPACITY/,
    ],
    [
      'a region that the subscription does not have',
      {},
      { SECONDARY_OPENAI_LOCATION: 'atlantis' },
      /no region 'atlantis'/,
    ],
    [
      'providers that subnets are delegated to, and that no deployment registers before them',
      { notRegistered: ['Microsoft.App', 'Microsoft.Web'] },
      { NETWORK_ISOLATION: 'true' },
      /^The subscription has not registered Microsoft\.App.*--namespace Microsoft\.App --wait\n.*Microsoft\.Web.* az provider register --namespace Microsoft\.Web --wait$/,
    ],
    [
      'a subscription that has never used Azure OpenAI: said once, however many regions are asked about',
      { notRegistered: neverUsed },
      { SECONDARY_OPENAI_LOCATION: 'westeurope' },
      /^The subscription has not registered Microsoft\.CognitiveServices, .*: az provider register --namespace Microsoft\.CognitiveServices --wait$/,
    ],
    ['no zones', {}, { ZONE_REDUNDANT: 'true' }, /swedencentral has no availability zones/],
    [
      'missing permissions',
      { permissions: [{ actions: ['*'], notActions: ['Microsoft.Authorization/*/write'] }] },
      {},
      /You may not give the gateway its roles.*\n.*You may not assign policies.*USE_POLICIES=false/,
    ],
    [
      'a vault, a store, an API Management of this environment that are deleted and keep their names; not those of another',
      {
        deleted: {
          'Microsoft.KeyVault/deletedVaults': ['test', 'other'].map((name) => ({
            name: `kv-${name}`,
            properties: { scheduledPurgeDate: '2026-12-02T00:00:00Z', tags: { 'azd-env-name': name } },
          })),
          'Microsoft.AppConfiguration/deletedConfigurationStores': [
            {
              name: 'appcs-x',
              properties: { scheduledPurgeDate: '2026-12-02T00:00:00Z', tags: { 'azd-env-name': 'test' } },
            },
          ],
          'Microsoft.ApiManagement/deletedservices': ['rg-test', 'rg-other'].map((name) => ({
            name: `apim-${name}`,
            location: 'swedencentral',
            properties: { serviceId: `${group.replace('rg-test', name)}/Microsoft.ApiManagement/service/apim-x` },
          })),
        },
      },
      {},
      /^The key vault kv-test is deleted and keeps its name until 2026-12-02.*az keyvault recover[^]*appcs-x is deleted.*az appconfig recover[^]*apim-rg-test in swedencentral is deleted/,
    ],
    [
      'a budget that would begin in a month that is over',
      {},
      { MONTHLY_BUDGET: '100', ALERT_EMAILS: 'a@b.c', BUDGET_START_DATE: '2026-01-01' },
      /BUDGET_START_DATE is 2026-01-01, a month that is over/,
    ],
    [
      'an account of this environment that is deleted and keeps its name',
      { deletedAccounts: [{ name: 'oai-x', location: 'swedencentral', tags: { 'azd-env-name': 'test' } }] },
      {},
      /oai-x in swedencentral is deleted and keeps its name: purge it/,
    ],
    ['a subscription that is not there', {}, { AZURE_SUBSCRIPTION_ID: 'other' }, /SubscriptionNotFound/],
    ['no subscription chosen', {}, { AZURE_SUBSCRIPTION_ID: '' }, /AZURE_SUBSCRIPTION_ID is not set/],
    ['Azure away', {}, { AZURE_RESOURCE_MANAGER_ENDPOINT: 'http://127.0.0.1:1' }, /does not answer/],
  ];

  test('a subscription that has never used vaults, API Management and the rest has nothing deleted there, and nothing in the way', async () => {
    await playing({ notRegistered: neverUsed.filter((one) => one !== 'Microsoft.CognitiveServices') });
    const settings = here({ MONTHLY_BUDGET: '100', ALERT_EMAILS: 'a@b.c', USE_APIM: 'true', TOLLGATE_APP_ID: 'x' });
    assert.deepEqual(await askAzure(settings, models), []);
  });

  test('what Azure lists on several pages is read to its end', async () => {
    await playing({ pageLength: 2 });
    assert.deepEqual(await askAzure(here({}), models), []);
    assert.ok(models.deployments.length > 2);
  });

  // Without a process of its own for each: what the hook does with them is shown above and below.
  for (const [what, resourceManager, settings, said] of refusals)
    test(`preflight refuses: ${what}`, async () => {
      await playing(resourceManager);
      assert.match((await askAzure(here(settings), models)).join('\n'), said);
    });

  test('preflight refuses what Azure would, and says how many things there are', async () => {
    await playing({ permissions: [{ actions: ['*'], notActions: ['Microsoft.Authorization/*/write'] }] });
    const { code, text } = await run('preprovision.mjs');
    assert.equal(code, 1);
    assert.match(text, /^Nothing was deployed. 2 things stand in the way:\n {2}- You may not give/m);
  });

  test('preflight refuses: nobody signed in', async () => {
    await playing({});
    const { code, text } = await run('preprovision.mjs', { NOT_SIGNED_IN: '1' });
    assert.equal(code, 1);
    assert.match(text, /sign in with 'azd auth login'/);
  });

  const bought = `${group}/Microsoft.CognitiveServices/accounts/oai-shared`;
  const brought = {
    EXISTING_OPENAI_ACCOUNTS: `${bought}@westeurope`,
    EXISTING_LOG_ANALYTICS_WORKSPACE_ID: `${group}/Microsoft.OperationalInsights/workspaces/log-shared`,
    EXISTING_VIRTUAL_NETWORK_ID: `${group}/Microsoft.Network/virtualNetworks/vnet-shared`,
    EXISTING_PRIVATE_DNS_ZONES: `${group}/Microsoft.Network/privateDnsZones/privatelink.azurecr.io`,
    NETWORK_ISOLATION: 'true',
    ALLOW_DEPLOYER_IP: 'false',
    ...front,
  };
  const subnets = [
    subnet('gateway', '10.0.0.0/27', 'Microsoft.App/environments'),
    subnet('endpoints', '10.0.0.64/27'),
    subnet('api-management', '10.0.0.32/27', 'Microsoft.Web/serverFarms'),
  ];
  const there = {
    [bought]: { location: 'westeurope', properties: { customSubDomainName: 'oai-shared' } },
    [`${bought}/deployments`]: { value: models.deployments.map(({ name }: { name: string }) => ({ name })) },
    [`${bought}/providers/Microsoft.Authorization/permissions`]: { value: [{ actions: ['*'], notActions: [] }] },
    [brought.EXISTING_LOG_ANALYTICS_WORKSPACE_ID]: { location: 'swedencentral' },
    [brought.EXISTING_PRIVATE_DNS_ZONES]: {},
    [brought.EXISTING_VIRTUAL_NETWORK_ID]: {
      location: 'swedencentral',
      properties: { subnets },
    },
  };

  test('what is brought along is used where it is as the templates need it', async () => {
    await playing({ resources: there });
    const { code, text } = await run('preprovision.mjs', brought);
    assert.equal(code, 0, text);
  });

  test('what is brought along and is not there, is elsewhere, or of another shape is refused, all at once', async () => {
    await playing({
      resources: {
        [bought]: { location: 'francecentral', properties: { customSubDomainName: 'x', endpoint: 'https://x' } },
        [`${bought}/deployments`]: { value: [{ name: 'gpt-5-mini' }] },
        [`${bought}/providers/Microsoft.Authorization/permissions`]: {
          value: [{ actions: ['*/read'], notActions: [] }],
        },
        [brought.EXISTING_LOG_ANALYTICS_WORKSPACE_ID]: { location: 'westeurope' },
        [brought.EXISTING_VIRTUAL_NETWORK_ID]: {
          location: 'swedencentral',
          properties: {
            subnets: [
              subnet('gateway', '10.0.0.0/28', 'Microsoft.App/environments'),
              subnet('api-management', '10.0.0.32/27'),
            ],
          },
        },
      },
    });
    const { code, text } = await run('preprovision.mjs', brought);
    assert.equal(code, 1);
    for (const said of [
      /oai-shared is in westeurope: it is in francecentral/,
      /oai-shared is not called by its name, but as https:\/\/x/,
      /oai-shared has no deployment gpt-5\.4-mini, text-embedding-3-small/,
      /may not give the gateway its role on oai-shared/,
      /EXISTING_LOG_ANALYTICS_WORKSPACE_ID is in westeurope, everything else in swedencentral/,
      /there is no subnet 'endpoints'/,
      /'gateway' is 10\.0\.0\.0\/28: a \/27 or more is needed/,
      /'api-management' must be delegated to Microsoft\.Web\/serverFarms/,
      /EXISTING_PRIVATE_DNS_ZONES names .*azurecr\.io: it is not there/,
    ])
      assert.match(text, said);
  });

  test('a subnet of API Management that Azure would refuse is refused: too small, or with no security group', async () => {
    const kind = 'Microsoft.Web/serverFarms';
    for (const [api, said] of [
      [
        subnet('api-management', '10.0.0.32/28', kind),
        /'api-management' is 10\.0\.0\.32\/28: a \/27 or more is needed/,
      ],
      [unguarded(subnet('api-management', '10.0.0.32/27', kind)), /'api-management' needs a network security group/],
    ] as const) {
      const changed = { location: 'swedencentral', properties: { subnets: [...subnets.slice(0, 2), api] } };
      await playing({ resources: { ...there, [brought.EXISTING_VIRTUAL_NETWORK_ID]: changed } });
      assert.match((await askAzure(here(brought), models)).join('\n'), said);
    }
  });

  test('API Management takes a subnet of its own subscription only', async () => {
    const elsewhere = brought.EXISTING_VIRTUAL_NETWORK_ID.replace(subscription, '22222222-2222-4222-8222-222222222222');
    const network = { location: 'swedencentral', properties: { subnets } };
    const answers = createServer((request, response) => {
      const value =
        request.url?.startsWith(elsewhere) === true ? network : { registrationState: 'Registered', value: [] };
      response.end(JSON.stringify(value));
    });
    await new Promise<void>((resolve) => answers.listen(0, '127.0.0.1', resolve));
    const bound = answers.address();
    const settings = { ...brought, EXISTING_VIRTUAL_NETWORK_ID: elsewhere };
    const played = {
      AZURE_RESOURCE_MANAGER_ENDPOINT: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`,
    };
    const without = { USE_APIM: 'false', EXISTING_OPENAI_ACCOUNTS: '' };
    try {
      assert.match(
        (await askAzure({ ...here({ ...settings, EXISTING_OPENAI_ACCOUNTS: '' }), ...played }, models)).join('\n'),
        /is in another subscription: API Management takes/,
      );
      assert.doesNotMatch(
        (await askAzure({ ...here({ ...settings, ...without }), ...played }, models)).join('\n'),
        /another subscription/,
      );
    } finally {
      answers.closeAllConnections();
      answers.close();
    }
  });

  test('what was decided when something was made, and cannot be changed in it, is refused', async () => {
    const regions = { swedencentral: { ...region(100), zones: true } };
    const stands = {
      [`${group}/Microsoft.App/managedEnvironments`]: { value: [{ properties: { zoneRedundant: false } }] },
      [`${group}/Microsoft.ApiManagement/service`]: { value: [{ properties: { virtualNetworkType: 'Internal' } }] },
    };
    await playing({ regions, resources: stands });
    assert.deepEqual(await askAzure(here({}), models), []);
    const changed = { NETWORK_ISOLATION: 'true', ZONE_REDUNDANT: 'true', ...front };
    const said = (await askAzure(here(changed), models)).join('\n');
    assert.match(said, /NETWORK_ISOLATION was false when the Container Apps environment was made/);
    assert.match(said, /ZONE_REDUNDANT was false when/);
    assert.match(said, /API Management was made with injection, and is to have integration now/);
    // Taken down meanwhile, and provisioned anew.
    await playing({ regions });
    assert.deepEqual(await askAzure(here(changed), models), []);
  });

  test('a disk that has grown keeps its size: a smaller one would be refused', async () => {
    const server = { properties: { storage: { storageSizeGB: 256 } } };
    await playing({ resources: { [`${group}/Microsoft.DBforPostgreSQL/flexibleServers`]: { value: [server] } } });
    const wanted = { USE_POSTGRES: 'true', NETWORK_ISOLATION: 'true', ALLOW_DEPLOYER_IP: 'false' };
    assert.match((await run('preprovision.mjs', wanted)).set, /env set POSTGRES_STORAGE_GIB 256/);
    assert.equal((await run('preprovision.mjs', { ...wanted, POSTGRES_STORAGE_GIB: '512' })).set, '');
  });

  test('a budget counts from this month where nobody says from when; one that is there goes on as it was', async () => {
    const wanted = { MONTHLY_BUDGET: '100', ALERT_EMAILS: 'a@b.c' };
    await playing({});
    const begun = thisMonth();
    const { set } = await run('preprovision.mjs', wanted);
    // A month may end meanwhile.
    assert.match(set, new RegExp(`env set BUDGET_START_DATE (${begun}|${thisMonth()})-01`));
    const budget = { properties: { timePeriod: { startDate: '2026-01-01T00:00:00Z' } } };
    await playing({ resources: { [`${group}/Microsoft.Consumption/budgets/tollgate`]: budget } });
    assert.match((await run('preprovision.mjs', wanted)).set, /env set BUDGET_START_DATE 2026-01-01/);
    assert.equal((await run('preprovision.mjs', { ...wanted, BUDGET_START_DATE: '2026-01-01' })).code, 0);
  });

  test("the deployer's address is let in while the network is closed, unless that is not wanted", async () => {
    await playing({});
    assert.match(
      (await run('preprovision.mjs', { NETWORK_ISOLATION: 'true' })).set,
      /env set DEPLOYER_IP 198\.51\.100\.7/,
    );
    assert.equal((await run('preprovision.mjs', { NETWORK_ISOLATION: 'true', ALLOW_DEPLOYER_IP: 'false' })).set, '');
    const { code, text } = await run('preprovision.mjs', {
      NETWORK_ISOLATION: 'true',
      DEPLOYER_IP_SERVICE: 'http://127.0.0.1:1',
    });
    assert.equal(code, 0, 'a network without internet is no reason to stop');
    assert.match(text, /could not be found/);
  });

  test('deploying opens a door that provisioning did not: azd skips templates whose parameters are those of last time', async () => {
    const registry = `${group}/Microsoft.ContainerRegistry/registries/cr1`;
    const shut = { publicNetworkAccess: 'Disabled', networkRuleSet: { defaultAction: 'Deny', ipRules: [] } };
    const deploying = {
      NETWORK_ISOLATION: 'true',
      AZURE_RESOURCE_GROUP: 'rg-test',
      AZURE_CONTAINER_REGISTRY_NAME: 'cr1',
      AZURE_CONTAINER_REGISTRY_ENDPOINT: '127.0.0.1:1',
    };
    await playing({ resources: { [registry]: { properties: shut } } });
    assert.equal((await run('predeploy.mjs', { ...deploying, ALLOW_DEPLOYER_IP: 'false' })).set, '');
    assert.equal((await run('predeploy.mjs', { ...deploying, NETWORK_ISOLATION: 'false' })).set, '');
    assert.deepEqual(await propertiesOf(`${twin.url}${registry}`), shut);
    const { code, text, set } = await run('predeploy.mjs', deploying);
    assert.equal(code, 0, text);
    assert.match(set, /env set DEPLOYER_IP 198\.51\.100\.7/);
    const open = {
      publicNetworkAccess: 'Enabled',
      networkRuleSet: { defaultAction: 'Deny', ipRules: [{ action: 'Allow', value: '198.51.100.7' }] },
    };
    assert.deepEqual(await propertiesOf(`${twin.url}${registry}`), open);
    const again = await run('predeploy.mjs', { ...deploying, DEPLOYER_IP: '198.51.100.7' });
    assert.equal(again.set, '', 'it is open already');
    assert.deepEqual(await propertiesOf(`${twin.url}${registry}`), open);
  });

  test('a registry that cannot be opened is said, and is no reason to stop: the machine may stand in the network', async () => {
    await playing({});
    const { code, text } = await run('predeploy.mjs', {
      NETWORK_ISOLATION: 'true',
      AZURE_RESOURCE_GROUP: 'rg-test',
      AZURE_CONTAINER_REGISTRY_NAME: 'gone',
      AZURE_CONTAINER_REGISTRY_ENDPOINT: '127.0.0.1:1',
    });
    assert.equal(code, 0);
    assert.match(text, /could not be let in .*not found/);
  });

  test('a second deployment does not stumble over the quota that the first one holds', async () => {
    const accounts = `${group}/Microsoft.CognitiveServices/accounts`;
    const full = { swedencentral: region(0) };
    await playing({ regions: full });
    // As azd leaves it behind after the first time: it looks again only after the preflight.
    const settings = { SERVICE_GATEWAY_RESOURCE_EXISTS: 'false' };
    assert.match((await askAzure(here(settings), models)).join('\n'), /has 0 left of the quota for gpt-5\.4-mini/);
    await playing({
      regions: full,
      resources: {
        [accounts]: { value: [{ name: 'oai-x-swedencentral', location: 'swedencentral' }] },
        [`${accounts}/oai-x-swedencentral/deployments`]: { value: models.deployments.map(deployed) },
      },
    });
    assert.deepEqual(await askAzure(here(settings), models), []);
    const [first, ...others] = models.deployments;
    const raised = { ...models, deployments: [{ ...first, capacity: first.capacity + 10 }, ...others] };
    assert.match((await askAzure(here(settings), raised)).join('\n'), /has 50 left .* needs 60/);
  });

  test('what is taken from one quota is added up: each by itself would fit', async () => {
    const [first] = models.deployments;
    const twice = { ...models, deployments: [first, { ...first, name: 'second' }] };
    await playing({ regions: { swedencentral: region(first.capacity + 10) } });
    assert.deepEqual(await askAzure(here({}), models), []);
    assert.match((await askAzure(here({}), twice)).join('\n'), /has 60 left .*gpt-5\.4-mini and second need 100/);
  });

  test('after the deployment the address is let in no longer; others stay', async () => {
    const registry = `${group}/Microsoft.ContainerRegistry/registries/cr1`;
    const vault = `${group}/Microsoft.KeyVault/vaults/kv1`;
    await playing({
      resources: {
        [registry]: {
          properties: {
            publicNetworkAccess: 'Enabled',
            networkRuleSet: { defaultAction: 'Deny', ipRules: [{ action: 'Allow', value: '198.51.100.7' }] },
          },
        },
        [vault]: {
          properties: {
            publicNetworkAccess: 'Enabled',
            networkAcls: {
              defaultAction: 'Deny',
              ipRules: [{ value: '198.51.100.7/32' }, { value: '203.0.113.0/24' }],
            },
          },
        },
      },
    });
    const names = {
      AZURE_RESOURCE_GROUP: 'rg-test',
      AZURE_CONTAINER_REGISTRY_NAME: 'cr1',
      AZURE_KEY_VAULT_NAME: 'kv1',
      DEPLOYER_IP: '198.51.100.7',
    };
    const { code, text, set } = await run('postdeploy.mjs', names);
    assert.equal(code, 0, text);
    assert.match(set, /env set DEPLOYER_IP/);
    assert.deepEqual(await propertiesOf(`${twin.url}${registry}`), {
      publicNetworkAccess: 'Disabled',
      networkRuleSet: { defaultAction: 'Deny', ipRules: [] },
    });
    assert.deepEqual(await propertiesOf(`${twin.url}${vault}`), {
      publicNetworkAccess: 'Enabled',
      networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '203.0.113.0/24' }] },
    });
  });

  test('after a deployment that broke off the names are looked for: what it had made by then is open all the same', async () => {
    const registries = `${group}/Microsoft.ContainerRegistry/registries`;
    const open = {
      publicNetworkAccess: 'Enabled',
      networkRuleSet: { defaultAction: 'Deny', ipRules: [{ action: 'Allow', value: '198.51.100.7' }] },
    };
    await playing({
      resources: { [registries]: { value: [{ name: 'cr1' }] }, [`${registries}/cr1`]: { properties: open } },
    });
    const { code, text, set } = await run('postdeploy.mjs', { DEPLOYER_IP: '198.51.100.7' });
    assert.equal(code, 0, text);
    assert.match(set, /env set DEPLOYER_IP/);
    assert.deepEqual(await propertiesOf(`${twin.url}${registries}/cr1`), {
      publicNetworkAccess: 'Disabled',
      networkRuleSet: { defaultAction: 'Deny', ipRules: [] },
    });
    // Before anything was made there is nothing to be shut.
    await playing({});
    assert.equal((await run('postdeploy.mjs', { DEPLOYER_IP: '198.51.100.7' })).code, 0);
    assert.equal((await run('postdeploy.mjs')).text, '', 'nobody was let in');
  });

  test('where the address cannot be taken away, that is said', async () => {
    await playing({});
    const { code, text } = await run('postdeploy.mjs', {
      DEPLOYER_IP: '198.51.100.7',
      AZURE_RESOURCE_GROUP: 'gone',
      AZURE_CONTAINER_REGISTRY_NAME: 'x',
      AZURE_KEY_VAULT_NAME: 'y',
    });
    assert.equal(code, 1);
    assert.match(text, /is still let in/);
  });

  test('deploying needs a registry, taking down needs no lock', async () => {
    await playing({});
    assert.equal((await run('predeploy.mjs')).code, 1);
    assert.equal((await run('predeploy.mjs', { AZURE_CONTAINER_REGISTRY_ENDPOINT: 'cr1.azurecr.io' })).code, 0);
    assert.equal((await run('predown.mjs', { USE_LOCKS: 'true' })).code, 1);
    assert.equal((await run('predown.mjs')).code, 0);
    const isolated = { NETWORK_ISOLATION: 'true', AZURE_APP_CONFIGURATION_ENDPOINT: 'https://a.azconfig.io' };
    assert.doesNotMatch((await run('postprovision.mjs', isolated)).text, /azconfig/, 'nothing is read from there then');
    assert.match(
      (
        await run('postprovision.mjs', {
          TOLLGATE_ENDPOINT: 'https://a',
          TOLLGATE_GATEWAY_URL: 'https://b',
          AZURE_APIM_NAME: 'apim-1',
        })
      ).text,
      /Callers use\s+https:\/\/a/,
    );
  });
});
