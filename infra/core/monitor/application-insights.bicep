metadata description = 'Application Insights on the workspace: Entra sign-in only, client addresses masked.'

@description('Name of the component.')
param name string

@description('Region of the component.')
param location string

@description('Tags of the component.')
param tags object

@description('Workspace that holds its data.')
param workspaceId string

@description('Whether telemetry comes in through the private link scope only.')
param privateIngestion bool

@description('Whether queries may come from the network only.')
param privateQueries bool

@description('Principals that send telemetry.')
param publishers string[]

var roles = loadJsonContent('../../roles.json')

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceId
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    DisableIpMasking: false
    publicNetworkAccessForIngestion: privateIngestion ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: privateQueries ? 'Disabled' : 'Enabled'
  }
}

resource publisherRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for publisher in publishers: {
    scope: component
    name: guid(component.id, publisher, roles.monitoringMetricsPublisher.id)
    properties: {
      principalId: publisher
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher.id)
    }
  }
]

output id string = component.id
output name string = component.name
output connectionString string = component.properties.ConnectionString
