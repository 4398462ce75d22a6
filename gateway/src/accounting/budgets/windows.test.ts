import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { everyPeriod, type Calendar } from '#model/limits.ts';
import { windowAt, windowBefore, WindowClock } from './windows.ts';

const january = { month: 1, day: 1 };
const calendar = (every: Calendar['every'], timeZone = 'UTC', fiscalYearStart = january): Calendar => ({
  every,
  timeZone,
  fiscalYearStart,
});
const at = (text: string): number => Date.parse(text);
const shown = ({ id, start, end }: ReturnType<typeof windowAt>): string =>
  `${id} ${new Date(start).toISOString()} ${new Date(end).toISOString()}`;

interface Case {
  readonly what: string;
  readonly calendar: Calendar;
  readonly at: string;
  readonly id: string;
  readonly start: string;
  readonly end: string;
}

const cases: readonly Case[] = [
  // ── daylight-saving days
  {
    what: 'a day of 23 hours',
    calendar: calendar('day', 'Europe/Amsterdam'),
    at: '2026-03-29T12:00:00Z',
    id: '2026-03-29/P1D',
    start: '2026-03-28T23:00:00Z',
    end: '2026-03-29T22:00:00Z',
  },
  {
    what: 'a day of 25 hours',
    calendar: calendar('day', 'Europe/Amsterdam'),
    at: '2026-10-25T01:30:00Z',
    id: '2026-10-25/P1D',
    start: '2026-10-24T22:00:00Z',
    end: '2026-10-25T23:00:00Z',
  },
  {
    what: 'a month that begins in summer time and ends in winter time',
    calendar: calendar('month', 'Europe/Amsterdam'),
    at: '2026-10-31T22:59:59.999Z',
    id: '2026-10-01/P1M',
    start: '2026-09-30T22:00:00Z',
    end: '2026-10-31T23:00:00Z',
  },
  {
    what: 'a day whose midnight does not exist',
    calendar: calendar('day', 'America/Sao_Paulo'),
    at: '2018-11-04T12:00:00Z',
    id: '2018-11-04/P1D',
    start: '2018-11-04T03:00:00Z',
    end: '2018-11-05T02:00:00Z',
  },
  {
    what: 'a day whose midnight does not exist, in Cairo',
    calendar: calendar('day', 'Africa/Cairo'),
    at: '2026-04-24T00:00:00Z',
    id: '2026-04-24/P1D',
    start: '2026-04-23T22:00:00Z',
    end: '2026-04-24T21:00:00Z',
  },
  {
    what: 'a day whose midnight comes twice begins with the first',
    calendar: calendar('day', 'America/Havana'),
    at: '2026-11-01T05:30:00Z',
    id: '2026-11-01/P1D',
    start: '2026-11-01T04:00:00Z',
    end: '2026-11-02T05:00:00Z',
  },
  {
    what: 'a repeated hour that has the date of the day that is over',
    calendar: calendar('day', 'America/St_Johns'),
    at: '2010-11-07T02:45:00Z',
    id: '2010-11-07/P1D',
    start: '2010-11-07T02:30:00Z',
    end: '2010-11-08T03:30:00Z',
  },
  {
    what: 'the day before one that a zone left out',
    calendar: calendar('day', 'Pacific/Apia'),
    at: '2011-12-30T09:59:59.999Z',
    id: '2011-12-29/P1D',
    start: '2011-12-29T10:00:00Z',
    end: '2011-12-30T10:00:00Z',
  },
  {
    what: 'the day after one that a zone left out',
    calendar: calendar('day', 'Pacific/Apia'),
    at: '2011-12-30T10:00:00Z',
    id: '2011-12-31/P1D',
    start: '2011-12-30T10:00:00Z',
    end: '2011-12-31T10:00:00Z',
  },
  {
    what: 'a zone whose offset is not of whole hours',
    calendar: calendar('day', 'Asia/Kathmandu'),
    at: '2026-05-04T18:14:59.999Z',
    id: '2026-05-04/P1D',
    start: '2026-05-03T18:15:00Z',
    end: '2026-05-04T18:15:00Z',
  },
  // ── weeks
  {
    what: 'a Sunday belongs to the week that began on Monday',
    calendar: calendar('week'),
    at: '2026-11-29T23:59:59.999Z',
    id: '2026-11-23/P1W',
    start: '2026-11-23T00:00:00Z',
    end: '2026-11-30T00:00:00Z',
  },
  {
    what: 'a week over the end of a year',
    calendar: calendar('week'),
    at: '2027-01-01T00:00:00Z',
    id: '2026-12-28/P1W',
    start: '2026-12-28T00:00:00Z',
    end: '2027-01-04T00:00:00Z',
  },
  {
    what: 'a week that is an hour short',
    calendar: calendar('week', 'Europe/Amsterdam'),
    at: '2026-03-29T21:59:59.999Z',
    id: '2026-03-23/P1W',
    start: '2026-03-22T23:00:00Z',
    end: '2026-03-29T22:00:00Z',
  },
  // ── month ends and leap days
  {
    what: 'the last instant of a month',
    calendar: calendar('month'),
    at: '2026-04-30T23:59:59.999Z',
    id: '2026-04-01/P1M',
    start: '2026-04-01T00:00:00Z',
    end: '2026-05-01T00:00:00Z',
  },
  {
    what: 'the first instant of the next month',
    calendar: calendar('month'),
    at: '2026-05-01T00:00:00Z',
    id: '2026-05-01/P1M',
    start: '2026-05-01T00:00:00Z',
    end: '2026-06-01T00:00:00Z',
  },
  {
    what: 'a leap day is a day',
    calendar: calendar('day'),
    at: '2028-02-29T12:00:00Z',
    id: '2028-02-29/P1D',
    start: '2028-02-29T00:00:00Z',
    end: '2028-03-01T00:00:00Z',
  },
  {
    what: 'a leap day belongs to February',
    calendar: calendar('month'),
    at: '2028-02-29T23:00:00Z',
    id: '2028-02-01/P1M',
    start: '2028-02-01T00:00:00Z',
    end: '2028-03-01T00:00:00Z',
  },
  {
    what: 'a February without a leap day',
    calendar: calendar('month'),
    at: '2100-02-28T23:00:00Z',
    id: '2100-02-01/P1M',
    start: '2100-02-01T00:00:00Z',
    end: '2100-03-01T00:00:00Z',
  },
  // ── quarters, years, fiscal years
  {
    what: 'a quarter of the calendar year',
    calendar: calendar('quarter'),
    at: '2026-06-30T23:59:59.999Z',
    id: '2026-04-01/P3M',
    start: '2026-04-01T00:00:00Z',
    end: '2026-07-01T00:00:00Z',
  },
  {
    what: 'a year in a zone east of Greenwich',
    calendar: calendar('year', 'Asia/Tokyo'),
    at: '2025-12-31T15:00:00Z',
    id: '2026-01-01/P1Y',
    start: '2025-12-31T15:00:00Z',
    end: '2026-12-31T15:00:00Z',
  },
  {
    what: 'the last day of a fiscal year that begins in July',
    calendar: calendar('year', 'Australia/Sydney', { month: 7, day: 1 }),
    at: '2026-06-30T13:59:59.999Z',
    id: '2025-07-01/P1Y',
    start: '2025-06-30T14:00:00Z',
    end: '2026-06-30T14:00:00Z',
  },
  {
    what: 'the first day of a fiscal year that begins on 6 April',
    calendar: calendar('year', 'Europe/London', { month: 4, day: 6 }),
    at: '2026-04-05T23:00:00Z',
    id: '2026-04-06/P1Y',
    start: '2026-04-05T23:00:00Z',
    end: '2027-04-05T23:00:00Z',
  },
  {
    what: 'a quarter of such a year, over the turn of the calendar year',
    calendar: calendar('quarter', 'Europe/London', { month: 4, day: 6 }),
    at: '2026-01-05T23:59:59.999Z',
    id: '2025-10-06/P3M',
    start: '2025-10-05T23:00:00Z',
    end: '2026-01-06T00:00:00Z',
  },
  {
    what: 'months are those of the calendar, whatever the fiscal year',
    calendar: calendar('month', 'Europe/London', { month: 4, day: 6 }),
    at: '2026-01-05T12:00:00Z',
    id: '2026-01-01/P1M',
    start: '2026-01-01T00:00:00Z',
    end: '2026-02-01T00:00:00Z',
  },
];

describe('calendar windows', () => {
  for (const one of cases) {
    test(one.what, () => {
      const window = windowAt(one.calendar, at(one.at));
      assert.equal(shown(window), `${one.id} ${new Date(one.start).toISOString()} ${new Date(one.end).toISOString()}`);
    });
  }

  test('hold every instant once, follow each other without a gap, and are found from any instant in them', () => {
    const zones = [
      'UTC',
      'Europe/Amsterdam',
      'America/Sao_Paulo',
      'America/St_Johns',
      'Pacific/Apia',
      'Asia/Kathmandu',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...everyPeriod),
        fc.constantFrom(...zones),
        fc.record({ month: fc.integer({ min: 1, max: 12 }), day: fc.integer({ min: 1, max: 28 }) }),
        fc.integer({ min: at('2005-01-01'), max: at('2035-01-01') }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (every, timeZone, ...[fiscalYearStart, instant, share]) => {
          const asked = calendar(every, timeZone, fiscalYearStart);
          const window = windowAt(asked, instant);
          assert.ok(window.start <= instant && instant < window.end, shown(window));
          const inside = Math.min(window.end - 1, window.start + Math.floor((window.end - window.start) * share));
          assert.deepEqual(windowAt(asked, inside), window);
          assert.equal(windowAt(asked, window.end).start, window.end);
          assert.equal(windowBefore(asked, window).end, window.start);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('are looked up anew only when one has ended, forwards and backwards', () => {
    const clock = new WindowClock(calendar('day'));
    const first = clock.at(at('2026-11-23T05:00:00Z'));
    assert.equal(clock.at(at('2026-11-23T23:59:59.999Z')), first);
    assert.equal(clock.at(at('2026-11-24T00:00:00Z')).id, '2026-11-24/P1D');
    assert.equal(clock.at(at('2026-11-23T23:59:59.999Z')).id, '2026-11-23/P1D');
  });
});
