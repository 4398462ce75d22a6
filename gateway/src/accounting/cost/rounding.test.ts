import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nanoUsdOf } from './rounding.ts';

const cases: readonly (readonly [units: number, perMillion: bigint, expected: bigint, why: string])[] = [
  [0, 750_000_000n, 0n, 'nothing costs nothing'],
  [1, 750_000_000n, 750n, 'an exact amount'],
  [1, 1_499_999n, 1n, 'just below the half goes down'],
  [1, 1_500_001n, 2n, 'just above the half goes up'],
  [1, 500_000n, 0n, 'the half goes to the even 0'],
  [1, 1_500_000n, 2n, 'the half goes to the even 2'],
  [1, 2_500_000n, 2n, 'the half goes to the even 2, not away from zero'],
  [3, 500_000n, 2n, '1.5 goes to 2'],
  [9_007_199_254_740_991, 270_000_000_000n, 2_431_943_798_780_067_570_000n, 'beyond 2^53 nothing is lost'],
];

for (const [units, perMillion, expected, why] of cases) {
  test(`rounds half to even: ${why}`, () => assert.equal(nanoUsdOf(units, perMillion), expected));
}
