import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { itemText } from './item-text.ts';
import { pricesOf } from './price-data.ts';

function textOf(price: string, currency: 'USD' | 'EUR' | 'GBP' = 'USD'): string {
  const one = {
    product: 'Azure OpenAI',
    meter: 'Example Inp glbl Tokens',
    unit: '1K',
    price,
    from: '2026-01-01',
    regions: ['westeurope'],
    type: 'Consumption',
    tier: 0,
    service: 'Foundry Models',
    family: 'AI + Machine Learning',
  };
  return pricesOf(one)
    .map((item) => itemText(item, currency))
    .join('');
}

void suite('amounts as the service writes them', () => {
  for (const [amount, written] of Object.entries({
    '2': '2.0',
    '0': '0.0',
    '48': '48.0',
    '260.50': '260.5',
    '0.000413': '0.000413',
    '0.00125': '0.00125',
    '0.0001': '0.0001',
    // Below 0.0001 a double of .NET has an exponent.
    '0.00005': '5E-05',
    '2.2e-05': '2.2E-05',
    '0.0000275': '2.75E-05',
    '0.000000155': '1.55E-07',
  })) {
    test(`${amount} as ${written}`, () => {
      const text = textOf(amount);
      assert.ok(text.includes(`"retailPrice":${written},"unitPrice":${written},`), text);
      assert.equal(Number(written), Number(amount));
    });
  }

  test('in other currencies exactly times the rate', () => {
    // 0.00125 × 0.92 = 0.00115; 3 × 0.79 = 2.37
    assert.ok(textOf('0.00125', 'EUR').includes('"retailPrice":0.00115,'));
    assert.ok(textOf('3', 'GBP').includes('"currencyCode":"GBP","tierMinimumUnits":0.0,"retailPrice":2.37,'));
  });
});

test('an item has the members of the service, in its order', () => {
  assert.deepEqual(Object.keys(JSON.parse(textOf('1')) as object), [
    'currencyCode',
    'tierMinimumUnits',
    'retailPrice',
    'unitPrice',
    'armRegionName',
    'location',
    'effectiveStartDate',
    'meterId',
    'meterName',
    'productId',
    'skuId',
    'productName',
    'skuName',
    'serviceName',
    'serviceId',
    'serviceFamily',
    'unitOfMeasure',
    'type',
    'isPrimaryMeterRegion',
    'armSkuName',
  ]);
});
