metadata description = 'The configuration in App Configuration, where it can be written from outside: the same that is mounted as a file.'

@description('Name of the store.')
param storeName string

@description('The configuration, as the gateway reads it.')
param configuration object

@description('Whether whoever deploys has the right to write, and can reach the store: a private one takes nothing from outside, so whoever is inside writes it (docs/azure/operations.md).')
param canWrite bool

// The service takes 10 KB a key value: what grows with deployments and teams has keys of its own. All of these sections are
// always there, so that none stays behind that is no longer meant.
var large = ['endpoints', 'models', 'subscriptions', 'costCentres']
var rest = toObject(
  filter(items(configuration), section => !contains(large, section.key)),
  section => section.key,
  section => section.value
)
var keyValues = concat(
  [
    {
      name: 'tollgate'
      value: string(rest)
    }
  ],
  map(large, section => {
    name: 'tollgate:${section}'
    value: string(configuration[section])
  })
)

// Nor does any store take what is too large: the mounted file holds the same.
var writes = canWrite && empty(filter(keyValues, one => length(one.value) > 10000))

resource store 'Microsoft.AppConfiguration/configurationStores@2024-06-01' existing = {
  name: storeName
}

resource sections 'Microsoft.AppConfiguration/configurationStores/keyValues@2024-06-01' = [
  for one in keyValues: if (writes) {
    parent: store
    name: one.name
    properties: {
      value: one.value
      contentType: 'application/json'
    }
  }
]

// The last one: the gateway looks at the others when it changes.
resource sentinel 'Microsoft.AppConfiguration/configurationStores/keyValues@2024-06-01' = if (writes) {
  parent: store
  name: 'tollgate:sentinel'
  properties: {
    value: uniqueString(string(configuration))
  }
  dependsOn: [sections]
}

@description('Whether the configuration stands in the store.')
output holdsConfiguration bool = writes
