import { sql, type Kysely } from 'kysely';
import { pendingMigrations, type MigrationList, type MigrationTables } from '../sql/migrations.ts';
import type { PostgresAddress } from './connections.ts';
import { withPatience } from './open.ts';

/** Whoever migrates holds it, over all gateways on the database. */
const lockId = 8_390_046_019_812_095;

/**
 * Brings the components' tables to this version: runs what has not been run yet, each step in its own transaction
 * together with the note that it has run. Many gateways may start at once: each step is run by one of them, while the
 * others wait. Throws where the database has steps that this version does not know: it was written by a later one.
 */
export async function migrate(address: PostgresAddress, lists: readonly MigrationList[]): Promise<void> {
  await withPatience(address, async (kysely) => {
    for (const list of lists) while (await stepForward(kysely, list));
  });
}

/** Runs the next step; false where there is none. */
async function stepForward(kysely: Kysely<unknown>, list: MigrationList): Promise<boolean> {
  return await kysely.transaction().execute(async (transaction) => {
    const notes = transaction.$extendTables<MigrationTables>();
    await sql`set local lock_timeout = 0`.execute(transaction);
    await sql`select pg_advisory_xact_lock(${sql.lit(lockId)})`.execute(transaction);
    await sql`create table if not exists applied_migration (
      component text not null, name text not null, position integer not null, primary key (component, name)
    )`.execute(transaction);
    const rows = await notes
      .selectFrom('applied_migration')
      .select('name')
      .where('component', '=', list.component)
      .orderBy('position')
      .execute();
    const applied = rows.map((row) => row.name);
    const [next] = pendingMigrations(list, applied);
    if (next === undefined) return false;
    const [position, migration] = next;
    await migration.up(transaction);
    const note = { component: list.component, name: migration.name, position };
    await notes.insertInto('applied_migration').values(note).execute();
    return true;
  });
}
