metadata description = 'An NFS share for the journals: each replica writes in a folder of its own, and a living one takes over what a dead one left.'

@description('Name of the storage account: letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Region of the account.')
param location string

@description('Tags of the account.')
param tags object

@description('Whether it is kept in several zones. Only in regions that have zones.')
param zoneRedundant bool

@description('{ subnetId, zoneIds }: NFS is only spoken inside the network.')
param network object

@description('Size of the share in GiB; NFS is billed by what is provisioned.')
@minValue(100)
param sizeGiB int

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'FileStorage'
  sku: {
    name: zoneRedundant ? 'Premium_ZRS' : 'Premium_LRS'
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Disabled'
    // NFS 4.1 does not speak TLS: who reaches the share is decided by the network alone.
    supportsHttpsTrafficOnly: false
    networkAcls: {
      defaultAction: 'Deny'
      bypass: 'None'
    }
  }
}

resource files 'Microsoft.Storage/storageAccounts/fileServices@2026-04-01' existing = {
  parent: account
  name: 'default'
}

resource share 'Microsoft.Storage/storageAccounts/fileServices/shares@2026-04-01' = {
  parent: files
  name: 'journal'
  properties: {
    enabledProtocols: 'NFS'
    // The image runs as a user that is not root; root is not squashed, so that the platform can hand it the folder.
    rootSquash: 'NoRootSquash'
    shareQuota: sizeGiB
  }
}

module endpoint '../network/private-endpoint.bicep' = {
  name: 'pep-journal'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: network.subnetId
    serviceId: account.id
    groupId: 'file'
    zoneIds: network.zoneIds
  }
}

output account string = account.name
output share string = share.name
