import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import type { Migration } from '../sql/migrations.ts';
import { migrate } from './migrate.ts';
import { openSqlite, type SqliteDatabase } from './open.ts';

type Tables = {
  fruit: { name: string; amount: number | bigint };
};

const createFruit: Migration = {
  name: 'create-fruit',
  async up(database) {
    await database.schema.createTable('fruit').addColumn('name', 'text').addColumn('amount', 'integer').execute();
  },
};
const addApple: Migration = {
  name: 'add-apple',
  async up(database) {
    await database.$extendTables<Tables>().insertInto('fruit').values({ name: 'apple', amount: 1 }).execute();
  },
};

async function withDatabase(run: (database: SqliteDatabase) => Promise<void>): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    await run(database);
  } finally {
    await database.close();
  }
}

const names = async (database: SqliteDatabase): Promise<string[]> =>
  (await database.kysely.$extendTables<Tables>().selectFrom('fruit').select('name').execute()).map((row) => row.name);

test('runs each migration once, also when asked again with a longer list', async () => {
  await withDatabase(async (database) => {
    await migrate(database, { component: 'shop', migrations: [createFruit] });
    await migrate(database, { component: 'shop', migrations: [createFruit, addApple] });
    await migrate(database, { component: 'shop', migrations: [createFruit, addApple] });
    assert.deepEqual(await names(database), ['apple']);
  });
});

test('leaves nothing of a migration that fails, and runs it again next time', async () => {
  await withDatabase(async (database) => {
    const failing: Migration = {
      name: 'add-apple',
      async up(inner) {
        await addApple.up(inner);
        throw new Error('disk on fire');
      },
    };
    await assert.rejects(migrate(database, { component: 'shop', migrations: [createFruit, failing] }), /on fire/);
    assert.deepEqual(await names(database), []);
    await migrate(database, { component: 'shop', migrations: [createFruit, addApple] });
    assert.deepEqual(await names(database), ['apple']);
  });
});

test('keeps the lists of two components apart', async () => {
  await withDatabase(async (database) => {
    await migrate(database, { component: 'shop', migrations: [createFruit] });
    await migrate(database, { component: 'garden', migrations: [{ ...addApple, name: 'create-fruit' }] });
    assert.deepEqual(await names(database), ['apple']);
  });
});

test('refuses a file that a later version has written', async () => {
  await withDatabase(async (database) => {
    await migrate(database, { component: 'shop', migrations: [createFruit, addApple] });
    await assert.rejects(migrate(database, { component: 'shop', migrations: [createFruit] }), /another version/);
  });
});

test('synchronous work waits for a Kysely transaction that is under way', async () => {
  await withDatabase(async (database) => {
    await migrate(database, { component: 'shop', migrations: [createFruit] });
    const seen: string[] = [];
    const transaction = database.kysely
      .$extendTables<Tables>()
      .transaction()
      .execute(async (inner) => {
        await inner.insertInto('fruit').values({ name: 'pear', amount: 1 }).execute();
        await inner.insertInto('fruit').values({ name: 'plum', amount: 1 }).execute();
        seen.push('transaction');
      });
    const work = database.exclusive(() => {
      database.connection.exec("BEGIN; INSERT INTO fruit VALUES ('fig', 1); COMMIT");
      seen.push('exclusive');
    });
    await Promise.all([transaction, work]);
    assert.deepEqual(seen, ['transaction', 'exclusive']);
    assert.deepEqual(await names(database), ['pear', 'plum', 'fig']);
  });
});

test('an integer beyond 2^53 is read exactly as text, and never rounded', async () => {
  await withDatabase(async (database) => {
    await migrate(database, { component: 'shop', migrations: [createFruit] });
    const fruit = database.kysely.$extendTables<Tables>();
    await fruit.insertInto('fruit').values({ name: 'melon', amount: 9_007_199_254_740_993n }).execute();
    const row = await fruit
      .selectFrom('fruit')
      .select(sql<string>`cast(amount as text)`.as('amount'))
      .executeTakeFirstOrThrow();
    assert.equal(row.amount, '9007199254740993');
    await assert.rejects(fruit.selectFrom('fruit').select('amount').execute(), /too large/);
  });
});
