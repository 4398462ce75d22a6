import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { dayMs, quarterHourMs, type FigureSpan } from '#model/figures.ts';
import { figureSpans, lineSpans } from './spans.ts';

const quarter = (count: number): number => count * quarterHourMs;
const day = (count: number): number => count * dayMs;
const show = (spans: readonly FigureSpan[]): string[] => spans.map(({ source, from, to }) => `${source} ${from}-${to}`);

test('a period is cut at quarter-hours and days', () => {
  const cases: [number | null, number | null, string[]][] = [
    [null, null, ['days null-null']],
    [day(1), day(3), [`days ${day(1)}-${day(3)}`]],
    [quarter(1), quarter(3), [`quarters ${quarter(1)}-${quarter(3)}`]],
    [
      quarter(1) + 5,
      null,
      [`records ${quarter(1) + 5}-${quarter(2)}`, `quarters ${quarter(2)}-${day(1)}`, `days ${day(1)}-null`],
    ],
    [null, quarter(1) + 5, [`days null-0`, `quarters 0-${quarter(1)}`, `records ${quarter(1)}-${quarter(1) + 5}`]],
    [quarter(1) + 5, quarter(1) + 9, [`records ${quarter(1) + 5}-${quarter(1) + 9}`]],
    [quarter(1) - 1, quarter(1) + 1, [`records ${quarter(1) - 1}-${quarter(1) + 1}`]],
    [
      day(1) - quarter(1),
      day(2) + quarter(1),
      [
        `quarters ${day(1) - quarter(1)}-${day(1)}`,
        `days ${day(1)}-${day(2)}`,
        `quarters ${day(2)}-${day(2) + quarter(1)}`,
      ],
    ],
    [quarter(2), quarter(2), []],
    [quarter(2) + 1, quarter(2) + 1, []],
    [quarter(3), quarter(2), []],
    [quarter(2) + 7, quarter(2) + 3, []],
  ];
  for (const [from, to, spans] of cases) assert.deepEqual(show(figureSpans({ from, to })), spans, `${from} ${to}`);
});

test('cost lines are cut at days', () => {
  assert.deepEqual(show(lineSpans({ from: quarter(1), to: day(2) + 1 })), [
    `records ${quarter(1)}-${day(1)}`,
    `days ${day(1)}-${day(2)}`,
    `records ${day(2)}-${day(2) + 1}`,
  ]);
});

test('the spans cover every instant of the period once, and no other', () => {
  const instant = fc.oneof(fc.integer({ min: 0, max: day(3) }), fc.integer({ min: 0, max: 288 }).map(quarter));
  const unit = { records: 1, quarters: quarterHourMs, days: dayMs };
  fc.assert(
    fc.property(fc.option(instant), fc.option(instant), instant, (from, to, at) => {
      const inside = (from === null || at >= from) && (to === null || at < to);
      for (const spans of [figureSpans({ from, to }, 7), lineSpans({ from, to })]) {
        const holding = spans.filter(
          (one) => (one.from === null || at >= one.from) && (one.to === null || at < one.to),
        );
        assert.equal(holding.length, inside ? 1 : 0);
        for (const one of spans) for (const end of [one.from, one.to]) assert.equal((end ?? 0) % unit[one.source], 0);
      }
      assert.ok(figureSpans({ from, to }, 7).every((one) => one.bucket === 7));
    }),
    { numRuns: 2000 },
  );
});
