metadata description = 'The dashboard that `azd monitor --overview` opens: the tiles of the original, from the queries in `queries/`.'

@description('Name of the dashboard.')
param name string

@description('Region of the dashboard.')
param location string

@description('Tags of the dashboard.')
param tags object

@description('Workspace that is asked.')
param workspaceId string

@description('Component whose application map is shown.')
param applicationInsightsName string

@description('The workbook, for more.')
param workbookId string

var tiles = [
  {
    title: 'Share of tokens per consumer'
    query: loadTextContent('../../queries/tokens-share-per-consumer.kql')
    chart: 'Donut'
    x: 'Consumer'
    xType: 'string'
    y: ['Tokens']
    split: []
    position: { x: 0, y: 1, colSpan: 5, rowSpan: 4 }
  }
  {
    title: 'Tokens per consumer over time'
    query: loadTextContent('../../queries/tokens-per-consumer-over-time.kql')
    chart: 'StackedArea'
    x: 'Hour'
    xType: 'datetime'
    y: ['Tokens']
    split: ['Consumer']
    position: { x: 5, y: 1, colSpan: 8, rowSpan: 4 }
  }
  {
    title: 'Failed requests'
    query: loadTextContent('../../queries/failed-requests.kql')
    chart: 'StackedColumn'
    x: 'Hour'
    xType: 'datetime'
    y: ['Failed']
    split: ['Outcome']
    position: { x: 0, y: 5, colSpan: 5, rowSpan: 4 }
  }
  {
    title: 'Server response time'
    query: loadTextContent('../../queries/response-time.kql')
    chart: 'Line'
    x: 'Hour'
    xType: 'datetime'
    y: ['MedianMs', 'SlowMs', 'FirstByteMs']
    split: []
    position: { x: 5, y: 5, colSpan: 8, rowSpan: 4 }
  }
  {
    title: 'Cost per cost centre'
    query: loadTextContent('../../queries/cost-per-cost-centre.kql')
    chart: 'StackedColumn'
    x: 'CostCentre'
    xType: 'string'
    y: ['CostUsd']
    split: []
    position: { x: 0, y: 9, colSpan: 8, rowSpan: 4 }
  }
]

var queryParts = map(tiles, tile => {
  position: tile.position
  metadata: {
    type: 'Extension/Microsoft_OperationsManagementSuite_Workspace/PartType/LogsDashboardPart'
    inputs: [
      { name: 'Scope', value: { resourceIds: [workspaceId] } }
      { name: 'PartId', value: guid(workspaceId, tile.title) }
      { name: 'Version', value: '2.0' }
      { name: 'TimeRange', value: 'P1D' }
      { name: 'Query', value: tile.query }
      { name: 'ControlType', value: 'FrameControlChart' }
      { name: 'SpecificChart', value: tile.chart }
      { name: 'PartTitle', value: tile.title }
      { name: 'PartSubTitle', value: 'Tollgate' }
      {
        name: 'Dimensions'
        value: {
          xAxis: { name: tile.x, type: tile.xType }
          yAxis: map(tile.y, column => { name: column, type: 'real' })
          splitBy: map(tile.split, column => { name: column, type: 'string' })
          aggregation: 'Sum'
        }
      }
      { name: 'LegendOptions', value: { isEnabled: true, position: 'Bottom' } }
      { name: 'IsQueryContainTimeRange', value: false }
    ]
    settings: {}
  }
})

var heading = {
  position: { x: 0, y: 0, colSpan: 13, rowSpan: 1 }
  metadata: {
    type: 'Extension/HubsExtension/PartType/MarkdownPart'
    inputs: []
    settings: {
      content: {
        title: 'Tollgate'
        subtitle: 'Tokens, cost, failures and times of every team'
        content: '[All of it, with a time range to choose](https://portal.azure.com/#resource${workbookId}/workbook)'
        markdownSource: 1
      }
    }
  }
}

var applicationMap = {
  position: { x: 8, y: 9, colSpan: 5, rowSpan: 4 }
  metadata: {
    type: 'Extension/AppInsightsExtension/PartType/AppMapButtonPart'
    inputs: [
      {
        name: 'ComponentId'
        value: {
          Name: applicationInsightsName
          SubscriptionId: subscription().subscriptionId
          ResourceGroup: resourceGroup().name
        }
      }
    ]
    settings: {}
  }
}

resource dashboard 'Microsoft.Portal/dashboards@2026-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'hidden-title': 'Tollgate' })
  properties: {
    lenses: [
      {
        order: 0
        parts: concat([heading], queryParts, [applicationMap])
      }
    ]
    metadata: {
      model: {
        timeRange: {
          type: 'MsPortalFx.Composition.Configuration.ValueTypes.TimeRange'
          value: {
            relative: {
              duration: 24
              timeUnit: 1
            }
          }
        }
      }
    }
  }
}

output id string = dashboard.id
