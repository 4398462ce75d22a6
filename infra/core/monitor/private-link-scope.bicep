metadata description = 'Azure Monitor Private Link Scope: what is sent to the workspace comes through the network only.'

@description('Name of the scope.')
param name string

@description('Region of the private endpoint.')
param location string

@description('Tags of everything here.')
param tags object

@description('{ subnetId, zoneIds }: where its private endpoint stands, and the five zones of Azure Monitor.')
param network object

@description('Whether queries too are answered to the network only. Open: from anywhere, with Entra sign-in.')
@allowed(['Open', 'PrivateOnly'])
param queryAccessMode string

@description('Workspace, component and data collection endpoint: a name for the link, and an id.')
param resources array

resource linkScope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      queryAccessMode: queryAccessMode
    }
  }
}

@batchSize(1)
resource scoped 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-09-01' = [
  for one in resources: {
    parent: linkScope
    name: one.name
    properties: {
      linkedResourceId: one.id
    }
  }
]

module endpoint '../network/private-endpoint.bicep' = {
  name: 'pep-monitor'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: linkScope.id
    groupId: 'azuremonitor'
    zoneIds: network.zoneIds
  }
  dependsOn: [scoped]
}
