import type { TestContext } from 'node:test';
import { readPostgresUrl } from '../../src/accounting/ledger/postgres-url.ts';
import { ChangeFeed } from '../../src/adapters/postgres-directory/change-feed.ts';
import {
  createPostgresDirectoryStore,
  directoryChannel,
} from '../../src/adapters/postgres-directory/directory-store.ts';
import { directoryMigrations } from '../../src/adapters/postgres-directory/migrations.ts';
import { ledgerMigrations } from '../../src/adapters/postgres/ledger-migrations.ts';
import { createPostgresLedgerStore } from '../../src/adapters/postgres/ledger-store.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import type { DirectoryStore } from '../../src/directory/ports.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { PostgresAddress } from '../../src/adapters/postgres/connections.ts';
import { openPostgres, type PostgresDatabase } from '../../src/adapters/postgres/open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { postgresServer, type TestDatabase } from './postgres-server.ts';

/** The address that a URL means, as the composition would read it. */
export function addressOf(text: string): PostgresAddress {
  const read = readPostgresUrl(text);
  if (!read.ok) throw new Error(read.problems.join('; '));
  return { ...read.url, tls: read.url.tls ?? 'off', certificateAuthority: null };
}

export function openDatabase(
  address: PostgresAddress,
  timeouts: { readonly statementTimeoutMs: number; readonly graceMs?: number } = { statementTimeoutMs: 30_000 },
): PostgresDatabase {
  return openPostgres({
    address,
    connections: 4,
    ...timeouts,
    clock: systemClock,
    random: { next: Math.random },
  });
}

export interface OpenTestDatabase {
  readonly test: TestDatabase;
  readonly address: PostgresAddress;
  readonly database: PostgresDatabase;
}

/** An empty database of its own, open until the test is over. */
export async function newDatabase(context: Pick<TestContext, 'after'>): Promise<OpenTestDatabase> {
  const server = await postgresServer();
  const test = await server.createDatabase();
  const address = addressOf(test.url);
  const database = openDatabase(address);
  context.after(() => database.close());
  return { test, address, database };
}

/** A directory store as one gateway has it; `feedAddress`: where it listens for changes, if elsewhere. */
export async function openPostgresDirectory(
  address: PostgresAddress,
  feedAddress = address,
): Promise<{ readonly store: DirectoryStore; close(): Promise<void> }> {
  await migrate(address, [{ component: 'directory', migrations: directoryMigrations }]);
  const database = openDatabase(address);
  const feed = new ChangeFeed({
    address: feedAddress,
    statementTimeoutMs: 30_000,
    channel: directoryChannel,
    clock: systemClock,
    log: silentLog,
  });
  return {
    store: createPostgresDirectoryStore({ database, feed, clock: systemClock }),
    async close() {
      await feed.close();
      await database.close();
    },
  };
}

/** A ledger store as one gateway has it. */
export async function openPostgresLedger(
  address: PostgresAddress,
): Promise<{ readonly store: LedgerStore; readonly database: PostgresDatabase; close(): Promise<void> }> {
  await migrate(address, [ledgerMigrations]);
  const database = openDatabase(address);
  return { store: createPostgresLedgerStore(database), database, close: () => database.close() };
}

/** For the contract suite: a store on an empty database of its own. */
export async function newPostgresLedger(): Promise<{
  readonly store: LedgerStore;
  reopen(): Promise<LedgerStore>;
  close(): Promise<void>;
}> {
  const { url } = await (await postgresServer()).createDatabase();
  let opened = await openPostgresLedger(addressOf(url));
  return {
    store: opened.store,
    async reopen() {
      await opened.close();
      opened = await openPostgresLedger(addressOf(url));
      return opened.store;
    },
    close: async () => await opened.close(),
  };
}
