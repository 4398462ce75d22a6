metadata description = 'The table of usage records, and the data collection rule through which the gateway fills it.'

@description('Id of the workspace, ours or one that exists.')
param workspaceId string

@description('Name of the data collection rule.')
param ruleName string

@description('Name of the data collection endpoint; it is made under isolation only.')
param endpointName string

@description('Region of the workspace: a rule stands beside it.')
param location string

@description('Tags of everything here.')
param tags object

@description('Under isolation the rule has an endpoint of its own in the private link scope; without, it is its own endpoint.')
param isolated bool

@description('Principal of the gateway.')
param gatewayPrincipalId string

var roles = loadJsonContent('../../roles.json')
var usage = loadJsonContent('../../data/usage-table.json')
var stream = 'Custom-${usage.table}'
var workspaceName = last(split(workspaceId, '/'))

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2026-03-01' = {
  parent: workspace
  name: usage.table
  properties: {
    plan: 'Analytics'
    schema: {
      name: usage.table
      columns: map(usage.columns, column => {
        name: column.name
        // One word, two spellings: `dateTime` in a table, `datetime` in a rule.
        type: column.type == 'datetime' ? 'dateTime' : column.type
        description: column.description
      })
    }
  }
}

resource collectionEndpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' = if (isolated) {
  name: endpointName
  location: location
  tags: tags
  properties: {
    networkAcls: {
      publicNetworkAccess: 'Disabled'
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: ruleName
  location: location
  tags: tags
  kind: isolated ? null : 'Direct'
  properties: {
    dataCollectionEndpointId: isolated ? collectionEndpoint.id : null
    streamDeclarations: {
      // A column that is not declared here vanishes without an error: the same list makes the table.
      '${stream}': {
        columns: map(usage.columns, column => {
          name: column.name
          type: column.type
        })
      }
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspaceId
        }
      ]
    }
    dataFlows: [
      {
        streams: [stream]
        destinations: ['workspace']
        transformKql: 'source'
        outputStream: stream
      }
    ]
  }
  dependsOn: [table]
}

resource publisherRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: rule
  name: guid(rule.id, gatewayPrincipalId, roles.monitoringMetricsPublisher.id)
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher.id)
  }
}

resource readerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  // Queries are asked of the workspace, so that is where the right is; its condition leaves one table.
  scope: workspace
  name: guid(workspace.id, gatewayPrincipalId, roles.logAnalyticsDataReader.id)
  properties: {
    condition: '((!(ActionMatches{\'Microsoft.OperationalInsights/workspaces/tables/data/read\'})) OR (@Resource[Microsoft.OperationalInsights/workspaces/tables:name] StringEquals \'${usage.table}\'))'
    conditionVersion: '2.0'
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsDataReader.id)
  }
}

output collectionEndpointId string = isolated ? collectionEndpoint.id : ''
output ingestionEndpoint string = isolated
  ? collectionEndpoint!.properties.logsIngestion.endpoint
  : rule.properties.endpoints.logsIngestion
output ruleImmutableId string = rule.properties.immutableId
output streamName string = stream

@description('What queries name the workspace by.')
output workspaceCustomerId string = workspace.properties.customerId
