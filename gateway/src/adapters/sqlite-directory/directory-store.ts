import { sql, type Kysely } from 'kysely';
import type { DirectoryStore } from '#directory/ports.ts';
import { commitChange, loadDirectory, selectAuditTrail, type DirectoryTables } from '../sql/directory-queries.ts';
import { migrate } from '../sqlite/migrate.ts';
import type { SqliteDatabase } from '../sqlite/open.ts';
import { directoryMigrations } from './migrations.ts';

/** The directory's tables in a SQLite file that is open already; closing it stays with whoever opened it. */
export async function createSqliteDirectoryStore(database: SqliteDatabase): Promise<DirectoryStore> {
  await migrate(database, { component: 'directory', migrations: directoryMigrations });
  const kysely = database.kysely.$extendTables<DirectoryTables>();
  return {
    load: async () => ({ version: 0, ...(await kysely.transaction().execute(loadDirectory)) }),
    commit: async (change, entries) =>
      await synced(
        kysely,
        async (connection) =>
          await connection
            .transaction()
            .execute(async (transaction) => await commitChange(transaction, change, entries)),
      ),
    auditTrail: async (page) => await selectAuditTrail(kysely, page),
    // The file is this gateway's alone.
    nextChange: async () => await new Promise<never>(() => {}),
  };
}

/**
 * Commits inside are on the disk when this resolves, whatever the durability of the file: they are rare, and a power
 * failure must not bring back a key that was taken out of force.
 */
async function synced<Result>(
  kysely: Kysely<DirectoryTables>,
  run: (connection: Kysely<DirectoryTables>) => Promise<Result>,
): Promise<Result> {
  return await kysely.connection().execute(async (connection) => {
    const before = await sql<{ synchronous: number }>`pragma synchronous`.execute(connection);
    await sql`pragma synchronous = full`.execute(connection);
    try {
      return await run(connection);
    } finally {
      await sql`pragma synchronous = ${sql.lit(before.rows[0]?.synchronous ?? 2)}`.execute(connection);
    }
  });
}
