import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figureDimensions, type FigureDimension, type FigureFilter } from '../../src/model/figures.ts';
import { generatedMonth, generatedPeriod, lacking } from './generated-month.ts';
import { MemoryLedgerStore } from './memory-ledger-store.ts';
import { referenceRows, referenceTotal } from './reference-sums.ts';

test('the generated month has every outcome, unit, tier, price layer and kind of adjustment in it', () => {
  for (const seed of [1, 2, 20_261_101]) assert.deepEqual(lacking(generatedMonth({ seed })), [], `seed ${seed}`);
});

const text = (seed: number): string =>
  JSON.stringify(generatedMonth({ seed, requests: 50 }), (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );

test('it is the same for the same seed, and another for another', () => {
  assert.equal(text(7), text(7));
  assert.notEqual(text(7), text(8));
});

test('its reference sums are what a store without roll-ups says, by every dimension, filtered or not', async () => {
  const month = generatedMonth({ requests: 150 });
  const store = new MemoryLedgerStore();
  const start = { segment: 1, offset: 0 };
  await store.append(month.entries, { instance: 'j', shipped: start, lowWater: start, settles: 0 });
  const filters: readonly (readonly FigureFilter[])[] = [
    [],
    [
      { dimension: 'cost-centre', values: ['contoso/sales', 'contoso/r&d'] },
      { dimension: 'end-user', values: ['', 'f00d'] },
    ],
    [{ dimension: 'cost-centre', values: ['contoso/sales'], exact: true }],
  ];
  for (const filter of filters)
    for (const by of [[], ['consumer', 'model'], ...figureDimensions.map((one) => [one])] as FigureDimension[][]) {
      const { from, to } = generatedPeriod;
      const spans = [{ source: 'records' as const, bucket: 0, from, to }];
      const rows = await store.figures({ by, filter, spans });
      assert.deepEqual(
        new Map(rows.map((row) => [row.keys.join('\n'), row.figures])),
        referenceRows(month, { by, filter, period: { from, to } }),
        by.join(),
      );
    }
  assert.equal(referenceTotal(month, { period: { from: 0, to: 1 } }).attempts, 0n);
});
