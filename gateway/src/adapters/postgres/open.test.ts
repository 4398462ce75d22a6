import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { sql } from 'kysely';
import { addressOf, newDatabase, openDatabase } from '../../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../../test/support/postgres-server.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import type { PostgresAddress } from './connections.ts';
import type { PostgresDatabase } from './open.ts';
import { PostgresError, type PostgresErrorKind } from './postgres-error.ts';

const certificate = readFileSync(new URL('../../../test/fixtures/tls/localhost.crt', import.meta.url), 'utf8');

async function one(database: PostgresDatabase): Promise<unknown> {
  const { rows } = await sql<{ answer: number }>`select 1 as answer`.execute(database.kysely);
  return rows;
}

async function refusal(work: Promise<unknown>): Promise<{ readonly kind: PostgresErrorKind; readonly text: string }> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof PostgresError, String(error));
    return { kind: error.kind, text: error.message };
  }
  return assert.fail('It was not refused.');
}

/** The server through a proxy that the test can break. */
async function proxied(context: TestContext, timeouts = { statementTimeoutMs: 30_000, graceMs: 1_000 }) {
  const server = await postgresServer();
  const made = await server.createDatabase();
  const proxy = await startTcpProxy(server);
  const database = openDatabase(addressOf(made.urlAt(proxy.port)), timeouts);
  context.after(async () => {
    proxy.cut();
    await Promise.all([database.close(), proxy.close()]);
  });
  return { proxy, database, direct: openDirectly(context, made.url) };
}

function openDirectly(context: TestContext, url: string): PostgresDatabase {
  const database = openDatabase(addressOf(url));
  context.after(() => database.close());
  return database;
}

describe('a PostgreSQL database', orSkip, () => {
  const wrong: readonly {
    readonly what: string;
    readonly change: Partial<PostgresAddress>;
    readonly kind: PostgresErrorKind;
    readonly says: RegExp;
  }[] = [
    { what: 'a wrong password', change: { password: 'guessed' }, kind: 'refused', says: /Correct user and password/ },
    { what: 'no password', change: { password: null }, kind: 'refused', says: /Give the password/ },
    { what: 'an unknown user', change: { user: 'nobody' }, kind: 'refused', says: /Correct user and password/ },
    { what: 'an unknown database', change: { database: 'none' }, kind: 'refused', says: /Make the database/ },
    { what: 'a closed port', change: { port: 1 }, kind: 'unreachable', says: /Start the server/ },
    { what: 'an unknown host', change: { host: 'db.invalid' }, kind: 'unreachable', says: /No such host|looked up/ },
    {
      what: 'a certificate that nobody knows',
      change: { tls: 'verify' },
      kind: 'refused',
      says: /`ledger\.store\.postgres\.certificateAuthority`/,
    },
    {
      what: "another host's certificate",
      change: { tls: 'verify', certificateAuthority: certificate },
      kind: 'refused',
      says: /correct the name of the host/,
    },
  ];
  for (const { what, change, kind, says } of wrong)
    test(`says what to do about ${what}, and shows no secret`, async (context) => {
      const { address } = await newDatabase(context);
      const database = openDatabase({ ...address, ...change });
      context.after(() => database.close());
      const { kind: found, text } = await refusal(one(database));
      assert.equal(found, kind, text);
      assert.match(text, /^PostgreSQL at [^ ]+:\d+\/[^ ]+: /);
      assert.match(text, says);
      assert.doesNotMatch(text, /password-of-the-test|guessed/);
      assert.deepEqual(
        await refusal(database.transaction((transaction) => transaction.run({ name: 'one', text: 'select 1' }, []))),
        {
          kind,
          text,
        },
      );
    });

  for (const tls of ['verify', 'encrypt'] as const)
    test(`is spoken to through TLS where it is asked for (${tls})`, async (context) => {
      const { address } = await newDatabase(context);
      const database = openDatabase({
        ...address,
        host: 'localhost',
        tls,
        certificateAuthority: tls === 'verify' ? certificate : null,
      });
      context.after(() => database.close());
      const { rows } = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(database.kysely);
      assert.deepEqual(rows, [{ ssl: true }]);
    });

  test('is used again, through new connections, after the server died and came back', async (context) => {
    const server = await postgresServer();
    const { database } = await newDatabase(context);
    const select = () =>
      database.transaction((transaction) => transaction.run({ name: 'one', text: 'select 1 as answer' }, []));
    await Promise.all([one(database), select()]);
    await server.stop('immediate');
    assert.equal((await refusal(one(database))).kind, 'unreachable');
    assert.equal((await refusal(select())).kind, 'unreachable');
    await server.start();
    assert.deepEqual(await one(database), [{ answer: 1 }]);
    assert.deepEqual((await select()).rows, [{ answer: 1 }]);
  });

  test('ends a statement that takes too long, and goes on', async (context) => {
    const { address } = await newDatabase(context);
    const database = openDatabase(address, { statementTimeoutMs: 2_000 });
    context.after(() => database.close());
    const { kind, text } = await refusal(sql`select pg_sleep(60)`.execute(database.kysely));
    assert.equal(kind, 'unreachable');
    assert.match(text, /statementTimeout/);
    assert.deepEqual(await one(database), [{ answer: 1 }]);
  });

  test('does not hand on a connection whose answer never came', async (context) => {
    const { database, proxy } = await proxied(context, { statementTimeoutMs: 1_500, graceMs: 500 });
    await one(database);
    proxy.hold();
    const waiting = refusal(one(database));
    assert.equal((await waiting).kind, 'unreachable');
    proxy.release();
    assert.deepEqual(await one(database), [{ answer: 1 }]);
  });

  test('runs a transaction again that met another one, and none that was refused', async (context) => {
    const { database, address } = await newDatabase(context);
    const other = openDatabase(address);
    context.after(() => other.close());
    await sql`create table account (id int primary key, amount int not null check (amount < 100))`.execute(
      database.kysely,
    );
    await sql`insert into account values (1, 0), (2, 0)`.execute(database.kysely);
    const add = { name: 'add', text: 'update account set amount = amount + $2 where id = $1' };
    let runs = 0;
    const met = Promise.withResolvers<void>();
    // Each takes its first row, and wants the other's then: the server ends one of them as deadlocked.
    const crossing = (where: PostgresDatabase, ids: readonly [number, number]) =>
      where.transaction(async (transaction) => {
        runs += 1;
        await transaction.run(add, [ids[0], 1]);
        if (runs === 2) met.resolve();
        await met.promise;
        await transaction.run(add, [ids[1], 1]);
      });
    await Promise.all([crossing(database, [1, 2]), crossing(other, [2, 1])]);
    const { rows } = await sql`select amount from account order by id`.execute(database.kysely);
    assert.deepEqual(rows, [{ amount: 2 }, { amount: 2 }]);
    assert.equal(runs, 3);
    let refused = 0;
    const { kind } = await refusal(
      database.transaction(async (transaction) => {
        refused += 1;
        await transaction.run(add, [1, 1000]);
      }),
    );
    assert.deepEqual([kind, refused], ['refused', 1]);
    assert.deepEqual(await one(database), [{ answer: 1 }]);
  });

  test('says nothing of a commit whose answer is lost but that the connection broke', async (context) => {
    const { database, proxy, direct } = await proxied(context);
    await sql`create table fruit (name text)`.execute(direct.kysely);
    const lost = proxy.loseReply({ request: 'commit', reply: 'COMMIT' });
    const insert = { name: 'insert', text: "insert into fruit values ('apple')" };
    const { kind } = await refusal(database.transaction((transaction) => transaction.run(insert, [])));
    await lost;
    assert.equal(kind, 'unreachable');
    assert.deepEqual((await sql`select name from fruit`.execute(direct.kysely)).rows, [{ name: 'apple' }]);
  });
});
