import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNameSets } from './name-sets.ts';

test('names are told to be new once in each set, and are found again', () => {
  const sets = openNameSets(':memory:');
  assert.deepEqual(sets.add('records', ['a', 'b', 'a']), [true, true, false]);
  assert.deepEqual(sets.add('records', ['b', 'c', "it's"]), [false, true, true]);
  assert.deepEqual(sets.add('requests', ['a']), [true]);
  assert.deepEqual(sets.add('requests', []), []);
  assert.deepEqual(sets.has('records', ['c', 'd', "it's"]), [true, false, true]);
  assert.deepEqual([sets.size('records'), sets.size('requests'), sets.size('empty')], [4, 1, 0]);
  sets.close();
});

test('the file is made anew, whatever a killed process left there, and goes with the sets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-names-'));
  const path = join(folder, 'names');
  writeFileSync(path, 'half of a database');
  const sets = openNameSets(path);
  // More than is kept in memory.
  for (let batch = 0; batch < 10; batch += 1)
    sets.add(
      'records',
      Array.from({ length: 10_000 }, (_, at) => `${'name'.repeat(100)}-${batch}-${at}`),
    );
  assert.equal(sets.size('records'), 100_000);
  assert.ok(existsSync(path));
  sets.close();
  assert.equal(existsSync(path), false);
  await rm(folder, { recursive: true });
});
