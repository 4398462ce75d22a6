metadata description = 'Azure Managed Redis with one database: for counters of money and limits, of which nothing may be lost, or for a cache.'

@description('Name of the cache.')
param name string

@description('Region of the cache.')
param location string

@description('Tags of the cache.')
param tags object

@description('Size: `Balanced_B0` is the smallest.')
param sku string

@description('A second node, and the service level that goes with it.')
param highAvailability bool

@description('Whether it holds counters. Else it is a cache: what was not used for longest makes room, and nothing of it comes to lie on a disk, since replies are among it.')
param holdsCounters bool

@description('{ subnetId, zoneIds }: it is reached through a private endpoint only.')
param network object

@description('Principals that sign in with Entra; without any, access keys are on (API Management cannot do otherwise).')
param entraPrincipals string[]

@description('Workspace that connections are logged to.')
param workspaceId string

resource cache 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    highAvailability: highAvailability ? 'Enabled' : 'Disabled'
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Disabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cache
  name: 'default'
  properties: {
    clientProtocol: 'Encrypted'
    port: 10000
    // The defaults are a cluster, and the removal of keys that have a time to live: counters bear neither.
    clusteringPolicy: 'NoCluster'
    evictionPolicy: holdsCounters ? 'NoEviction' : 'AllKeysLRU'
    accessKeysAuthentication: empty(entraPrincipals) ? 'Enabled' : 'Disabled'
    persistence: holdsCounters
      ? {
          aofEnabled: true
          aofFrequency: '1s'
          rdbEnabled: false
        }
      : {
          aofEnabled: false
          rdbEnabled: false
        }
  }
}

@batchSize(1)
resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = [
  for (principal, at) in entraPrincipals: {
    parent: database
    name: 'principal${at}'
    properties: {
      accessPolicyName: 'default'
      user: {
        objectId: principal
      }
    }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: database
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

module endpoint '../network/private-endpoint.bicep' = {
  name: 'pep-${name}'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: cache.id
    groupId: 'redisEnterprise'
    zoneIds: network.zoneIds
  }
  dependsOn: [database]
}

output name string = cache.name
output hostName string = cache.properties.hostName
output port int = database.properties.port
