// Ledgers of any size whose records differ in nothing that reports see but their number: the same series, outcomes,
// quarter-hours and days, so that what a report reads can be compared. Made inside the database, roll-ups included.
import { sql, type Kysely } from 'kysely';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import { dayMs, quarterHourMs } from '../../src/model/figures.ts';
import * as postgres from '../../src/adapters/postgres/fresh-roll-ups.ts';
import * as sqlite from '../../src/adapters/sqlite/fresh-roll-ups.ts';
import { recordColumns } from '../../src/adapters/sql/ledger-schema.ts';
import { shippedRecord, usageRecord } from './records.ts';

/** 2026-03-28T00:00:00Z: the week crosses the end of a month. */
export const generatedFrom = Date.UTC(2026, 2, 28);
export const generatedDays = 7;
export const generatedTo = generatedFrom + generatedDays * dayMs;

const quarters = (generatedDays * dayMs) / quarterHourMs;
const series = 6;
const outcomes = ['completed', 'client-left'] as const;
/** Of quarter-hour, series and outcome; with fewer records some would stay empty. */
export const generatedCells = quarters * series * outcomes.length;

const lines = JSON.stringify([
  ['list', 'input', 600, 'p-input', '150000', 3],
  ['list', 'output', 50, 'p-output', '100000', 3],
]);

/** The columns of record number `n`, in words that both databases understand; `series` is filled in. */
const columnsOf = (division: string): Readonly<Record<(typeof recordColumns)[number], string>> => {
  const cell = `(n % ${generatedCells})`;
  const round = `(n ${division} ${generatedCells})`;
  const pair = `(${cell} ${division} ${quarters})`;
  return {
    at: `${generatedFrom} + (${cell} % ${quarters}) * ${quarterHourMs} + (${round} * 7919) % ${quarterHourMs}`,
    id: `'id-' || (1000000000 + n)`,
    request_id: `'request-' || (1000000000 + n)`,
    attempt: '1',
    series: `generated.id`,
    end_user: `case when n % 1000 = 0 then 'user-' || (n ${division} 1000 % 3) end`,
    reserved_nano: 'null',
    outcome: `case when ${pair} % 2 = 0 then '${outcomes[0]}' else '${outcomes[1]}' end`,
    measured_input: `'reported'`,
    measured_output: `'reported'`,
    input: '1000',
    cached_input: '400',
    cache_write_input: '0',
    audio_input: '0',
    image_input: '0',
    output: '50 + n % 7',
    reasoning: '10',
    audio_output: '0',
    seconds: '0',
    characters: '0',
    tool_calls: 'null',
    tool_call_count: '0',
    images: 'null',
    image_count: '0',
    pricing: `'token'`,
    cost_nano: '250000',
    list_nano: '250000',
    internal_nano: 'null',
    unpriced: 'null',
    lines: `'${lines}'`,
    detail: `'{"finishedAt":1772323201200,"httpStatus":200}'`,
    qualifies: '1',
    counts: '1',
    journal: '1',
  };
};

/** One record a series and month, through the front door: makes the series, and the partitions where there are any. */
async function prepare(store: LedgerStore): Promise<void> {
  const position = { segment: 1, offset: 0 };
  const entries = Array.from({ length: series * 4 }, (_one, index) => {
    const number = index % series;
    const month = Math.floor(index / series);
    return shippedRecord(
      usageRecord(`first-${index}`, {
        // Months before and after the week: what stands there is not to be read.
        at: Date.UTC(2026, month + 1, 3),
        requestedModel: `model-${number}`,
        caller: { consumer: number < 4 ? 'many' : 'few', costCentrePath: number < 3 ? 'contoso/a' : 'contoso/b' },
        servedBy: { region: number % 2 === 0 ? 'westeurope' : 'swedencentral' },
      }),
    );
  });
  await store.append(entries, { instance: 'generated', shipped: position, lowWater: position, settles: 0 });
}

const names = recordColumns.join(', ');

async function run(database: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const rollUps = (fresh: { readonly freshSums: (periodMs: number) => string; readonly freshLines: string }) => [
  `insert into usage_quarter ${fresh.freshSums(quarterHourMs)}`,
  `insert into usage_day ${fresh.freshSums(dayMs)}`,
  `insert into usage_line ${fresh.freshLines}`,
];

export async function fillPostgres(database: Kysely<unknown>, store: LedgerStore, count: number): Promise<void> {
  await prepare(store);
  const columns = columnsOf('/');
  const select = recordColumns.map((one) => columns[one]).join(', ');
  await run(database, [
    `insert into usage_record (${names}) select ${select}
      from generate_series(0, ${count - 1}::bigint) as n
      join (select id, row_number() over (order by id) - 1 as position from usage_series) as generated
        on generated.position = ((n % ${generatedCells}) / ${quarters * 2})`,
    'truncate usage_quarter, usage_day, usage_line',
    ...rollUps(postgres),
    'analyze',
  ]);
}

export async function fillSqlite(database: Kysely<unknown>, store: LedgerStore, count: number): Promise<void> {
  await prepare(store);
  const columns = columnsOf('/');
  const select = recordColumns.map((one) => columns[one]).join(', ');
  await run(database, [
    `insert into usage_record (${names})
      with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n + 1 < ${count}),
        positions as (select id, row_number() over (order by id) - 1 as position from usage_series)
      select ${select} from numbers join positions as generated
        on generated.position = ((n % ${generatedCells}) / ${quarters * 2})`,
    'delete from usage_quarter',
    'delete from usage_day',
    'delete from usage_line',
    ...rollUps(sqlite),
    'analyze',
  ]);
}
