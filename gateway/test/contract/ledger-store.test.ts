import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { MemoryLedgerStore } from '../support/memory-ledger-store.ts';
import { march, shippedRecord, usageRecord } from '../support/records.ts';
import { newPostgresLedger } from '../support/postgres-database.ts';
import { orSkip } from '../support/postgres-server.ts';
import { ledgerStoreContract } from './ledger-store.suite.ts';

ledgerStoreContract('memory', async () => {
  const store = new MemoryLedgerStore();
  return await Promise.resolve({
    store,
    isReference: true,
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

describe('PostgreSQL', orSkip, () => {
  // Each run needs a database of its own.
  ledgerStoreContract('PostgreSQL', newPostgresLedger, { runs: 6 });
});

test('SQLite: a batch that cannot be stored whole leaves nothing behind, and the next one counts right', async () => {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    const store = await createSqliteLedgerStore(database);
    const position = { segment: 1, offset: 9 };
    const checkpoint = { instance: 'j', shipped: position, lowWater: position, settles: 2 };
    const [first, second] = [shippedRecord(usageRecord('a')), shippedRecord(usageRecord('b', { at: march + 1 }))];
    const refused = { ...second, record: { ...second.record, costNano: 2n ** 63n } };
    await assert.rejects(store.append([first, refused], checkpoint));
    assert.deepEqual(await store.page({ filter: [], period: { from: null, to: null }, after: null, limit: 10 }), []);
    assert.equal(await store.checkpoint('j'), null);
    assert.equal(await store.append([first, second], checkpoint), 2);
    const [row] = await store.figures({
      by: [],
      filter: [],
      spans: [{ source: 'quarters', from: null, to: null, bucket: 0 }],
    });
    assert.equal(row?.figures.attempts, 2n);
    assert.equal(await store.wrongRollUps(), 0);
  } finally {
    await database.close();
  }
});
