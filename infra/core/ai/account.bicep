metadata description = 'One Azure OpenAI account in one region, with its filters and deployments. Entra sign-in only.'

@description('Name of the account, and its subdomain.')
@maxLength(64)
param name string

@description('Region of the account.')
param location string

@description('Region of the network, where its private endpoint stands.')
param networkLocation string

@description('Tags of the account.')
param tags object

@description('`AIServices` is a Foundry resource; `OpenAI` is the older kind. Both serve the same deployments.')
@allowed(['AIServices', 'OpenAI'])
param kind string

@description('{ isolated, subnetId, zoneIds }: whether the account is reached through a private endpoint only.')
param network object

@description('Principal of the gateway.')
param gatewayPrincipalId string

@description('Deployments of this region, as `data/models.json` describes them.')
param deployments array

@description('Provisioned deployments of this region.')
param provisioned array

@description('Workspace that the audit log and the metrics go to.')
param workspaceId string

var roles = loadJsonContent('../../roles.json')
var filters = loadJsonContent('../../data/content-filters.json')

resource account 'Microsoft.CognitiveServices/accounts@2026-07-01' = {
  name: name
  location: location
  tags: tags
  kind: kind
  identity: {
    type: 'SystemAssigned'
  }
  sku: {
    name: 'S0'
  }
  properties: {
    customSubDomainName: name
    disableLocalAuth: true
    allowProjectManagement: kind == 'AIServices' ? true : null
    publicNetworkAccess: network.isolated ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: network.isolated ? 'Deny' : 'Allow'
    }
  }
}

// Blocklists, filters, deployments, then provisioned ones: in one account they collide when they are made side by side.
@batchSize(1)
resource blocklists 'Microsoft.CognitiveServices/accounts/raiBlocklists@2026-07-01' = [
  for blocklist in filters.blocklists: {
    parent: account
    name: blocklist.name
    properties: {
      description: blocklist.description
    }
  }
]

@batchSize(1)
resource policies 'Microsoft.CognitiveServices/accounts/raiPolicies@2026-07-01' = [
  for policy in filters.policies: {
    parent: account
    name: policy.name
    properties: {
      basePolicyName: policy.basePolicyName
      mode: policy.mode
      contentFilters: policy.contentFilters
      customBlocklists: flatten(map(policy.blocklists, blocklist => [
        { blocklistName: blocklist, blocking: true, source: 'Prompt' }
        { blocklistName: blocklist, blocking: true, source: 'Completion' }
      ]))
    }
    dependsOn: [blocklists]
  }
]

@batchSize(1)
resource payAsYouGo 'Microsoft.CognitiveServices/accounts/deployments@2026-07-01' = [
  for deployment in deployments: {
    parent: account
    name: deployment.name
    sku: {
      name: deployment.type
      capacity: deployment.capacity
    }
    properties: {
      model: {
        format: 'OpenAI'
        name: deployment.model
        version: deployment.version
      }
      raiPolicyName: deployment.contentFilter
      versionUpgradeOption: 'NoAutoUpgrade'
    }
    dependsOn: [policies]
  }
]

@batchSize(1)
resource provisionedThroughput 'Microsoft.CognitiveServices/accounts/deployments@2026-07-01' = [
  for deployment in provisioned: {
    parent: account
    name: deployment.name
    sku: {
      name: deployment.type
      capacity: deployment.capacity
    }
    properties: {
      model: {
        format: 'OpenAI'
        name: deployment.model
        version: deployment.version
      }
      raiPolicyName: deployment.contentFilter
      versionUpgradeOption: 'NoAutoUpgrade'
      spilloverDeploymentName: empty(deployment.spillover) ? null : deployment.spillover
    }
    // Its spillover target must be there before it.
    dependsOn: [policies, payAsYouGo]
  }
]

resource userRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, gatewayPrincipalId, roles.cognitiveServicesOpenAiUser.id)
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cognitiveServicesOpenAiUser.id)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    // Requests with their texts are a category of their own (RequestResponse), and are left out.
    logs: [
      {
        category: 'Audit'
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

module endpoint '../network/private-endpoint.bicep' = if (network.isolated) {
  name: take('pep-${name}', 64)
  params: {
    name: 'pep-${name}'
    location: networkLocation
    tags: tags
    subnetId: network.subnetId
    serviceId: account.id
    groupId: 'account'
    zoneIds: network.zoneIds
  }
  dependsOn: [payAsYouGo, provisionedThroughput]
}

output id string = account.id
output endpoint string = 'https://${account.properties.customSubDomainName}.openai.azure.com'
