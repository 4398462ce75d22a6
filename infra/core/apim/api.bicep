metadata description = 'The Azure OpenAI API in API Management: one product, a subscription for each consumer, Tollgate behind it.'

@description('Name of the API Management service.')
param serviceName string

@description('Where Tollgate is.')
param gatewayUrl string

@description('Client id of the app registration of Tollgate: tokens for it prove that a call comes from here. Empty: a client certificate does.')
param tollgateAppId string

@description('That certificate, where there is no app registration: the id of its secret in Key Vault, without version.')
param certificateSecretId string

@description('Whether Front Door is in front, which alone is let in then.')
param behindFrontDoor bool

@description('Its id.')
param frontDoorId string

var byCertificate = empty(tollgateAppId)

@description('{ name, displayName } of the product.')
param product object

@description('{ name, displayName } of each consumer; each gets a subscription.')
param consumers array

resource service 'Microsoft.ApiManagement/service@2025-09-01-preview' existing = {
  name: serviceName
}

resource certificate 'Microsoft.ApiManagement/service/certificates@2024-05-01' = if (byCertificate) {
  parent: service
  name: 'tollgate-client'
  properties: {
    keyVault: {
      secretIdentifier: certificateSecretId
    }
  }
}

resource backend 'Microsoft.ApiManagement/service/backends@2024-05-01' = {
  parent: service
  name: 'tollgate'
  properties: {
    title: 'Tollgate'
    url: '${gatewayUrl}/openai'
    protocol: 'http'
    tls: {
      validateCertificateChain: true
      validateCertificateName: true
    }
    credentials: byCertificate
      ? {
          certificateIds: [certificate.id]
        }
      : null
  }
}

resource audience 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (!byCertificate) {
  parent: service
  name: 'tollgate-audience'
  properties: {
    displayName: 'tollgate-audience'
    value: 'api://${tollgateAppId}'
  }
}

resource frontDoor 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (behindFrontDoor) {
  parent: service
  name: 'front-door-id'
  properties: {
    displayName: 'front-door-id'
    value: frontDoorId
  }
}

var policy = byCertificate
  ? loadTextContent('../../policies/api-with-certificate.xml')
  : loadTextContent('../../policies/api.xml')
var comesFromFrontDoor = behindFrontDoor ? loadTextContent('../../policies/from-front-door.xml') : ''

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: 'azure-openai'
  properties: {
    displayName: 'Azure OpenAI'
    description: 'Azure OpenAI as Tollgate serves it.'
    path: 'openai'
    protocols: ['https']
    format: 'openapi+json'
    // Ours, in this repository: an import by link would be another one every day, and fail behind a firewall.
    value: loadTextContent('../../data/azure-openai.openapi.json')
    subscriptionRequired: true
    subscriptionKeyParameterNames: {
      // Clients of Azure OpenAI send their key under this name.
      header: 'api-key'
      query: 'subscription-key'
    }
  }
}

resource apiPolicy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: 'rawxml'
    value: replace(policy, '<!-- from-front-door.xml -->', comesFromFrontDoor)
  }
  dependsOn: [backend, audience, frontDoor]
}

resource standard 'Microsoft.ApiManagement/service/products@2024-05-01' = {
  parent: service
  name: product.name
  properties: {
    displayName: product.displayName
    subscriptionRequired: true
    approvalRequired: true
    state: 'published'
  }
}

resource productApi 'Microsoft.ApiManagement/service/products/apis@2024-05-01' = {
  parent: standard
  name: api.name
}

resource subscriptions 'Microsoft.ApiManagement/service/subscriptions@2024-05-01' = [
  for consumer in consumers: {
    parent: service
    name: consumer.name
    properties: {
      displayName: consumer.displayName
      // The product, not all APIs.
      scope: standard.id
      state: 'active'
      allowTracing: false
    }
  }
]

output path string = api.properties.path
