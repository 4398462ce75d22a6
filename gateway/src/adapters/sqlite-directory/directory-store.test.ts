import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewAuditEntry } from '#directory/ports.ts';
import { openSqlite, type SqliteDatabase } from '../sqlite/open.ts';
import { createSqliteDirectoryStore } from './directory-store.ts';

// What every store keeps to is in gateway/test/contract/directory-store.suite.ts; here is what SQLite adds.

const entry: NewAuditEntry = { at: 1, actor: 'admin-token', action: 'subscription.suspend', subject: 'subscription/s' };

async function withDatabase(run: (database: SqliteDatabase) => Promise<void>): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    await run(database);
  } finally {
    await database.close();
  }
}

test('nothing of a change is kept where its audit entry cannot be written', () =>
  withDatabase(async (database) => {
    const store = await createSqliteDirectoryStore(database);
    database.connection.exec('DROP TABLE audit_entry');
    await assert.rejects(store.commit({ kind: 'suspended', subscription: 's' }, [entry]), /audit_entry/);
    assert.deepEqual((await store.load()).suspended, []);
  }));

test('the durability of the file is what it was, after a commit and after a failed one', () =>
  withDatabase(async (database) => {
    const synchronous = (): unknown => database.connection.prepare('PRAGMA synchronous').get()?.['synchronous'];
    const store = await createSqliteDirectoryStore(database);
    const before = synchronous();
    await store.commit({ kind: 'suspended', subscription: 's' }, [entry]);
    assert.equal(synchronous(), before);
    database.connection.exec('DROP TABLE audit_entry');
    await assert.rejects(store.commit({ kind: 'activated', subscription: 's' }, [entry]));
    assert.equal(synchronous(), before);
    assert.equal(before, 1);
  }));

test('commits at the same time wait for each other', () =>
  withDatabase(async (database) => {
    const store = await createSqliteDirectoryStore(database);
    const names = Array.from({ length: 20 }, (_, at) => `s${at}`);
    const results = await Promise.all(
      names.map((name) => store.commit({ kind: 'suspended', subscription: name }, [entry])),
    );
    assert.deepEqual(new Set(results), new Set(['committed']));
    assert.equal((await store.load()).suspended.length, 20);
    assert.equal((await store.auditTrail({ before: null, limit: 100 })).length, 20);
  }));

test('a stored list of models that cannot be read is an error, not an empty product', () =>
  withDatabase(async (database) => {
    const store = await createSqliteDirectoryStore(database);
    database.connection.exec(
      "INSERT INTO directory_product (name, models, unpriced, created_at) VALUES ('p', '{', 'refuse', 1)",
    );
    await assert.rejects(store.load(), /'p'/);
  }));
