import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SQLInputValue } from 'node:sqlite';
import { reportBuckets, reportDimensions } from '@tollgate/contract/usage.ts';
import type { Asked } from '#accounting/reports/asked.ts';
import { createSqliteLedgerStore } from './ledger-store.ts';
import { openSqlite, type SqliteDatabase } from './open.ts';
import { generatedMonth, generatedPeriod } from '../../../test/support/generated-month.ts';
import { plainSettings, reportBench, type ReportBench } from '../../../test/support/report-sources.ts';

const month = generatedMonth({ requests: 200 });
const settings = { ...plainSettings, timeZone: generatedPeriod.timeZone };

interface Ran {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
}

/** Notes every statement that gives rows. */
function watched(database: SqliteDatabase): Ran[] {
  const ran: Ran[] = [];
  const { connection } = database;
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (sql) => {
    const statement = prepare(sql);
    const all = statement.all.bind(statement);
    return Object.assign(statement, {
      all(...parameters: SQLInputValue[]) {
        ran.push({ sql, parameters });
        return all(...parameters);
      },
    });
  };
  return ran;
}

interface Watched extends ReportBench {
  /** How SQLite goes about what was asked by the work: one line a step. */
  readonly plansOf: (work: () => Promise<unknown>) => Promise<readonly string[]>;
  readonly database: SqliteDatabase;
}

async function withWatched(run: (bench: Watched) => Promise<void>): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  const ran = watched(database);
  try {
    const bench = await reportBench(month.entries, await createSqliteLedgerStore(database));
    await run({
      ...bench,
      database,
      async plansOf(work) {
        ran.length = 0;
        await work();
        const statements = [...ran];
        assert.ok(statements.length > 0);
        const steps = statements.flatMap(({ sql, parameters }) =>
          database.connection
            .prepare(`explain query plan ${sql}`)
            .all(...parameters)
            .map((step) => String(step['detail'])),
        );
        return [...new Set(steps)];
      },
    });
  } finally {
    await database.close();
  }
}

/** Steps that look at a table, or an index of it, from its first row to its last. */
const scans = (plan: readonly string[]): readonly string[] =>
  plan.filter((step) => /^SCAN (?!.*VIRTUAL TABLE|\(|CONSTANT ROW|\d+-ROW VALUES|usage_series\b|page\b)/.test(step));

const touches = (plan: readonly string[], table: RegExp): readonly string[] => plan.filter((step) => table.test(step));

const records = /\b(usage_record|ledger_posting|ledger_adjustment|record|booked)\b/;

const bySeries = reportDimensions.filter((one) => one !== 'end-user');

suite('how SQLite answers a report', () => {
  const questions: readonly Asked[] = [
    ...bySeries.map((by) => ({ by })),
    ...reportBuckets
      .filter((one) => one !== 'quarter-hour')
      .map((bucket) => ({ by: 'consumer,model', bucket, month: '2026-11' })),
    { bucket: 'quarter-hour', from: '2026-11-03', to: '2026-11-04' },
    { by: 'model', month: '2026-11', filter: ['cost-centre=contoso/sales', 'outcome=completed'] },
    { by: 'consumer,model', bucket: 'week', month: '2026-11', top: 3 },
    { by: 'consumer,model,day', month: '2026-11', limit: 10 },
    { bucket: 'hour', month: '2026-11', timeZone: 'Asia/Kathmandu' },
  ];

  test('from roll-ups alone, found by their keys, wherever its period begins and ends on a quarter-hour', async () => {
    await withWatched(async ({ plansOf, reports }) => {
      for (const asked of questions) {
        const plan = await plansOf(() => reports.query({ waitMs: 0, ...asked }, settings));
        const what = `${JSON.stringify(asked)}\n${plan.join('\n')}`;
        assert.deepEqual(touches(plan, records), [], what);
        assert.deepEqual(scans(plan), [], what);
        assert.ok(touches(plan, /SEARCH usage_(day|quarter) USING PRIMARY KEY/).length > 0, what);
      }
    });
  });

  test('with no record left, it answers the same', async () => {
    await withWatched(async ({ database, reports }) => {
      const answers = async () =>
        await Promise.all(questions.map(async (asked) => await reports.query({ waitMs: 0, ...asked }, settings)));
      const before = await answers();
      database.connection.exec('delete from ledger_posting; delete from ledger_adjustment; delete from usage_record');
      assert.deepEqual(await answers(), before);
    });
  });

  test('by end user, or for a period that cuts a quarter-hour, it reads the records of that time and no others', async () => {
    await withWatched(async ({ plansOf, reports }) => {
      for (const asked of [
        { by: 'end-user', month: '2026-11' },
        { by: 'consumer', filter: 'end-user=f00d', month: '2026-11' },
        { by: 'consumer', from: '2026-11-01T10:07:00Z', to: '2026-11-02T10:08:00Z' },
      ]) {
        const plan = await plansOf(() => reports.query({ waitMs: 0, ...asked }, settings));
        assert.deepEqual(scans(plan), [], plan.join('\n'));
        for (const table of ['usage_record', 'ledger_posting'])
          assert.ok(plan.includes(`SEARCH ${table} USING PRIMARY KEY (at>? AND at<?)`), plan.join('\n'));
      }
    });
  });

  test('the calls behind a figure are looked up: no table of the ledger is read from one end to the other', async () => {
    await withWatched(async ({ plansOf, reports }) => {
      const filters = [
        ['consumer=marketing'],
        ['cost-centre=contoso', 'outcome=completed'],
        ['outcome=allocated'],
        ['end-user=f00d'],
        ['end-user=f00d', 'model=gpt-5.4'],
      ];
      for (const filter of [[], ...filters])
        for (const period of [{}, { month: '2026-11' }]) {
          const asked = { filter, ...period, limit: 5, waitMs: 0 };
          const first = await reports.records(asked, settings);
          const next = first.next === null ? {} : { after: first.next };
          const plan = await plansOf(() => reports.records({ ...asked, ...next }, settings));
          // Without a filter the first of all are the first of the table.
          const found = scans(plan).filter((step) => filter.length > 0 || step.includes('ledger_posting'));
          assert.deepEqual(found, [], `${JSON.stringify({ filter, period })}\n${plan.join('\n')}`);
        }
    });
  });

  test('what is not ended of an operation is looked up among its own records', async () => {
    await withWatched(async ({ plansOf, store }) => {
      const plan = await plansOf(() => store.unended({ operation: 'batches.create', from: 0, ends: 'batch-end/' }));
      assert.deepEqual(scans(plan), [], plan.join('\n'));
      const what = plan.join('\n');
      assert.match(what, /SEARCH record USING INDEX usage_record_cell \(series=\?\)/);
      assert.match(what, /SEARCH ended USING PRIMARY KEY \(id=\?\)/);
    });
  });

  test('a request is found by its id, a name by its series, the period of everything by its ends', async () => {
    await withWatched(async ({ plansOf, reports, store }) => {
      const request = await plansOf(() => reports.request('request-000001'));
      assert.ok(touches(request, /SEARCH record USING INDEX usage_record_request \(request_id=\?\)/).length === 1);
      for (const work of [() => reports.request('x'), () => store.extent(), () => store.values('consumer')]) {
        const plan = await plansOf(work);
        assert.deepEqual(scans(plan), [], plan.join('\n'));
      }
    });
  });
});
