metadata name = 'Tollgate'
metadata description = 'The resource group, and everything in it.'
targetScope = 'subscription'

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

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${abbreviations.resourceGroup}${environmentName}'
  location: location
  tags: {
    'azd-env-name': environmentName
  }
}

module resources 'resources.bicep' = {
  name: 'resources'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    principalId: principalId
    principalType: principalType
    gatewayExists: gatewayExists
    placeholderImage: placeholderImage
    secondaryOpenAiLocation: secondaryOpenAiLocation
    additionalOpenAiLocations: additionalOpenAiLocations
    openAiKind: openAiKind
    existingOpenAiAccounts: existingOpenAiAccounts
    provisionedCapacity: provisionedCapacity
    provisionedHourlyPrice: provisionedHourlyPrice
    provisionedFrom: provisionedFrom
    networkIsolation: networkIsolation
    virtualNetworkPrefix: virtualNetworkPrefix
    existingVirtualNetworkId: existingVirtualNetworkId
    existingPrivateDnsZones: existingPrivateDnsZones
    allowedIpRanges: allowedIpRanges
    deployerIp: deployerIp
    existingWorkspaceId: existingWorkspaceId
    logRetentionDays: logRetentionDays
    logDailyQuotaGb: logDailyQuotaGb
    followAppConfiguration: followAppConfiguration
    tracePercent: tracePercent
    useAmpls: useAmpls
    amplsQueryAccessMode: amplsQueryAccessMode
    usePostgres: usePostgres
    postgresSku: postgresSku
    postgresTier: postgresTier
    postgresStorageGiB: postgresStorageGiB
    postgresHighAvailability: postgresHighAvailability
    postgresGeoRedundantBackup: postgresGeoRedundantBackup
    useRedis: useRedis
    redisSku: redisSku
    redisHighAvailability: redisHighAvailability
    useApim: useApim
    apimSku: apimSku
    apimCapacity: apimCapacity
    apimNetwork: apimNetwork
    apimPublisherEmail: apimPublisherEmail
    apimPublisherName: apimPublisherName
    useRedisCacheApim: useRedisCacheApim
    tollgateAppId: tollgateAppId
    apimCertificateSecretId: apimCertificateSecretId
    apimCertificateSha256: apimCertificateSha256
    useWaf: useWaf
    wafRequestsPerAddress: wafRequestsPerAddress
    wafPrivateLinkLocation: wafPrivateLinkLocation
    minReplicas: minReplicas
    maxReplicas: maxReplicas
    concurrentRequests: concurrentRequests
    replicaCpu: replicaCpu
    replicaMemory: replicaMemory
    zoneRedundant: zoneRedundant
    terminationGraceSeconds: terminationGraceSeconds
    requestSeconds: requestSeconds
    streamSeconds: streamSeconds
    requestIdleMinutes: requestIdleMinutes
    journalShareGiB: journalShareGiB
    usePolicies: usePolicies
    policyEffect: policyEffect
    useLocks: useLocks
    monthlyBudget: monthlyBudget
    budgetStartDate: budgetStartDate
    alertEmails: alertEmails
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = subscription().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = resources.outputs.AZURE_CONTAINER_REGISTRY_ENDPOINT
output AZURE_CONTAINER_REGISTRY_NAME string = resources.outputs.AZURE_CONTAINER_REGISTRY_NAME
output AZURE_KEY_VAULT_NAME string = resources.outputs.AZURE_KEY_VAULT_NAME
output AZURE_APP_CONFIGURATION_ENDPOINT string = resources.outputs.AZURE_APP_CONFIGURATION_ENDPOINT
output AZURE_APIM_NAME string = resources.outputs.AZURE_APIM_NAME
output SERVICE_GATEWAY_NAME string = resources.outputs.SERVICE_GATEWAY_NAME
output TOLLGATE_GATEWAY_URL string = resources.outputs.TOLLGATE_GATEWAY_URL
output TOLLGATE_ENDPOINT string = resources.outputs.TOLLGATE_ENDPOINT
