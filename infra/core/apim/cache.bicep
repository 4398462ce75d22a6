metadata description = 'The external cache of API Management. It signs in by access key, the one thing here that does: API Management cannot do otherwise.'

@description('Name of the API Management service.')
param serviceName string

@description('Name of its own cache.')
param redisName string

resource service 'Microsoft.ApiManagement/service@2025-09-01-preview' existing = {
  name: serviceName
}

resource redis 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = {
  name: redisName
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' existing = {
  parent: redis
  name: 'default'
}

resource cache 'Microsoft.ApiManagement/service/caches@2024-05-01' = {
  parent: service
  name: 'default'
  properties: {
    description: 'Azure Managed Redis'
    useFromLocation: 'default'
    resourceId: '${az.environment().resourceManager}${substring(redis.id, 1)}'
    connectionString: '${redis.properties.hostName}:${database.properties.port},password=${database.listKeys().primaryKey},ssl=True,abortConnect=False'
  }
}
