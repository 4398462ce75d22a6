import { describe } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate as migratePostgres } from '#adapters/postgres/migrate.ts';
import { alertMigrations, sqlAlertStore } from '#adapters/sql/alert-store.ts';
import { migrate } from '#adapters/sqlite/migrate.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { addressOf, openDatabase } from '../support/postgres-database.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { alertStoreContract } from './alert-store.suite.ts';

const tables = { component: 'alerts', migrations: alertMigrations };

alertStoreContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-alerts-'));
  const openFile = async () => {
    const database = openSqlite({ path: join(folder, 'store.sqlite'), durability: 'process' });
    await migrate(database, tables);
    return database;
  };
  let database = await openFile();
  return {
    store: sqlAlertStore({ database: database.kysely, shared: false }),
    async reopen() {
      await database.close();
      database = await openFile();
      return sqlAlertStore({ database: database.kysely, shared: false });
    },
    async close() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe('PostgreSQL', orSkip, () => {
  alertStoreContract('PostgreSQL', async () => {
    const address = addressOf((await (await postgresServer()).createDatabase()).url);
    await migratePostgres(address, [tables]);
    let database = openDatabase(address);
    return {
      store: sqlAlertStore({ database: database.kysely, shared: true }),
      async reopen() {
        await database.close();
        database = openDatabase(address);
        return sqlAlertStore({ database: database.kysely, shared: true });
      },
      close: () => database.close(),
    };
  });
});
