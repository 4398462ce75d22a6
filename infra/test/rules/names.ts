import type { Problem } from '../../../tools/bicep/problem.ts';
import { problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** What Azure takes as a name, where it takes less than most. */
const rules: Readonly<Record<string, RegExp>> = {
  'Microsoft.App/containerApps': /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
  'Microsoft.App/managedEnvironments': /^[a-zA-Z][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]$/,
  'Microsoft.ApiManagement/service': /^[a-zA-Z][a-zA-Z0-9-]{0,48}[a-zA-Z0-9]$/,
  'Microsoft.AppConfiguration/configurationStores': /^[a-zA-Z0-9][a-zA-Z0-9-]{3,48}[a-zA-Z0-9]$/,
  'Microsoft.Cache/redisEnterprise': /^[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]$/,
  'Microsoft.Cdn/profiles/afdEndpoints': /^[a-zA-Z0-9][a-zA-Z0-9-]{0,44}[a-zA-Z0-9]$/,
  'Microsoft.CognitiveServices/accounts': /^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]$/,
  'Microsoft.ContainerRegistry/registries': /^[a-zA-Z0-9]{5,50}$/,
  'Microsoft.DBforPostgreSQL/flexibleServers': /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  'Microsoft.KeyVault/vaults': /^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$/,
  'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies': /^[a-zA-Z][a-zA-Z0-9]{0,127}$/,
  'Microsoft.OperationalInsights/workspaces': /^[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]$/,
  'Microsoft.Resources/resourceGroups': /^[-\w.()]{1,89}[-\w()]$/,
  'Microsoft.Storage/storageAccounts': /^[a-z0-9]{3,24}$/,
};

export function namesAreTaken(snapshot: Snapshot): Problem[] {
  return snapshot.resources.flatMap((resource): Problem[] => {
    const pattern = Object.entries(rules).find(([type]) => type.toLowerCase() === resource.type.toLowerCase())?.[1];
    if (pattern === undefined || pattern.test(resource.name) || resource.name.includes('⟦')) return [];
    return [problemAt(resource, 'name', `Azure takes no such name (${pattern.source})`)];
  });
}
