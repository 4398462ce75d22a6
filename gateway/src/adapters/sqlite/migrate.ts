import { pendingMigrations, type MigrationList, type MigrationTables } from '../sql/migrations.ts';
import type { SqliteDatabase } from './open.ts';

/**
 * Brings one component's tables to this version: runs what has not been run yet, each step in its own transaction
 * together with the note that it has run. Throws, having changed nothing, where the file has steps that this version
 * does not know: it was written by a later one.
 */
export async function migrate(database: SqliteDatabase, list: MigrationList): Promise<void> {
  const kysely = database.kysely.$extendTables<MigrationTables>();
  await kysely.schema
    .createTable('applied_migration')
    .ifNotExists()
    .addColumn('component', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('applied_migration_key', ['component', 'name'])
    .execute();
  const rows = await kysely
    .selectFrom('applied_migration')
    .select('name')
    .where('component', '=', list.component)
    .orderBy('position')
    .execute();
  const applied = rows.map((row) => row.name);
  for (const [position, migration] of pendingMigrations(list, applied)) {
    await database.kysely.transaction().execute(async (transaction) => {
      await migration.up(transaction);
      await transaction
        .$extendTables<MigrationTables>()
        .insertInto('applied_migration')
        .values({ component: list.component, name: migration.name, position })
        .execute();
    });
  }
}
