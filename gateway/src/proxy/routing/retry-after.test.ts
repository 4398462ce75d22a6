import assert from 'node:assert/strict';
import test from 'node:test';
import { cooldownOf, parseResetDuration } from './retry-after.ts';

const now = Date.UTC(2026, 10, 23, 12, 0, 0);

const cooldowns = [
  ['milliseconds before seconds', { 'retry-after-ms': '250', 'retry-after': '9' }, 250],
  ['seconds', { 'retry-after': '3' }, 3000],
  ['an HTTP date', { 'retry-after': 'Mon, 23 Nov 2026 12:00:07 GMT' }, 7000],
  ['a date that has passed', { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 100],
  ['a year', { 'retry-after': '31536000' }, 300_000],
  ['minus one', { 'retry-after': '-1' }, undefined],
  ['garbage', { 'retry-after': 'soon' }, undefined],
  ['garbage milliseconds, then seconds', { 'retry-after-ms': 'x', 'retry-after': '2' }, 2000],
  [
    'the reset of the exhausted dimension',
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' },
    300_000,
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
  ],
  ['nothing exhausted', { 'x-ratelimit-remaining-tokens': '10', 'x-ratelimit-reset-tokens': '5s' }, undefined],
  ['nothing at all', {}, undefined],
] as const;

for (const [name, headers, expected] of cooldowns) {
  test(`a throttled endpoint is left alone as it asks: ${name}`, () => {
    assert.equal(cooldownOf(headers, now), expected);
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
