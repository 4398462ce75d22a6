import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { RequestLog, requestLogThrough } from './request-log.ts';

const members = '"requestId":"01","status":200,"attempts":["weu:completed"],"ms":1.5';

function written(level: string): { readonly past: readonly string[]; readonly through: readonly string[] } {
  const [past, through]: [string[], string[]] = [[], []];
  const clock = new ManualClock();
  const log = pino(
    { level, base: null, timestamp: () => `,"time":${clock.now()}` },
    { write: (line: string) => void through.push(line) },
  );
  new RequestLog({ clock, log, output: { write: (line) => void past.push(line) } }).write(members);
  requestLogThrough(log).write(members);
  return { past, through };
}

test('the line of a request looks as the general logger would have written it', () => {
  const { past, through } = written('info');
  assert.equal(past.length, 1);
  assert.deepEqual(past, through);
});

test('it is not written where the level is above it', () => {
  assert.deepEqual(written('warn'), { past: [], through: [] });
});
