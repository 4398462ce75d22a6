metadata description = 'Tollgate itself: the container app, its identity, its configuration as a file, its journal, its probes and how it grows.'

@description('Name of the container app.')
@maxLength(32)
param name string

@description('Region of the app.')
param location string

@description('Tags of the app; `azd-service-name` among them, by which azd finds where to deploy.')
param tags object

@description('The environment that it runs in.')
param environmentId string

@description('{ id, clientId } of the identity that it runs as.')
param identity object

@description('The registry that its image comes from.')
param registryLoginServer string

@description('The image to run.')
param image string

@description('Whether it can be called from outside the network.')
param external bool

@description('Whether callers must bring a client certificate, which the ingress tells Tollgate.')
param requireClientCertificate bool

@description('The configuration, as the gateway reads it.')
param configuration object

@description('Environment variables that say where Azure services are: { name, value }.')
param settings array

@description('Whether the journals are on the share of the environment; else on the disk of the replica, which goes with it.')
param useJournalShare bool

@description('Fewest replicas.')
@minValue(1)
param minReplicas int

@description('Most replicas; more than one needs Redis and PostgreSQL.')
@minValue(1)
@maxValue(100)
param maxReplicas int

@description('Requests under way in a replica beyond which another one is started.')
@minValue(1)
param concurrentRequests int

@description('Seconds that a replica has to end in: its own drain is shorter.')
@maxValue(600)
param terminationGraceSeconds int

@description('Processor cores of a replica, as text: `1`, `0.5`.')
param cpu string

@description('Memory of a replica, `2Gi` for each core.')
param memory string

var port = 8080
var dataFolder = '/var/lib/tollgate'
// `node`, as the Dockerfile says.
var imageUser = '1000:1000'
var configurationFolder = '/etc/tollgate'
var configurationFile = 'tollgate.yaml'

resource app 'Microsoft.App/containerApps@2026-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      ingress: {
        external: external
        targetPort: port
        transport: 'auto'
        allowInsecure: false
        clientCertificateMode: requireClientCertificate ? 'require' : 'ignore'
        traffic: [
          {
            latestRevision: true
            weight: 100
          }
        ]
      }
      registries: [
        {
          server: registryLoginServer
          identity: identity.id
        }
      ]
      secrets: [
        {
          // Nothing secret stands in it; it is a secret because those can be mounted as files.
          name: 'configuration'
          value: string(configuration)
        }
      ]
    }
    template: {
      terminationGracePeriodSeconds: terminationGraceSeconds
      // The share belongs to root; the image runs as a user of its own.
      initContainers: useJournalShare
        ? [
            {
              name: 'own-data'
              image: 'mcr.microsoft.com/azurelinux/base/core:3.0'
              command: ['chown', imageUser, dataFolder]
              resources: {
                cpu: json('0.25')
                memory: '0.5Gi'
              }
              volumeMounts: [
                {
                  volumeName: 'data'
                  mountPath: dataFolder
                }
              ]
            }
          ]
        : []
      containers: [
        {
          name: 'tollgate'
          image: image
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          env: concat(
            [
              {
                name: 'TOLLGATE_CONFIG'
                value: '${configurationFolder}/${configurationFile}'
              }
              {
                name: 'TOLLGATE_DATA'
                value: dataFolder
              }
              {
                name: 'TOLLGATE_PORT'
                value: string(port)
              }
              {
                // A secret that changes starts no new revision, a variable does: nothing reads it.
                name: 'TOLLGATE_CONFIG_HASH'
                value: uniqueString(string(configuration))
              }
              {
                // Which of its identities the libraries of Azure take.
                name: 'AZURE_CLIENT_ID'
                value: identity.clientId
              }
            ],
            // On the share: one folder for all replicas, and one key in it that they sign with.
            useJournalShare ? [{ name: 'TOLLGATE_DATA_SHARED', value: 'true' }] : [],
            settings
          )
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 2
              // A minute: journals that were left by others are read before it listens.
              failureThreshold: 30
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 10
              failureThreshold: 6
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: port
              }
              periodSeconds: 5
              failureThreshold: 2
            }
          ]
          volumeMounts: [
            {
              volumeName: 'configuration'
              mountPath: configurationFolder
            }
            {
              volumeName: 'data'
              mountPath: dataFolder
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'concurrent-requests'
            http: {
              metadata: {
                concurrentRequests: string(concurrentRequests)
              }
            }
          }
        ]
      }
      volumes: [
        {
          name: 'configuration'
          storageType: 'Secret'
          secrets: [
            {
              secretRef: 'configuration'
              path: configurationFile
            }
          ]
        }
        useJournalShare
          ? {
              name: 'data'
              storageType: 'NfsAzureFile'
              storageName: 'journal'
            }
          : {
              name: 'data'
              storageType: 'EmptyDir'
            }
      ]
    }
  }
}

output name string = app.name
output fqdn string = app.properties.configuration.ingress.fqdn
output url string = 'https://${app.properties.configuration.ingress.fqdn}'
