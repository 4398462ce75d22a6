metadata description = 'The right to read one secret, for one principal.'

@description('Name of the vault.')
param vaultName string

@description('Name of the secret, which is there already.')
param secretName string

@description('Who reads it.')
param readerPrincipalId string

var roles = loadJsonContent('../../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2026-02-01' existing = {
  parent: vault
  name: secretName
}

resource readerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: secret
  name: guid(secret.id, readerPrincipalId, roles.keyVaultSecretsUser.id)
  properties: {
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser.id)
  }
}
