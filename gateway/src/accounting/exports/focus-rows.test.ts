import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ExportProfile } from '@tollgate/contract/admin-api/exports.ts';
import { createCsvReader, csvLine } from '@tollgate/contract/csv.ts';
import { createFocusChecker } from '@tollgate/contract/focus/check.ts';
import { focusHeader } from '@tollgate/contract/focus/schema.ts';
import { paidByTheHour } from '#model/money.ts';
import { charge, chargeSeries, testFacts } from '../../../test/support/charges.ts';
import { focusHeaderCells, focusRow, type Charge } from './focus-rows.ts';

/** What a reader of the file finds in the row, having checked it. */
function written(one: Charge, profile: ExportProfile = 'provider'): Readonly<Record<string, string>> {
  const reader = createCsvReader();
  const text = csvLine(focusHeaderCells) + csvLine(focusRow(one, { facts: testFacts, profile }));
  const [header, row] = reader.push(text);
  const checker = createFocusChecker();
  checker.header(header?.cells ?? [], 1);
  checker.row(row?.cells ?? [], 2);
  assert.deepEqual(checker.result().problems, []);
  return Object.fromEntries(focusHeader.map((column, index) => [column, row?.cells[index] ?? '']));
}

const contracted = {
  priceId: 'contracted/gpt-5.4-mini/GlobalStandard/input/2026-01-01',
  nanoUsd: 1_068_519n,
  counts: true,
};

suite('a row of a FOCUS file', () => {
  test('has a list price as list, contracted and effective cost, and nothing billed', () => {
    const row = written(charge());
    assert.equal(row['BilledCost'], '0');
    assert.equal(row['InvoiceIssuerName'], 'Microsoft');
    assert.equal(row['ListUnitPrice'], '0.75');
    assert.equal(row['PricingUnit'], '1000000 Tokens');
    assert.equal(row['PricingQuantity'], '0.0015');
    assert.equal(row['ListCost'], '0.001125000');
    assert.equal(row['ContractedCost'], '0.001125000');
    assert.equal(row['EffectiveCost'], '0.001125000');
    assert.equal(row['ConsumedQuantity'], '1500');
    assert.equal(row['SkuPriceId'], 'list/gpt-5.4-mini/GlobalStandard/input/2026-03-17');
    assert.equal(row['SkuId'], 'gpt-5.4-mini/GlobalStandard/input');
    assert.equal(row['SubAccountId'], 'marketing-web');
    assert.equal(row['x_CostCentrePath'], 'contoso/marketing');
    assert.equal(row['ResourceId'], 'contoso-weu/deployments/mini');
    assert.equal(row['RegionName'], 'West Europe');
    assert.equal(row['x_ContractedPriceId'], '');
    assert.equal(row['BillingPeriodEnd'], '2026-12-01T00:00:00Z');
    assert.equal(row['ChargePeriodStart'], '2026-11-23T00:00:00Z');
    assert.equal(row['ChargeClass'], '');
  });

  test('has the unrounded product as contracted cost, and what the ledger rounded as effective cost', () => {
    const row = written(charge({ charged: contracted }));
    assert.equal(row['ContractedUnitPrice'], '0.712345678');
    assert.equal(row['ContractedCost'], '0.001068518517');
    assert.equal(row['EffectiveCost'], '0.001068519');
    assert.equal(row['x_ContractedPriceId'], contracted.priceId);
    assert.equal(row['SkuPriceId'], 'list/gpt-5.4-mini/GlobalStandard/input/2026-03-17');
  });

  test('says that a list price is missing where only a contract has one', () => {
    const row = written(charge({ list: null, charged: contracted }));
    assert.equal(row['ListCost'], '0.000000000');
    assert.equal(row['x_ListUnpriced'], 'true');
    assert.equal(row['x_Unpriced'], 'false');
    assert.equal(row['SkuPriceId'], contracted.priceId);
    assert.equal(row['EffectiveCost'], '0.001068519');
  });

  test('says of calls without a price that their 0 is no cost', () => {
    const row = written(charge({ list: null, charged: null, unpriced: true }));
    assert.equal(row['EffectiveCost'], '0.000000000');
    assert.equal(row['x_Unpriced'], 'true');
    assert.equal(row['SkuPriceId'], 'unpriced/gpt-5.4-mini/GlobalStandard/input');
    assert.match(row['ChargeDescription'] ?? '', /the cost is not known/);
  });

  test('counts calls of unknown usage, with what budgets hold for them', () => {
    const row = written(
      charge({ meter: 'unknownUsage', units: 3n, list: null, charged: null }, { heldNano: 5_000_000n }),
    );
    assert.equal(row['ConsumedUnit'], 'Calls');
    assert.equal(row['ConsumedQuantity'], '3');
    assert.equal(row['x_UsageUnknown'], 'true');
    assert.equal(row['x_HeldCost'], '0.005000000');
    assert.equal(row['EffectiveCost'], '0.000000000');
  });

  test('shows what a provisioned deployment served at nothing, and its hours as charges', () => {
    const free = { priceId: paidByTheHour, nanoUsd: 0n, counts: true };
    const series = chargeSeries({ deploymentType: 'ProvisionedManaged', deployment: 'ptu' });
    const tokens = written(charge({ series, list: free, charged: free }));
    assert.equal(tokens['PricingCategory'], 'Other');
    assert.equal(tokens['EffectiveCost'], '0.000000000');
    const hour = { priceId: 'contracted/ptu/ptu/1.00', nanoUsd: 50_000_000_000n, counts: true };
    const row = { series, outcome: 'idle', meter: 'ptu', units: 180_000n, list: null, charged: hour } as const;
    const idle = written(charge(row, { allocatedBy: 'by-use' }));
    assert.equal(idle['ChargeFrequency'], 'Recurring');
    assert.equal(idle['PricingUnit'], 'PTU-Hours');
    assert.equal(idle['PricingQuantity'], '50');
    assert.equal(idle['ContractedUnitPrice'], '1');
    assert.equal(idle['x_UnitPriceDerived'], 'true');
    assert.equal(idle['SkuId'], 'ptu/ptu/1.00');
    assert.equal(idle['SkuPriceId'], 'contracted/ptu/ptu/1.00');
    assert.equal(idle['x_AllocationRule'], 'by-use');
    assert.equal(idle['EffectiveCost'], '50.000000000');
    assert.equal(idle['x_AttemptOutcome'], 'idle');
  });

  test('derives a unit price that the price book has no longer, and checks within the tolerance', () => {
    const gone = { priceId: 'list/gone', nanoUsd: 1_000_001n, counts: true };
    const row = written(charge({ units: 3_000_007n, list: gone, charged: gone }));
    assert.equal(row['x_UnitPriceDerived'], 'true');
    assert.equal(row['ListCost'], '0.001000001');
  });

  test('is a correction only where an earlier month is corrected, and then may be negative', () => {
    const back = { priceId: 'list/gpt-5.4-mini/GlobalStandard/input/2026-03-17', nanoUsd: -1_125_000n, counts: true };
    const row = written(charge({ units: -1500n, list: back, charged: back }, { correction: true }));
    assert.equal(row['ChargeClass'], 'Correction');
    assert.equal(row['EffectiveCost'], '-0.001125000');
  });

  test('bills what the consumer is charged where the organisation issues the invoice', () => {
    const internal = { priceId: 'internal/a', nanoUsd: 2_000_000n, counts: true };
    const row = written(charge({ internal, inside: true }), 'internal-invoice');
    assert.equal(row['BilledCost'], '0.002000000');
    assert.equal(row['EffectiveCost'], '0.002000000');
    assert.equal(row['InvoiceIssuerName'], 'Contoso');
    assert.equal(row['InvoiceId'], '2026-11-contoso-marketing');
    assert.equal(written(charge(), 'internal-invoice')['BilledCost'], '0.001125000');
    assert.equal(written(charge({ internal }))['x_InternalCost'], '0.002000000');
    // Another meter of the calls has no internal rate: all of them are charged at cost, none at 0.
    const inPart = { ...internal, counts: false };
    assert.equal(written(charge({ internal: inPart }), 'internal-invoice')['BilledCost'], '0.001125000');
  });

  test('prices a call of a tool by the call', () => {
    const listed = {
      priceId: 'list/gpt-5.4-mini/GlobalStandard/toolCall:web_search/2026-03-17',
      nanoUsd: 28_000_000n,
      counts: true,
    };
    const row = written(charge({ meter: 'toolCall:web_search', units: 2n, list: listed, charged: listed }));
    assert.equal(row['PricingUnit'], 'Calls');
    assert.equal(row['ListUnitPrice'], '0.014');
    assert.equal(row['ListCost'], '0.028000000');
    assert.equal(row['SkuMeter'], 'Calls of web_search');
  });
});
