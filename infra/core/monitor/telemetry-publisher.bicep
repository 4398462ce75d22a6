metadata description = 'The right to send telemetry to a component, for one principal.'

@description('Name of the component of Application Insights.')
param componentName string

@description('Who sends.')
param publisherPrincipalId string

var roles = loadJsonContent('../../roles.json')

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// In a module of its own: only here is the principal known early enough to be part of the name. A service that was
// deleted and made anew has another principal, and an assignment cannot be given to another one.
resource publisherRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, publisherPrincipalId, roles.monitoringMetricsPublisher.id)
  properties: {
    principalId: publisherPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher.id)
  }
}
