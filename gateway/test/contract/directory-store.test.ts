import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteDirectoryStore } from '../../src/adapters/sqlite-directory/directory-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { memoryDirectoryStore } from '../support/memory-directory-store.ts';
import { directoryStoreContract } from './directory-store.suite.ts';

directoryStoreContract('memory', () => {
  const store = memoryDirectoryStore();
  return Promise.resolve({ store, reopen: () => Promise.resolve(store), close: () => Promise.resolve() });
});

directoryStoreContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-directory-'));
  const openFile = () => openSqlite({ path: join(folder, 'store.sqlite'), durability: 'process' });
  let database = openFile();
  return {
    store: await createSqliteDirectoryStore(database),
    async reopen() {
      await database.close();
      database = openFile();
      return await createSqliteDirectoryStore(database);
    },
    async close() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
});
