import { CompiledQuery, Kysely, type LogEvent } from 'kysely';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import { ConnectionPool, type PostgresAddress } from '../../src/adapters/postgres/connections.ts';
import { postgresDialect } from '../../src/adapters/postgres/kysely-dialect.ts';
import { createPostgresLedgerStore } from '../../src/adapters/postgres/ledger-store.ts';
import type { PostgresDatabase } from '../../src/adapters/postgres/open.ts';

/** A node of `EXPLAIN (ANALYZE, FORMAT JSON)`. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How many rows were read of each table, those that were thrown away included; tables that were not touched are missing. */
export type RowsRead = ReadonlyMap<string, number>;

export interface ExplainedStore {
  readonly store: LedgerStore;
  /** What the statements behind a question read. */
  rowsRead(ask: (store: LedgerStore) => Promise<unknown>): Promise<RowsRead>;
  close(): Promise<void>;
}

function addRows(node: PlanNode, rows: Map<string, number>): void {
  const { 'Relation Name': table, 'Actual Loops': loops } = node;
  if (table !== undefined && loops > 0) {
    const each =
      node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    rows.set(table, (rows.get(table) ?? 0) + each * loops);
  }
  for (const one of node.Plans ?? []) addRows(one, rows);
}

/** A store whose every statement can be explained as it was sent. */
export function explainedStore(address: PostgresAddress, database: PostgresDatabase): ExplainedStore {
  const pool = new ConnectionPool({ address, statementTimeoutMs: 600_000 }, 2);
  const sent: CompiledQuery[] = [];
  const log = ({ query }: LogEvent): void => void sent.push(CompiledQuery.raw(query.sql, [...query.parameters]));
  const kysely = new Kysely<unknown>({ dialect: postgresDialect(pool), log });
  const store = createPostgresLedgerStore({ ...database, kysely });
  return {
    store,
    async rowsRead(ask) {
      sent.length = 0;
      await ask(store);
      const rows = new Map<string, number>();
      for (const { sql, parameters } of sent.splice(0)) {
        const explain = CompiledQuery.raw(`explain (analyze, buffers, format json) ${sql}`, [...parameters]);
        const result = await kysely.executeQuery<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }>(explain);
        for (const { Plan: plan } of result.rows[0]?.['QUERY PLAN'] ?? []) addRows(plan, rows);
      }
      sent.length = 0;
      return rows;
    },
    close: async () => await kysely.destroy(),
  };
}
