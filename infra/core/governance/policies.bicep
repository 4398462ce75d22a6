metadata description = 'Azure Policy for this resource group: what the templates do not do, nobody else may do here either.'

@description('Whether what breaks a policy is refused, or only reported.')
@allowed(['Deny', 'Audit'])
param effect string

@description('Regions that resources may stand in.')
param allowedLocations string[]

@description('Whether the network is private, and public access is refused with the rest.')
param isolated bool

var assignments = loadJsonContent('../../data/policies.json')
var wanted = filter(assignments, assignment => isolated || !assignment.isolationOnly)

resource byEffect 'Microsoft.Authorization/policyAssignments@2026-07-01' = [
  for assignment in wanted: {
    name: assignment.name
    properties: {
      displayName: assignment.displayName
      description: assignment.why
      policyDefinitionId: tenantResourceId('Microsoft.Authorization/policyDefinitions', assignment.definition)
      enforcementMode: 'Default'
      parameters: {
        effect: {
          value: effect
        }
      }
      nonComplianceMessages: [
        {
          message: assignment.why
        }
      ]
    }
  }
]

resource locations 'Microsoft.Authorization/policyAssignments@2026-07-01' = {
  name: 'tollgate-locations'
  properties: {
    displayName: 'Tollgate: allowed regions'
    description: 'Prompts are processed where they are allowed to be.'
    policyDefinitionId: tenantResourceId('Microsoft.Authorization/policyDefinitions', 'e56962a6-4747-49cd-b67b-bf8b01975c4c')
    enforcementMode: 'Default'
    parameters: {
      listOfAllowedLocations: {
        value: union(allowedLocations, ['global'])
      }
    }
  }
}
