import type { TestContext } from 'node:test';
import { readPostgresUrl } from '../../src/accounting/ledger/postgres-url.ts';
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
