import { sql, type Kysely } from 'kysely';
import type { Clock } from '#kernel/clock.ts';
import { pendingMigrations, type MigrationList, type MigrationTables } from '../sql/migrations.ts';
import type { PostgresAddress } from './connections.ts';
import { withPatience } from './open.ts';

/** What a database says of itself; nothing is changed. */
export interface DatabaseFacts {
  /** `150004` is 15.4. */
  readonly version: number;
  readonly user: string;
  readonly encrypted: boolean;
  /** Whether the user may make tables. */
  readonly canCreate: boolean;
  /** How far its clock is ahead of this machine's, ms. */
  readonly aheadMs: number;
  /** Steps of the schema that this version would run when it starts, by component; null: there are no tables yet. */
  readonly pending: readonly string[] | null;
}

interface Row {
  readonly version: number;
  readonly user: string;
  readonly encrypted: boolean | null;
  readonly canCreate: boolean | null;
  readonly now: string;
  readonly known: boolean;
}

/** Rejects with a `PostgresError`, and where the tables are of a later version. */
export async function examineDatabase(
  address: PostgresAddress,
  lists: readonly MigrationList[],
  clock: Clock,
): Promise<DatabaseFacts> {
  return await withPatience(address, async (kysely) => {
    const before = clock.now();
    const { rows } = await sql<Row>`select current_setting('server_version_num')::int as version,
      current_user::text as "user",
      (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as encrypted,
      has_schema_privilege(current_schema(), 'CREATE') as "canCreate",
      floor(extract(epoch from clock_timestamp()) * 1000)::text as now,
      to_regclass('applied_migration') is not null as known`.execute(kysely);
    const half = (before + clock.now()) / 2;
    const [row] = rows;
    if (row === undefined) throw new Error('The database says nothing of itself.');
    return {
      version: row.version,
      user: row.user,
      encrypted: row.encrypted === true,
      canCreate: row.canCreate === true,
      aheadMs: Math.round(Number(row.now) - half),
      pending: row.known ? await pendingIn(kysely, lists) : null,
    };
  });
}

async function pendingIn(kysely: Kysely<unknown>, lists: readonly MigrationList[]): Promise<readonly string[]> {
  const notes = await kysely
    .$extendTables<MigrationTables>()
    .selectFrom('applied_migration')
    .select(['component', 'name'])
    .orderBy('position')
    .execute();
  return lists.flatMap((list) => {
    const applied = notes.filter(({ component }) => component === list.component).map(({ name }) => name);
    return pendingMigrations(list, applied).map(([, { name }]) => `${list.component}: ${name}`);
  });
}
