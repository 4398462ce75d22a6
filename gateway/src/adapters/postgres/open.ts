import { Kysely } from 'kysely';
import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import {
  ConnectionPool,
  whereOf,
  type Answer,
  type ConnectionOptions,
  type LentConnection,
  type PostgresAddress,
} from './connections.ts';
import { postgresDialect } from './kysely-dialect.ts';
import { PostgresError } from './postgres-error.ts';

export interface PostgresOptions extends ConnectionOptions {
  /** For queries, at most; what is written from the journal has a connection of its own beside them. */
  readonly connections: number;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** What the server prepares once a connection, by its name. */
export interface Statement {
  readonly text: string;
  /** Without one it is prepared for this time only. */
  readonly name?: string;
}

/** A connection within a transaction. */
export interface Transaction {
  /** Values as the server reads them, and rows as it writes them: text where it is no integer of 32 bits. */
  run<Row>(statement: Statement, values: readonly (string | number | null)[]): Promise<Answer<Row>>;
}

/** One database. Every method rejects with a `PostgresError`. */
export interface PostgresDatabase {
  /** For everything but the way in. Every component narrows it to its own tables with `$extendTables`. */
  readonly kysely: Kysely<unknown>;
  /**
   * Runs the work in a transaction of its own, never waiting for queries; again from the start where it met another
   * one (deadlock, serialization, a lock that was not had in time). Where the connection broke, nobody knows whether
   * it was committed.
   */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Runs work that reads everything, on a connection of its own whose statements may take an hour. */
  patiently<Result>(work: (kysely: Kysely<unknown>) => Promise<Result>): Promise<Result>;
  /** Host, port and database, for people. */
  readonly where: string;
  close(): Promise<void>;
}

const longestConflictPauseMs = 200;
const mostTries = 6;

/** For statements that may have to read or to rewrite a large table. */
const longestStatementMs = 3_600_000;

export async function withPatience<Result>(
  address: PostgresAddress,
  work: (kysely: Kysely<unknown>) => Promise<Result>,
): Promise<Result> {
  const pool = new ConnectionPool({ address, statementTimeoutMs: longestStatementMs }, 1);
  const kysely = new Kysely<unknown>({ dialect: postgresDialect(pool) });
  try {
    return await work(kysely);
  } finally {
    await kysely.destroy();
  }
}

async function inTransaction<Result>(
  connection: LentConnection,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  try {
    await connection.ask({ text: 'begin' });
    const result = await work({
      run: async (statement, values) => await connection.ask({ ...statement, values }),
    });
    await connection.ask({ text: 'commit' });
    return result;
  } catch (thrown) {
    // One that is broken is rolled back by its end; to ask it would wait for a second answer that does not come.
    if (!connection.broken) await connection.ask({ text: 'rollback' }).catch(() => connection.discard());
    throw thrown;
  } finally {
    connection.giveBack();
  }
}

/** Connects to nothing yet. */
export function openPostgres(options: PostgresOptions): PostgresDatabase {
  const { address, clock, random } = options;
  const kysely = new Kysely<unknown>({ dialect: postgresDialect(new ConnectionPool(options, options.connections)) });
  const writing = new ConnectionPool(options, 1);
  const pause = async (ms: number): Promise<void> =>
    await new Promise((resolve) => {
      clock.after(ms, resolve);
    });
  return {
    kysely,
    where: whereOf(address),
    patiently: async (work) => await withPatience(address, work),
    async transaction(work) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await inTransaction(await writing.lend(), work);
        } catch (thrown) {
          if (!(thrown instanceof PostgresError) || thrown.kind !== 'conflict' || tries === mostTries) throw thrown;
          // Two that met once must not meet in step for ever.
          await pause(random.next() * longestConflictPauseMs);
        }
      }
    },
    async close() {
      await kysely.destroy();
      await writing.close();
    },
  };
}
