metadata description = 'The virtual network: one subnet for each kind of thing, and a network security group with real rules for each.'

@description('Name of the virtual network.')
param name string

@description('Prefix of the names of the network security groups.')
param securityGroupPrefix string

@description('Region of everything here.')
param location string

@description('Tags of everything here.')
param tags object

@description('Address space, at least a /23.')
param addressPrefix string

@description('Premium v2 can be injected into its subnet; Standard v2 only sends its outbound calls through it.')
@allowed(['integration', 'injection'])
param apiManagementNetwork string

var gatewayPrefix = cidrSubnet(addressPrefix, 25, 0)
var endpointsPrefix = cidrSubnet(addressPrefix, 26, 2)
var apiManagementPrefix = cidrSubnet(addressPrefix, 27, 6)

var apiManagementDelegation = apiManagementNetwork == 'injection'
  ? 'Microsoft.Web/hostingEnvironments'
  : 'Microsoft.Web/serverFarms'

// What Container Apps needs of its network: https://learn.microsoft.com/azure/container-apps/firewall-integration
resource gatewayRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: '${securityGroupPrefix}gateway'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowHttpsFromNetwork'
        properties: {
          description: 'Callers inside the network, API Management among them.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: gatewayPrefix
          destinationPortRanges: ['443', '31443']
        }
      }
      {
        name: 'AllowLoadBalancerProbes'
        properties: {
          description: 'Health probes of the platform.'
          priority: 110
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'AzureLoadBalancer'
          sourcePortRange: '*'
          destinationAddressPrefix: gatewayPrefix
          destinationPortRange: '30000-32767'
        }
      }
      {
        name: 'AllowWithinSubnet'
        properties: {
          description: 'Nodes of the environment talk to each other.'
          priority: 120
          direction: 'Inbound'
          access: 'Allow'
          protocol: '*'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: gatewayPrefix
          destinationPortRange: '*'
        }
      }
      {
        name: 'DenyInbound'
        properties: {
          description: 'Everything else.'
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
      {
        name: 'AllowPrivateEndpoints'
        properties: {
          description: 'Azure OpenAI, App Configuration, Key Vault, Monitor and the registry (443), PostgreSQL, Redis, the journal share (NFS: 2049, and 445, which Container Apps want let through, too).'
          priority: 100
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: endpointsPrefix
          destinationPortRanges: ['443', '445', '2049', '5432', '10000']
        }
      }
      {
        name: 'AllowPlatform'
        properties: {
          description: 'System images of Container Apps.'
          priority: 110
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: 'MicrosoftContainerRegistry'
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowPlatformFrontDoor'
        properties: {
          description: 'Layers of those images.'
          priority: 120
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: 'AzureFrontDoor.FirstParty'
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowEntra'
        properties: {
          description: 'Tokens of the managed identity, keys that sign the tokens of callers.'
          priority: 130
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: 'AzureActiveDirectory'
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowMonitor'
        properties: {
          description: 'Logs and metrics of the platform. What the gateway itself sends takes the private endpoint: the workspace takes nothing from outside.'
          priority: 140
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: 'AzureMonitor'
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowDns'
        properties: {
          description: 'Azure DNS.'
          priority: 150
          direction: 'Outbound'
          access: 'Allow'
          protocol: '*'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: '168.63.129.16/32'
          destinationPortRange: '53'
        }
      }
      {
        name: 'AllowWithinSubnetOutbound'
        properties: {
          description: 'Nodes of the environment talk to each other.'
          priority: 160
          direction: 'Outbound'
          access: 'Allow'
          protocol: '*'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: gatewayPrefix
          destinationPortRange: '*'
        }
      }
      {
        name: 'DenyOutbound'
        properties: {
          description: 'Everything else: a gateway that is taken over cannot talk to the world.'
          priority: 4096
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointsRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: '${securityGroupPrefix}endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowGateway'
        properties: {
          description: 'The gateway reaches each service on its own port.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: gatewayPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: endpointsPrefix
          destinationPortRanges: ['443', '445', '2049', '5432', '10000']
        }
      }
      {
        name: 'AllowApiManagement'
        properties: {
          description: 'Key Vault and Monitor (443) and its cache (10000).'
          priority: 110
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: apiManagementPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: endpointsPrefix
          destinationPortRanges: ['443', '10000']
        }
      }
      {
        name: 'DenyInbound'
        properties: {
          description: 'Nothing else in the network reaches the services past the gateway.'
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// The v2 tiers need neither the management ports (3443, 6390) nor a public address of the classic ones.
resource apiManagementRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: '${securityGroupPrefix}api-management'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowHttpsFromNetwork'
        properties: {
          description: 'Callers, where it is injected.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: apiManagementPrefix
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowGateway'
        properties: {
          description: 'Tollgate.'
          priority: 100
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: apiManagementPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: gatewayPrefix
          destinationPortRange: '443'
        }
      }
      {
        name: 'AllowStorage'
        properties: {
          description: 'What API Management itself depends on.'
          priority: 110
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: apiManagementPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: 'Storage'
          destinationPortRange: '443'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    // In the network itself: subnets of their own would be taken away and made again by every deployment. All of them,
    // always: a network that is put again without a subnet in which something still stands is refused.
    subnets: [
      {
        name: 'gateway'
        properties: {
          addressPrefix: gatewayPrefix
          networkSecurityGroup: {
            id: gatewayRules.id
          }
          delegations: [
            {
              name: 'container-apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointsPrefix
          // Without this the rules above would not hold for private endpoints.
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
          networkSecurityGroup: {
            id: endpointsRules.id
          }
        }
      }
      {
        name: 'api-management'
        properties: {
          addressPrefix: apiManagementPrefix
          networkSecurityGroup: {
            id: apiManagementRules.id
          }
          delegations: [
            {
              name: 'api-management'
              properties: {
                serviceName: apiManagementDelegation
              }
            }
          ]
        }
      }
    ]
  }
}

output id string = network.id
output gatewaySubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'gateway')
output endpointsSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'endpoints')
output apiManagementSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'api-management')
