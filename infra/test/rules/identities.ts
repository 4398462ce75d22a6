import type { DeployedResource } from '../../../tools/bicep/deploy.ts';
import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, type Value } from '../../../tools/bicep/values.ts';
import { at, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

interface Demand {
  readonly type: string;
  readonly path: string;
  readonly is: Value;
  readonly why: string;
}

/** No key, no password, no admin user: whoever comes is somebody. */
const demands: readonly Demand[] = [
  {
    type: 'Microsoft.CognitiveServices/accounts',
    path: 'properties.disableLocalAuth',
    is: true,
    why: 'keys of Azure OpenAI are off',
  },
  {
    type: 'Microsoft.AppConfiguration/configurationStores',
    path: 'properties.disableLocalAuth',
    is: true,
    why: 'keys of the configuration are off',
  },
  {
    type: 'Microsoft.AppConfiguration/configurationStores',
    path: 'properties.dataPlaneProxy.authenticationMode',
    is: 'Pass-through',
    why: 'without keys, Resource Manager writes as the deployer',
  },
  {
    type: 'Microsoft.KeyVault/vaults',
    path: 'properties.enableRbacAuthorization',
    is: true,
    why: 'roles instead of access policies',
  },
  {
    type: 'Microsoft.KeyVault/vaults',
    path: 'properties.enableSoftDelete',
    is: true,
    why: 'Azure refuses a vault without it',
  },
  {
    type: 'Microsoft.KeyVault/vaults',
    path: 'properties.enablePurgeProtection',
    is: true,
    why: 'a deleted vault comes back',
  },
  {
    type: 'Microsoft.ContainerRegistry/registries',
    path: 'properties.adminUserEnabled',
    is: false,
    why: 'the admin user is one password for all',
  },
  {
    type: 'Microsoft.ContainerRegistry/registries',
    path: 'properties.anonymousPullEnabled',
    is: false,
    why: 'the image is ours',
  },
  {
    type: 'Microsoft.ContainerRegistry/registries',
    path: 'properties.policies.azureADAuthenticationAsArmPolicy.status',
    is: 'enabled',
    why: 'Container Apps pull with a token of Resource Manager',
  },
  {
    type: 'Microsoft.DBforPostgreSQL/flexibleServers',
    path: 'properties.authConfig.passwordAuth',
    is: 'Disabled',
    why: 'Entra sign-in only',
  },
  {
    type: 'Microsoft.DBforPostgreSQL/flexibleServers',
    path: 'properties.authConfig.activeDirectoryAuth',
    is: 'Enabled',
    why: 'Entra sign-in only',
  },
  {
    type: 'Microsoft.OperationalInsights/workspaces',
    path: 'properties.features.disableLocalAuth',
    is: true,
    why: 'the workspace key is off',
  },
  {
    type: 'Microsoft.Insights/components',
    path: 'properties.DisableLocalAuth',
    is: true,
    why: 'telemetry is sent with an identity',
  },
  {
    type: 'Microsoft.Storage/storageAccounts',
    path: 'properties.allowSharedKeyAccess',
    is: false,
    why: 'the account key is off',
  },
  {
    type: 'Microsoft.Storage/storageAccounts',
    path: 'properties.minimumTlsVersion',
    is: 'TLS1_2',
    why: 'older TLS is broken',
  },
  {
    type: 'Microsoft.Cache/redisEnterprise',
    path: 'properties.minimumTlsVersion',
    is: '1.2',
    why: 'older TLS is broken',
  },
  {
    type: 'Microsoft.Cache/redisEnterprise/databases',
    path: 'properties.clientProtocol',
    is: 'Encrypted',
    why: 'tokens cross this wire',
  },
  {
    type: 'Microsoft.Cache/redisEnterprise/databases',
    path: 'properties.clusteringPolicy',
    is: 'NoCluster',
    why: 'scripts touch several keys',
  },
  {
    type: 'Microsoft.App/containerApps',
    path: 'properties.configuration.ingress.allowInsecure',
    is: false,
    why: 'keys of callers cross this wire',
  },
  {
    type: 'Microsoft.App/managedEnvironments',
    path: 'properties.appLogsConfiguration.destination',
    is: 'azure-monitor',
    why: 'the other way needs the key of the workspace',
  },
  {
    type: 'Microsoft.Insights/privateLinkScopes',
    path: 'properties.accessModeSettings.ingestionAccessMode',
    is: 'PrivateOnly',
    why: 'an open scope is none',
  },
  {
    type: 'Microsoft.ApiManagement/service/subscriptions',
    path: 'properties.allowTracing',
    is: false,
    why: 'a trace shows prompts',
  },
  {
    type: 'Microsoft.ApiManagement/service/diagnostics',
    path: 'properties.logClientIp',
    is: false,
    why: 'nobody asked for addresses',
  },
  {
    type: 'Microsoft.Insights/components',
    path: 'properties.DisableIpMasking',
    is: false,
    why: 'nobody asked for addresses',
  },
  {
    type: 'Microsoft.App/managedEnvironments',
    path: 'properties.peerTrafficConfiguration.encryption.enabled',
    is: true,
    why: 'keys of callers cross this wire',
  },
  {
    type: 'Microsoft.Authorization/policyAssignments',
    path: 'properties.enforcementMode',
    is: 'Default',
    why: 'a policy that is not enforced is paper',
  },
  {
    type: 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies',
    path: 'properties.policySettings.mode',
    is: 'Prevention',
    why: 'a firewall that only looks lets everything by',
  },
  {
    type: 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies',
    path: 'properties.policySettings.enabledState',
    is: 'Enabled',
    why: 'a firewall that is off is none',
  },
  {
    type: 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies',
    path: 'properties.customRules.rules.0.action',
    is: 'Block',
    why: 'a limit that only counts is none',
  },
  {
    type: 'Microsoft.Cdn/profiles/afdEndpoints/routes',
    path: 'properties.supportedProtocols.0',
    is: 'Https',
    why: 'keys of callers cross this wire',
  },
  {
    type: 'Microsoft.Cdn/profiles/afdEndpoints/routes',
    path: 'properties.forwardingProtocol',
    is: 'HttpsOnly',
    why: 'keys of callers cross this wire',
  },
  {
    type: 'Microsoft.Cdn/profiles/originGroups/origins',
    path: 'properties.enforceCertificateNameCheck',
    is: true,
    why: 'keys of callers would go to whoever answers',
  },
  {
    type: 'Microsoft.Authorization/locks',
    path: 'properties.level',
    is: 'CanNotDelete',
    why: 'with another nothing could be deployed, nor keys of the cache be read',
  },
];

/** What looks like another choice, and would not work. */
const others: readonly Demand[] = [
  {
    type: 'Microsoft.Storage/storageAccounts',
    path: 'properties.supportsHttpsTrafficOnly',
    is: false,
    why: 'a share that is spoken to by NFS is not mounted otherwise',
  },
  {
    type: 'Microsoft.Storage/storageAccounts/fileServices/shares',
    path: 'properties.rootSquash',
    is: 'NoRootSquash',
    why: 'the init container gives the folder to the user of the image',
  },
  {
    type: 'Microsoft.Cache/redisEnterprise/databases',
    path: 'properties.port',
    is: 10_000,
    why: 'the one port that the network lets through, and that Azure Managed Redis has',
  },
  {
    type: 'Microsoft.DBforPostgreSQL/flexibleServers/administrators',
    path: 'properties.principalType',
    is: 'ServicePrincipal',
    why: 'a managed identity is not a user',
  },
];

export function demandsHold(snapshot: Snapshot): Problem[] {
  return [...demands, ...others].flatMap(({ type, path, is, why }) =>
    made(snapshot, type).flatMap((resource): Problem[] => {
      const found = at(resource.body, path);
      return found === is
        ? []
        : [
            problemAt(
              resource,
              'baseline',
              `${path} must be ${JSON.stringify(is)}, is ${JSON.stringify(found)}: ${why}`,
            ),
          ];
    }),
  );
}

/** The database of API Management is a cache; every other one holds counters. */
const isCache = (database: DeployedResource): boolean => database.id.includes('apim-');

/** Of counters nothing may be lost; of cached replies nothing may come to lie on a disk, and the oldest make room. */
export function databasesKeepWhatTheyMust(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Cache/redisEnterprise/databases').flatMap((database) => {
    const cache = isCache(database);
    const wanted = {
      'properties.evictionPolicy': cache ? 'AllKeysLRU' : 'NoEviction',
      'properties.persistence.aofEnabled': !cache,
    };
    const why = cache
      ? 'a cache that is full would take nothing more, and what it holds are replies'
      : 'a counter that is removed is money given away, and a restart loses a second, not everything';
    return Object.entries(wanted).flatMap(([path, value]) =>
      at(database.body, path) === value
        ? []
        : [problemAt(database, 'baseline', `${path} must be ${JSON.stringify(value)}: ${why}`)],
    );
  });
}

/** API Management cannot sign in to its cache with Entra: the one database with keys is its own. */
export function keysAreOffButForTheCache(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.Cache/redisEnterprise/databases').flatMap((database): Problem[] => {
    const keys = at(database.body, 'properties.accessKeysAuthentication');
    if (keys === 'Disabled' || (isCache(database) && keys === 'Enabled')) return [];
    return [problemAt(database, 'baseline', 'access keys are for the cache of API Management alone')];
  });
}

/** `listKeys()` and the like stand where there is no other way. */
const keyReaders = new Set(['core/apim/cache.bicep']);

export function keysAreNotRead(files: ReadonlyMap<string, string>): Problem[] {
  return [...files].flatMap(([file, text]): Problem[] => {
    if (!file.endsWith('.bicep') || keyReaders.has(file)) return [];
    return text
      .split('\n')
      .flatMap((line, n): Problem[] =>
        /\blist[A-Z]\w*\(/.test(line)
          ? [{ rule: 'keys-read', file, line: n + 1, message: 'keys are not handed on: give the identity a role' }]
          : [],
      );
  });
}

/** Whatever is made from public names can be computed by anybody. */
export function secretsAreNotComputed(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app) => {
    const containers = at(app.body, 'properties.template.containers');
    const variables = Array.isArray(containers) ? containers.flatMap((one: Value) => at(one, 'env') ?? []) : [];
    return variables.flatMap((variable: Value): Problem[] => {
      const name = asText(at(variable, 'name') ?? '');
      if (!/(KEY|SECRET|PASSWORD|TOKEN)$/.test(name) || at(variable, 'secretRef') !== undefined) return [];
      return [problemAt(app, 'secret-in-clear', `the environment variable ${name} holds a secret in clear`)];
    });
  });
}
