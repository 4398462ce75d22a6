metadata description = 'The configuration of the gateway, made from the same data that makes the deployments. No resource: names alone.'

@description('Accounts with their deployments: { name, region, deployments: [{ name, model, version, type }] }.')
param accounts array

@description('Organisation, product and consumers, as `data/consumers.json` has them.')
param consumers object

@description('Of a hundred calls, how many are traced, where no caller decides it.')
param tracePercent int

@description('Seconds that a call may take in all whose reply is not streamed.')
param requestSeconds int

@description('Seconds that a streamed one may.')
param streamSeconds int

@description('Seconds that a replica has to end in.')
param terminationGraceSeconds int

@description('Whether every entry of the journal is synced to disk before it counts.')
param syncsToDisk bool

@description('Whether the ledger is in PostgreSQL, where TOLLGATE_POSTGRES_URL says.')
param sharedLedger bool

@description('Whether limits and budgets are counted in Redis, where TOLLGATE_REDIS_URL says.')
param sharedCounters bool

@description('Whether API Management is in front, and how it proves that whose call it is was said by it.')
@allowed(['none', 'token', 'certificate'])
param frontProof string

@description('SHA-256 of the certificate that it shows.')
param frontCertificateSha256 string

@description('What a unit of a provisioned deployment costs in an hour; empty: not known.')
param provisionedHourlyPrice string

@description('The first day on which it is paid; empty: from when the gateway first runs with it.')
param provisionedFrom string

// What the platform needs after the drain: journal and outbox are flushed by then.
var drainSeconds = terminationGraceSeconds - 30

var endpoints = flatten(map(accounts, account => map(account.deployments, deployment => {
  key: '${deployment.name}-${account.name}'
  model: deployment.model
  provisioned: contains(deployment.type, 'Provisioned')
  value: union(
    {
      resource: 'https://${account.name}.openai.azure.com'
      resourceName: account.name
      region: account.region
      deployment: deployment.name
      model: deployment.model
      modelVersion: deployment.version
      type: deployment.type
      auth: 'managed-identity'
    },
    contains(deployment.type, 'Provisioned') && !empty(provisionedHourlyPrice)
      ? {
          ptu: union(
            {
              units: deployment.capacity
              hourly: provisionedHourlyPrice
            },
            empty(provisionedFrom) ? {} : { from: provisionedFrom }
          )
        }
      : {}
  )
})))

var modelNames = union(map(endpoints, endpoint => endpoint.model), [])

// What is paid by the hour goes first, what is paid by the token when that has nothing left.
var modelTiers = map(modelNames, name => {
  name: name
  tiers: filter(
    [
      map(filter(endpoints, endpoint => endpoint.model == name && endpoint.provisioned), endpoint => endpoint.key)
      map(filter(endpoints, endpoint => endpoint.model == name && !endpoint.provisioned), endpoint => endpoint.key)
    ],
    tier => !empty(tier)
  )
})

var shared = union(
  {
    telemetry: {
      traces: {
        share: '${tracePercent}%'
      }
      // The component takes no keys.
      identity: 'managed-identity'
    }
    ledger: union(
      {
        durability: syncsToDisk ? 'disk' : 'process'
        logAnalytics: {
          endpoint: '\${TOLLGATE_LOGS_ENDPOINT}'
          rule: '\${TOLLGATE_LOGS_RULE_ID}'
          stream: '\${TOLLGATE_LOGS_STREAM}'
          // For doctor, which looks whether a row arrives.
          workspace: '\${TOLLGATE_LOGS_WORKSPACE_ID}'
        }
      },
      sharedLedger
        ? {
            store: {
              postgres: {
                url: '\${TOLLGATE_POSTGRES_URL}'
                identity: 'managed-identity'
              }
            }
          }
        : {}
    )
  },
  sharedCounters
    ? {
        counters: {
          redis: {
            url: '\${TOLLGATE_REDIS_URL}'
            identity: 'managed-identity'
          }
        }
      }
    : {},
  frontProof == 'token'
    ? {
        entra: {
          tenants: ['\${TOLLGATE_TENANT_ID}']
          audiences: ['api://\${TOLLGATE_APP_ID}', '\${TOLLGATE_APP_ID}']
          callers: [
            {
              claims: {
                oid: '\${TOLLGATE_APIM_PRINCIPAL_ID}'
              }
              subscriptionHeader: 'x-tollgate-subscription'
            }
          ]
        }
      }
    : {},
  frontProof == 'certificate'
    ? {
        front: {
          certificates: [frontCertificateSha256]
          subscriptionHeader: 'x-tollgate-subscription'
        }
      }
    : {}
)

output configuration object = union(shared, {
  organisation: consumers.organisation
  listen: {
    address: '0.0.0.0'
    drainTimeout: '${drainSeconds}s'
    // Longer than the four minutes of the ingress in front: a connection is never closed under a request of its.
    keepAliveTimeout: '250s'
  }
  costCentres: toObject(consumers.consumers, consumer => consumer.name, consumer => { name: consumer.displayName })
  products: {
    '${consumers.product.name}': {
      models: modelNames
      caps: {
        maxOutputTokens: consumers.product.maxOutputTokens
      }
      unpriced: 'refuse'
    }
  }
  subscriptions: toObject(consumers.consumers, consumer => consumer.name, consumer => {
    product: consumers.product.name
    consumer: consumer.name
    costCentre: consumer.name
  })
  endpoints: toObject(endpoints, endpoint => endpoint.key, endpoint => endpoint.value)
  models: toObject(modelTiers, model => model.name, model => {
    tiers: model.tiers
    deadline: '${requestSeconds}s'
    streamDeadline: '${streamSeconds}s'
    // Three attempts without a byte are three minutes of silence; whoever stands in front waits four.
    maxAttempts: 3
    firstByteTimeout: '60s'
    idleTimeout: '60s'
  })
})
