import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { newDatabase, type OpenTestDatabase } from '../../../test/support/postgres-database.ts';
import { orSkip } from '../../../test/support/postgres-server.ts';
import type { Migration } from '../sql/migrations.ts';
import { migrate } from './migrate.ts';

const createFruit: Migration = {
  name: 'create-fruit',
  async up(database) {
    await sql`create table fruit (name text not null)`.execute(database);
  },
};
const add = (fruit: string): Migration => ({
  name: `add-${fruit}`,
  async up(database) {
    await sql`insert into fruit values (${fruit})`.execute(database);
  },
});
const shop = (...migrations: readonly Migration[]) => [{ component: 'shop', migrations }];

async function names({ database }: OpenTestDatabase): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from fruit order by name`.execute(database.kysely);
  return rows.map((row) => row.name);
}

describe('migrations of PostgreSQL', orSkip, () => {
  test('run each step once, also when asked again with a longer list', async (context) => {
    const opened = await newDatabase(context);
    await migrate(opened.address, shop(createFruit));
    await migrate(opened.address, shop(createFruit, add('apple')));
    await migrate(opened.address, shop(createFruit, add('apple')));
    assert.deepEqual(await names(opened), ['apple']);
  });

  test('leave nothing of a step that fails, and run it again next time', async (context) => {
    const opened = await newDatabase(context);
    const failing: Migration = {
      name: 'add-apple',
      async up(inner) {
        await add('apple').up(inner);
        throw new TypeError('disk on fire');
      },
    };
    await assert.rejects(migrate(opened.address, shop(createFruit, failing)), /on fire/);
    assert.deepEqual(await names(opened), []);
    await migrate(opened.address, shop(createFruit, add('apple')));
    assert.deepEqual(await names(opened), ['apple']);
  });

  test('of several gateways that start at once run once', async (context) => {
    const opened = await newDatabase(context);
    const steps = shop(createFruit, add('apple'), add('pear'), add('plum'));
    await Promise.all(Array.from({ length: 6 }, () => migrate(opened.address, steps)));
    assert.deepEqual(await names(opened), ['apple', 'pear', 'plum']);
  });

  test('refuse a database that a later version has written, and change nothing', async (context) => {
    const opened = await newDatabase(context);
    await migrate(opened.address, shop(createFruit, add('apple')));
    await assert.rejects(migrate(opened.address, shop(createFruit)), /written by another version/);
    await assert.rejects(migrate(opened.address, shop(createFruit, add('pear'))), /written by another version/);
    assert.deepEqual(await names(opened), ['apple']);
  });
});
