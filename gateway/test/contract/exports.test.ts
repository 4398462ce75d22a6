import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import { openSqlite } from '../../src/adapters/sqlite/open.ts';
import { exported, exportRequest } from '../support/export-request.ts';
import { newPostgresLedger } from '../support/postgres-database.ts';
import { orSkip } from '../support/postgres-server.ts';
import { exportKindsOfTests, exportsContract, filledSources, type OpenStore } from './exports.suite.ts';

async function sqlite(): Promise<OpenStore> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  return { store: await createSqliteLedgerStore(database), close: async () => await database.close() };
}

exportsContract('SQLite', sqlite);

describe('PostgreSQL', orSkip, () => {
  exportsContract('PostgreSQL', newPostgresLedger);

  test('exports are the same to the byte as from SQLite', async () => {
    const opened = [await sqlite(), await newPostgresLedger()];
    try {
      const [one, other] = await Promise.all(opened.map(async ({ store }) => await filledSources(store)));
      assert.ok(one !== undefined && other !== undefined);
      for (const kind of exportKindsOfTests) {
        const request = exportRequest({ kind });
        assert.equal((await exported(other, request)).text, (await exported(one, request)).text, kind);
      }
    } finally {
      for (const one of opened) await one.close();
    }
  });
});
