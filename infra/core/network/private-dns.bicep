metadata description = 'Private DNS zones that are not there yet, linked to the network. A zone may stand in a network once: those that exist are given.'

@description('Zones of each kind of private endpoint, as `data/private-dns.json` has them.')
param groups object

@description('Which of those kinds there are.')
param needed string[]

@description('Zones that exist already: name of the zone to resource id. They are used, and neither made nor linked.')
param existingZones object

@description('The network that resolves by them.')
param virtualNetworkId string

@description('Tags of everything here.')
param tags object

// `union` with nothing: a zone that two kinds share stands once.
var made = union(filter(flatten(map(needed, group => groups[group])), zone => !contains(existingZones, zone)), [])

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

@description('Each kind of private endpoint to the ids of its zones, the existing ones included.')
output ids object = toObject(needed, group => group, group => map(
  groups[group],
  name => existingZones[?name] ?? resourceId('Microsoft.Network/privateDnsZones', name)
))
