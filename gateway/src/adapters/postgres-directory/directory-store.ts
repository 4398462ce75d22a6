import { sql, type Kysely } from 'kysely';
import type { DirectoryChange, DirectoryStore } from '#directory/ports.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { PostgresDatabase } from '../postgres/open.ts';
import { commitChange, loadDirectory, selectAuditTrail, type DirectoryTables } from '../sql/directory-queries.ts';
import type { ChangeFeed } from './change-feed.ts';

export interface PostgresDirectoryParts {
  /** Whose tables are this version's. */
  readonly database: PostgresDatabase;
  /** Tells of commits on `directoryChannel`. */
  readonly feed: ChangeFeed;
  readonly clock: Clock;
}

export const directoryChannel = 'tollgate_directory';

/** So often changes are looked for that nobody told of. */
const lookEveryMs = 5_000;

/** The directory's tables in a database that several gateways share; closing it and the feed stays with their owner. */
export function createPostgresDirectoryStore({ database, feed, clock }: PostgresDirectoryParts): DirectoryStore {
  const kysely = database.kysely.$extendTables<DirectoryTables>();
  return {
    load: async () =>
      await kysely
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(async (transaction) => ({
          version: await versionIn(transaction),
          ...(await loadDirectory(transaction)),
        })),
    commit: async (change, entries) =>
      await kysely.transaction().execute(async (transaction) => {
        // One gateway at a time: names and digests that are free now have to be free when they are taken.
        await sql`lock table directory_version in exclusive mode`.execute(transaction);
        const result = await commitChange(transaction, change, entries);
        if (result === 'committed' && isSeen(change)) await tell(transaction);
        return result;
      }),
    auditTrail: async (page) => await selectAuditTrail(kysely, page),
    async nextChange(seen) {
      for (;;) {
        const { signal } = feed;
        const version = await versionIn(kysely);
        if (version !== seen) return version;
        await firstOf(signal, clock, lookEveryMs);
      }
    },
  };
}

async function versionIn(kysely: Kysely<DirectoryTables>): Promise<number> {
  const { rows } = await sql<{ version: number }>`select version from directory_version`.execute(kysely);
  return rows[0]?.version ?? 0;
}

/** Whether it changes what `load` gives. */
const isSeen = (change: DirectoryChange): boolean => change.kind !== 'noted';

async function tell(transaction: Kysely<DirectoryTables>): Promise<void> {
  await sql`update directory_version set version = version + 1`.execute(transaction);
  // Delivered when the transaction is committed, and not before.
  await sql`select pg_notify(${directoryChannel}, '')`.execute(transaction);
}

async function firstOf(signal: Promise<void>, clock: Clock, ms: number): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.after(ms, resolve);
  });
  await Promise.race([signal, late]);
  timer?.cancel();
}
