import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { nodeSqliteDialect } from './kysely-dialect.ts';

const ownerOnly = 0o600;

/** One open SQLite file. node:sqlite is synchronous, so this lives in a worker thread. */
export interface SqliteDatabase {
  /** For prepared statements on the ledger's way in. Begin a transaction on it inside `exclusive` only. */
  readonly connection: DatabaseSync;
  /** For everything else. Every component narrows it to its own tables with `$extendTables`. */
  readonly kysely: Kysely<unknown>;
  /** Runs one synchronous piece of work while no Kysely transaction or query is under way on the connection. */
  exclusive<Result>(work: () => Result): Promise<Result>;
  close(): Promise<void>;
}

export interface SqliteOptions {
  /** The file's path, or `:memory:`. */
  readonly path: string;
  /**
   * `disk` syncs every commit. `process` syncs at checkpoints: a commit survives the end of the process, and after a
   * power failure the file is consistent but may lack the latest commits.
   */
  readonly durability: 'process' | 'disk';
}

/** SQLite gives its `-wal` and `-shm` files the mode of the database, so that the database is made before SQLite does. */
function keepPrivate(path: string): void {
  if (path === ':memory:') return;
  fs.closeSync(fs.openSync(path, 'a', ownerOnly));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (fs.existsSync(file)) fs.chmodSync(file, ownerOnly);
}

/** Opens the file, making it where it is missing; only its owner may read it. */
export function openSqlite(options: SqliteOptions): SqliteDatabase {
  keepPrivate(options.path);
  const connection = new DatabaseSync(options.path, { timeout: 5_000 });
  connection.exec(`
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${options.durability === 'disk' ? 'FULL' : 'NORMAL'};
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
  `);
  const kysely = new Kysely<unknown>({ dialect: nodeSqliteDialect(connection) });
  return {
    connection,
    kysely,
    // Kysely lends its only connection to one user at a time; synchronous work queues up for it like any query.
    exclusive: async (work) => await kysely.connection().execute(async () => work()),
    async close() {
      await kysely.destroy();
      if (connection.isOpen) connection.close();
    },
  };
}
