import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandFailure, exitCodes } from './failure.ts';
import { parseMoment } from './moments.ts';

const now = Date.UTC(2026, 10, 23, 10, 20, 30, 456);

for (const [text, moment] of [
  ['2026-11-23', '2026-11-23T00:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['today', '2026-11-23T00:00:00.000Z'],
  ['yesterday', '2026-11-22T00:00:00.000Z'],
  ['now', '2026-11-23T10:20:30.456Z'],
  ['-7d', '2026-11-16T10:20:30.456Z'],
  ['-2w', '2026-11-09T10:20:30.456Z'],
  ['-24h', '2026-11-22T10:20:30.456Z'],
  ['-15m', '2026-11-23T10:05:30.456Z'],
  ['2026-11-23T10:00:00Z', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23T10:00:00.5+02:00', '2026-11-23T08:00:00.500Z'],
  ['2026-11-23t10:00z', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23 10:00:00-05:30', '2026-11-23T15:30:00.000Z'],
] as const) {
  test(`'${text}' is ${moment}`, () => assert.equal(parseMoment(text, now), moment));
}

for (const text of [
  '',
  'tomorrow',
  '2026-02-30',
  '2026-13-01',
  '2026-11-23T25:00:00Z',
  '2026-11-23T10:00:00', // of which time zone?
  '2026-02-30T10:00:00Z',
  '23.11.2026',
  '7d',
  '-7y',
  'constructor',
]) {
  test(`'${text}' is no time, and the error says what is`, () => {
    assert.throws(
      () => parseMoment(text, now),
      (thrown) =>
        thrown instanceof CommandFailure &&
        thrown.exitCode === exitCodes.usage &&
        thrown.hints.some((hint) => hint.includes('-7d')),
    );
  });
}
