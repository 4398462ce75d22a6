// What stands already. What was decided when it was made cannot be changed in place: such a setting is refused here, and not
// by Azure half an hour later. What has changed by itself since is kept.
import { isAbsent } from './resource-manager.mjs';

/** Everything of one type in the group of this environment; its names are not known to a pipeline, its group is. */
export async function all(subscription, { AZURE_ENV_NAME: name }, [type, version]) {
  try {
    const { value } = await subscription.get(`resourceGroups/rg-${name}/providers/${type}`, version);
    return value;
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw thrown;
  }
}

/** The deployments that the account of this environment in a region already has: { type, model, capacity }. */
export async function ownDeployments(subscription, settings, region) {
  const accounts = await all(subscription, settings, ['Microsoft.CognitiveServices/accounts', '2024-10-01']);
  const own = accounts.filter((one) => one.location === region);
  const lists = await Promise.all(
    own.map(({ name }) =>
      all(subscription, settings, [`Microsoft.CognitiveServices/accounts/${name}/deployments`, '2024-10-01']),
    ),
  );
  return lists
    .flat()
    .map(({ sku, properties }) => ({ type: sku.name, model: properties.model.name, capacity: sku.capacity }));
}

const another = 'make another environment for it (azd env new NAME), or set it back';

/** Settings that differ from what was made with them. */
export async function checkExisting(subscription, settings) {
  const [environments, services] = await Promise.all([
    all(subscription, settings, ['Microsoft.App/managedEnvironments', '2025-01-01']),
    all(subscription, settings, ['Microsoft.ApiManagement/service', '2024-05-01']),
  ]);
  return [
    ...environments.flatMap((environment) => checkEnvironment(settings, environment)),
    ...(settings.USE_APIM === 'true' ? services.flatMap((service) => checkApiManagement(settings, service)) : []),
  ];
}

function checkEnvironment(settings, { properties: { vnetConfiguration, zoneRedundant } }) {
  const isolated = settings.NETWORK_ISOLATION === 'true';
  const was = { NETWORK_ISOLATION: vnetConfiguration?.internal === true, ZONE_REDUNDANT: zoneRedundant === true };
  const wanted = { NETWORK_ISOLATION: isolated, ZONE_REDUNDANT: settings.ZONE_REDUNDANT === 'true' && isolated };
  return Object.keys(was)
    .filter((name) => was[name] !== wanted[name])
    .map(
      (name) =>
        `${name} was ${was[name]} when the Container Apps environment was made, and cannot be changed in it: ${another}.`,
    );
}

function checkApiManagement(settings, { properties }) {
  const kinds = { None: 'no network', External: 'integration', Internal: 'injection' };
  const was = kinds[properties.virtualNetworkType ?? 'None'];
  const wanted = settings.NETWORK_ISOLATION === 'true' ? settings.APIM_NETWORK || 'integration' : 'no network';
  const switched = was !== wanted && (was === 'injection' || wanted === 'injection');
  return switched
    ? [`API Management was made with ${was}, and is to have ${wanted} now, which is decided once: ${another}.`]
    : [];
}

/** What POSTGRES_STORAGE_GIB is to be, where the disk has grown beyond it: a smaller one would be refused. */
export async function grownStorage(subscription, settings) {
  if (settings.USE_POSTGRES !== 'true') return undefined;
  const servers = await all(subscription, settings, ['Microsoft.DBforPostgreSQL/flexibleServers', '2024-08-01']);
  const size = Math.max(0, ...servers.map(({ properties }) => properties.storage?.storageSizeGB ?? 0));
  return size > Number(settings.POSTGRES_STORAGE_GIB || 64) ? size : undefined;
}
