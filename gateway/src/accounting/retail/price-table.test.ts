import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { tabulate, type PriceTable } from './price-table.ts';
import type { MappedPrice } from './read-meter.ts';

const zones = { us: ['eastus', 'westus'], eu: ['westeurope', 'swedencentral'] };

const price = (changes: Partial<MappedPrice>): MappedPrice => ({
  model: 'm',
  modelVersion: undefined,
  type: 'GlobalStandard',
  serviceTier: 'default',
  minInputTokens: 0,
  meters: ['input'],
  regions: { eastus: 'id-eastus' },
  amount: 10n,
  from: '2026-01-01',
  to: undefined,
  meterName: 'm inp',
  ...changes,
});

const table = (mapped: readonly MappedPrice[]): PriceTable =>
  tabulate(mapped, { zones, otherClouds: new Set(['usgovvirginia']) });

/** `place amount from`, in order. */
const shown = ({ prices }: PriceTable): string[] =>
  prices
    .map(({ place, amount, from }) => {
      const where = place?.kind === 'zone' ? `zone:${place.name}` : (place?.names.join(',') ?? 'everywhere');
      return `${where} ${amount} ${from}`;
    })
    .toSorted();

suite('what is global', () => {
  test('is one price where all regions agree; the earliest first day holds', () => {
    const result = table([
      price({ regions: { eastus: 'a', westus: 'b' } }),
      price({ regions: { westeurope: 'c' }, from: '2026-06-01' }),
    ]);
    assert.deepEqual(shown(result), ['everywhere 10 2026-01-01']);
    assert.deepEqual(result.prices[0]?.meterIds, ['a', 'b', 'c']);
  });

  test('stays with its regions where one costs something else', () => {
    const result = table([
      price({ regions: { eastus: 'a', westus: 'b' } }),
      price({ regions: { westeurope: 'c' }, amount: 12n }),
    ]);
    assert.deepEqual(shown(result), ['eastus,westus 10 2026-01-01', 'westeurope 12 2026-01-01']);
  });

  test('does not reach sovereign clouds, whatever these cost', () => {
    const result = table([
      price({ regions: { eastus: 'a' } }),
      price({ regions: { usgovvirginia: 'g' }, amount: 13n }),
    ]);
    assert.deepEqual(shown(result), ['everywhere 10 2026-01-01', 'usgovvirginia 13 2026-01-01']);
  });

  test('stays by region where nobody says what regions have in common', () => {
    const result = tabulate([price({ regions: { eastus: 'a', westus: 'b' } })], undefined);
    assert.deepEqual(shown(result), ['eastus,westus 10 2026-01-01']);
  });
});

test('what is sold in data zones is one price a zone where its regions agree', () => {
  const amounts = [
    { regions: { eastus: '', westus: '' }, amount: 11n },
    { regions: { westeurope: '' }, amount: 12n },
    { regions: { swedencentral: '' }, amount: 13n },
    { regions: { japaneast: '' }, amount: 14n },
  ];
  const result = table(amounts.map((one) => price({ type: 'DataZoneStandard', ...one })));
  assert.deepEqual(shown(result), [
    'japaneast 14 2026-01-01',
    'swedencentral 13 2026-01-01',
    'westeurope 12 2026-01-01',
    'zone:us 11 2026-01-01',
  ]);
});

test('regional prices stand with the regions that share amount and day', () => {
  const result = table([
    price({ type: 'Standard', regions: { eastus: '', westus: '' } }),
    price({ type: 'Standard', regions: { westeurope: '' }, from: '2026-02-01' }),
  ]);
  assert.deepEqual(shown(result), ['eastus,westus 10 2026-01-01', 'westeurope 10 2026-02-01']);
});

test('a price that changes on one day everywhere stays one price; on two days it does not', () => {
  const both = { eastus: '', westus: '' };
  const together = [price({ regions: both }), price({ regions: both, amount: 8n, from: '2026-05-01' })];
  assert.deepEqual(shown(table(together)), ['everywhere 10 2026-01-01', 'everywhere 8 2026-05-01']);
  const apart = [
    price({ regions: both }),
    price({ regions: { eastus: '' }, amount: 8n, from: '2026-05-01' }),
    price({ regions: { westus: '' }, amount: 8n, from: '2026-06-01' }),
  ];
  assert.deepEqual(shown(table(apart)), ['eastus 8 2026-05-01', 'eastus,westus 10 2026-01-01', 'westus 8 2026-06-01']);
});

suite('two meters for one thing', () => {
  test('are one price where they agree', () => {
    const result = table([price({ meterName: 'o1 Inp' }), price({ meterName: 'o1 1217 Inp' })]);
    assert.deepEqual(result.prices[0]?.meterNames, ['o1 1217 Inp', 'o1 Inp']);
    assert.deepEqual(result.ambiguous, []);
  });

  test('are none where they contradict each other on one day, and both are named', () => {
    const result = table([
      price({ meterName: 'a' }),
      price({ meterName: 'b', amount: 11n }),
      price({ meters: ['output'] }),
    ]);
    assert.deepEqual(
      result.prices.map((one) => one.meter),
      ['output'],
    );
    assert.deepEqual(result.ambiguous, [
      { what: 'm||GlobalStandard|default|0|input', region: 'eastus', from: '2026-01-01', meterNames: ['a', 'b'] },
    ]);
  });
});
