import { join } from 'node:path';
import { tokenProvider, type IdentityChoice } from '#compose/identity.ts';
import { storeAddress, type PostgresSetting } from '#accounting/ledger/store-config.ts';
import type { AlertStore } from '#accounting/alerts/ports.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { StoreCopy } from '#accounting/reports/ports.ts';
import { ChangeFeed } from '#adapters/postgres-directory/change-feed.ts';
import { createPostgresDirectoryStore, directoryChannel } from '#adapters/postgres-directory/directory-store.ts';
import { directoryMigrations } from '#adapters/postgres-directory/migrations.ts';
import { whereOf, type PostgresAddress } from '#adapters/postgres/connections.ts';
import { ledgerMigrations } from '#adapters/postgres/ledger-migrations.ts';
import { createPostgresLedgerStore } from '#adapters/postgres/ledger-store.ts';
import { migrate } from '#adapters/postgres/migrate.ts';
import { openPostgres } from '#adapters/postgres/open.ts';
import { isSignInRefused, PostgresError } from '#adapters/postgres/postgres-error.ts';
import { PasswordSignIn } from '#adapters/postgres/password-sign-in.ts';
import { TokenSignIn } from '#adapters/postgres/token-sign-in.ts';
import { alertMigrations, sqlAlertStore } from '#adapters/sql/alert-store.ts';
import { createSqliteDirectoryStore } from '#adapters/sqlite-directory/directory-store.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { migrate as migrateFile } from '#adapters/sqlite/migrate.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { sqliteStoreCopy } from '#adapters/sqlite/store-copy.ts';
import type { DirectoryStore } from '#directory/ports.ts';
import { systemClock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { systemRandom } from '#kernel/random.ts';
import { SharedSecret } from '#kernel/shared-secret.ts';

/** Where records and the directory live. Plain data, because it crosses a thread; never logged. */
export type StoreChoice =
  | { readonly kind: 'sqlite'; readonly file: string; readonly durability: 'process' | 'disk' }
  | PostgresChoice;

export interface PostgresChoice {
  readonly kind: 'postgres';
  /** For queries, at most. */
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly address: Omit<PostgresAddress, 'signIn'>;
  /** Whose token is shown in the place of the password. */
  readonly identity?: IdentityChoice;
  /** The memory of a `SharedSecret`: the password as it is at any moment. Default: that of the address. */
  readonly password?: SharedArrayBuffer;
}

export interface OpenStores {
  readonly ledger: LedgerStore;
  readonly directory: DirectoryStore;
  readonly alerts: AlertStore;
  /** How a backup takes it along. */
  readonly copy: StoreCopy;
  /** The listener is told whenever another server may answer, or the same one put back; never of a file. */
  onConnected(listener: () => void): void;
  close(): Promise<void>;
}

export const storeFile = (dataFolder: string): string => join(dataFolder, 'tollgate.sqlite');

const alertTables = { component: 'alerts', migrations: alertMigrations };

/** `clientId`: of a user-assigned identity. */
export function postgresChoice(setting: PostgresSetting, clientId: string | undefined): PostgresChoice {
  const { connections, statementTimeout: statementTimeoutMs, identity: provider, scope } = setting;
  return {
    kind: 'postgres',
    address: storeAddress(setting),
    connections,
    statementTimeoutMs,
    ...(provider === undefined ? {} : { identity: { provider, clientId, scope } }),
  };
}

/** The tables of a database, by whose they are. */
export const storeMigrations = [
  ledgerMigrations,
  { component: 'directory', migrations: directoryMigrations },
  alertTables,
];

const shortestPauseMs = 500;
const longestPauseMs = 15_000;

/**
 * Opens both stores and brings their tables to this version. A server that cannot be reached is waited for, however long
 * it takes: without it nobody's key is known. Rejects where the store says no.
 */
export async function openStores(choice: StoreChoice, log: Log): Promise<OpenStores> {
  return choice.kind === 'sqlite' ? await openInFile(choice) : await openOnServer(choice, log);
}

async function openInFile({ file, durability }: Extract<StoreChoice, { kind: 'sqlite' }>): Promise<OpenStores> {
  const database = openSqlite({ path: file, durability });
  await migrateFile(database, alertTables);
  return {
    ledger: await createSqliteLedgerStore(database),
    directory: await createSqliteDirectoryStore(database),
    alerts: sqlAlertStore({ database: database.kysely, shared: false }),
    copy: sqliteStoreCopy(database, file),
    onConnected: () => undefined,
    close: async () => await database.close(),
  };
}

async function openOnServer(choice: PostgresChoice, log: Log): Promise<OpenStores> {
  const { connections, statementTimeoutMs } = choice;
  const address = signingIn(choice, log);
  await onceReachable(async () => await migrate(address, storeMigrations), log);
  const database = openPostgres({
    address,
    connections,
    statementTimeoutMs,
    clock: systemClock,
    random: systemRandom,
  });
  let tell: (() => void) | undefined;
  const feed = new ChangeFeed({
    address,
    statementTimeoutMs,
    channel: directoryChannel,
    onListening: () => tell?.(),
    clock: systemClock,
    log,
  });
  log.info({ store: whereOf(address) }, 'the store is a PostgreSQL database');
  return {
    ledger: createPostgresLedgerStore(database),
    directory: createPostgresDirectoryStore({ database, feed, clock: systemClock }),
    alerts: sqlAlertStore({ database: database.kysely, shared: true }),
    copy: { kind: 'postgresql' },
    onConnected: (listener) => (tell = listener),
    async close() {
      await feed.close();
      await database.close();
    },
  };
}

/** One cache of tokens for all connections of this thread, whatever they are for. */
export function signingIn({ address, identity, password }: PostgresChoice, log: Log): PostgresAddress {
  if (identity === undefined)
    return password === undefined ? address : { ...address, signIn: new PasswordSignIn(new SharedSecret(password)) };
  const tokens = tokenProvider(identity.provider, identity.clientId, { clock: systemClock, log });
  return { ...address, signIn: new TokenSignIn(tokens, identity.scope) };
}

async function onceReachable(work: () => Promise<void>, log: Log): Promise<void> {
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      log.warn({ error: error.message, nextTryInMs: pauseMs }, 'waiting for the store; nothing is served before');
    }
    await new Promise<void>((resolve) => {
      systemClock.after(pauseMs, resolve);
    });
  }
}

function isUnreachable(error: unknown): error is PostgresError {
  return error instanceof PostgresError && error.kind === 'unreachable';
}

/**
 * What a caller of the admin API is told where the store cannot be reached, does not take the password, or others hold what
 * is needed too long.
 */
export async function orUnavailable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    // A password that is being rotated is refused for a while, as a server that is down is away for a while.
    if (!(error instanceof PostgresError) || (error.kind === 'refused' && !isSignInRefused(error.cause))) throw error;
    throw new Failure('ledger_unavailable', error.message, { retryAfterSeconds: 5 });
  }
}
