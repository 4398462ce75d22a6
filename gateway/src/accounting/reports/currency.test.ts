import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { ConvertedSum, decimalOfNano, perUsdText, rounded, type CurrencyRate } from './currency.ts';

const one = 10n ** 12n;
const rate = (units: bigint, usd: bigint = one): CurrencyRate => ({ from: 0, firstDay: '2026-01-01', units, usd });

const rates = [undefined, rate(920_000_000_000n), rate(one, 1_087_000_000_000n)];

function sumOf(all: readonly (readonly [bigint, number])[]): ConvertedSum {
  const sum = new ConvertedSum();
  for (const [amount, which] of all) sum.add(amount, rates[which]);
  return sum;
}

suite('amounts in another currency', () => {
  for (const [what, numerator, denominator, result] of [
    ['whole', 12n, 4n, 3n],
    ['below a half', 5n, 4n, 1n],
    ['a half goes to the even one below', 5n, 2n, 2n],
    ['a half goes to the even one above', 7n, 2n, 4n],
    ['above a half', 7n, 4n, 2n],
    ['what is owed rounds as what is paid', -5n, 2n, -2n],
    ['and upwards too', -7n, 2n, -4n],
    ['nothing', 0n, 7n, 0n],
  ] as const)
    test(`rounded half to even: ${what}`, () => assert.equal(rounded({ numerator, denominator }), result));

  test('a sum is converted, not its parts; each part at the rate of its time', () => {
    const third = rate(one / 3n);
    const sum = new ConvertedSum();
    for (let at = 0; at < 3; at += 1) sum.add(1n, third);
    assert.equal(sum.rounded(), 1n, 'three times a third, not three times 0');
    sum.add(1_000_000_000n, rate(920_000_000_000n));
    sum.add(1_000_000_000n, rate(one, 1_087_000_000_000n));
    // 1 + 0.92 × 10^9 + 10^9 / 1.087, rounded once.
    assert.equal(sum.rounded(), 1n + 920_000_000n + 919_963_201n);
  });

  test('merged sums are the sum of their parts', () => {
    const amounts = fc.array(
      fc.tuple(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.integer({ min: 0, max: 2 })),
    );
    fc.assert(
      fc.property(amounts, amounts, (first, second) => {
        const merged = sumOf(first);
        merged.merge(sumOf(second));
        assert.equal(merged.rounded(), sumOf([...first, ...second]).rounded());
      }),
    );
  });

  for (const [nano, text] of [
    [0n, '0'],
    [1n, '0.000000001'],
    [1_234_567_890n, '1.23456789'],
    [-2_500_000_000n, '-2.5'],
    [9_007_199_254_740_993_000_000_001n, '9007199254740993.000000001'],
  ] as const)
    test(`${nano} × 10^-9 is ${text}`, () => assert.equal(decimalOfNano(nano), text));

  for (const [units, usd, text] of [
    [920_000_000_000n, one, '0.92'],
    [one, 1_250_000_000_000n, '0.8'],
    [one, 1_087_000_000_000n, '1000/1087'],
    [156_250_000_000_000n, one, '156.25'],
  ] as const)
    test(`${units}/${usd} is told as ${text}`, () => assert.equal(perUsdText(rate(units, usd)), text));
});
