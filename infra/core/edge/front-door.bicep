metadata description = 'Front Door Premium with a web application firewall in front; behind it a private link where what it leads to is private.'

@description('Name of the profile.')
param name string

@description('Name of the firewall policy: letters and digits.')
param firewallName string

@description('Name of the endpoint: the first part of its host name.')
param endpointName string

@description('Tags of everything here.')
param tags object

@description('Host name that it leads to.')
param originHost string

@description('Id of what it leads to, for a private link; empty: over the internet.')
param originResourceId string

@description('Which part of that: `managedEnvironments` or `Gateway`.')
param originGroupId string

@description('Region in which Front Door makes its end of the private link: the nearest of those where it can.')
param linkLocation string

@description('Path that answers 200 where what it leads to is well.')
param probePath string

@description('Requests of one address in five minutes, beyond which it is refused.')
@minValue(100)
param requestsPerAddress int

@description('Workspace that the log of the firewall goes to.')
param workspaceId string

resource profile 'Microsoft.Cdn/profiles@2024-09-01' = {
  name: name
  location: 'global'
  tags: tags
  sku: {
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    // Long replies: the most that Front Door waits.
    originResponseTimeoutSeconds: 240
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2024-09-01' = {
  parent: profile
  name: endpointName
  location: 'global'
  tags: tags
  properties: {
    enabledState: 'Enabled'
  }
}

resource origins 'Microsoft.Cdn/profiles/originGroups@2024-09-01' = {
  parent: profile
  name: 'tollgate'
  properties: {
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
    }
    healthProbeSettings: {
      probePath: probePath
      probeProtocol: 'Https'
      probeRequestType: 'GET'
      probeIntervalInSeconds: 100
    }
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2024-09-01' = {
  parent: origins
  name: 'tollgate'
  properties: {
    hostName: originHost
    originHostHeader: originHost
    httpsPort: 443
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
    sharedPrivateLinkResource: empty(originResourceId)
      ? null
      : {
          // Must be approved once, on the other side: the deployment guide says where.
          requestMessage: 'Front Door of Tollgate'
          groupId: originGroupId
          privateLink: {
            id: originResourceId
          }
          privateLinkLocation: linkLocation
        }
  }
}

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2024-09-01' = {
  parent: endpoint
  name: 'everything'
  properties: {
    originGroup: {
      id: origins.id
    }
    patternsToMatch: ['/*']
    supportedProtocols: ['Https']
    forwardingProtocol: 'HttpsOnly'
    httpsRedirect: 'Disabled'
    linkToDefaultDomain: 'Enabled'
    // Without a cache setting nothing is cached, and streams are not held back.
    enabledState: 'Enabled'
  }
  dependsOn: [origin]
}

resource firewall 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2024-02-01' = {
  name: firewallName
  location: 'global'
  tags: tags
  sku: {
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: 'Prevention'
      // Prompts are text of all kinds, code and markup among it: their bodies are not looked into.
      requestBodyCheck: 'Disabled'
    }
    managedRules: {
      managedRuleSets: [
        {
          ruleSetType: 'Microsoft_BotManagerRuleSet'
          ruleSetVersion: '1.1'
        }
        {
          ruleSetType: 'Microsoft_DefaultRuleSet'
          ruleSetVersion: '2.1'
          ruleSetAction: 'Block'
        }
      ]
    }
    customRules: {
      rules: [
        {
          name: 'RateByAddress'
          priority: 100
          ruleType: 'RateLimitRule'
          action: 'Block'
          enabledState: 'Enabled'
          rateLimitDurationInMinutes: 5
          rateLimitThreshold: requestsPerAddress
          matchConditions: [
            {
              matchVariable: 'RequestUri'
              operator: 'Any'
              matchValue: []
            }
          ]
        }
      ]
    }
  }
}

resource protection 'Microsoft.Cdn/profiles/securityPolicies@2024-09-01' = {
  parent: profile
  name: 'firewall'
  properties: {
    parameters: {
      type: 'WebApplicationFirewall'
      wafPolicy: {
        id: firewall.id
      }
      associations: [
        {
          domains: [
            {
              id: endpoint.id
            }
          ]
          patternsToMatch: ['/*']
        }
      ]
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: profile
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FrontDoorWebApplicationFirewallLog'
        enabled: true
      }
      {
        category: 'FrontDoorHealthProbeLog'
        enabled: true
      }
    ]
  }
}

output hostName string = endpoint.properties.hostName
output id string = profile.properties.frontDoorId
