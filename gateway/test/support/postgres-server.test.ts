import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { orSkip, postgresServer } from './postgres-server.ts';

async function ask(url: string, statement: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(statement);
    return rows[0];
  } finally {
    await client.end();
  }
}

test('a database of the test server is its own, and survives the death of the server', orSkip, async () => {
  const server = await postgresServer();
  const [one, other] = [await server.createDatabase(), await server.createDatabase()];
  await ask(one.url, 'create table fruit as select 42 as amount');
  await server.stop('immediate');
  await assert.rejects(ask(one.url, 'select 1'), /ECONNREFUSED/);
  await server.start();
  assert.deepEqual(await ask(one.url, 'select amount from fruit'), { amount: 42 });
  await assert.rejects(ask(other.url, 'select amount from fruit'), /does not exist/);
  assert.deepEqual(await ask(one.superuserUrl, 'select current_user as who'), { who: 'postgres' });
});
