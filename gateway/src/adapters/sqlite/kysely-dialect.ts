import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/**
 * Kysely's own SQLite dialect over node:sqlite. Kysely expects better-sqlite3's face, which differs in two points:
 * parameters come as one array, and a statement says whether it returns rows.
 *
 * Integers arrive as numbers; node:sqlite throws for one beyond 2^53 instead of rounding it. What may be larger is
 * selected as text (`cast(… as text)`).
 */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  return new SqliteDialect({ database: betterSqliteFace(database) });
}

function betterSqliteFace(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql): SqliteStatement {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...parameters.map(bindable)),
        run: (parameters) => statement.run(...parameters.map(bindable)),
        *iterate(parameters) {
          yield* statement.iterate(...parameters.map(bindable));
        },
      };
    },
  };
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite cannot store a value of type ${typeof value}.`);
}
