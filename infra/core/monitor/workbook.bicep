metadata description = 'The workbook: tokens, cost, failures and times, from the queries in `queries/`.'

@description('Region of the workbook.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Workspace that is asked.')
param workspaceId string

var title = 'Tollgate'

var tiles = [
  {
    title: 'Share of tokens per consumer'
    query: loadTextContent('../../queries/tokens-share-per-consumer.kql')
    visualization: 'piechart'
    width: '33'
  }
  {
    title: 'Tokens per consumer over time'
    query: loadTextContent('../../queries/tokens-per-consumer-over-time.kql')
    visualization: 'areachart'
    width: '66'
  }
  {
    title: 'Cost per cost centre'
    query: loadTextContent('../../queries/cost-per-cost-centre.kql')
    visualization: 'table'
    width: '50'
  }
  {
    title: 'How the output was measured'
    query: loadTextContent('../../queries/how-measured.kql')
    visualization: 'table'
    width: '50'
  }
  {
    title: 'Failed attempts'
    query: loadTextContent('../../queries/failed-requests.kql')
    visualization: 'barchart'
    width: '50'
  }
  {
    title: 'Response time'
    query: loadTextContent('../../queries/response-time.kql')
    visualization: 'linechart'
    width: '50'
  }
  {
    title: 'Deployments'
    query: loadTextContent('../../queries/deployments.kql')
    visualization: 'table'
    width: '100'
  }
  {
    title: 'What calls what'
    query: loadTextContent('../../queries/application-map.kql')
    visualization: 'table'
    width: '100'
  }
]

var timeRange = {
  type: 9
  content: {
    version: 'KqlParameterItem/1.0'
    parameters: [
      {
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        type: 4
        isRequired: true
        value: {
          durationMs: 86400000
        }
        typeSettings: {
          selectableValues: map([3600000, 14400000, 86400000, 604800000, 2592000000], duration => { durationMs: duration })
          allowCustom: true
        }
      }
    ]
    style: 'pills'
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
  }
  name: 'parameters'
}

var tileItems = map(tiles, tile => {
  type: 3
  content: {
    version: 'KqlItem/1.0'
    query: tile.query
    size: 0
    title: tile.title
    timeContextFromParameter: 'TimeRange'
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    crossComponentResources: [workspaceId]
    visualization: tile.visualization
  }
  customWidth: tile.width
  name: tile.title
})

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'tollgate-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], tileItems)
      fallbackResourceIds: [workspaceId]
    })
  }
}

output id string = workbook.id
