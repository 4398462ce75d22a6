metadata description = 'Container registry: no admin user, no anonymous pull; roles for the gateway (pull) and the deployer (push).'

@description('Name of the registry: letters and digits.')
@minLength(5)
@maxLength(50)
param name string

@description('Region of the registry.')
param location string

@description('Tags of the registry.')
param tags object

@description('{ isolated, subnetId, zoneIds }: whether the registry is reached through a private endpoint.')
param network object

@description('Addresses that may push from outside, while the rest is private.')
param allowedIpRanges string[]

@description('Principal of the gateway.')
param gatewayPrincipalId string

@description('Who pushes; empty: nobody.')
param deployerPrincipalId string

@description('What kind of principal that is.')
@allowed(['User', 'ServicePrincipal', 'Group'])
param deployerPrincipalType string

@description('Workspace that sign-ins, pushes and pulls are logged to.')
param workspaceId string

var roles = loadJsonContent('../../roles.json')

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    // Private endpoints and address rules need Premium.
    name: network.isolated ? 'Premium' : 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: network.isolated && empty(allowedIpRanges) ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
    networkRuleSet: network.isolated
      ? {
          defaultAction: 'Deny'
          ipRules: map(allowedIpRanges, range => { action: 'Allow', value: range })
        }
      : null
    policies: {
      azureADAuthenticationAsArmPolicy: {
        // Container Apps pull with a token of Resource Manager: without this the image is never pulled.
        status: 'enabled'
      }
    }
  }
}

resource pullRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, gatewayPrincipalId, roles.acrPull.id)
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull.id)
  }
}

resource pushRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerPrincipalId)) {
  scope: registry
  name: guid(registry.id, deployerPrincipalId, roles.acrPush.id)
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPush.id)
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'ContainerRegistryLoginEvents'
        enabled: true
      }
      {
        category: 'ContainerRegistryRepositoryEvents'
        enabled: true
      }
    ]
  }
}

module endpoint '../network/private-endpoint.bicep' = if (network.isolated) {
  name: 'pep-registry'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: registry.id
    groupId: 'registry'
    zoneIds: network.zoneIds
  }
}

output name string = registry.name
output loginServer string = registry.properties.loginServer
