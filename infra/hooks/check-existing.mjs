// What stands already and cannot be changed in place: a setting that was decided when it was made is refused here, and not
// by Azure half an hour later.
import { AzureError } from './resource-manager.mjs';

/** Undefined where there is no such thing (yet). */
async function find(subscription, path, version) {
  try {
    return await subscription.get(path, version);
  } catch (thrown) {
    if (thrown instanceof AzureError && thrown.status === 404) return undefined;
    throw thrown;
  }
}

const another = 'make another environment for it (azd env new NAME), or set it back';

/** Settings that differ from what was made with them. */
export async function checkExisting(subscription, settings) {
  const { AZURE_RESOURCE_GROUP: group, SERVICE_GATEWAY_NAME: app, AZURE_APIM_NAME: apim } = settings;
  if (!group) return [];
  const told = await Promise.all([
    app
      ? checkEnvironment(subscription, settings, `resourceGroups/${group}/providers/Microsoft.App/containerApps/${app}`)
      : [],
    apim && settings.USE_APIM === 'true'
      ? checkApiManagement(
          subscription,
          settings,
          `resourceGroups/${group}/providers/Microsoft.ApiManagement/service/${apim}`,
        )
      : [],
  ]);
  return told.flat();
}

async function checkEnvironment(subscription, settings, path) {
  const app = await find(subscription, path, '2025-01-01');
  const environment = app && (await find(subscription, app.properties.environmentId, '2025-01-01'));
  if (environment === undefined) return [];
  const { vnetConfiguration, zoneRedundant } = environment.properties;
  const was = { NETWORK_ISOLATION: vnetConfiguration?.internal === true, ZONE_REDUNDANT: zoneRedundant === true };
  const wanted = {
    NETWORK_ISOLATION: settings.NETWORK_ISOLATION === 'true',
    ZONE_REDUNDANT: settings.ZONE_REDUNDANT === 'true' && settings.NETWORK_ISOLATION === 'true',
  };
  return Object.keys(was)
    .filter((name) => was[name] !== wanted[name])
    .map(
      (name) =>
        `${name} was ${was[name]} when the Container Apps environment was made, and cannot be changed in it: ${another}.`,
    );
}

async function checkApiManagement(subscription, settings, path) {
  const service = await find(subscription, path, '2024-05-01');
  if (service === undefined) return [];
  const kinds = { None: 'no network', External: 'integration', Internal: 'injection' };
  const was = kinds[service.properties.virtualNetworkType ?? 'None'];
  const wanted = settings.NETWORK_ISOLATION === 'true' ? settings.APIM_NETWORK || 'integration' : 'no network';
  const switched = was !== wanted && (was === 'injection' || wanted === 'injection');
  return switched
    ? [
        `API Management was made with ${was}, and APIM_NETWORK is ${wanted} now: that is decided once. ${another[0].toUpperCase()}${another.slice(1)}.`,
      ]
    : [];
}
