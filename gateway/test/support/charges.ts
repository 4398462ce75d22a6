import type { Charge } from '../../src/accounting/exports/focus-rows.ts';
import type { ChargeRow, ChargeSeries } from '../../src/accounting/exports/charge-rows.ts';
import type { ExportFacts } from '../../src/accounting/exports/facts.ts';
import type { KnownPrice } from '../../src/accounting/exports/row-prices.ts';
import type { ChargedTo, ServedBy } from '../../src/model/usage-record.ts';

/** A series of charges, changed where the test says so. */
export function chargeSeries(changes: Partial<ChargedTo & ServedBy> = {}): ChargeSeries {
  const {
    subscription,
    product,
    consumer,
    costCentrePath,
    endUser: _none,
    ...servedBy
  } = {
    subscription: 'marketing-web',
    product: 'standard',
    consumer: 'marketing-web',
    costCentrePath: 'contoso/marketing',
    endUser: null,
    endpoint: 'weu',
    resource: 'contoso-weu',
    region: 'westeurope',
    deployment: 'mini',
    deploymentType: 'GlobalStandard',
    model: 'gpt-5.4-mini',
    modelVersion: null,
    ...changes,
  };
  return {
    caller: { subscription, product, consumer, costCentrePath },
    servedBy,
    operation: 'chat.completions',
    priceBook: 'book-1',
  };
}

const november = { from: Date.parse('2026-11-01T00:00:00Z'), to: Date.parse('2026-12-01T00:00:00Z') };

/** 1,500 tokens of input at 0.75 USD a million, on the 23rd of November; changed where the test says so. */
export function charge(row: Partial<ChargeRow> = {}, changes: Partial<Charge> = {}): Charge {
  const listed = { priceId: 'list/gpt-5.4-mini/GlobalStandard/input/2026-03-17', nanoUsd: 1_125_000n, counts: true };
  return {
    row: {
      series: chargeSeries(),
      outcome: 'completed',
      meter: 'input',
      units: 1500n,
      list: listed,
      charged: listed,
      internal: null,
      unpriced: false,
      inside: false,
      ...row,
    },
    period: { from: Date.parse('2026-11-23T00:00:00Z'), to: Date.parse('2026-11-24T00:00:00Z') },
    billing: { ...november, name: '2026-11' },
    correction: false,
    deliveredOnly: false,
    estimated: false,
    heldNano: 0n,
    allocatedBy: null,
    ...changes,
  };
}

const perMillion = (nanoUsd: bigint): KnownPrice => ({ nanoUsd, perUnits: 1_000_000n });

/** What a configuration with two prices says. */
export const testFacts: ExportFacts = {
  organisation: 'contoso',
  organisationName: 'Contoso',
  billingAccountId: 'contoso',
  timeZone: 'UTC',
  priceById: (priceId) =>
    new Map([
      ['list/gpt-5.4-mini/GlobalStandard/input/2026-03-17', perMillion(750_000_000n)],
      ['contracted/gpt-5.4-mini/GlobalStandard/input/2026-01-01', perMillion(712_345_678n)],
      ['list/gpt-5.4-mini/GlobalStandard/toolCall:web_search/2026-03-17', perMillion(14_000_000_000_000n)],
    ]).get(priceId),
  costCentreName: (path) => path.split('/').at(-1) ?? path,
  statementId: (path, month) => `${new Date(month.from).toISOString().slice(0, 7)}-${path.replaceAll('/', '-')}`,
};
