import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { sql } from 'kysely';
import { seriesColumns } from '#adapters/sql/ledger-schema.ts';
import { openLedger, type LedgerOptions, type OpenLedger } from '#compose/ledger/ledger.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { runCli } from '../../../cli/test/support/run-cli.ts';
import { newDatabase, type OpenTestDatabase } from '../support/postgres-database.ts';
import { orSkip } from '../support/postgres-server.ts';
import { openedAttempt, usageRecord } from '../support/records.ts';
import { plainSettings } from '../support/report-sources.ts';

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-shared-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function ledgerOn(dataFolder: string, { address }: OpenTestDatabase): Promise<OpenLedger> {
  const options: LedgerOptions = {
    dataFolder,
    store: { kind: 'postgres', address, connections: 2, statementTimeoutMs: 30_000 },
    durability: 'process',
    segmentBytes: 64 * 1024,
    archive: { after: 0, keepFor: null },
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
  };
  return await openLedger(options);
}

async function record(ledger: OpenLedger, ...ids: readonly string[]): Promise<void> {
  const records = ids.map((id) => usageRecord(id));
  await Promise.all(records.map(async (one) => await ledger.ledger.open(openedAttempt(one))));
  await Promise.all(records.map(async (one) => await ledger.ledger.settle(one)));
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

async function attempts(ledger: OpenLedger): Promise<number> {
  const { total } = await ledger.reports.query({ by: 'outcome', waitMs: 30_000 }, plainSettings);
  return total.attempts;
}

const faults = ({ problems }: LedgerVerification): unknown => problems.map((one) => [one.fault, one.where]);

test(
  'gateways that share a PostgreSQL each verify their own journal, while the others write',
  orSkip,
  async (context) => {
    const database = await newDatabase(context);
    const folder = temporaryFolder(context);
    const [one, other] = [
      await ledgerOn(path.join(folder, 'one'), database),
      await ledgerOn(path.join(folder, 'other'), database),
    ];
    try {
      await record(one, ...names('one', 50));
      await record(other, ...names('other', 30));
      // Each waits for what it journalled itself.
      await attempts(one);
      assert.equal(await attempts(other), 80);
      const load = record(other, ...names('more', 500));
      assert.deepEqual(faults(await one.verify()), []);
      await load;
      assert.deepEqual(faults(await other.verify()), []);
      assert.equal((await one.verify()).store.records, 50);
      await sql`delete from usage_record where id = 'one-7'`.execute(database.database.kysely);
      const found = await one.verify();
      assert.deepEqual(found.problems.find((problem) => problem.fault === 'missing-in-store')?.where, ['one-7']);
      assert.equal(
        (await other.verify()).problems.some((problem) => problem.fault === 'missing-in-store'),
        false,
      );
    } finally {
      await one.close();
      await other.close();
    }
  },
);

test(
  'a backup beside PostgreSQL is the journal and says so; from it an empty database is filled',
  orSkip,
  async (context) => {
    const folder = temporaryFolder(context);
    const ledger = await ledgerOn(path.join(folder, 'data'), await newDatabase(context));
    await record(ledger, ...names('a', 200));
    const backup = await ledger.backup(path.join(folder, 'backup'));
    await ledger.close();
    assert.deepEqual([backup.store, backup.storeCopied], ['postgresql', false]);
    assert.match(backup.notes.join(' '), /not in this backup: back it up with pg_dump, before/);
    assert.deepEqual(readdirSync(path.join(folder, 'backup')).toSorted(), ['backup.json', 'journal']);
    const restored = path.join(folder, 'restored');
    const put = await runCli(['ledger', 'restore', '--from', path.join(folder, 'backup'), '--data', restored]);
    assert.match(put.out, /The store is PostgreSQL: restore its own backup before the start\./);
    const again = await ledgerOn(restored, await newDatabase(context));
    try {
      assert.equal(await attempts(again), 200);
      assert.deepEqual(faults(await again.verify()), []);
      await again.reship();
      assert.equal(await attempts(again), 200);
    } finally {
      await again.close();
    }
  },
);

test(
  'a database that is put back to an earlier state under running gateways catches up by itself, and mixes nobody up',
  orSkip,
  async (context) => {
    const database = await newDatabase(context);
    const { kysely } = database.database;
    const folder = temporaryFolder(context);
    const ledger = await ledgerOn(path.join(folder, 'data'), database);
    const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(kysely));
    const tables = ['usage_series', 'usage_record', 'usage_quarter', 'usage_day', 'usage_line', 'ledger_journal'];
    const recordOf = async (id: string, consumer: string): Promise<void> => {
      const plain = usageRecord(id);
      const one = { ...plain, caller: { ...plain.caller, consumer } };
      await ledger.ledger.open(openedAttempt(one));
      await ledger.ledger.settle(one);
      await attempts(ledger);
    };
    try {
      await recordOf('before', 'early');
      for (const table of tables) await run(`create table kept_${table} as table ${table}`);
      await recordOf('lost', 'late');
      await run(`truncate ${tables.join(', ')}`);
      for (const table of tables) await run(`insert into ${table} overriding system value table kept_${table}`);
      // Another gateway is the first to name a series after that: it gets the number that the lost one had.
      await run('alter table usage_series alter column id restart with 2');
      await run(`insert into usage_series (key, ${seriesColumns.join(', ')})
        select 'of another', ${seriesColumns.map((one) => (one === 'consumer' ? "'another'" : one)).join(', ')}
        from usage_series where id = 1`);
      await recordOf('after', 'late');
      assert.equal(await attempts(ledger), 3);
      assert.deepEqual(faults(await ledger.verify()), []);
    } finally {
      await ledger.close();
    }
  },
);
