import type { Kysely } from 'kysely';
import type { SqliteDatabase } from './open.ts';

/** One step of a component's schema. Once released it is never edited: a change is a new step. */
export interface Migration {
  /** Unique within its component; steps run in the order of the list, never of the names. */
  readonly name: string;
  up(database: Kysely<unknown>): Promise<void>;
}

export interface MigrationList {
  /** Whose tables these are: `ledger`, `directory`, … Components migrate independently of each other. */
  readonly component: string;
  readonly migrations: readonly Migration[];
}

// A type alias, because Kysely's table maps need an index signature, which interfaces do not have.
type MigrationTables = {
  applied_migration: { component: string; name: string; position: number };
};

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
  const known = list.migrations.map((one) => one.name);
  if (applied.some((name, at) => known[at] !== name))
    throw new Error(
      `The store's '${list.component}' tables were written by another version: it has ${applied.join(', ')}; this version knows ${known.join(', ')}.`,
    );
  for (const [position, migration] of list.migrations.entries()) {
    if (position < applied.length) continue;
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
