import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqlite } from './open.ts';

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-sqlite-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const modes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  );

test('the store and the files that SQLite keeps beside it are for their owner alone', async () => {
  await withFolder(async (folder) => {
    const database = openSqlite({ path: join(folder, 'store'), durability: 'process' });
    database.connection.exec('create table kept (what text) strict');
    assert.deepEqual(modes(folder), { store: '600', 'store-shm': '600', 'store-wal': '600' });
    await database.close();
  });
});

test('a store that an earlier version left open to others is closed to them', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'store');
    writeFileSync(path, '');
    chmodSync(path, 0o644);
    const database = openSqlite({ path, durability: 'process' });
    database.connection.exec('create table kept (what text) strict');
    assert.deepEqual(new Set(Object.values(modes(folder))), new Set(['600']));
    await database.close();
  });
});
