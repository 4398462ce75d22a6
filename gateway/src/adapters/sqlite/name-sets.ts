import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { NameSets } from '#accounting/reports/ports.ts';

interface SetStatements {
  readonly add: StatementSync;
  readonly has: StatementSync;
  readonly size: StatementSync;
}

/** Memory that the pages of the sets may take, KiB; what does not fit goes to the file. */
const cacheKiB = 32 * 1024;

function statementsOf(database: DatabaseSync, set: string): SetStatements {
  if (!/^[A-Za-z]+$/.test(set)) throw new TypeError(`${set} is no name for a set.`);
  const table = `names_${set}`;
  database.exec(`create table ${table} (name text primary key) strict, without rowid`);
  return {
    add: database.prepare(`insert or ignore into ${table} (name) values (?)`),
    has: database.prepare(`select 1 from ${table} where name = ?`),
    size: database.prepare(`select count(*) as size from ${table}`),
  };
}

/**
 * Sets in an SQLite file, which is made anew and goes when they are closed. Nothing of it has to survive anything, so
 * that nothing is synced or journalled.
 */
export function openNameSets(path: string): NameSets {
  const remove = (): void => rmSync(path, { force: true });
  // What a killed process has left.
  remove();
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -${cacheKiB};
  `);
  const sets = new Map<string, SetStatements>();
  const statements = (set: string): SetStatements => {
    let found = sets.get(set);
    if (found === undefined) {
      found = statementsOf(database, set);
      sets.set(set, found);
    }
    return found;
  };
  return {
    add(set, names) {
      if (names.length === 0) return [];
      const { add } = statements(set);
      database.exec('begin');
      const isNew = names.map((name) => add.run(name).changes === 1);
      database.exec('commit');
      return isNew;
    },
    has(set, names) {
      const { has } = statements(set);
      return names.map((name) => has.get(name) !== undefined);
    },
    size: (set) => Number(statements(set).size.get()?.['size'] ?? 0),
    close() {
      database.close();
      remove();
    },
  };
}
