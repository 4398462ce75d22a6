// Signing in to Azure Database for PostgreSQL with Entra tokens: a real server that lets in who shows a token of the twin.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { sql } from 'kysely';
import { ChangeFeed } from '../../src/adapters/postgres-directory/change-feed.ts';
import { ConnectionPool, type PostgresAddress } from '../../src/adapters/postgres/connections.ts';
import { PostgresError } from '../../src/adapters/postgres/postgres-error.ts';
import { TokenSignIn } from '../../src/adapters/postgres/token-sign-in.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { entraPostgres, makeRole } from '../support/entra-doors.ts';
import { entraTokens } from '../support/entra-tokens.ts';
import { openDatabase } from '../support/postgres-database.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';

const certificateAuthority = readFileSync(new URL('../fixtures/tls/localhost.crt', import.meta.url), 'utf8');
const scope = 'https://ossrdbms-aad.database.windows.net/.default';
const minute = 60_000;
let roles = 0;

async function setUp(context: TestContext, how: { readonly scope?: string; readonly hasRole?: boolean } = {}) {
  const tokens = await entraTokens(context);
  const server = await postgresServer();
  const { name: database, superuserUrl } = await server.createDatabase();
  const door = await entraPostgres(tokens.twin, superuserUrl);
  context.after(() => door.close());
  roles += 1;
  const user = `id-tollgate-${roles}`;
  if (how.hasRole !== false) {
    await makeRole(superuserUrl, user);
    door.roles.set(user, tokens);
  }
  const address: PostgresAddress = {
    host: 'localhost',
    port: server.port,
    user,
    password: null,
    signIn: new TokenSignIn(tokens.cache(), how.scope ?? scope),
    database,
    tls: 'verify',
    certificateAuthority,
  };
  return { ...tokens, door, address, user, superuserUrl };
}

function open(context: TestContext, address: PostgresAddress) {
  const database = openDatabase(address);
  context.after(() => database.close());
  return { who: async () => (await sql<{ who: string }>`select current_user as who`.execute(database.kysely)).rows };
}

async function refusal(work: Promise<unknown>): Promise<PostgresError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof PostgresError, String(error));
    return error;
  }
  return assert.fail('It was not refused.');
}

/** Whatever it is printed with, no part of a token is in it. */
const isToken = /eyJ[\w-]{10,}/;

describe('a PostgreSQL server of Azure', orSkip, () => {
  test('is signed in to with a token, which all connections share while it is good', async (context) => {
    const { door, address, user, twin } = await setUp(context);
    assert.deepEqual(await open(context, address).who(), [{ who: user }]);
    assert.deepEqual(await open(context, address).who(), [{ who: user }]);
    assert.deepEqual([door.taken.length, new Set(door.taken).size, twin.azure.managedIdentity.asked], [2, 1, 1]);
  });

  test('is shown a fresh token by new connections, while old ones outlive theirs', async (context) => {
    const { door, address, clock, twin } = await setUp(context);
    const pool = new ConnectionPool({ address, statementTimeoutMs: 5_000 }, 2);
    context.after(() => pool.close());
    const old = await pool.lend();
    clock.advance(50 * minute);
    // Ahead of its end a new one is asked for, by the way.
    const meanwhile = await pool.lend();
    await until(() => twin.azure.managedIdentity.asked === 2);
    meanwhile.discard();
    meanwhile.giveBack();
    clock.advance(20 * minute);
    const fresh = await pool.lend();
    const { rows } = await old.ask<{ one: number }>({ text: 'select 1 as one' });
    assert.deepEqual(rows, [{ one: 1 }], 'the connection of the first token');
    assert.deepEqual(door.taken.length, 3);
    assert.notEqual(door.taken[2], door.taken[0]);
    for (const one of [old, fresh]) one.giveBack();
  });

  test('is signed in to while the token service is away, until the token ends, and again when it is back', async (context) => {
    const { address, clock, twin } = await setUp(context);
    await open(context, address).who();
    twin.azure.addFault({ service: 'identity', kind: 'status', status: 500, times: null });
    clock.advance(55 * minute);
    await open(context, address).who();
    clock.advance(10 * minute);
    const error = await refusal(open(context, address).who());
    assert.equal(error.kind, 'unreachable', 'it is waited for');
    assert.match(error.message, /No access token can be had by managed-identity for https:\/\/ossrdbms.*answered 500/);
    twin.azure.faults.clear();
    clock.advance(minute);
    await open(context, address).who();
  });

  test('says which role is missing where it does not take the identity, and shows no token', async (context) => {
    const { address, user, door, lines } = await setUp(context, { hasRole: false });
    const error = await refusal(open(context, address).who());
    assert.equal(error.kind, 'refused');
    assert.match(error.message, new RegExp(`role '${user}'.*pgaadauth_create_principal`));
    assert.deepEqual(door.taken, []);
    assert.doesNotMatch(error.message + lines.join(''), isToken);
  });

  test('is shown another token after it refused one that was for somebody else', async (context) => {
    const { address, twin } = await setUp(context);
    twin.azure.addFault({ service: 'identity', kind: 'wrong-audience' });
    const database = open(context, address);
    assert.equal((await refusal(database.who())).kind, 'refused');
    await until(() => twin.azure.managedIdentity.asked === 2);
    await database.who();
  });

  test('is refused a token of another service as the scope asks for it', async (context) => {
    const { address } = await setUp(context, { scope: 'https://vault.azure.net/.default' });
    const error = await refusal(open(context, address).who());
    assert.match(error.message, /The token of the identity \(managed-identity\) is not taken/);
    assert.doesNotMatch(error.message, isToken);
  });

  test('tells of changes over a connection that was made by token, and anew after it broke', async (context) => {
    const { address, superuserUrl, log } = await setUp(context);
    const feed = new ChangeFeed({ address, statementTimeoutMs: 5_000, channel: 'changes', clock: systemClock, log });
    context.after(() => feed.close());
    // When it listens, and when it listens anew.
    await feed.signal;
    const { Client } = await import('pg');
    const client = new Client({ connectionString: superuserUrl });
    await client.connect();
    const again = feed.signal;
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [address.user]);
    await again;
    const told = feed.signal;
    await client.query('notify changes');
    await told;
    await client.end();
  });
});
