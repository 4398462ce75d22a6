import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usdText } from './limit-headers.ts';

for (const [nano, text] of [
  [0n, '0.00'],
  [1n, '0.000000001'],
  [10_000_000n, '0.01'],
  [999_999_999n, '0.999999999'],
  [1_000_000_000n, '1.00'],
  [1_200_000_000n, '1.20'],
  [1_250_000_000n, '1.25'],
  [1_234_567_000_000_001n, '1234567.000000001'],
  [1_234_567_890_000_000_000n, '1234567890.00'],
] as const) {
  test(`${nano} nano-USD are told as ${text}`, () => assert.equal(usdText(nano), text));
}
