metadata description = 'One private endpoint, and the records of it in its DNS zones.'

@description('Name of the private endpoint.')
param name string

@description('Region of the network.')
param location string

@description('Tags of the private endpoint.')
param tags object

@description('Subnet that it stands in.')
param subnetId string

@description('What it leads to.')
param serviceId string

@description('Which part of that: `account`, `vault`, `registry`, …')
param groupId string

@description('Ids of the private DNS zones that get its records.')
param zoneIds string[]

resource endpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    customNetworkInterfaceName: '${name}-nic'
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: serviceId
          groupIds: [groupId]
        }
      }
    ]
  }
}

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      for (zoneId, at) in zoneIds: {
        name: 'zone-${at}'
        properties: {
          privateDnsZoneId: zoneId
        }
      }
    ]
  }
}
