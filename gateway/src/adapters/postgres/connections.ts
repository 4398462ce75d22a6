import { Pool, types, type CustomTypesConfig, type PoolClient, type PoolConfig } from 'pg';
import { isServerError, isSignInRefused, postgresError, takesNoWrites } from './postgres-error.ts';

/** How connections tell the server who they are, where that may change while the gateway runs. */
export interface PostgresSignIn {
  /** Asked for every new connection. Rejects with words for the operator where there is none. */
  password(): Promise<string>;
  /** The server said no to what it was shown last. */
  refused(): void;
  /** What to do about that; undefined: the usual. */
  advice(user: string): string | undefined;
}

/** How to reach a database; never logged. */
export interface PostgresAddress {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  /** In the place of the password. */
  readonly signIn?: PostgresSignIn;
  readonly database: string;
  /** `verify`: encrypted, the server's certificate checked. `encrypt`: encrypted, whoever answers. */
  readonly tls: 'verify' | 'encrypt' | 'off';
  /** PEM of the authorities that may sign the server's certificate; null: those that Node knows. */
  readonly certificateAuthority: string | null;
}

export interface ConnectionOptions {
  readonly address: PostgresAddress;
  /** After so long the server ends a statement. */
  readonly statementTimeoutMs: number;
  /** So long after that the client gives up, where even that answer does not come. */
  readonly graceMs?: number;
}

export interface Answer<Row> {
  readonly command: string;
  readonly rows: Row[];
  /** Rows that were found, or changed. */
  readonly count: number;
}

export interface Question {
  readonly text: string;
  /** Prepared by the server, once a connection, where it has a name. */
  readonly name?: string;
  readonly values?: readonly unknown[];
}

const connectTimeoutMs = 10_000;
const lockTimeoutMs = 10_000;
/** A session that stands still inside a transaction holds locks: the server ends it. */
const idleInTransactionMs = 60_000;
const usualGraceMs = 5_000;

/** Integers arrive as numbers, and one beyond 2^53 is an error instead of being rounded: it is selected as text. */
function exactInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The integer ${text} is too large to be read as a number.`);
  return number;
}

const parsers: CustomTypesConfig = {
  getTypeParser: (type, format) => (type === types.builtins.INT8 ? exactInteger : types.getTypeParser(type, format)),
};

/** Host, port and database, for people. */
export const whereOf = ({ host, port, database }: PostgresAddress): string => `${host}:${port}/${database}`;

/** An error of the making of a connection, in words for the operator. */
export function connectError(thrown: unknown, address: PostgresAddress): Error {
  const { signIn, user } = address;
  if (signIn === undefined || !isSignInRefused(thrown)) return postgresError(thrown, whereOf(address));
  signIn.refused();
  return postgresError(thrown, whereOf(address), signIn.advice(user));
}

export function clientConfig({ address, statementTimeoutMs, graceMs = usualGraceMs }: ConnectionOptions): PoolConfig {
  const { host, port, user, password, signIn, database, tls, certificateAuthority } = address;
  const ssl = {
    rejectUnauthorized: tls === 'verify',
    ...(certificateAuthority === null ? {} : { ca: certificateAuthority }),
  };
  return {
    host,
    port,
    user,
    database,
    // Not undefined: the library would look into the environment. Asked for every new connection.
    password: async () => (signIn === undefined ? (password ?? '') : await signIn.password()),
    ssl: tls === 'off' ? false : ssl,
    types: parsers,
    application_name: 'tollgate',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    query_timeout: statementTimeoutMs + graceMs,
    // Short queries over many partitions look expensive to the planner; compiling them costs more than they do. And no
    // disk of today is forty times faster at reading everything than at following an index.
    options: '-c jit=off -c random_page_cost=1.1',
  };
}

/** A connection that somebody has for themselves until they give it back. */
export class LentConnection {
  readonly #client: PoolClient;
  readonly #where: string;
  #broken = false;

  constructor(client: PoolClient, where: string) {
    this.#client = client;
    this.#where = where;
  }

  /** It ends when it is given back; whatever is asked of it may never be answered. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Rejects with a `PostgresError`. */
  async ask<Row>({ values, ...question }: Question): Promise<Answer<Row>> {
    try {
      const { command, rows, rowCount } = await this.#client.query({ ...question, values: [...(values ?? [])] });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a statement's rows hold, its author states
      return { command, rows: rows as Row[], count: rowCount ?? 0 };
    } catch (thrown) {
      // Whatever the server did not say itself leaves a connection that cannot be trusted: its answer may come yet.
      // And where a server takes no writes any more, the next connection may lead to the one that does.
      if (!isServerError(thrown) || takesNoWrites(thrown)) this.#broken = true;
      throw postgresError(thrown, this.#where);
    }
  }

  discard(): void {
    this.#broken = true;
  }

  giveBack(): void {
    this.#client.release(this.#broken);
  }
}

/** Connections to one database, made when they are needed and made anew when they broke. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #address: PostgresAddress;
  readonly #size: number;

  constructor(options: ConnectionOptions, size: number) {
    this.#address = options.address;
    this.#size = size;
    this.#pool = new Pool({ ...clientConfig(options), max: size });
    // One that breaks while nobody uses it is replaced when somebody does; one that breaks in use tells its user.
    // Without listeners either would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Rejects with a `PostgresError` where none can be had in time. */
  async lend(): Promise<LentConnection> {
    try {
      // A socket that is shown no password stays open until the server's patience ends: none is opened without a token.
      if (this.#pool.idleCount === 0 && this.#pool.totalCount < this.#size) await this.#address.signIn?.password();
      return new LentConnection(await this.#pool.connect(), whereOf(this.#address));
    } catch (thrown) {
      throw connectError(thrown, this.#address);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
