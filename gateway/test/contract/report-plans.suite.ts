import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createSqliteLedgerStore } from '../../src/adapters/sqlite/ledger-store.ts';
import { openSqlite, type SqliteDatabase } from '../../src/adapters/sqlite/open.ts';
import { fillPostgres, fillSqlite, generatedCells } from '../support/generated-records.ts';
import { addressOf, openPostgresLedger } from '../support/postgres-database.ts';
import { explainedStore, type ExplainedStore, type RowsRead } from '../support/postgres-plans.ts';
import { postgresServer } from '../support/postgres-server.ts';
import { pageLimit, questions, type Question } from '../support/report-questions.ts';
import { planner, type Access } from '../support/sqlite-plans.ts';

/** Series and outcomes of the generated records. */
const cells = generatedCells / (7 * 96);

/** What a question may touch. The week of the generated records lies in two months; others hold records, too. */
const mayTouch: Readonly<Record<Question['kind'], RegExp>> = {
  sums: /^usage_(series|day|line|quarter_2026_0[34])$/,
  records: /^(usage_(series|day|line|quarter_2026_0[34]|record_2026_0[34])|ledger_posting)$/,
  page: /^(usage_(series|day|record_2026_0\d|quarter_2026_0\d)|ledger_(posting|adjustment))$/,
};
const isOfRecords = (table: string): boolean => table.startsWith('usage_record');

function sumOf(rows: RowsRead, wanted: (table: string) => boolean): number {
  let sum = 0;
  for (const [table, count] of rows) if (wanted(table)) sum += count;
  return sum;
}

/** Compares what is read of a ledger with what is read of one that differs in the number of records alone. */
export function postgresPlans(sizes: { readonly small: number; readonly large: number }): void {
  const opened: { close(): Promise<void> }[] = [];
  let small: ExplainedStore;
  let large: ExplainedStore;

  const open = async (count: number): Promise<ExplainedStore> => {
    const made = await (await postgresServer()).createDatabase();
    const address = addressOf(made.url);
    const ledger = await openPostgresLedger(address);
    const { store, database } = ledger;
    opened.push(ledger);
    await database.patiently(async (kysely) => await fillPostgres(kysely, store, count));
    const explained = explainedStore(address, database);
    opened.push(explained);
    return explained;
  };

  before(async () => {
    small = await open(sizes.small);
    large = await open(sizes.large);
  });
  after(async () => {
    for (const one of opened.toReversed()) await one.close();
  });

  for (const { name, kind, ask } of questions)
    test(`${name}: reads no more of ${sizes.large} records than of ${sizes.small}`, async () => {
      const [ofSmall, ofLarge] = [await small.rowsRead(ask), await large.rowsRead(ask)];
      for (const [table, count] of ofLarge) {
        assert.match(table, mayTouch[kind]);
        if (table === 'usage_series' || isOfRecords(table)) continue;
        assert.equal(count, ofSmall.get(table), table);
      }
      const records = sumOf(ofLarge, isOfRecords);
      // The first row of each cell, then a page of each, then the records of the page by their keys.
      if (kind === 'page') assert.ok(records <= cells * (1 + pageLimit) + pageLimit, `${records} records`);
      // Where only records know, the same share of them: they lie in the same quarter-hours.
      const share = sumOf(ofSmall, isOfRecords) / sizes.small;
      if (kind === 'records') assert.ok(records <= share * sizes.large * 1.2, `${records} records`);
    });
}

/** SQLite counts no rows, but says of each table how it comes to them. */
export function sqlitePlans(count: number): void {
  let database: SqliteDatabase;
  let folder: string;
  let accesses: (ask: Question['ask']) => Promise<readonly Access[]>;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tollgate-plans-'));
    database = openSqlite({ path: path.join(folder, 'store.sqlite'), durability: 'process' });
    const store = await createSqliteLedgerStore(database);
    await fillSqlite(database.kysely, store, count);
    accesses = await planner(database);
  });
  after(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  /** By key or index, or the first or last of them. */
  const lookUp = /^SEARCH \w+(?: USING (?:.*\(.+\)|PRIMARY KEY))?$/;
  const mayRead: Readonly<Record<Question['kind'], RegExp>> = {
    sums: /^usage_(series|day|line|quarter)$/,
    records: /^(usage_(series|day|line|quarter|record)|ledger_(posting|adjustment))$/,
    page: /^(usage_(series|day|record|quarter)|ledger_(posting|adjustment))$/,
  };

  for (const { name, kind, ask } of questions)
    test(`${name}: looked up by key among ${count} records`, async () => {
      const found = await accesses(ask);
      assert.ok(found.length > 0);
      for (const { table, how } of found) {
        assert.match(table, mayRead[kind]);
        // Series are as many as callers and endpoints together; everything else grows with time or traffic.
        if (table !== 'usage_series') assert.match(how, lookUp);
      }
    });
}
