metadata description = 'An account that exists already: the gateway may call it, and nothing else about it is changed.'

@description('Name of the account.')
param name string

@description('Principal of the gateway.')
param gatewayPrincipalId string

var roles = loadJsonContent('../../roles.json')

resource account 'Microsoft.CognitiveServices/accounts@2026-07-01' existing = {
  name: name
}

resource userRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, gatewayPrincipalId, roles.cognitiveServicesOpenAiUser.id)
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cognitiveServicesOpenAiUser.id)
  }
}
