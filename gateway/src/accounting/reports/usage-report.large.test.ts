import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { dayMs, measures } from '#model/figures.ts';
import { columnOf } from '#adapters/sql/figure-columns.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite, type SqliteDatabase } from '#adapters/sqlite/open.ts';
import type { UsageReport, UsageRow } from '@tollgate/contract/usage.ts';
import type { Asked } from './asked.ts';
import { plainSettings, problemsOf, reportBench, type ReportBench } from '../../../test/support/report-sources.ts';

const firstDay = Date.UTC(2017, 0, 1) / dayMs;

interface Much {
  readonly centres: number;
  readonly days: number;
}

/** Roll-ups as years of use leave them: each centre has one call a day, which costs the centre's number. */
function fill({ connection }: SqliteDatabase, { centres, days }: Much): void {
  const amounts = measures.map((one) => (one === 'cost' ? 'series.id' : '1')).join(', ');
  const columns = measures.map(columnOf).join(', ');
  for (const [period, unit] of [
    ['day', 1],
    ['quarter', 96],
  ] as const)
    connection.exec(`
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${centres})
      insert or ignore into usage_series
        select n, 's', 'p', 'c' || n, printf('contoso/%05d', n), 'e', 'r', 'weu', 'd', 't', 'm', null, 'responses', 0, 'm', 'b'
        from numbers;
      with recursive days (n) as (select ${firstDay} union all select n + 1 from days where n < ${firstDay + days - 1})
      insert into usage_${period} (${period}, series, outcome, ${columns})
        select days.n * ${unit}, series.id, 'completed', ${amounts} from days cross join usage_series as series`);
}

async function withMuch(much: Much, run: (bench: ReportBench) => Promise<void>): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    const store = await createSqliteLedgerStore(database);
    fill(database, much);
    await run(await reportBench([], store));
  } finally {
    await database.close();
  }
}

const ask = async ({ reports }: ReportBench, asked: Asked): Promise<UsageReport> =>
  await reports.query({ waitMs: 0, ...asked }, plainSettings);

async function everyRow(bench: ReportBench, asked: Asked, see: (row: UsageRow) => void): Promise<number> {
  let pages = 0;
  for (let after: string | null | undefined; after !== null; pages += 1) {
    const page: UsageReport = await ask(bench, after === undefined ? asked : { ...asked, after });
    assert.ok(page.rows.length <= 10_000);
    page.rows.forEach(see);
    after = page.next;
  }
  return pages;
}

suite('much of everything', () => {
  test('ten years by day are one answer, and by month in another time zone too', async () => {
    await withMuch({ centres: 10, days: 3652 }, async (bench) => {
      const days = await ask(bench, { bucket: 'day' });
      assert.equal(days.rows.length, 3652);
      assert.deepEqual([days.next, days.total.attempts, days.total.costNanoUsd], [null, 36_520, String(3652 * 55)]);
      assert.equal(days.rows[59]?.bucket?.label, '2017-03-01');
      const months = await ask(bench, { bucket: 'month', by: 'cost-centre', timeZone: 'Europe/Amsterdam' });
      assert.deepEqual([months.rows.length, months.total.attempts], [1200, 36_520]);
      assert.match((await problemsOf(ask(bench, { bucket: 'quarter-hour' }))).join(), /more than 40000 pieces/);
    });
  });

  test('ten thousand cost centres and one more: a page, the rest of it, the dearest, and each day of each', async () => {
    const much = { centres: 10_001, days: 2 };
    const total = String(10_001 * 10_002);
    await withMuch(much, async (bench) => {
      const first = await ask(bench, { by: 'cost-centre' });
      assert.deepEqual([first.rows.length, first.total.costNanoUsd], [10_000, total]);
      const second = await ask(bench, { by: 'cost-centre', after: first.next ?? '' });
      assert.deepEqual(
        [second.rows.map((row) => row.key), second.next, second.total.costNanoUsd],
        [['contoso/10001'], null, total],
      );
      const top = await ask(bench, { by: 'cost-centre', bucket: 'day', top: 2 });
      assert.deepEqual(
        top.rows.slice(0, 2).map((row) => [row.key, row.costNanoUsd]),
        [
          ['contoso/10001', '10001'],
          ['contoso/10000', '10000'],
        ],
      );
      assert.deepEqual([top.rows.length, top.rest.length, top.restGroups, top.total.costNanoUsd], [4, 2, 9_999, total]);
      let sum = 0n;
      let rows = 0;
      const pages = await everyRow(bench, { by: 'cost-centre', bucket: 'day' }, (row) => {
        sum += BigInt(row.costNanoUsd ?? 0);
        rows += 1;
      });
      assert.deepEqual([rows, String(sum), pages], [20_002, total, 3]);
    });
  });

  test('what cannot be compared in reasonable time is refused with what to do', async () => {
    await withMuch({ centres: 1, days: 1 }, async ({ store }) => {
      const endless = await reportBench([], {
        ...store,
        async figures(query) {
          const [row] = await store.figures({ ...query, page: { after: null, limit: 1 } });
          assert.ok(row !== undefined && query.page !== undefined);
          const start = Number(query.page.after?.keys[0] ?? 0);
          return Array.from({ length: query.page.limit }, (_one, at) => ({ ...row, keys: [String(start + at + 1)] }));
        },
      });
      assert.match(
        (await problemsOf(ask(endless, { by: 'consumer', top: 5 }))).join(),
        /top: more than 250000 rows would have to be compared\. Filter, or ask by fewer dimensions/,
      );
    });
  });
});
