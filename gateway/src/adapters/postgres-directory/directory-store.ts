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
  /** What this gateway has read or made last. */
  let known: Stand = { version: -1, mark: '' };
  return {
    async load() {
      const loaded = await kysely
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(async (transaction) => ({
          stand: await standIn(transaction),
          directory: await loadDirectory(transaction),
        }));
      known = loaded.stand;
      return { version: known.version, ...loaded.directory };
    },
    async commit(change, entries) {
      const made = await kysely.transaction().execute(async (transaction) => {
        // One gateway at a time: names and digests that are free now have to be free when they are taken.
        await sql`lock table directory_version in exclusive mode`.execute(transaction);
        const before = await standIn(transaction);
        const result = await commitChange(transaction, change, entries);
        const after = result === 'committed' && isSeen(change) ? await tell(transaction) : undefined;
        return { result, before, after };
      });
      // Made on what somebody else has changed meanwhile: then the change of theirs is to be seen yet.
      if (made.after !== undefined && isSame(made.before, known)) known = made.after;
      return made.result;
    },
    auditTrail: async (page) => await selectAuditTrail(kysely, page),
    async nextChange(seen) {
      for (;;) {
        const { signal } = feed;
        const now = await standIn(kysely);
        if (now.version !== seen) return now.version;
        if (now.mark !== known.mark) return anotherOfThatNumber;
        await firstOf(signal, clock, lookEveryMs);
      }
    },
  };
}

/** A state of the directory. After a failover that lost some, another one may have the same number. */
interface Stand {
  readonly version: number;
  readonly mark: string;
}

/** No version: what is stored is to be read again. */
const anotherOfThatNumber = -1;

const isSame = (one: Stand, other: Stand): boolean => one.version === other.version && one.mark === other.mark;

async function standIn(kysely: Kysely<DirectoryTables>): Promise<Stand> {
  const { rows } = await sql<Stand>`select version, mark from directory_version`.execute(kysely);
  return rows[0] ?? { version: 0, mark: '' };
}

/** Whether it changes what `load` gives. */
const isSeen = (change: DirectoryChange): boolean => change.kind !== 'noted';

async function tell(transaction: Kysely<DirectoryTables>): Promise<Stand> {
  const { rows } = await sql<Stand>`update directory_version set version = version + 1, mark = gen_random_uuid()::text
    returning version, mark`.execute(transaction);
  // Delivered when the transaction is committed, and not before.
  await sql`select pg_notify(${directoryChannel}, '')`.execute(transaction);
  return rows[0] ?? { version: 0, mark: '' };
}

async function firstOf(signal: Promise<void>, clock: Clock, ms: number): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.after(ms, resolve);
  });
  await Promise.race([signal, late]);
  timer?.cancel();
}
