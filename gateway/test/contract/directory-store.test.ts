import { describe } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteDirectoryStore } from '../../src/adapters/sqlite-directory/directory-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { memoryDirectoryStore } from '../support/memory-directory-store.ts';
import { addressOf, openPostgresDirectory } from '../support/postgres-database.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
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

describe('PostgreSQL', orSkip, () => {
  directoryStoreContract('PostgreSQL', async () => {
    const made = await (await postgresServer()).createDatabase();
    let opened = await openPostgresDirectory(addressOf(made.url));
    return {
      store: opened.store,
      async reopen() {
        await opened.close();
        opened = await openPostgresDirectory(addressOf(made.url));
        return opened.store;
      },
      close: () => opened.close(),
    };
  });
});
