metadata description = 'A budget of the resource group in Azure itself: it tells, it does not stop. What stops are the budgets of Tollgate.'

@description('USD, or the currency of the account, a month.')
@minValue(1)
param amount int

@description('First day of a month from which it counts, `2026-12-01`.')
param startDate string

@description('Who is told.')
@minLength(1)
param emails string[]

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: 'tollgate'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: startDate
    }
    notifications: {
      half: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 50
        thresholdType: 'Actual'
        contactEmails: emails
      }
      mostly: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: emails
      }
      whole: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Actual'
        contactEmails: emails
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
      }
    }
  }
}
