metadata description = 'PostgreSQL Flexible Server for the ledger that several replicas share. Entra sign-in only: it has no password.'

@description('Name of the server.')
@minLength(3)
@maxLength(63)
param name string

@description('Region of the server.')
param location string

@description('Tags of the server.')
param tags object

@description('Size, such as `Standard_D2ds_v5` or `Standard_B2s`.')
param sku string

@description('Its tier.')
@allowed(['Burstable', 'GeneralPurpose', 'MemoryOptimized'])
param tier string

@description('Disk in GiB; it grows by itself.')
@minValue(32)
param storageSizeGiB int

@description('A standby; not with a burstable size.')
param highAvailability bool

@description('Whether that standby is in another zone. Only in regions that have zones.')
param zoneRedundant bool

@description('Backups in the paired region too; can be chosen only when the server is made, and only where the region has a pair.')
param geoRedundantBackup bool

@description('{ subnetId, zoneIds }: it is reached through a private endpoint only.')
param network object

@description('{ principalId, name } of the identity that owns the ledger.')
param owner object

@description('Workspace that the logs go to.')
param workspaceId string

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: tier
  }
  properties: {
    version: '17'
    createMode: 'Default'
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: subscription().tenantId
    }
    storage: {
      storageSizeGB: storageSizeGiB
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 35
      geoRedundantBackup: geoRedundantBackup ? 'Enabled' : 'Disabled'
    }
    highAvailability: {
      mode: !highAvailability || tier == 'Burstable' ? 'Disabled' : zoneRedundant ? 'ZoneRedundant' : 'SameZone'
    }
    network: {
      publicNetworkAccess: 'Disabled'
    }
  }
}

// The tables are made by the gateway, so its identity is the administrator of a server that holds nothing else.
resource administrator 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: owner.principalId
  properties: {
    principalName: owner.name
    principalType: 'ServicePrincipal'
    tenantId: subscription().tenantId
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: 'tollgate'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
  // The server takes one change at a time.
  dependsOn: [administrator]
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: server
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'PostgreSQLLogs'
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

module endpoint '../network/private-endpoint.bicep' = {
  name: 'pep-postgres'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: server.id
    groupId: 'postgresqlServer'
    zoneIds: network.zoneIds
  }
  dependsOn: [database]
}

output name string = server.name
output host string = server.properties.fullyQualifiedDomainName
output database string = database.name
