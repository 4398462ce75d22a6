import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalsFor, grouped, usdFromNano } from './money.ts';

for (const [nano, usd] of [
  ['0', '0.00'],
  ['1', '0.000000001'],
  ['1234567890', '1.23456789'],
  ['1230000000', '1.23'],
  ['1500000000', '1.50'],
  ['-1', '-0.000000001'],
  ['-2500000000', '-2.50'],
  ['1234567000000000', '1,234,567.00'],
  // Beyond what a double holds exactly.
  ['9007199254740993000000001', '9,007,199,254,740,993.000000001'],
] as const) {
  test(`${nano} nano-USD are ${usd} USD, exactly`, () => {
    assert.equal(usdFromNano(nano), usd);
    assert.equal(usdFromNano(BigInt(nano)), usd);
  });
}

test('amounts of one column get as many decimals as the most precise of them needs', () => {
  const amounts = ['1500000000', null, '1234567'];
  assert.equal(decimalsFor(amounts), 9);
  assert.equal(usdFromNano('1500000000', 9), '1.500000000');
  assert.equal(decimalsFor([null, '2000000000']), 2);
  assert.equal(decimalsFor([]), 2);
});

test('counts are grouped by thousands', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(grouped), ['0', '999', '1,000', '1,234,567']);
});
