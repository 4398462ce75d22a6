import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, isObject, type Value } from '../../../tools/bicep/values.ts';
import { at, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** On what a role of `roles.json` may be given. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  acrPull: ['Microsoft.ContainerRegistry/registries'],
  acrPush: ['Microsoft.ContainerRegistry/registries'],
  appConfigurationDataOwner: ['Microsoft.AppConfiguration/configurationStores'],
  appConfigurationDataReader: ['Microsoft.AppConfiguration/configurationStores'],
  cognitiveServicesOpenAiUser: ['Microsoft.CognitiveServices/accounts'],
  keyVaultSecretsOfficer: ['Microsoft.KeyVault/vaults'],
  keyVaultSecretsUser: ['Microsoft.KeyVault/vaults'],
  logAnalyticsDataReader: ['Microsoft.OperationalInsights/workspaces'],
  monitoringMetricsPublisher: ['Microsoft.Insights/dataCollectionRules', 'Microsoft.Insights/components'],
};

function holderOf(principal: string, environment: Readonly<Record<string, string>>): string {
  if (/^⟦id-\w+\.properties\.principalId⟧$/.test(principal)) return 'gateway';
  if (/^⟦apim-\w+\.identity\.principalId⟧$/.test(principal)) return 'API Management';
  return principal === environment['AZURE_PRINCIPAL_ID'] ? 'deployer' : principal;
}

/** Each role goes to whom `roles.json` says, on what it says. */
export function rolesGoWhereTheyBelong(
  snapshot: Snapshot,
  roles: Value,
  environment: Readonly<Record<string, string>>,
): Problem[] {
  if (!isObject(roles)) return [];
  return made(snapshot, 'Microsoft.Authorization/roleAssignments').flatMap((assignment): Problem[] => {
    const given = asText(at(assignment.body, 'properties.roleDefinitionId') ?? '');
    const [key = '', role] =
      Object.entries(roles).find(([, one]) => given.endsWith(asText(at(one, 'id') ?? '-'))) ?? [];
    if (role === undefined) return [];
    const holder = holderOf(asText(at(assignment.body, 'properties.principalId') ?? ''), environment);
    const holders = asText(at(role, 'holder') ?? '').split(', ');
    const resource = assignment.id.slice(0, assignment.id.indexOf('/providers/Microsoft.Authorization/'));
    const on = resource.slice(resource.lastIndexOf('/providers/') + '/providers/'.length);
    return [
      ...(holders.includes(holder)
        ? []
        : [problemAt(assignment, 'holder', `${key} is for ${holders.join(' and ')}, not for ${holder}`)]),
      ...((scopes[key] ?? []).some((type) => on.startsWith(`${type}/`))
        ? []
        : [problemAt(assignment, 'holder', `${key} means nothing, or too much, on ${on}`)]),
    ];
  });
}
