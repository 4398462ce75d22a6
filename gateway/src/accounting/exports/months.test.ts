import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { monthSpan } from '#accounting/reports/moments.ts';
import { dayPieces, monthsOf, type Span } from './months.ts';

const at = (text: string): number => Date.parse(text);
const shown = ({ from, to }: Span): string => `${new Date(from).toISOString()} – ${new Date(to).toISOString()}`;

suite('the months of an organisation', () => {
  for (const [name, timeZone, expected] of [
    ['2026-11', 'UTC', '2026-11-01T00:00:00.000Z – 2026-12-01T00:00:00.000Z'],
    // It begins in summer time and ends in winter time.
    ['2026-10', 'Europe/Amsterdam', '2026-09-30T22:00:00.000Z – 2026-10-31T23:00:00.000Z'],
    // Clocks went from 23:59:59 on 30 September to 01:00 on 1 October.
    ['2023-10', 'America/Asuncion', '2023-10-01T04:00:00.000Z – 2023-11-01T03:00:00.000Z'],
  ] as const)
    test(`${name} in ${timeZone} is whole, whatever part of it is asked for`, () => {
      const [month] = monthsOf({ from: at(`${name}-15T00:00:00Z`), to: at(`${name}-16T00:00:00Z`) }, timeZone);
      assert.ok(month !== undefined);
      assert.equal(month.name, name);
      assert.equal(shown(month.whole), expected);
    });

  test('a period is cut where its months begin', () => {
    const period = { from: at('2026-10-15T12:00:00Z'), to: at('2026-12-01T00:00:00Z') };
    assert.deepEqual(
      monthsOf(period, 'Europe/Amsterdam').map((month) => [month.name, shown(month)]),
      [
        ['2026-10', '2026-10-15T12:00:00.000Z – 2026-10-31T23:00:00.000Z'],
        ['2026-11', '2026-10-31T23:00:00.000Z – 2026-11-30T23:00:00.000Z'],
        ['2026-12', '2026-11-30T23:00:00.000Z – 2026-12-01T00:00:00.000Z'],
      ],
    );
  });

  test('days are whole but at the edges, and nothing is left out or read twice', () => {
    const month = monthSpan('2026-11', 'Asia/Kolkata');
    assert.ok(month !== undefined);
    const pieces = dayPieces(month);
    assert.equal(pieces.length, 31);
    assert.deepEqual(pieces.filter((one) => !one.isWhole).map(shown), [
      '2026-10-31T18:30:00.000Z – 2026-11-01T00:00:00.000Z',
      '2026-11-30T00:00:00.000Z – 2026-11-30T18:30:00.000Z',
    ]);
    let end = month.from;
    for (const piece of pieces) {
      assert.equal(piece.from, end);
      end = piece.to;
    }
    assert.equal(end, month.to);
  });

  test('a piece within one day is one piece, and an empty span is none', () => {
    const [from, to] = [at('2026-11-23T10:00:00Z'), at('2026-11-23T11:00:00Z')];
    assert.deepEqual(dayPieces({ from, to }), [{ from, to, isWhole: false }]);
    assert.deepEqual(dayPieces({ from, to: from }), []);
  });
});
