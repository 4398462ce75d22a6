metadata name = 'Tollgate, in a resource group that exists'
metadata description = 'Everything. main.bicep makes the group and calls this; Azure Deployment Environments call it alone.'

@description('Name of the environment; part of every name and tag.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything that has no region of its own.')
@minLength(1)
param location string

@description('Who deploys: gets the roles of the deployer. Empty: nobody does.')
param principalId string = ''

@description('What kind of principal that is; a pipeline is a ServicePrincipal.')
@allowed(['User', 'ServicePrincipal', 'Group'])
param principalType string = 'User'

@description('Whether the app exists: then the image that it runs is kept. azd sets it.')
param gatewayExists bool = false

@description('What runs until the first `azd deploy`.')
@minLength(1)
param placeholderImage string = 'mcr.microsoft.com/azuredocs/containerapps-helloworld:latest'

@description('A second region for Azure OpenAI; empty: none.')
param secondaryOpenAiLocation string = ''

@description('Further regions, with commas between them.')
param additionalOpenAiLocations string = ''

@description('Kind of the accounts: a Foundry resource, or the older kind.')
@allowed(['AIServices', 'OpenAI'])
param openAiKind string = 'AIServices'

@description('Accounts that exist, used instead of new ones: resource id@region, with commas between them. They hold the deployments of `data/models.json` under the same names.')
param existingOpenAiAccounts string = ''

@description('Throughput units of each provisioned deployment of `data/models.json`; 0: none is made.')
@minValue(0)
param provisionedCapacity int = 0

@description('What one of those units costs in an hour, after discounts: `1.00 USD`. Empty: their hours are charged to nobody.')
param provisionedHourlyPrice string = ''

@description('The first day on which those units are paid: `2026-12-01`.')
param provisionedFrom string = ''

@description('Everything in a virtual network, behind private endpoints.')
param networkIsolation bool = false

@description('Address space of the network, at least a /23.')
param virtualNetworkPrefix string = '10.60.0.0/23'

@description('A network that exists, with the subnets `gateway`, `endpoints` and, for API Management, `api-management`, delegated and guarded as `core/network/network.bicep` does it.')
param existingVirtualNetworkId string = ''

@description('Private DNS zones that exist and are linked: resource ids, with commas between them.')
param existingPrivateDnsZones string = ''

@description('Addresses that reach registry and key vault from outside although the rest is private: ranges, with commas between them.')
param allowedIpRanges string = ''

@description('Address of whoever deploys, for as long as that takes; a hook finds it and takes it away again.')
param deployerIp string = ''

@description('A Log Analytics workspace that exists, in the resource group of everything else; empty: one is made.')
param existingWorkspaceId string = ''

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Most that may be logged, in GB a day; -1 is no limit.')
param logDailyQuotaGb int = 10

@description('Whether the gateway follows App Configuration although nothing could be written there from outside: under isolation, once somebody inside has. In the open it does in any case.')
param followAppConfiguration bool = false

@description('Of a hundred calls, how many are traced in Application Insights, where no caller decides it. Errors among the others are in the ledger, not there.')
@minValue(0)
@maxValue(100)
param tracePercent int = 10

@description('Under isolation: Azure Monitor through a private link scope. False where the network has one.')
param useAmpls bool = true

@description('Whether queries are answered to the network only.')
@allowed(['Open', 'PrivateOnly'])
param amplsQueryAccessMode string = 'Open'

@description('PostgreSQL for the ledger, so that several replicas share it. Needs isolation.')
param usePostgres bool = false

@description('Its size.')
param postgresSku string = 'Standard_D2ds_v5'

@description('The tier that the size belongs to.')
@allowed(['Burstable', 'GeneralPurpose', 'MemoryOptimized'])
param postgresTier string = 'GeneralPurpose'

@description('Its disk in GiB; it grows by itself, and never shrinks: the preflight keeps what it has grown to.')
@minValue(32)
param postgresStorageGiB int = 64

@description('A standby of it.')
param postgresHighAvailability bool = false

@description('Backups in the paired region too.')
param postgresGeoRedundantBackup bool = false

@description('Redis for the counters of limits and budgets, so that several replicas share them. Needs isolation.')
param useRedis bool = false

@description('Its size.')
param redisSku string = 'Balanced_B0'

@description('A second node of it.')
param redisHighAvailability bool = true

@description('API Management in front.')
param useApim bool = false

@description('Its tier.')
@allowed(['StandardV2', 'PremiumV2'])
param apimSku string = 'StandardV2'

@description('Its units.')
@minValue(1)
param apimCapacity int = 1

@description('Under isolation: whether only its outbound calls go through the network, or it stands in it (Premium v2). Cannot be changed later.')
@allowed(['integration', 'injection'])
param apimNetwork string = 'integration'

@description('Who is told of what happens to it.')
@minLength(1)
param apimPublisherEmail string = 'platform@contoso.com'

@description('Name that its portal shows.')
@minLength(1)
param apimPublisherName string = 'Contoso'

@description('An external cache for API Management, of its own. Needs isolation.')
param useRedisCacheApim bool = false

@description('Client id of Tollgate\'s app registration: tokens for it prove that a call comes from API Management. Without it a certificate does.')
param tollgateAppId string = ''

@description('That certificate: the id of its secret in the key vault, without version.')
param apimCertificateSecretId string = ''

@description('SHA-256 of that certificate, 64 hexadecimal digits: which one Tollgate believes.')
param apimCertificateSha256 string = ''

@description('Front Door with a web application firewall in front of everything.')
param useWaf bool = false

@description('Requests of one address in five minutes, beyond which the firewall refuses it.')
@minValue(100)
param wafRequestsPerAddress int = 3000

@description('Under isolation: region of its private link, where it cannot make one in the region of everything. Empty: there.')
param wafPrivateLinkLocation string = ''

@description('Fewest replicas.')
@minValue(1)
param minReplicas int = 1

@description('Most replicas; more than one needs USE_POSTGRES and USE_REDIS.')
@minValue(1)
@maxValue(100)
param maxReplicas int = 1

@description('Requests under way in a replica beyond which another one is started.')
@minValue(1)
param concurrentRequests int = 200

@description('Processor cores of a replica.')
@allowed(['0.5', '1', '2', '4'])
param replicaCpu string = '1'

@description('Memory of a replica: twice its cores.')
@allowed(['1Gi', '2Gi', '4Gi', '8Gi'])
param replicaMemory string = '2Gi'

@description('Replicas, the journal share and the standby of PostgreSQL in several zones. Only in regions that have zones.')
param zoneRedundant bool = false

@description('Seconds that a replica has to end in.')
@minValue(60)
@maxValue(600)
param terminationGraceSeconds int = 600

@description('Seconds that a call may take whose reply is not streamed: it is silent until it is whole, so below the 240 after which the ingress, API Management and Front Door cut a silent one.')
@minValue(10)
@maxValue(1790)
param requestSeconds int = 220

@description('Seconds that a streamed call may take. A stream is never silent for long: none of the three cuts it.')
@minValue(10)
@maxValue(3600)
param streamSeconds int = 900

@description('Premium ingress: minutes that a request may be silent, from 4. 0: the ordinary ingress, four minutes. Does nothing behind API Management or Front Door, which give up after four of their own: refused with them.')
@minValue(0)
@maxValue(30)
param requestIdleMinutes int = 0

@description('Size of the share of the journals, under isolation.')
@minValue(100)
param journalShareGiB int = 100

@description('Azure Policy assignments on the group. Needs the right to assign policies.')
param usePolicies bool = true

@description('Whether what breaks a policy is refused, or only reported.')
@allowed(['Deny', 'Audit'])
param policyEffect string = 'Deny'

@description('A lock against deletion on the group.')
param useLocks bool = false

@description('Azure budget of the group, a month; 0: none.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the month from which it counts: of this month or a later one, when it is made. The preflight sets it. Empty: no budget is made.')
param budgetStartDate string = ''

@description('Who is told of alerts and of the budget: addresses, with commas between them.')
param alertEmails string = ''

var abbreviations = loadJsonContent('abbreviations.json')
var models = loadJsonContent('data/models.json')
var consumers = loadJsonContent('data/consumers.json')
var zones = loadJsonContent('data/private-dns.json')

// Of the group, too: Azure Deployment Environments may make two of one name.
var token = toLower(uniqueString(resourceGroup().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}

// ── What the parameters come to ──

var ipRanges = filter(map(split('${allowedIpRanges},${deployerIp}', ','), range => trim(range)), range => !empty(range))
var emails = filter(map(split(alertEmails, ','), email => trim(email)), email => !empty(email))
var givenZoneIds = filter(map(split(existingPrivateDnsZones, ','), id => trim(id)), id => !empty(id))
var givenZones = toObject(givenZoneIds, id => last(split(id, '/')), id => id)

// Without a shared ledger and shared counters two replicas would each keep their own: one it is.
var scalesOut = networkIsolation && usePostgres && useRedis
var mostReplicas = scalesOut ? maxReplicas : 1
var fewestReplicas = min(minReplicas, mostReplicas)

// A region stands once however often it was named: accounts are called after their region.
var regions = union(
  [location],
  filter(map(split('${secondaryOpenAiLocation},${additionalOpenAiLocations}', ','), region => trim(region)), region => !empty(region))
)
var existingAccounts = map(
  filter(map(split(existingOpenAiAccounts, ','), account => trim(account)), account => !empty(account)),
  account => {
    name: last(split(first(split(account, '@')), '/'))
    subscriptionId: split(account, '/')[2]
    resourceGroup: split(account, '/')[4]
    region: last(split(account, '@'))
    deployments: models.deployments
  }
)
var newRegions = empty(existingAccounts) ? regions : []
var newAccounts = map(newRegions, region => {
  name: '${abbreviations.openAi}${token}-${region}'
  region: region
  payAsYouGo: filter(models.deployments, deployment => deployment.regions == 'all' || (deployment.regions == 'primary') == (region == location))
  provisioned: provisionedCapacity == 0
    ? []
    : map(
        filter(models.provisioned, deployment => deployment.regions == 'all' || (deployment.regions == 'primary') == (region == location)),
        deployment => union(deployment, { capacity: provisionedCapacity })
      )
})
var accounts = concat(
  map(newAccounts, account => {
    name: account.name
    region: account.region
    deployments: concat(account.payAsYouGo, account.provisioned)
  }),
  map(existingAccounts, account => {
    name: account.name
    region: account.region
    deployments: account.deployments
  })
)

// Kinds of private endpoints, as `data/private-dns.json` names them.
var neededEndpoints = concat(
  ['account', 'vault', 'configurationStores', 'registry'],
  usePostgres ? ['postgresqlServer', 'file'] : [],
  useRedis || (useApim && useRedisCacheApim) ? ['redisEnterprise'] : [],
  useAmpls ? ['azuremonitor'] : []
)

var gatewayName = '${abbreviations.containerApp}${token}'

// ── Network ──

module network 'core/network/network.bicep' = if (networkIsolation && empty(existingVirtualNetworkId)) {
  name: 'network'
  params: {
    name: '${abbreviations.virtualNetwork}${token}'
    securityGroupPrefix: '${abbreviations.networkSecurityGroup}${token}-'
    location: location
    tags: tags
    addressPrefix: virtualNetworkPrefix
    apiManagementNetwork: apimNetwork
  }
}

var networkId = !networkIsolation ? '' : empty(existingVirtualNetworkId) ? network!.outputs.id : existingVirtualNetworkId
var gatewaySubnetId = !networkIsolation
  ? ''
  : empty(existingVirtualNetworkId) ? network!.outputs.gatewaySubnetId : '${existingVirtualNetworkId}/subnets/gateway'
var endpointsSubnetId = !networkIsolation
  ? ''
  : empty(existingVirtualNetworkId) ? network!.outputs.endpointsSubnetId : '${existingVirtualNetworkId}/subnets/endpoints'
var apiManagementSubnetId = !networkIsolation
  ? ''
  : empty(existingVirtualNetworkId) ? network!.outputs.apiManagementSubnetId : '${existingVirtualNetworkId}/subnets/api-management'

module dns 'core/network/private-dns.bicep' = if (networkIsolation) {
  name: 'private-dns'
  params: {
    groups: zones
    needed: neededEndpoints
    existingZones: givenZones
    virtualNetworkId: networkId
    tags: tags
  }
}

// ── Identity and monitoring ──

module identity 'core/security/identity.bicep' = {
  name: 'identity'
  params: {
    name: '${abbreviations.managedIdentity}${token}'
    location: location
    tags: tags
  }
}

module workspace 'core/monitor/workspace.bicep' = if (empty(existingWorkspaceId)) {
  name: 'workspace'
  params: {
    name: '${abbreviations.logAnalyticsWorkspace}${token}'
    location: location
    tags: tags
    retentionInDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
    privateIngestion: networkIsolation
    privateQueries: networkIsolation && amplsQueryAccessMode == 'PrivateOnly'
  }
}

var workspaceId = empty(existingWorkspaceId) ? workspace!.outputs.id : existingWorkspaceId

module usageRecords 'core/monitor/usage-records.bicep' = {
  name: 'usage-records'
  params: {
    workspaceId: workspaceId
    ruleName: '${abbreviations.dataCollectionRule}${token}'
    endpointName: '${abbreviations.dataCollectionEndpoint}${token}'
    location: location
    tags: tags
    isolated: networkIsolation
    gatewayPrincipalId: identity.outputs.principalId
  }
}

module insights 'core/monitor/application-insights.bicep' = {
  name: 'application-insights'
  params: {
    name: '${abbreviations.applicationInsights}${token}'
    location: location
    tags: tags
    workspaceId: workspaceId
    privateIngestion: networkIsolation
    privateQueries: networkIsolation && amplsQueryAccessMode == 'PrivateOnly'
    publishers: [identity.outputs.principalId]
  }
}

module linkScope 'core/monitor/private-link-scope.bicep' = if (networkIsolation && useAmpls) {
  name: 'private-link-scope'
  params: {
    name: '${abbreviations.privateLinkScope}${token}'
    location: location
    tags: tags
    network: {
      subnetId: endpointsSubnetId
      zoneIds: dns!.outputs.ids.azuremonitor
    }
    queryAccessMode: amplsQueryAccessMode
    resources: [
      {
        name: 'workspace'
        id: workspaceId
      }
      {
        name: 'application-insights'
        id: insights.outputs.id
      }
      {
        name: 'data-collection-endpoint'
        id: usageRecords.outputs.collectionEndpointId
      }
    ]
  }
}

module alerts 'core/monitor/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    tags: tags
    actionGroupName: '${abbreviations.actionGroup}${token}'
    emails: emails
    workspaceId: workspaceId
    enabled: !empty(emails)
  }
  dependsOn: [usageRecords]
}

module workbook 'core/monitor/workbook.bicep' = {
  name: 'workbook'
  params: {
    location: location
    tags: tags
    workspaceId: workspaceId
  }
}

module dashboard 'core/monitor/dashboard.bicep' = {
  name: 'dashboard'
  params: {
    name: '${abbreviations.portalDashboard}${token}'
    location: location
    tags: tags
    workspaceId: workspaceId
    applicationInsightsName: insights.outputs.name
    workbookId: workbook.outputs.id
  }
}

// ── Azure OpenAI ──

module openAi 'core/ai/account.bicep' = [
  for account in newAccounts: {
    name: 'openai-${account.region}'
    params: {
      name: account.name
      location: account.region
      networkLocation: location
      tags: tags
      kind: openAiKind
      network: {
        isolated: networkIsolation
        subnetId: endpointsSubnetId
        zoneIds: networkIsolation ? dns!.outputs.ids.account : []
      }
      gatewayPrincipalId: identity.outputs.principalId
      deployments: account.payAsYouGo
      provisioned: account.provisioned
      workspaceId: workspaceId
    }
  }
]

module existingOpenAi 'core/ai/existing-account.bicep' = [
  for account in existingAccounts: {
    name: take('openai-role-${account.name}', 64)
    scope: resourceGroup(account.subscriptionId, account.resourceGroup)
    params: {
      name: account.name
      gatewayPrincipalId: identity.outputs.principalId
    }
  }
]

module existingOpenAiEndpoint 'core/network/private-endpoint.bicep' = [
  for account in existingAccounts: if (networkIsolation) {
    name: take('pep-${account.name}', 64)
    params: {
      name: '${abbreviations.privateEndpoint}${account.name}'
      location: location
      tags: tags
      subnetId: endpointsSubnetId
      serviceId: '/subscriptions/${account.subscriptionId}/resourceGroups/${account.resourceGroup}/providers/Microsoft.CognitiveServices/accounts/${account.name}'
      groupId: 'account'
      zoneIds: dns!.outputs.ids.account
    }
  }
]

// ── What the gateway stands on ──

module registry 'core/host/registry.bicep' = {
  name: 'registry'
  params: {
    name: '${abbreviations.containerRegistry}${token}'
    location: location
    tags: tags
    network: {
      isolated: networkIsolation
      subnetId: endpointsSubnetId
      zoneIds: networkIsolation ? dns!.outputs.ids.registry : []
    }
    allowedIpRanges: ipRanges
    gatewayPrincipalId: identity.outputs.principalId
    deployerPrincipalId: principalId
    deployerPrincipalType: principalType
    workspaceId: workspaceId
  }
}

var apimPrincipalId = useApim ? apim!.outputs.principalId : ''

module vault 'core/security/key-vault.bicep' = {
  name: 'key-vault'
  params: {
    name: '${abbreviations.keyVault}${token}'
    location: location
    tags: tags
    network: {
      isolated: networkIsolation
      subnetId: endpointsSubnetId
      zoneIds: networkIsolation ? dns!.outputs.ids.vault : []
    }
    allowedIpRanges: ipRanges
    readers: [identity.outputs.principalId]
    deployerPrincipalId: principalId
    deployerPrincipalType: principalType
    workspaceId: workspaceId
  }
}

module configuration 'core/host/gateway-configuration.bicep' = {
  name: 'gateway-configuration'
  params: {
    accounts: accounts
    consumers: consumers
    tracePercent: tracePercent
    requestSeconds: requestSeconds
    streamSeconds: streamSeconds
    terminationGraceSeconds: terminationGraceSeconds
    syncsToDisk: networkIsolation && usePostgres
    sharedLedger: networkIsolation && usePostgres
    sharedCounters: networkIsolation && useRedis
    frontProof: !useApim ? 'none' : empty(tollgateAppId) ? 'certificate' : 'token'
    frontCertificateSha256: apimCertificateSha256
    provisionedHourlyPrice: provisionedHourlyPrice
    provisionedFrom: provisionedFrom
  }
}

module appConfiguration 'core/config/app-configuration.bicep' = {
  name: 'app-configuration'
  params: {
    name: '${abbreviations.appConfiguration}${token}'
    location: location
    tags: tags
    network: {
      isolated: networkIsolation
      subnetId: endpointsSubnetId
      zoneIds: networkIsolation ? dns!.outputs.ids.configurationStores : []
    }
    gatewayPrincipalId: identity.outputs.principalId
    deployerPrincipalId: principalId
    deployerPrincipalType: principalType
    workspaceId: workspaceId
  }
}

module configurationValues 'core/config/configuration-values.bicep' = {
  name: 'configuration-values'
  params: {
    storeName: appConfiguration.outputs.name
    configuration: configuration.outputs.configuration
    canWrite: !networkIsolation && !empty(principalId)
  }
  // The store asks whether the deployer may write, and a right that has just been given takes minutes to be known there: what
  // takes minutes itself comes first.
  dependsOn: [environment, openAi]
}

module postgres 'core/database/postgres.bicep' = if (networkIsolation && usePostgres) {
  name: 'postgres'
  params: {
    name: '${abbreviations.postgres}${token}'
    location: location
    tags: tags
    sku: postgresSku
    tier: postgresTier
    storageSizeGiB: postgresStorageGiB
    highAvailability: postgresHighAvailability
    zoneRedundant: zoneRedundant
    geoRedundantBackup: postgresGeoRedundantBackup
    network: {
      subnetId: endpointsSubnetId
      zoneIds: dns!.outputs.ids.postgresqlServer
    }
    owner: {
      principalId: identity.outputs.principalId
      name: '${abbreviations.managedIdentity}${token}'
    }
    workspaceId: workspaceId
  }
}

module redis 'core/cache/redis.bicep' = if (networkIsolation && useRedis) {
  name: 'redis'
  params: {
    name: '${abbreviations.redis}${token}'
    location: location
    tags: tags
    sku: redisSku
    highAvailability: redisHighAvailability
    holdsCounters: true
    network: {
      subnetId: endpointsSubnetId
      zoneIds: dns!.outputs.ids.redisEnterprise
    }
    entraPrincipals: [identity.outputs.principalId]
    workspaceId: workspaceId
  }
}

// With the ledger in PostgreSQL only: a store in a file (SQLite) must never lie on a share.
module journalShare 'core/host/journal-share.bicep' = if (networkIsolation && usePostgres) {
  name: 'journal-share'
  params: {
    name: '${abbreviations.storageAccount}${token}'
    location: location
    tags: tags
    network: {
      subnetId: endpointsSubnetId
      zoneIds: dns!.outputs.ids.file
    }
    sizeGiB: journalShareGiB
    zoneRedundant: zoneRedundant
  }
}

// ── The gateway ──

module environment 'core/host/environment.bicep' = {
  name: 'environment'
  params: {
    name: '${abbreviations.containerAppsEnvironment}${token}'
    location: location
    tags: tags
    workspaceId: workspaceId
    network: {
      isolated: networkIsolation
      subnetId: gatewaySubnetId
    }
    requestIdleMinutes: requestIdleMinutes
    terminationGraceSeconds: terminationGraceSeconds
    zoneRedundant: zoneRedundant
    journalShare: networkIsolation && usePostgres
      ? {
          account: journalShare!.outputs.account
          share: journalShare!.outputs.share
        }
      : null
  }
}

module internalDomain 'core/host/internal-domain.bicep' = if (networkIsolation) {
  name: 'internal-domain'
  params: {
    domain: environment.outputs.defaultDomain
    staticIp: environment.outputs.staticIp
    virtualNetworkId: networkId
    tags: tags
  }
}

module runningImage 'core/host/running-image.bicep' = {
  name: 'running-image'
  params: {
    name: gatewayName
    exists: gatewayExists
    otherwise: placeholderImage
  }
}

module gateway 'core/host/gateway.bicep' = {
  name: 'gateway'
  params: {
    name: gatewayName
    location: location
    tags: union(tags, { 'azd-service-name': 'gateway' })
    environmentId: environment.outputs.id
    identity: {
      id: identity.outputs.id
      clientId: identity.outputs.clientId
    }
    registryLoginServer: registry.outputs.loginServer
    image: runningImage.outputs.image
    external: true
    requireClientCertificate: useApim && empty(tollgateAppId)
    configuration: configuration.outputs.configuration
    settings: concat(
      [
        {
          name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
          value: insights.outputs.connectionString
        }
        {
          name: 'TOLLGATE_LOGS_ENDPOINT'
          value: usageRecords.outputs.ingestionEndpoint
        }
        {
          name: 'TOLLGATE_LOGS_RULE_ID'
          value: usageRecords.outputs.ruleImmutableId
        }
        {
          name: 'TOLLGATE_LOGS_STREAM'
          value: usageRecords.outputs.streamName
        }
        {
          name: 'TOLLGATE_LOGS_WORKSPACE_ID'
          value: usageRecords.outputs.workspaceCustomerId
        }
        {
          name: 'TOLLGATE_TENANT_ID'
          value: subscription().tenantId
        }
      ],
      empty(tollgateAppId) ? [] : [{ name: 'TOLLGATE_APP_ID', value: tollgateAppId }],
      useApim && !empty(tollgateAppId) ? [{ name: 'TOLLGATE_APIM_PRINCIPAL_ID', value: apimPrincipalId }] : [],
      configurationValues.outputs.holdsConfiguration || followAppConfiguration
        ? [{ name: 'TOLLGATE_APP_CONFIGURATION', value: appConfiguration.outputs.endpoint }]
        : [],
      networkIsolation && usePostgres
        ? [
            {
              name: 'TOLLGATE_POSTGRES_URL'
              value: 'postgres://${abbreviations.managedIdentity}${token}@${postgres!.outputs.host}:5432/${postgres!.outputs.database}?sslmode=verify-full'
            }
          ]
        : [],
      networkIsolation && useRedis
        ? [
            {
              name: 'TOLLGATE_REDIS_URL'
              value: 'rediss://${redis!.outputs.hostName}:${redis!.outputs.port}'
            }
          ]
        : []
    )
    useJournalShare: networkIsolation && usePostgres
    minReplicas: fewestReplicas
    maxReplicas: mostReplicas
    concurrentRequests: concurrentRequests
    terminationGraceSeconds: terminationGraceSeconds
    cpu: replicaCpu
    memory: replicaMemory
  }
  // Without its right to pull and to call it would start, and fail.
  dependsOn: [openAi, existingOpenAi, internalDomain]
}

// ── In front ──

module apim 'core/apim/service.bicep' = if (useApim) {
  name: 'api-management'
  params: {
    name: '${abbreviations.apiManagement}${token}'
    location: location
    tags: tags
    sku: apimSku
    capacity: apimCapacity
    publisherEmail: apimPublisherEmail
    publisherName: apimPublisherName
    network: {
      isolated: networkIsolation
      subnetId: apiManagementSubnetId
      mode: apimNetwork
    }
    applicationInsightsName: insights.outputs.name
    workspaceId: workspaceId
  }
}

// Of the vault it reads its certificate, and nothing else; with a token as proof, nothing.
module apimCertificateRole 'core/security/secret-reader.bicep' = if (useApim && empty(tollgateAppId)) {
  name: 'api-management-certificate'
  params: {
    vaultName: vault.outputs.name
    secretName: last(split(apimCertificateSecretId, '/'))
    readerPrincipalId: apimPrincipalId
  }
}

module apimApi 'core/apim/api.bicep' = if (useApim) {
  name: 'api-management-api'
  params: {
    serviceName: apim!.outputs.name
    gatewayUrl: gateway.outputs.url
    tollgateAppId: tollgateAppId
    certificateSecretId: apimCertificateSecretId
    behindFrontDoor: useWaf
    frontDoorId: useWaf ? frontDoor!.outputs.id : ''
    product: consumers.product
    consumers: consumers.consumers
  }
  dependsOn: [apimCertificateRole]
}

module apimRedis 'core/cache/redis.bicep' = if (useApim && networkIsolation && useRedisCacheApim) {
  name: 'api-management-redis'
  params: {
    name: '${abbreviations.redis}apim-${token}'
    location: location
    tags: tags
    sku: redisSku
    highAvailability: false
    holdsCounters: false
    network: {
      subnetId: endpointsSubnetId
      zoneIds: dns!.outputs.ids.redisEnterprise
    }
    entraPrincipals: []
    workspaceId: workspaceId
  }
}

module apimCache 'core/apim/cache.bicep' = if (useApim && networkIsolation && useRedisCacheApim) {
  name: 'api-management-cache'
  params: {
    serviceName: apim!.outputs.name
    redisName: apimRedis!.outputs.name
  }
}

module frontDoor 'core/edge/front-door.bicep' = if (useWaf) {
  name: 'front-door'
  params: {
    name: '${abbreviations.frontDoor}${token}'
    firewallName: '${abbreviations.webApplicationFirewall}${token}'
    endpointName: 'tollgate-${token}'
    tags: tags
    originHost: useApim ? replace(apim!.outputs.gatewayUrl, 'https://', '') : gateway.outputs.fqdn
    originResourceId: !networkIsolation ? '' : useApim ? apim!.outputs.id : environment.outputs.id
    originGroupId: useApim ? 'Gateway' : 'managedEnvironments'
    linkLocation: empty(wafPrivateLinkLocation) ? location : wafPrivateLinkLocation
    // Every API Management answers there, past its APIs; of Tollgate's own paths it has none.
    probePath: useApim ? '/status-0123456789abcdef' : '/readyz'
    requestsPerAddress: wafRequestsPerAddress
    workspaceId: workspaceId
  }
}

// ── Rules for the group ──

module policies 'core/governance/policies.bicep' = if (usePolicies) {
  name: 'policies'
  params: {
    effect: policyEffect
    allowedLocations: regions
    isolated: networkIsolation
  }
}

module budget 'core/governance/budget.bicep' = if (monthlyBudget > 0 && !empty(emails) && !empty(budgetStartDate)) {
  name: 'budget'
  params: {
    amount: monthlyBudget
    startDate: budgetStartDate
    emails: emails
  }
}

module lock 'core/governance/lock.bicep' = if (useLocks) {
  name: 'lock'
}

output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.loginServer
output AZURE_CONTAINER_REGISTRY_NAME string = registry.outputs.name
output AZURE_KEY_VAULT_NAME string = vault.outputs.name
output AZURE_APP_CONFIGURATION_ENDPOINT string = appConfiguration.outputs.endpoint
output AZURE_APIM_NAME string = useApim ? apim!.outputs.name : ''
output SERVICE_GATEWAY_NAME string = gateway.outputs.name
output TOLLGATE_GATEWAY_URL string = gateway.outputs.url
output TOLLGATE_ENDPOINT string = useWaf
  ? 'https://${frontDoor!.outputs.hostName}'
  : useApim ? apim!.outputs.gatewayUrl : gateway.outputs.url
