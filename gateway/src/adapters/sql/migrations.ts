import type { Kysely } from 'kysely';

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
/** Where a store notes which steps have run. */
export type MigrationTables = {
  applied_migration: { component: string; name: string; position: number };
};

/**
 * The steps that have not run yet, by position. Throws where the store has steps that this version does not know: it
 * was written by a later one.
 */
export function pendingMigrations(
  { component, migrations }: MigrationList,
  applied: readonly string[],
): readonly (readonly [position: number, migration: Migration])[] {
  const known = migrations.map((one) => one.name);
  if (applied.some((name, at) => known[at] !== name))
    throw new Error(
      `The store's '${component}' tables were written by another version: it has ${applied.join(', ')}; this version knows ${known.join(', ')}. Start the version that wrote them, or a later one.`,
    );
  return [...migrations.entries()].slice(applied.length);
}
