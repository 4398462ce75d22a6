import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { quarterHourMs } from '#accounting/ledger/ports.ts';
import { periodParts } from './period-parts.ts';

const quarter = (count: number): number => count * quarterHourMs;
const show = (from: number | null, to: number | null): string[] =>
  periodParts({ from, to }).map(({ source, period }) => `${source} ${period.from}-${period.to}`);

test('a period is cut at quarter-hours', () => {
  const cases: [number | null, number | null, string[]][] = [
    [null, null, ['roll-ups null-null']],
    [quarter(1), quarter(3), [`roll-ups ${quarter(1)}-${quarter(3)}`]],
    [quarter(1) + 5, null, [`records ${quarter(1) + 5}-${quarter(2)}`, `roll-ups ${quarter(2)}-null`]],
    [null, quarter(1) + 5, [`roll-ups null-${quarter(1)}`, `records ${quarter(1)}-${quarter(1) + 5}`]],
    [quarter(1) + 5, quarter(1) + 9, [`records ${quarter(1) + 5}-${quarter(1) + 9}`]],
    [
      quarter(1) - 1,
      quarter(1) + 1,
      [`records ${quarter(1) - 1}-${quarter(1)}`, `records ${quarter(1)}-${quarter(1) + 1}`],
    ],
    [quarter(2), quarter(2), []],
    [quarter(2) + 1, quarter(2) + 1, []],
    [quarter(3), quarter(2), []],
    [quarter(2) + 7, quarter(2) + 3, []],
  ];
  for (const [from, to, parts] of cases) assert.deepEqual(show(from, to), parts);
});

test('the parts cover every instant of the period once, and no other', () => {
  const instant = fc.integer({ min: 0, max: quarter(4) });
  fc.assert(
    fc.property(fc.option(instant), fc.option(instant), instant, (from, to, at) => {
      const inside = (from === null || at >= from) && (to === null || at < to);
      const parts = periodParts({ from, to });
      const holding = parts.filter(
        ({ period }) => (period.from === null || at >= period.from) && (period.to === null || at < period.to),
      );
      assert.equal(holding.length, inside ? 1 : 0);
      for (const { source, period } of parts)
        if (source === 'roll-ups')
          for (const end of [period.from, period.to]) assert.equal((end ?? 0) % quarterHourMs, 0);
    }),
    { numRuns: 2000 },
  );
});
