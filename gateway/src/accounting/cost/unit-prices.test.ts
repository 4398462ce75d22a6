import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readShippedData } from '#config/shipped-data.ts';
import { parseListPrices } from './list-prices.ts';
import { unitPricesFor } from './unit-prices.ts';

const zones = { eu: ['swedencentral', 'westeurope'] };
const row = { type: 'DataZoneProvisionedManaged', source: 'x' } as const;

test('a region by name beats its data zone, that beats everywhere; then the latest that has begun', () => {
  const prices = unitPricesFor(
    {
      zones,
      provisioned: [
        {
          ...row,
          regions: ['westeurope'],
          effectiveFrom: '2026-01-01',
          effectiveTo: '2026-02-01',
          nanoUsdPerUnitHour: 4,
        },
        { ...row, zone: 'eu', effectiveFrom: '2026-03-01', nanoUsdPerUnitHour: 3 },
        { ...row, zone: 'eu', effectiveFrom: '2025-01-01', nanoUsdPerUnitHour: 2 },
        { ...row, effectiveFrom: '2026-06-01', nanoUsdPerUnitHour: 1 },
        { ...row, zone: 'us', effectiveFrom: '2026-01-01', nanoUsdPerUnitHour: 9 },
        { ...row, regions: ['eastus'], effectiveFrom: '2026-01-01', nanoUsdPerUnitHour: 9 },
        { ...row, type: 'ProvisionedManaged', effectiveFrom: '2026-01-01', nanoUsdPerUnitHour: 9 },
      ],
    },
    { deploymentType: 'DataZoneProvisionedManaged', region: 'westeurope' },
  );
  assert.deepEqual(
    prices.map((one) => [one.priceId, one.nanoUsdPerUnitHour]),
    [
      ['list/ptu/DataZoneProvisionedManaged/2026-06-01', 1n],
      ['list/ptu/DataZoneProvisionedManaged/zone:eu/2025-01-01', 2n],
      ['list/ptu/DataZoneProvisionedManaged/zone:eu/2026-03-01', 3n],
      ['list/ptu/DataZoneProvisionedManaged/region:westeurope/2026-01-01', 4n],
    ],
  );
  assert.deepEqual([prices[3]?.from, prices[3]?.to], [Date.UTC(2026, 0, 1), Date.UTC(2026, 1, 1)]);
});

test('the shipped list knows what a global unit costs in an hour', () => {
  const shipped = parseListPrices(readShippedData('prices.json'));
  const found = unitPricesFor(shipped, { deploymentType: 'GlobalProvisionedManaged', region: 'westeurope' });
  assert.equal(found.at(-1)?.nanoUsdPerUnitHour, 1_000_000_000n);
  assert.deepEqual(unitPricesFor(shipped, { deploymentType: 'GlobalStandard', region: 'westeurope' }), []);
});
