import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { MemoryLedgerStore } from '../support/memory-ledger-store.ts';
import { ledgerStoreContract } from './ledger-store.suite.ts';

ledgerStoreContract('memory', async () => {
  const store = new MemoryLedgerStore();
  return await Promise.resolve({
    store,
    reopen: async () => await Promise.resolve(store),
    close: async () => await Promise.resolve(),
  });
});

ledgerStoreContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-ledger-'));
  const openFile = () => openSqlite({ path: join(folder, 'store.sqlite'), durability: 'process' });
  let database = openFile();
  return {
    store: await createSqliteLedgerStore(database),
    async reopen() {
      await database.close();
      database = openFile();
      return await createSqliteLedgerStore(database);
    },
    async close() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
});
