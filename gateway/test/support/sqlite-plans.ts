import type { SQLInputValue } from 'node:sqlite';
import { Kysely, type CompiledQuery, type LogEvent } from 'kysely';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import { nodeSqliteDialect } from '../../src/adapters/sqlite/kysely-dialect.ts';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import type { SqliteDatabase } from '../../src/adapters/sqlite/open.ts';

/** How a statement comes to the rows of a table of the ledger, in the words of `EXPLAIN QUERY PLAN`. */
export interface Access {
  readonly table: string;
  readonly how: string;
}

const tables =
  /\b(usage_(?:series|record|quarter|day|line)|ledger_(?:posting|adjustment|journal))\b(?:\s+(?:as\s+)?(\w+))?/g;

/** Which table a name in the plan stands for. */
function aliasesOf(text: string): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  for (const [, table = '', alias = ''] of text.matchAll(tables)) {
    aliases.set(table, table);
    if (alias !== '') aliases.set(alias, table);
  }
  return aliases;
}

/** A function that tells how a question's statements come to their rows. */
export async function planner(
  database: SqliteDatabase,
): Promise<(ask: (store: LedgerStore) => Promise<unknown>) => Promise<readonly Access[]>> {
  const sent: CompiledQuery[] = [];
  const log = ({ query }: LogEvent): void => void sent.push(query);
  const kysely = new Kysely<unknown>({ dialect: nodeSqliteDialect(database.connection), log });
  const store = await createSqliteLedgerStore({ ...database, kysely });
  return async (ask) => {
    sent.length = 0;
    await ask(store);
    return sent.flatMap(({ sql, parameters }) => {
      const aliases = aliasesOf(sql);
      const rows = database.connection.prepare(`explain query plan ${sql}`).all(...(parameters as SQLInputValue[]));
      const plan = rows.map((row) => String(row['detail']));
      // What the statement makes itself is read whole, under whatever name.
      const made = plan.flatMap((one) => /^(?:CO-ROUTINE|MATERIALIZE) (\w+)/.exec(one)?.[1] ?? []);
      return plan.flatMap((how): readonly Access[] => {
        if (made.some((one) => how === `SCAN ${one}`)) return [];
        const name = /^(?:SCAN|SEARCH) (\w+)/.exec(how)?.[1] ?? '';
        const table = aliases.get(name);
        return table === undefined ? [] : [{ table, how }];
      });
    });
  };
}
