metadata description = 'Private DNS zones that are not there yet, linked to the network. A zone may stand in a network once: those that exist are given.'

@description('Names of the zones that are needed.')
param zones string[]

@description('Zones that exist already: name of the zone to resource id. They are used, and neither made nor linked.')
param existingZones object

@description('The network that resolves by them.')
param virtualNetworkId string

@description('Tags of everything here.')
param tags object

var made = filter(zones, zone => !contains(existingZones, zone))

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for name in made: {
    name: name
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (name, at) in made: {
    parent: zone[at]
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
]

@description('Name of the zone to resource id, the existing ones included.')
output ids object = union(
  toObject(made, name => name, name => resourceId('Microsoft.Network/privateDnsZones', name)),
  existingZones
)
