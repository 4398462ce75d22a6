metadata description = 'The Container Apps environment: its logs go to the workspace by a diagnostic setting, not by the key of the workspace.'

@description('Name of the environment.')
param name string

@description('Region of the environment.')
param location string

@description('Tags of the environment.')
param tags object

@description('Workspace that the logs go to.')
param workspaceId string

@description('{ isolated, subnetId }: whether it stands in the network, reached from inside only.')
param network object

@description('Minutes that a request may be silent; 0 keeps the default of four. More needs premium ingress, which has a workload profile of its own.')
@maxValue(30)
param requestIdleMinutes int

@description('Seconds that a replica may take to end.')
param terminationGraceSeconds int

@description('Whether replicas stand in several zones. Only with a network, and only in regions that have zones.')
param zoneRedundant bool

@description('{ account, share } of the journal share; null without one.')
param journalShare object?

var premiumIngress = requestIdleMinutes > 0

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    publicNetworkAccess: network.isolated ? 'Disabled' : 'Enabled'
    vnetConfiguration: network.isolated
      ? {
          infrastructureSubnetId: network.subnetId
          internal: true
        }
      : null
    zoneRedundant: zoneRedundant && network.isolated
    workloadProfiles: concat(
      [
        {
          name: 'Consumption'
          workloadProfileType: 'Consumption'
        }
      ],
      premiumIngress
        ? [
            {
              name: 'ingress'
              workloadProfileType: 'D4'
              minimumCount: 2
              maximumCount: 4
            }
          ]
        : []
    )
    ingressConfiguration: premiumIngress
      ? {
          workloadProfileName: 'ingress'
          requestIdleTimeout: requestIdleMinutes
          terminationGracePeriodSeconds: terminationGraceSeconds
        }
      : null
    peerTrafficConfiguration: {
      encryption: {
        enabled: true
      }
    }
  }
}

resource journal 'Microsoft.App/managedEnvironments/storages@2026-01-01' = if (journalShare != null) {
  parent: environment
  name: 'journal'
  properties: {
    nfsAzureFile: {
      server: '${journalShare!.account}.file.${az.environment().suffixes.storage}'
      shareName: '/${journalShare!.account}/${journalShare!.share}'
      accessMode: 'ReadWrite'
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: environment
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

output id string = environment.id
output defaultDomain string = environment.properties.defaultDomain
output staticIp string = environment.properties.staticIp
