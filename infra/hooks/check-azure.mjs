// What only Azure can say before a deployment: rights, regions, models, quota, names that are taken.
import { checkBudget } from './budget-start.mjs';
import { checkBrought } from './check-brought.mjs';
import { checkExisting } from './check-existing.mjs';
import { checkRegion } from './check-quota.mjs';
import { regionsOf } from './check-settings.mjs';
import { AzureError, isAbsent, openSubscription } from './resource-manager.mjs';

/** Problems that a deployment would run into; where Azure cannot be asked at all, that is the problem. */
export async function askAzure(settings, models) {
  try {
    return await checkAzure(await openSubscription(settings), settings, models);
  } catch (thrown) {
    if (!(thrown instanceof AzureError)) throw thrown;
    return [thrown.message];
  }
}

async function checkAzure(subscription, settings, models) {
  const asked = [
    checkRights(subscription, settings),
    checkZones(subscription, settings),
    checkProviders(subscription, settings),
    checkDeleted(subscription, settings),
    checkBrought(subscription, settings, { models, may }),
    checkBudget(subscription, settings),
    checkExisting(subscription, settings),
    ...(settings.EXISTING_OPENAI_ACCOUNTS
      ? []
      : regionsOf(settings).map((region, at) =>
          checkRegion(subscription, settings, { region, models: modelsOf(models, settings, at === 0) }),
        )),
  ];
  const told = await Promise.all(asked.map((one) => one.catch(refusal)));
  return [...new Set(told.flat())];
}

function refusal(thrown) {
  if (!(thrown instanceof AzureError)) throw thrown;
  const [, namespace] = /namespace '([\w.]+)'/.exec(thrown.message) ?? [];
  if (thrown.code === 'MissingSubscriptionRegistration' && namespace !== undefined)
    return [unregistered(namespace, 'without which Azure does not say what its regions have')];
  const hint =
    { 401: " Sign in again: 'azd auth login'.", 403: ' Ask for the Reader role on the subscription.' }[thrown.status] ??
    '';
  return [`Azure cannot be asked (${thrown.code}): ${thrown.message}${hint}`];
}

const matches = (pattern, action) =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 'i').test(action);

/** Whether these permissions, as Azure lists them, allow an action. */
function may(permissions, action) {
  return permissions.some(
    ({ actions, notActions }) =>
      actions.some((one) => matches(one, action)) && !notActions.some((one) => matches(one, action)),
  );
}

async function checkRights(subscription, settings) {
  const { value } = await subscription.get('providers/Microsoft.Authorization/permissions', '2022-04-01');
  const needed = [
    ['Microsoft.Resources/subscriptions/resourceGroups/write', 'make the resource group', 'Contributor'],
    ['Microsoft.Resources/deployments/write', 'deploy', 'Contributor'],
    [
      'Microsoft.Authorization/roleAssignments/write',
      'give the gateway its roles',
      'Role Based Access Control Administrator',
    ],
  ];
  if (settings.USE_POLICIES !== 'false')
    needed.push([
      'Microsoft.Authorization/policyAssignments/write',
      'assign policies',
      'Resource Policy Contributor, or set USE_POLICIES=false',
    ]);
  if (settings.USE_LOCKS === 'true')
    needed.push([
      'Microsoft.Authorization/locks/write',
      'lock the group',
      'User Access Administrator, or set USE_LOCKS=false',
    ]);
  return needed
    .filter(([action]) => !may(value, action))
    .map(([action, what, role]) => `You may not ${what} (${action}): ask for ${role} on the subscription.`);
}

async function checkZones(subscription, settings) {
  const { value } = await subscription.get('locations', '2022-12-01');
  const problems = regionsOf(settings)
    .filter((region) => !value.some(({ name }) => name === region))
    .map((region) => `The subscription has no region '${region}'.`);
  const home = value.find(({ name }) => name === settings.AZURE_LOCATION);
  if (settings.ZONE_REDUNDANT === 'true' && home !== undefined && (home.availabilityZoneMappings ?? []).length === 0)
    problems.push(`ZONE_REDUNDANT is true, but ${settings.AZURE_LOCATION} has no availability zones.`);
  return problems;
}

const unregistered = (namespace, why) =>
  `The subscription has not registered ${namespace}, ${why}: az provider register --namespace ${namespace} --wait`;

/**
 * Resource Manager registers the providers of what a template makes, when it makes it. The network comes before whatever
 * its subnets are delegated to.
 */
async function checkProviders(subscription, settings) {
  if (settings.NETWORK_ISOLATION !== 'true') return [];
  const made = !settings.EXISTING_VIRTUAL_NETWORK_ID;
  const delegates = [
    ...(made ? [['Microsoft.App', 'gateway']] : []),
    ...(made || settings.USE_APIM === 'true' ? [['Microsoft.Web', 'api-management']] : []),
  ];
  const told = await Promise.all(
    delegates.map(async ([namespace, subnet]) => {
      const { registrationState } = await subscription.get(`providers/${namespace}`, '2021-04-01');
      return registrationState === 'Registered'
        ? []
        : [unregistered(namespace, `which the subnet '${subnet}' is delegated to`)];
    }),
  );
  return told.flat();
}

const purge = "purge it ('azd down --purge' does), or choose another AZURE_ENV_NAME";
const wait =
  'it has purge protection, so wait until then, choose another AZURE_ENV_NAME, or make its group again (az group create) and bring it back';

/** What is deleted keeps its name for a while: where one of this environment is among it, it would be in the way. */
const deleted = [
  {
    path: 'providers/Microsoft.CognitiveServices/deletedAccounts',
    version: '2024-10-01',
    told: ({ name, location }) => `The account ${name} in ${location} is deleted and keeps its name: ${purge}.`,
  },
  {
    path: 'providers/Microsoft.KeyVault/deletedVaults',
    version: '2026-02-01',
    told: ({ name, properties }) =>
      `The key vault ${name} is deleted and keeps its name until ${properties.scheduledPurgeDate}: ${wait} ('az keyvault recover --name ${name}').`,
  },
  {
    path: 'providers/Microsoft.AppConfiguration/deletedConfigurationStores',
    version: '2024-06-01',
    told: ({ name, properties }) =>
      `The configuration store ${name} is deleted and keeps its name until ${properties.scheduledPurgeDate}: ${wait} ('az appconfig recover --name ${name}').`,
  },
  {
    path: 'providers/Microsoft.ApiManagement/deletedservices',
    version: '2024-05-01',
    told: ({ name, location }) => `The API Management ${name} in ${location} is deleted and keeps its name: ${purge}.`,
  },
];

async function checkDeleted(subscription, settings) {
  const lists = await Promise.all(
    deleted.map(({ path, version }) =>
      subscription.get(path, version).catch((thrown) => {
        if (isAbsent(thrown)) return { value: [] };
        throw thrown;
      }),
    ),
  );
  return lists.flatMap(({ value }, at) => value.filter((one) => isOurs(one, settings)).map(deleted[at].told));
}

/** By its tag; what has none in such a list, by the group that it was in. */
function isOurs({ tags, properties }, { AZURE_ENV_NAME: name }) {
  const tagged = tags?.['azd-env-name'] ?? properties?.tags?.['azd-env-name'];
  if (tagged !== undefined) return tagged === name;
  const [, group] = /\/resourceGroups\/([^/]+)\//i.exec(properties?.serviceId ?? '') ?? [];
  return group?.toLowerCase() === `rg-${name}`.toLowerCase();
}

function modelsOf({ deployments, provisioned }, settings, primary) {
  const capacity = Number(settings.OPENAI_PROVISIONED_CAPACITY || 0);
  const bought = capacity > 0 ? provisioned.map((one) => ({ ...one, capacity })) : [];
  return [...deployments, ...bought].filter(({ regions }) => regions === 'all' || (regions === 'primary') === primary);
}
