metadata description = 'What wakes somebody: a gateway that is silent, errors, throttling, a ledger that falls behind, calls without a price, batches that cannot be metered, budgets that run out, a workspace that is full.'

@description('Region of the rules.')
param location string

@description('Tags of everything here.')
param tags object

@description('Name of the action group.')
param actionGroupName string

@description('Who is told.')
param emails string[]

@description('Workspace that is asked.')
param workspaceId string

@description('Whether the rules are evaluated, and paid for: where nobody would be told, they need not be.')
param enabled bool

// Thresholds are starting points: change them here, where the next reader finds them.
var rules = [
  {
    name: 'tollgate-silent'
    title: 'Nothing has been heard of the gateway for a quarter of an hour'
    query: loadTextContent('../../queries/alert-silent.kql')
    measure: 'Reports'
    aggregation: 'Total'
    dimension: ''
    operator: 'LessThan'
    threshold: 1
    severity: 0
    window: 'PT15M'
  }
  {
    name: 'tollgate-server-errors'
    title: 'More than 5 % of requests end with 5xx'
    query: loadTextContent('../../queries/alert-server-errors.kql')
    measure: 'Share'
    aggregation: 'Maximum'
    dimension: 'AppRoleName'
    operator: 'GreaterThan'
    threshold: 5
    severity: 1
    window: 'PT15M'
  }
  {
    name: 'tollgate-throttling'
    title: 'Azure OpenAI refuses more than 20 % of the attempts on a deployment'
    query: loadTextContent('../../queries/alert-throttling.kql')
    measure: 'Share'
    aggregation: 'Maximum'
    dimension: 'Deployment'
    operator: 'GreaterThan'
    threshold: 20
    severity: 2
    window: 'PT15M'
  }
  {
    name: 'tollgate-ledger-backlog'
    title: 'Records wait longer than five minutes for the store'
    query: loadTextContent('../../queries/alert-ledger-backlog.kql')
    measure: 'Age'
    aggregation: 'Maximum'
    dimension: 'AppRoleInstance'
    operator: 'GreaterThan'
    threshold: 300
    severity: 1
    window: 'PT5M'
  }
  {
    name: 'tollgate-unpriced'
    title: 'Calls without a price'
    query: loadTextContent('../../queries/alert-unpriced.kql')
    measure: 'Unpriced'
    aggregation: 'Total'
    dimension: 'Deployment'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
    window: 'PT1H'
  }
  {
    name: 'tollgate-batches'
    title: 'Batches that cannot be metered'
    query: loadTextContent('../../queries/alert-batches.kql')
    measure: 'Unreadable'
    aggregation: 'Maximum'
    dimension: 'AppRoleInstance'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
    window: 'PT15M'
  }
  {
    name: 'tollgate-budget'
    title: 'A budget has passed a threshold'
    query: loadTextContent('../../queries/alert-budget.kql')
    measure: 'Events'
    aggregation: 'Total'
    dimension: ''
    operator: 'GreaterThan'
    threshold: 0
    severity: 3
    window: 'PT15M'
  }
  {
    name: 'tollgate-quota'
    title: 'The workspace is over its quota of the day, and loses what comes'
    query: loadTextContent('../../queries/alert-quota.kql')
    measure: 'Events'
    aggregation: 'Total'
    dimension: ''
    operator: 'GreaterThan'
    threshold: 0
    severity: 1
    window: 'PT15M'
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'tollgate'
    enabled: true
    emailReceivers: [
      for (email, at) in emails: {
        name: 'receiver${at}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: 'See docs/azure/operations.md.'
      severity: rule.severity
      enabled: enabled
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      // A table that nothing has written to yet has no columns: that is no reason to refuse the rule.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.aggregation
            metricMeasureColumn: rule.measure
            operator: rule.operator
            threshold: rule.threshold
            dimensions: empty(rule.dimension)
              ? []
              : [
                  {
                    name: rule.dimension
                    operator: 'Include'
                    values: ['*']
                  }
                ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroup.id]
      }
    }
  }
]
