import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { add, compare, decimalText, divide, multiply, parseDecimal, usdOfNano, type Decimal } from './decimal.ts';

const number = (text: string): Decimal => {
  const parsed = parseDecimal(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};

suite('decimals', () => {
  // The examples of FOCUS 1.4's NumericFormat.
  for (const [text, plain] of [
    ['4', '4'],
    ['-3', '-3'],
    ['1.234', '1.234'],
    ['-100.2', '-100.2'],
    ['0', '0'],
    ['35.2E-7', '0.00000352'],
    ['1.5E-3', '0.0015'],
    ['35.2E7', '352000000'],
    ['-0.5', '-0.5'],
  ] as const)
    test(`${text} is ${plain}`, () => assert.equal(decimalText(number(text)), plain));

  for (const text of ['35.2E+7', '1.5E+3', '35.24 x 10^7', '2.3^3', '3,432,342', '+333', 'abc', '', ' 1', '1.', '.5'])
    test(`'${text}' is no number`, () => assert.equal(parseDecimal(text), undefined));

  test('products and sums keep every digit', () => {
    assert.equal(decimalText(multiply(number('0.0825'), number('0.000000001'))), '0.0000000000825');
    assert.equal(decimalText(add(number('0.1'), number('0.2'))), '0.3');
    assert.equal(decimalText(add(number('1'), number('-0.000000001'))), '0.999999999');
  });

  test('are compared by what they are worth, not by how they are written', () => {
    assert.equal(compare(number('1.50'), number('1.5')), 0);
    assert.ok(compare(number('-2'), number('1')) < 0);
    assert.ok(compare(number('0.3'), number('0.25')) > 0);
  });

  test('a quotient is rounded half to even', () => {
    assert.equal(decimalText(divide(number('1'), number('8'), 2)), '0.12');
    assert.equal(decimalText(divide(number('3'), number('8'), 2)), '0.38');
    assert.equal(decimalText(divide(number('-1'), number('3'), 4)), '-0.3333');
    assert.equal(decimalText(divide(number('0.02'), number('0.003'), 3)), '6.667');
  });

  test('nano-USD are written with as many digits as are asked for', () => {
    assert.equal(decimalText(usdOfNano(1_234_567_891n), 9), '1.234567891');
    assert.equal(decimalText(usdOfNano(-1n), 9), '-0.000000001');
    assert.equal(decimalText(usdOfNano(1_000_000_000n), 9), '1.000000000');
    assert.equal(decimalText(usdOfNano(0n), 9), '0.000000000');
  });
});
