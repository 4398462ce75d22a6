metadata description = 'API Management v2 in front of Tollgate: telemetry by its identity, no bodies, no query strings, no client addresses.'

@description('Name of the service.')
@maxLength(50)
param name string

@description('Region of the service.')
param location string

@description('Tags of the service.')
param tags object

@description('Standard v2 sends its outbound calls through the network; Premium v2 can stand in it.')
@allowed(['StandardV2', 'PremiumV2'])
param sku string

@description('Units.')
@minValue(1)
param capacity int

@description('Who is told of what happens to the service.')
@minLength(1)
param publisherEmail string

@description('Name that the developer portal shows.')
@minLength(1)
param publisherName string

@description('{ isolated, subnetId, mode }: the subnet of its own, and `integration` or `injection`.')
param network object

@description('Component that telemetry goes to.')
param applicationInsightsName string

@description('Workspace that the gateway log goes to.')
param workspaceId string

var virtualNetworkTypes = {
  integration: 'External'
  injection: 'Internal'
}

// A body that is logged is a prompt that is stored, and a stream that is held back until it is whole. Of URLs the query string
// is left out: a caller may send its key there.
var discreet = {
  request: {
    headers: []
    body: {
      bytes: 0
    }
    dataMasking: {
      queryParams: [
        {
          value: '*'
          mode: 'Hide'
        }
      ]
    }
  }
  response: {
    headers: []
    body: {
      bytes: 0
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource service 'Microsoft.ApiManagement/service@2025-09-01-preview' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    capacity: capacity
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: publisherName
    virtualNetworkType: network.isolated ? virtualNetworkTypes[network.mode] : 'None'
    virtualNetworkConfiguration: network.isolated
      ? {
          subnetResourceId: network.subnetId
        }
      : null
  }
}

module publisherRole '../monitor/telemetry-publisher.bicep' = {
  name: 'api-management-telemetry'
  params: {
    componentName: applicationInsightsName
    publisherPrincipalId: service.identity.principalId
  }
}

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'application-insights'
  properties: {
    loggerType: 'applicationInsights'
    resourceId: insights.id
    isBuffered: true
    credentials: {
      connectionString: insights.properties.ConnectionString
      identityClientId: 'SystemAssigned'
    }
  }
  dependsOn: [publisherRole]
}

resource telemetry 'Microsoft.ApiManagement/service/diagnostics@2024-05-01' = {
  parent: service
  name: 'applicationinsights'
  properties: {
    loggerId: logger.id
    alwaysLog: 'allErrors'
    httpCorrelationProtocol: 'W3C'
    logClientIp: false
    metrics: true
    verbosity: 'information'
    sampling: {
      samplingType: 'fixed'
      percentage: 10
    }
    frontend: discreet
    backend: discreet
  }
}

// What the gateway log of the workspace holds is said here: by default the addresses of callers and whole URLs.
resource gatewayLogger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'azuremonitor'
  properties: {
    loggerType: 'azureMonitor'
    isBuffered: true
  }
}

resource gatewayLog 'Microsoft.ApiManagement/service/diagnostics@2024-05-01' = {
  parent: service
  name: 'azuremonitor'
  properties: {
    loggerId: gatewayLogger.id
    alwaysLog: 'allErrors'
    logClientIp: false
    verbosity: 'information'
    sampling: {
      samplingType: 'fixed'
      percentage: 100
    }
    frontend: discreet
    backend: discreet
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: service
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'GatewayLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output id string = service.id
output name string = service.name
output gatewayUrl string = service.properties.gatewayUrl
output principalId string = service.identity.principalId
