import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openVerificationScratch } from './verification-scratch.ts';

const attempt = (id: string, requestId: string, bits: number) => ({ id, requestId, bits });

test('names are told to be new once in each set, and are found again', () => {
  const scratch = openVerificationScratch(':memory:');
  assert.deepEqual(scratch.add('records', ['a', 'b', 'a']), [true, true, false]);
  assert.deepEqual(scratch.add('records', ['b', 'c', "it's"]), [false, true, true]);
  assert.deepEqual(scratch.add('adjustments', ['a']), [true]);
  assert.deepEqual(scratch.add('adjustments', []), []);
  assert.deepEqual(scratch.has('records', ['c', 'd', "it's"]), [true, false, true]);
  scratch.close();
});

test('requests are counted once, by the bits that their attempts have after the last correction', () => {
  const scratch = openVerificationScratch(':memory:');
  scratch.flag([attempt('a1', 'a', 2), attempt('a2', 'a', 2), attempt('b1', 'b', 2 | 8), attempt('c1', 'c', 4)]);
  const counts = (): number[] => [2, 4, 8].map((bit) => scratch.requestsWith(bit));
  assert.deepEqual(counts(), [2, 1, 1]);
  const corrected = (one: ReturnType<typeof attempt>, bookedAt: number, correction: string): void =>
    scratch.correct([{ ...one, bookedAt, correction }]);
  corrected(attempt('a1', 'a', 0), 5, 'x');
  assert.deepEqual(counts(), [2, 1, 1], 'its other attempt is still so');
  corrected(attempt('a2', 'a', 0), 5, 'x');
  assert.deepEqual(counts(), [1, 1, 1]);
  corrected(attempt('a2', 'a', 2), 4, 'y');
  assert.deepEqual(counts(), [1, 1, 1], 'an earlier one does not hold');
  corrected(attempt('a2', 'a', 2), 5, 'y');
  corrected(attempt('d1', 'd', 4), 1, 'x');
  assert.deepEqual(counts(), [2, 2, 1]);
  scratch.close();
});

test('the file is made anew, whatever a killed process left there, and goes with its closing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-scratch-'));
  const path = join(folder, 'scratch');
  writeFileSync(path, 'half of a database');
  const scratch = openVerificationScratch(path);
  // More than is kept in memory.
  for (let batch = 0; batch < 10; batch += 1) {
    const names = Array.from({ length: 10_000 }, (_, at) => `${'name'.repeat(100)}-${batch}-${at}`);
    assert.ok(scratch.add('records', names).every(Boolean));
  }
  assert.equal(statSync(path).mode & 0o777, 0o600);
  scratch.close();
  assert.equal(existsSync(path), false);
  await rm(folder, { recursive: true });
});
