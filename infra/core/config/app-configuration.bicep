metadata description = 'App Configuration: the gateway follows it while it runs. Entra sign-in only. What stands in it: configuration-values.bicep.'

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

@description('Workspace that the audit log goes to.')
param workspaceId string

var roles = loadJsonContent('../../roles.json')

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
