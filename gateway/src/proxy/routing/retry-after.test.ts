import assert from 'node:assert/strict';
import test from 'node:test';
import { cooldownOf, parseResetDuration } from './retry-after.ts';

const now = Date.UTC(2026, 10, 23, 12, 0, 0);

// [what, headers, ms, headers that are odd]
const cooldowns = [
  ['milliseconds before seconds', { 'retry-after-ms': '250', 'retry-after': '1' }, 250, []],
  ['fractions of a millisecond', { 'retry-after-ms': '1250.4' }, 1251, []],
  ['seconds', { 'retry-after': '3' }, 3000, []],
  ['fractions of a second', { 'retry-after': '0.5' }, 500, []],
  ['spaces around it', { 'retry-after': ' 3 ' }, 3000, []],
  ['an HTTP date', { 'retry-after': 'Mon, 23 Nov 2026 12:00:07 GMT' }, 7000, []],
  ['a date that has passed', { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 100, []],
  ['a date that is none', { 'retry-after': 'Mon, 99 Nov 2026 12:00:07 GMT' }, undefined, ['retry-after']],
  ['no time at all', { 'retry-after': '0' }, 100, []],
  ['a year', { 'retry-after': '31536000' }, 300_000, ['retry-after']],
  ['a year in milliseconds', { 'retry-after-ms': '31536000000' }, 300_000, ['retry-after-ms']],
  ['a year as a date', { 'retry-after': 'Tue, 23 Nov 2027 12:00:00 GMT' }, 300_000, ['retry-after']],
  ['more than a number holds', { 'retry-after': '9'.repeat(400) }, 300_000, ['retry-after']],
  ['minus one', { 'retry-after': '-1' }, undefined, ['retry-after']],
  ['minus one millisecond, then seconds', { 'retry-after-ms': '-1', 'retry-after': '2' }, 2000, ['retry-after-ms']],
  ['garbage', { 'retry-after': 'soon' }, undefined, ['retry-after']],
  ['nothing in it', { 'retry-after': '' }, undefined, ['retry-after']],
  ['garbage milliseconds, then seconds', { 'retry-after-ms': 'x', 'retry-after': '2' }, 2000, ['retry-after-ms']],
  ['two forms that agree to the second', { 'retry-after-ms': '1900', 'retry-after': '2' }, 1900, []],
  ['two forms that contradict', { 'retry-after-ms': '250', 'retry-after': '60' }, 250, ['retry-after']],
  [
    'the reset of the exhausted dimension',
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '4m59s' },
    299_000,
    [],
  ],
  [
    'a reset that is clamped',
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' },
    300_000,
    ['x-ratelimit-reset-tokens'],
  ],
  [
    'a reset that is garbage',
    { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': 'later' },
    undefined,
    ['x-ratelimit-reset-requests'],
  ],
  [
    'a garbage Retry-After, then the reset',
    { 'retry-after': 'x', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '7' },
    7000,
    ['retry-after'],
  ],
  [
    'the exhausted one of two',
    {
      'x-ratelimit-remaining-requests': '4',
      'x-ratelimit-reset-requests': '9s',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '120ms',
    },
    120,
    [],
  ],
  [
    'both exhausted: the longer',
    {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '2',
    },
    2000,
    [],
  ],
  ['nothing exhausted', { 'x-ratelimit-remaining-tokens': '10', 'x-ratelimit-reset-tokens': '5s' }, undefined, []],
  ['nothing at all', {}, undefined, []],
] as const;

for (const [name, headers, expected, oddities] of cooldowns) {
  test(`an endpoint is left alone as it asks: ${name}`, () => {
    const odd: string[] = [];
    assert.equal(
      cooldownOf(headers, now, (header) => odd.push(header)),
      expected,
    );
    assert.deepEqual(odd, oddities);
  });
}

for (const [text, expected] of [
  ['1s', 1000],
  ['6m0s', 360_000],
  ['120ms', 120],
  ['1h2m3s', 3_723_000],
  ['7', 7000],
  ['1.5s', 1500],
  ['', undefined],
  ['abc', undefined],
  ['5x', undefined],
  ['1s!', undefined],
] as const) {
  test(`the reset '${text}' is ${expected} ms`, () => {
    assert.equal(parseResetDuration(text), expected);
  });
}
