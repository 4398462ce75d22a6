import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ledgerLinesText } from '#model/cost-lines.ts';
import type { LedgerLine } from '#model/money.ts';
import { LineSums } from './line-sums.ts';

const line = fc.record({
  layer: fc.constantFrom('list' as const, 'contracted' as const, 'internal' as const),
  meter: fc.constantFrom('input', 'output', 'toolCall:a "b"\\'),
  priceId: fc.constantFrom('', 'p', 'p,"q"', 'ünïcode \u001e'),
  standing: fc.constantFrom(0, 3, 11),
  units: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  nanoUsd: fc.oneof(
    fc.bigInt({ min: -1_000_000n, max: 1_000_000n }),
    fc.bigInt({ min: -(2n ** 63n - 1n), max: 2n ** 63n - 1n }),
    fc.constantFrom(999_999_999_999_999n, 2n ** 53n - 1n, 2n ** 52n, -(2n ** 53n), 2n ** 53n + 1n),
  ),
});

const nameOf = (one: Omit<LedgerLine, 'units' | 'nanoUsd'>): string =>
  JSON.stringify([one.layer, one.meter, one.priceId, one.standing]);

test('lines of any names and amounts, in any order, are added up exactly', () => {
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 5 })), (records) => {
      const sums = new LineSums();
      const expected = new Map<string, { units: number; nanoUsd: bigint }>();
      for (const lines of records) {
        sums.add(ledgerLinesText(lines));
        for (const one of lines) {
          const sum = expected.get(nameOf(one)) ?? { units: 0, nanoUsd: 0n };
          expected.set(nameOf(one), { units: sum.units + one.units, nanoUsd: sum.nanoUsd + one.nanoUsd });
        }
      }
      const found = new Map(
        [...sums].map((one) => [nameOf(one as LedgerLine), { units: one.units, nanoUsd: one.nanoUsd }]),
      );
      assert.deepEqual(found, expected);
    }),
    { numRuns: 300 },
  );
});

test('what is no list of lines is refused, also behind lines that are known', () => {
  const sums = new LineSums();
  const good = '["list","input",1,"p","2",3]';
  sums.add(`[${good}]`);
  for (const text of ['', '[', '[1]', `[${good}`, `[${good}x]`, `[["list","input",1,"p",2,3]]`])
    assert.throws(() => sums.add(text), /no cost lines/, text);
});
