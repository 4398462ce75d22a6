metadata description = 'The private zone of an internal environment: without it nothing in the network, API Management included, finds the gateway.'

@description('The default domain of the environment.')
param domain string

@description('The address of its load balancer.')
param staticIp string

@description('The network that resolves by it.')
param virtualNetworkId string

@description('Tags of everything here.')
param tags object

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: domain
  location: 'global'
  tags: tags
}

resource everything 'Microsoft.Network/privateDnsZones/A@2024-06-01' = {
  parent: zone
  name: '*'
  properties: {
    ttl: 3600
    aRecords: [
      {
        ipv4Address: staticIp
      }
    ]
  }
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: zone
  name: 'network'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetworkId
    }
  }
}
