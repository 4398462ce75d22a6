// What can be said about the settings without asking Azure. Each finding says what is wrong and what to do; all of them
// are told at once.
import { readFileSync } from 'node:fs';

const yes = (settings, name) => settings[name] === 'true';
const listOf = (text) => (text ?? '').split(',').map((part) => part.trim());
const address = /^(\d{1,3}\.){3}\d{1,3}(\/([0-9]|[12]\d|3[0-2]))?$/;
const accountId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.CognitiveServices\/accounts\/[^/@]+@[a-z0-9]+$/i;
const zoneId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/privateDnsZones\/[^/]+$/i;
const networkId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/virtualNetworks\/[^/]+$/i;
const workspaceId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.OperationalInsights\/workspaces\/[^/]+$/i;

const switches = [
  'FOLLOW_APP_CONFIGURATION',
  'NETWORK_ISOLATION',
  'POSTGRES_GEO_REDUNDANT_BACKUP',
  'POSTGRES_HIGH_AVAILABILITY',
  'REDIS_HIGH_AVAILABILITY',
  'SERVICE_GATEWAY_RESOURCE_EXISTS',
  'USE_AMPLS',
  'USE_APIM',
  'USE_LOCKS',
  'USE_POLICIES',
  'USE_POSTGRES',
  'USE_REDIS',
  'USE_REDIS_CACHE_APIM',
  'USE_WAF',
  'ZONE_REDUNDANT',
];

/** Everything that would make a deployment fail, or do other than what was meant. */
export function checkSettings(settings, models) {
  return [
    ...checkNames(settings),
    ...checkSwitches(settings),
    ...checkRegions(settings),
    ...checkAddresses(settings),
    ...checkBrought(settings),
    ...checkScale(settings),
    ...checkFront(settings),
    ...checkMoney(settings),
    ...checkModels(settings, models),
  ];
}

function checkNames({ AZURE_ENV_NAME: name, AZURE_LOCATION: location }) {
  const problems = [];
  if (!name || !/^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/.test(name))
    problems.push(`AZURE_ENV_NAME is '${name ?? ''}': 1 to 40 letters, digits and dashes are needed. azd env new NAME`);
  if (!location) problems.push('AZURE_LOCATION is not set: azd env set AZURE_LOCATION swedencentral');
  return problems;
}

function checkSwitches(settings) {
  return switches
    .filter((name) => settings[name] && !/^(true|false)$/.test(settings[name]))
    .map((name) => `${name} is '${settings[name]}': write true or false.`);
}

/** The regions of Azure OpenAI, the first one first. */
export function regionsOf(settings) {
  const { AZURE_LOCATION: first, SECONDARY_OPENAI_LOCATION: second, ADDITIONAL_OPENAI_LOCATIONS: more } = settings;
  return [first, second, ...listOf(more)].filter(Boolean);
}

function checkRegions(settings) {
  const regions = regionsOf(settings);
  const twice = regions.filter((region, at) => regions.indexOf(region) !== at);
  const problems = twice.map(
    (region) =>
      `The region ${region} is named twice: each stands once in AZURE_LOCATION, SECONDARY_OPENAI_LOCATION and ADDITIONAL_OPENAI_LOCATIONS.`,
  );
  for (const region of regions)
    if (!/^[a-z]+[a-z0-9]*$/.test(region))
      problems.push(`'${region}' is no region: use its programmatic name, such as swedencentral.`);
  return problems;
}

function checkAddresses(settings) {
  const problems = [];
  for (const name of ['ALLOWED_IP_RANGES', 'DEPLOYER_IP']) {
    if (!settings[name]) continue;
    for (const range of listOf(settings[name]))
      if (!address.test(range))
        problems.push(
          `${name} holds '${range}': IPv4 addresses or ranges are needed, with commas between them and nothing empty.`,
        );
  }
  if (yes(settings, 'NETWORK_ISOLATION')) {
    const prefix = settings.VIRTUAL_NETWORK_PREFIX || '10.60.0.0/23';
    if (!address.test(prefix) || Number(prefix.split('/')[1] ?? 32) > 23)
      problems.push(`VIRTUAL_NETWORK_PREFIX is '${prefix}': the subnets need a /23 or more.`);
  }
  return problems;
}

function checkBrought(settings) {
  const demands = [
    ['EXISTING_OPENAI_ACCOUNTS', accountId, 'resource ids of accounts, each followed by @ and its region'],
    ['EXISTING_PRIVATE_DNS_ZONES', zoneId, 'resource ids of private DNS zones'],
    ['EXISTING_VIRTUAL_NETWORK_ID', networkId, 'the resource id of a virtual network'],
    ['EXISTING_LOG_ANALYTICS_WORKSPACE_ID', workspaceId, 'the resource id of a workspace'],
  ];
  const problems = [];
  for (const [name, pattern, what] of demands)
    if (settings[name])
      for (const one of listOf(settings[name]))
        if (!pattern.test(one)) problems.push(`${name} holds '${one}': ${what} are needed, with commas between them.`);
  for (const name of ['EXISTING_PRIVATE_DNS_ZONES', 'EXISTING_VIRTUAL_NETWORK_ID'])
    if (settings[name] && !yes(settings, 'NETWORK_ISOLATION'))
      problems.push(`${name} is set, but NETWORK_ISOLATION is not true: nothing would use it.`);
  return problems;
}

function checkScale(settings) {
  return [
    ...checkReplicas(settings),
    ...checkIsolatedParts(settings),
    ...checkTimes(settings),
    ...checkSize(settings),
    ...checkPostgres(settings),
    ...checkRedis(settings),
  ];
}

function checkReplicas(settings) {
  const problems = [];
  const least = Number(settings.MIN_REPLICAS || 1);
  const most = Number(settings.MAX_REPLICAS || 1);
  if (!(least >= 1 && least <= most))
    problems.push(`MIN_REPLICAS ${least} and MAX_REPLICAS ${most} are no range: 1 ≤ MIN_REPLICAS ≤ MAX_REPLICAS.`);
  const missing = ['NETWORK_ISOLATION', 'USE_POSTGRES', 'USE_REDIS'].filter((name) => !yes(settings, name));
  if (most > 1 && missing.length > 0)
    problems.push(
      `MAX_REPLICAS is ${most}, but not true: ${missing.join(', ')}. Replicas that share neither ledger nor counters would each keep budgets of their own. Set them, or MAX_REPLICAS=1.`,
    );
  return problems;
}

function checkIsolatedParts(settings) {
  return ['USE_POSTGRES', 'USE_REDIS', 'USE_REDIS_CACHE_APIM']
    .filter((name) => yes(settings, name) && !yes(settings, 'NETWORK_ISOLATION'))
    .map((name) => `${name} needs NETWORK_ISOLATION=true: it is reached through a private endpoint only.`);
}

function checkTimes(settings) {
  const problems = [];
  const grace = Number(settings.TERMINATION_GRACE_SECONDS || 600);
  if (!(grace >= 60 && grace <= 600))
    problems.push(`TERMINATION_GRACE_SECONDS is ${settings.TERMINATION_GRACE_SECONDS}: from 60 to 600.`);
  return [...problems, ...checkSilence(settings)];
}

/** A reply that is not streamed is silent until it is whole; whoever stands in front cuts what is silent for long. */
function checkSilence(settings) {
  const minutes = Number(settings.REQUEST_IDLE_MINUTES || 0);
  const call = Number(settings.REQUEST_SECONDS || 220);
  const front = [
    ['USE_APIM', 'API Management'],
    ['USE_WAF', 'Front Door'],
  ].filter(([name]) => yes(settings, name));
  const who = front.map(([, what]) => what).join(' and ');
  if (minutes !== 0 && !(minutes >= 4 && minutes <= 30))
    return [`REQUEST_IDLE_MINUTES is ${settings.REQUEST_IDLE_MINUTES}: 0 (the ordinary ingress), or from 4 to 30.`];
  if (front.length > 0 && minutes > 0)
    return [
      `REQUEST_IDLE_MINUTES is ${minutes}, but ${who} in front gives up on a silent call after 240 s: the nodes of premium ingress would be paid for nothing. Set it to 0 and let long calls be streamed (STREAM_SECONDS), or set ${front.map(([name]) => `${name}=false`).join(' and ')}.`,
    ];
  const idle = minutes * 60 || 240;
  if (call < idle) return [];
  const remedy = front.length > 0 ? '' : ', or raise REQUEST_IDLE_MINUTES (premium ingress)';
  return [
    `REQUEST_SECONDS is ${call}, but a reply that is not streamed is silent until it is whole, and ${who || 'the ingress'} cuts it after ${idle} s: lower it and let long calls be streamed (STREAM_SECONDS)${remedy}.`,
  ];
}

function checkSize({ REPLICA_CPU: cpu, REPLICA_MEMORY: memory }) {
  const wanted = `${Number(cpu || 1) * 2}Gi`;
  if ((memory || '2Gi') === wanted) return [];
  return [`REPLICA_MEMORY is ${memory || '2Gi'}: with ${cpu || 1} cores Container Apps give ${wanted}.`];
}

const tierOf = { B: 'Burstable', D: 'GeneralPurpose', E: 'MemoryOptimized' };
const diskSizes = [32, 64, 128, 256, 512, 1024, 2048, 4095, 4096, 8192, 16_384, 32_767];

function checkPostgres(settings) {
  if (!yes(settings, 'USE_POSTGRES')) return [];
  const sku = settings.POSTGRES_SKU || 'Standard_D2ds_v5';
  const tier = settings.POSTGRES_TIER || 'GeneralPurpose';
  const disk = settings.POSTGRES_STORAGE_GIB || 64;
  const problems = [];
  const fitting = tierOf[/^Standard_([BDE])/.exec(sku)?.[1]];
  if (fitting !== tier)
    problems.push(
      fitting === undefined
        ? `POSTGRES_SKU is '${sku}': Standard_B…, Standard_D… or Standard_E… is needed.`
        : `POSTGRES_SKU ${sku} belongs to the tier ${fitting}, POSTGRES_TIER is ${tier}: set one of them.`,
    );
  if (!diskSizes.includes(Number(disk)))
    problems.push(`POSTGRES_STORAGE_GIB is ${disk}: Azure has disks of ${diskSizes.join(', ')}.`);
  if (yes(settings, 'POSTGRES_HIGH_AVAILABILITY') && tier === 'Burstable')
    problems.push('POSTGRES_HIGH_AVAILABILITY is true, but a Burstable server has no standby: take another tier.');
  return problems;
}

/** Azure Managed Redis without a cluster, which counters cannot do with, has at most 25 GB: the size 20 is 24. */
function checkRedis(settings) {
  if (!yes(settings, 'USE_REDIS') && !yes(settings, 'USE_REDIS_CACHE_APIM')) return [];
  const sku = settings.REDIS_SKU || 'Balanced_B0';
  if (/^(Balanced_B(0|1|3|5|10|20)|MemoryOptimized_M(10|20)|ComputeOptimized_X(3|5|10|20))$/.test(sku)) return [];
  return [
    `REDIS_SKU is '${sku}': one database without a cluster is made, for which Azure Managed Redis has Balanced_B0, B1, B3, B5, B10, B20, MemoryOptimized_M10, M20 and ComputeOptimized_X3, X5, X10, X20.`,
  ];
}

function checkFront(settings) {
  const problems = checkFrontDoor(settings);
  if (!yes(settings, 'USE_APIM')) {
    if (yes(settings, 'USE_REDIS_CACHE_APIM'))
      problems.push('USE_REDIS_CACHE_APIM is true, but USE_APIM is not: it is the cache of API Management.');
    return problems;
  }
  problems.push(...checkProof(settings));
  if (
    settings.APIM_NETWORK === 'injection' &&
    (settings.APIM_SKU !== 'PremiumV2' || !yes(settings, 'NETWORK_ISOLATION'))
  )
    problems.push('APIM_NETWORK=injection needs APIM_SKU=PremiumV2 and NETWORK_ISOLATION=true.');
  return problems;
}

/** Regions of the public cloud in which Front Door makes its end of a private link, as its documentation lists them. */
const linkRegions = JSON.parse(readFileSync(new URL('../data/front-door-regions.json', import.meta.url), 'utf8'));

/** Under isolation Front Door comes in by a private link, which it does not make everywhere, nor to everything. */
function checkFrontDoor(settings) {
  const wanted = settings.WAF_PRIVATE_LINK_LOCATION;
  if (!yes(settings, 'USE_WAF') || !yes(settings, 'NETWORK_ISOLATION'))
    return wanted
      ? ['WAF_PRIVATE_LINK_LOCATION is set, but USE_WAF and NETWORK_ISOLATION are not both true: nothing would use it.']
      : [];
  const problems = [];
  // A region that somebody chose is theirs to know: the list grows.
  if (!wanted && settings.AZURE_LOCATION && !linkRegions.includes(settings.AZURE_LOCATION))
    problems.push(
      `Front Door makes no private link in ${settings.AZURE_LOCATION}: set WAF_PRIVATE_LINK_LOCATION to the nearest of ${linkRegions.join(', ')}.`,
    );
  if (yes(settings, 'USE_APIM') && settings.APIM_SKU === 'PremiumV2')
    problems.push(
      'Front Door makes no private link to API Management Premium v2: set APIM_SKU=StandardV2, or USE_WAF=false and put a firewall of yours in front.',
    );
  return problems;
}

function checkProof({
  TOLLGATE_APP_ID: application,
  APIM_CERTIFICATE_SECRET_ID: secret,
  APIM_CERTIFICATE_SHA256: sha256,
  AZURE_KEY_VAULT_NAME: vault,
}) {
  if (application) return [];
  if (!secret || !sha256)
    return [
      'USE_APIM needs a proof that calls come from it: TOLLGATE_APP_ID (an app registration), or APIM_CERTIFICATE_SECRET_ID and APIM_CERTIFICATE_SHA256 (docs/azure/deployment.md).',
    ];
  const problems = [];
  if (!/^https:\/\/[^/]+\/secrets\/[^/]+$/.test(secret))
    problems.push(
      `APIM_CERTIFICATE_SECRET_ID is '${secret}': https://VAULT.vault.azure.net/secrets/NAME is needed, without version.`,
    );
  else if (!vault || !secret.startsWith(`https://${vault}.`))
    problems.push(
      `APIM_CERTIFICATE_SECRET_ID must name a secret of the key vault that is made here (${vault || 'not there yet: azd provision once with USE_APIM=false'}): API Management is given the right to that one alone.`,
    );
  if (!/^[0-9a-f]{64}$/i.test(sha256.replaceAll(':', '')))
    problems.push(`APIM_CERTIFICATE_SHA256 is '${sha256}': the 64 hexadecimal digits of its SHA-256 are needed.`);
  return problems;
}

function checkMoney(settings) {
  const problems = [];
  const start = settings.BUDGET_START_DATE;
  if (Number(settings.MONTHLY_BUDGET || 0) > 0 && !settings.ALERT_EMAILS)
    problems.push('MONTHLY_BUDGET is set, but ALERT_EMAILS is not: nobody would be told.');
  if (start && !/^\d{4}-(0[1-9]|1[0-2])-01$/.test(start))
    problems.push(`BUDGET_START_DATE is '${start}': the first day of a month is needed, such as 2027-01-01.`);
  if (settings.ALERT_EMAILS)
    for (const email of listOf(settings.ALERT_EMAILS))
      if (!/^[^@\s]+@[^@\s]+$/.test(email)) problems.push(`ALERT_EMAILS holds '${email}', which is no address.`);
  return problems;
}

const isProvisioned = (type) => type.includes('Provisioned');
const types = [
  'Standard',
  'DataZoneStandard',
  'GlobalStandard',
  'ProvisionedManaged',
  'DataZoneProvisionedManaged',
  'GlobalProvisionedManaged',
];

function checkModels(settings, { deployments, provisioned }) {
  const problems = [];
  const names = [...deployments, ...provisioned].map(({ name }) => name);
  for (const name of names.filter((one, at) => names.indexOf(one) !== at))
    problems.push(`infra/data/models.json: the deployment ${name} stands twice.`);
  for (const { name, type } of [...deployments, ...provisioned])
    if (!types.includes(type))
      problems.push(`infra/data/models.json: ${name} has the type '${type}', none of ${types.join(', ')}.`);
  for (const { name, capacity, type } of deployments) {
    if (!(Number.isInteger(capacity) && capacity > 0))
      problems.push(
        `infra/data/models.json: ${name} has a capacity of ${capacity}: thousands of tokens a minute, at least 1.`,
      );
    if (isProvisioned(type))
      problems.push(`infra/data/models.json: ${name} is provisioned: it belongs under 'provisioned'.`);
  }
  if (Number(settings.OPENAI_PROVISIONED_CAPACITY || 0) > 0)
    for (const { name, spillover } of provisioned)
      if (!deployments.some((one) => one.name === spillover))
        problems.push(
          `infra/data/models.json: ${name} spills over to '${spillover}', which is no deployment there: what it cannot take would be refused.`,
        );
  return problems;
}

/** Models that retire within 60 days; told, not refused. */
export function retiring({ deployments, provisioned }, today) {
  return [...deployments, ...provisioned]
    .filter(({ retires }) => Date.parse(retires) - today < 60 * 86_400_000)
    .map(
      ({ name, model, version, retires }) =>
        `${name}: ${model} ${version} retires on ${retires}. Choose another in infra/data/models.json.`,
    );
}
