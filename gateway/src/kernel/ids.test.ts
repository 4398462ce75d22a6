import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulidSource } from './ids.ts';

test('ids have 26 letters of their alphabet, and none comes twice, however many blocks of chance are drawn', () => {
  const next = ulidSource();
  const ids = Array.from({ length: 1_000 }, () => next(1_795_640_888_603));
  for (const id of ids) assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('the first ten letters are the time, and sort as it does', () => {
  const next = ulidSource();
  // The example of the ULID specification.
  assert.equal(next(1_469_918_176_385).slice(0, 10), '01ARYZ6S41');
  const times = [0, 31, 32, 1_469_918_176_384, 1_469_918_176_385, 2 ** 48 - 1];
  const parts = times.map((time) => next(time).slice(0, 10));
  assert.deepEqual(parts, parts.toSorted());
  assert.equal(new Set(parts).size, parts.length);
});
