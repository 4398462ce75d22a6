metadata description = 'App Configuration: the gateway follows it while it runs. Entra sign-in only.'

@description('Name of the store.')
@minLength(5)
@maxLength(50)
param name string

@description('Region of the store.')
param location string

@description('Tags of the store.')
param tags object

@description('{ isolated, subnetId, zoneIds }: whether the store is reached through a private endpoint only.')
param network object

@description('Principal of the gateway.')
param gatewayPrincipalId string

@description('Who writes key values; empty: they are not written here.')
param deployerPrincipalId string

@description('What kind of principal that is.')
@allowed(['User', 'ServicePrincipal', 'Group'])
param deployerPrincipalType string

@description('The configuration, as the gateway reads it.')
param configuration object

@description('Workspace that the audit log goes to.')
param workspaceId string

var roles = loadJsonContent('../../roles.json')

// The service takes 10 KB a key value: what grows with deployments and teams has keys of its own. All of these sections are
// always there, so that none stays behind that is no longer meant.
var large = ['endpoints', 'models', 'subscriptions', 'costCentres']
var rest = toObject(
  filter(items(configuration), section => !contains(large, section.key)),
  section => section.key,
  section => section.value
)
var keyValues = concat(
  [
    {
      name: 'tollgate'
      value: string(rest)
    }
  ],
  map(large, section => {
    name: 'tollgate:${section}'
    value: string(configuration[section])
  })
)

// A private store takes no key values from outside the network: whoever is inside writes them (docs/azure/operations.md).
// Nor does any what is too large: the mounted file holds the same.
var writesKeyValues = !network.isolated && !empty(deployerPrincipalId) && empty(filter(
  keyValues,
  one => length(one.value) > 10000
))

resource store 'Microsoft.AppConfiguration/configurationStores@2024-06-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'standard'
  }
  properties: {
    disableLocalAuth: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: network.isolated ? 'Disabled' : 'Enabled'
    dataPlaneProxy: {
      // Resource Manager writes with the deployer's own identity; without it, it would need the keys that are off.
      authenticationMode: 'Pass-through'
      privateLinkDelegation: 'Disabled'
    }
  }
}

resource readerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: store
  name: guid(store.id, gatewayPrincipalId, roles.appConfigurationDataReader.id)
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.appConfigurationDataReader.id)
  }
}

resource ownerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerPrincipalId)) {
  scope: store
  name: guid(store.id, deployerPrincipalId, roles.appConfigurationDataOwner.id)
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.appConfigurationDataOwner.id)
  }
}

resource sections 'Microsoft.AppConfiguration/configurationStores/keyValues@2024-06-01' = [
  for one in keyValues: if (writesKeyValues) {
    parent: store
    name: one.name
    properties: {
      value: one.value
      contentType: 'application/json'
    }
    dependsOn: [ownerRole]
  }
]

// The last one: the gateway looks at the others when it changes.
resource sentinel 'Microsoft.AppConfiguration/configurationStores/keyValues@2024-06-01' = if (writesKeyValues) {
  parent: store
  name: 'tollgate:sentinel'
  properties: {
    value: uniqueString(string(configuration))
  }
  dependsOn: [sections]
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: store
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

module endpoint '../network/private-endpoint.bicep' = if (network.isolated) {
  name: 'pep-app-configuration'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: store.id
    groupId: 'configurationStores'
    zoneIds: network.zoneIds
  }
}

output name string = store.name
output endpoint string = store.properties.endpoint
@description('Whether the configuration stands in it.')
output holdsConfiguration bool = writesKeyValues
