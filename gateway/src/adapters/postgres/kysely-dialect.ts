import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type { ConnectionPool, LentConnection } from './connections.ts';

/**
 * Kysely's PostgreSQL over connections of ours, which Kysely's own driver would hand on when their answer never came.
 *
 * Integers of 64 bits and NUMERIC arrive as text, smaller integers as numbers.
 */
export function postgresDialect(pool: ConnectionPool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PooledDriver(pool),
    createIntrospector: (database) => new PostgresIntrospector(database),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

class PooledConnection implements DatabaseConnection {
  readonly lent: LentConnection;

  constructor(lent: LentConnection) {
    this.lent = lent;
  }

  async executeQuery<Row>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { command, rows, count } = await this.lent.ask<Row>({ text, values: parameters });
    return command === 'SELECT' ? { rows } : { rows, numAffectedRows: BigInt(count) };
  }

  // oxlint-disable-next-line require-yield -- there is nothing to yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    await Promise.reject(new Error('Rows are read by pages here, not as a stream.'));
  }
}

class PooledDriver implements Driver {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PooledConnection> {
    return new PooledConnection(await this.#pool.lend());
  }

  async beginTransaction(connection: PooledConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel, accessMode } = settings;
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`;
    await connection.lent.ask({ text: `begin${level} ${accessMode ?? ''}` });
  }

  async commitTransaction(connection: PooledConnection): Promise<void> {
    await connection.lent.ask({ text: 'commit' });
  }

  async rollbackTransaction(connection: PooledConnection): Promise<void> {
    // Where the connection is what failed, there is nothing left to roll back on it.
    await connection.lent.ask({ text: 'rollback' }).catch(() => connection.lent.discard());
  }

  async releaseConnection(connection: PooledConnection): Promise<void> {
    connection.lent.giveBack();
    await Promise.resolve();
  }

  async destroy(): Promise<void> {
    await this.#pool.close();
  }
}
