import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { reportBuckets, type ReportBucket } from '@tollgate/contract/usage.ts';
import { timeBuckets } from './time-buckets.ts';

const minute = 60_000;

/** `2026-10-25 1500`: the label, and how many minutes of it lie in the period. */
function shown(from: string, to: string, how: { readonly length: ReportBucket; readonly timeZone: string }): string[] {
  const period = { from: Date.parse(from), to: Date.parse(to) };
  return [...timeBuckets(period, how)].map(({ label, ...whole }) => `${label} ${(whole.to - whole.from) / minute}`);
}

type Case = readonly [
  what: string,
  timeZone: string,
  length: ReportBucket,
  from: string,
  to: string,
  expected: string[],
];

const cases: readonly Case[] = [
  [
    'the day on which summer time ends has 25 hours',
    'Europe/Amsterdam',
    'day',
    '2026-10-24T22:00Z',
    '2026-10-26T23:00Z',
    ['2026-10-25 1500', '2026-10-26 1440'],
  ],
  [
    'the day on which it begins has 23',
    'Europe/Amsterdam',
    'day',
    '2026-03-28T23:00Z',
    '2026-03-30T22:00Z',
    ['2026-03-29 1380', '2026-03-30 1440'],
  ],
  [
    'the hour that comes twice is told apart by its offset',
    'Europe/Amsterdam',
    'hour',
    '2026-10-25T00:00Z',
    '2026-10-25T03:00Z',
    ['2026-10-25T02:00+02:00 60', '2026-10-25T02:00+01:00 60', '2026-10-25T03:00+01:00 60'],
  ],
  [
    'the hour that is skipped does not occur',
    'America/New_York',
    'hour',
    '2026-03-08T06:00Z',
    '2026-03-08T08:00Z',
    ['2026-03-08T01:00-05:00 60', '2026-03-08T03:00-04:00 60'],
  ],
  [
    'where midnight is skipped, the day begins an hour later',
    'Asia/Beirut',
    'day',
    '2026-03-28T22:00Z',
    '2026-03-30T21:00Z',
    ['2026-03-29 1380', '2026-03-30 1440'],
  ],
  [
    'where midnight comes twice, the day begins with the first',
    'America/St_Johns',
    'day',
    '2010-11-06T02:30Z',
    '2010-11-08T03:30Z',
    ['2010-11-06 1440', '2010-11-07 1500'],
  ],
  [
    'a day that a zone left out does not occur',
    'Pacific/Apia',
    'day',
    '2011-12-29T10:00Z',
    '2012-01-01T10:00Z',
    ['2011-12-29 1440', '2011-12-31 1440', '2012-01-01 1440'],
  ],
  [
    'offsets of 45 minutes',
    'Asia/Kathmandu',
    'hour',
    '2026-01-01T00:15Z',
    '2026-01-01T02:15Z',
    ['2026-01-01T06:00+05:45 60', '2026-01-01T07:00+05:45 60'],
  ],
  [
    'offsets of 30 minutes, quarter-hours',
    'Asia/Kolkata',
    'quarter-hour',
    '2026-01-01T18:15Z',
    '2026-01-01T18:45Z',
    ['2026-01-01T23:45+05:30 15', '2026-01-02T00:00+05:30 15'],
  ],
  [
    'summer time of half an hour: where the clock is set, a new piece begins',
    'Australia/Lord_Howe',
    'hour',
    '2026-04-04T14:00Z',
    '2026-04-04T16:30Z',
    ['2026-04-05T01:00+11:00 60', '2026-04-05T01:30+10:30 30', '2026-04-05T02:00+10:30 60'],
  ],
  [
    'an offset that is on no quarter-hour',
    'Africa/Monrovia',
    'hour',
    '1971-12-31T00:44:30Z',
    '1971-12-31T02:44:30Z',
    ['1971-12-31T00:00-00:44:30 60', '1971-12-31T01:00-00:44:30 60'],
  ],
  [
    'weeks begin on Monday, and belong to the year of their Thursday',
    'UTC',
    'week',
    '2026-12-21T00:00Z',
    '2027-01-11T00:00Z',
    ['2026-W52 10080', '2026-W53 10080', '2027-W01 10080'],
  ],
  [
    'months, quarters and years of a zone',
    'Europe/Amsterdam',
    'month',
    '2026-01-31T23:00Z',
    '2026-03-31T22:00Z',
    ['2026-02 40320', '2026-03 44580'],
  ],
  [
    'quarters',
    'America/Sao_Paulo',
    'quarter',
    '2026-01-01T03:00Z',
    '2026-07-01T03:00Z',
    ['2026-Q1 129600', '2026-Q2 131040'],
  ],
  ['years', 'Pacific/Kiritimati', 'year', '2027-12-31T10:00Z', '2028-12-31T10:00Z', ['2028 527040']],
  [
    'the first and the last are whole ones',
    'UTC',
    'month',
    '2026-01-31T12:00Z',
    '2026-02-01T00:30Z',
    ['2026-01 44640', '2026-02 40320'],
  ],
  ['an empty period', 'UTC', 'day', '2026-01-31T12:00Z', '2026-01-31T12:00Z', []],
];

suite('the pieces of a period in a time zone', () => {
  for (const [what, timeZone, length, from, to, expected] of cases)
    test(what, () => assert.deepEqual(shown(from, to, { length, timeZone }), expected));

  const zones = [
    'UTC',
    'Europe/Amsterdam',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'America/St_Johns',
    'Pacific/Apia',
    'Africa/Monrovia',
    'Africa/Casablanca',
    'Asia/Beirut',
    'Antarctica/Troll',
  ];

  test('they cover every instant once, in order, and no two have one name', () => {
    const time = fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2040, 0, 1) });
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...reportBuckets),
        fc.tuple(time, fc.integer({ min: 1, max: 400 })),
        (timeZone, length, [from, days]) => {
          const scale = length === 'quarter-hour' || length === 'hour' ? 4 : days;
          const to = from + scale * 86_400_000 + 1;
          const found = [...timeBuckets({ from, to }, { length, timeZone })];
          const [first, last] = [found[0], found.at(-1)];
          assert.ok(first !== undefined && first.from <= from && first.to > from);
          assert.ok(last !== undefined && last.from < to && last.to >= to);
          for (const [at, one] of found.entries()) {
            assert.ok(one.from < one.to, one.label);
            if (at > 0) assert.equal(one.from, found[at - 1]?.to);
          }
          assert.equal(new Set(found.map((one) => one.label)).size, found.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('an instant lies in the local day that the clock shows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Europe/Amsterdam', 'America/New_York', 'Asia/Kathmandu', 'Asia/Beirut'),
        fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) }),
        (timeZone, at) => {
          const [day, ...others] = timeBuckets({ from: at, to: at + 1 }, { length: 'day', timeZone });
          const clock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at);
          assert.deepEqual([day?.label, others], [clock, []]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
