metadata description = 'The Log Analytics workspace that everything logs to: Entra sign-in only.'

@description('Name of the workspace.')
param name string

@description('Region of the workspace.')
param location string

@description('Tags of the workspace.')
param tags object

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param retentionInDays int

@description('Most that may come in, in GB a day; -1 is no limit. What is over it is lost: the ledger itself does not depend on it.')
param dailyQuotaGb int

@description('Whether rows come in through the private link scope only.')
param privateIngestion bool

@description('Whether queries may come from the network only.')
param privateQueries bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    publicNetworkAccessForIngestion: privateIngestion ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: privateQueries ? 'Disabled' : 'Enabled'
  }
}

output id string = workspace.id
