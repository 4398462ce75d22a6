metadata description = 'Key Vault for what the configuration refers to: roles instead of access policies, purge protection.'

@description('Name of the vault, at most 24 characters.')
@maxLength(24)
param name string

@description('Region of the vault.')
param location string

@description('Tags of the vault.')
param tags object

@description('{ isolated, subnetId, zoneIds }: whether the vault is reached through a private endpoint only.')
param network object

@description('Addresses that may reach it from outside, for the deployer.')
param allowedIpRanges string[]

@description('Principals that read secrets.')
param readers string[]

@description('Who puts secrets in; empty: nobody.')
param deployerPrincipalId string

@description('What kind of principal that is.')
@allowed(['User', 'ServicePrincipal', 'Group'])
param deployerPrincipalType string

@description('Workspace that the audit log goes to.')
param workspaceId string

var roles = loadJsonContent('../../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // The shortest there is: its name is taken until then, since nobody may purge it.
    softDeleteRetentionInDays: 7
    enablePurgeProtection: true
    publicNetworkAccess: network.isolated && empty(allowedIpRanges) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: network.isolated ? 'Deny' : 'Allow'
      ipRules: [
        for range in allowedIpRanges: {
          value: range
        }
      ]
    }
  }
}

resource readerRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for reader in readers: {
    scope: vault
    name: guid(vault.id, reader, roles.keyVaultSecretsUser.id)
    properties: {
      principalId: reader
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser.id)
    }
  }
]

resource deployerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerPrincipalId)) {
  scope: vault
  name: guid(vault.id, deployerPrincipalId, roles.keyVaultSecretsOfficer.id)
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer.id)
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
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
  name: 'pep-key-vault'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: vault.id
    groupId: 'vault'
    zoneIds: network.zoneIds
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
