import { sql, type Kysely } from 'kysely';
import { dayMs, measures, quarterHourMs } from '#model/figures.ts';
import { lineStanding } from '#model/money.ts';
import { columnOf } from '../sql/figure-columns.ts';
import type { MigrationList } from '../sql/migrations.ts';
import { freshLines, freshSums } from './fresh-roll-ups.ts';

async function run(database: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

// STRICT, because SQLite would otherwise turn an integer that overflows into a rounded real number.
const firstTables = [
  `create table usage_series (
    id integer primary key,
    subscription text not null, product text not null, consumer text not null, cost_centre text not null,
    endpoint text not null, resource text not null, region text not null,
    deployment text not null, deployment_type text not null, model text not null, model_version text,
    operation text not null, stream integer not null, requested_model text not null, price_book text not null
  ) strict`,
  `create unique index usage_series_members on usage_series (
    subscription, endpoint, requested_model, operation, stream, price_book, product, consumer, cost_centre,
    resource, region, deployment, deployment_type, model, ifnull(model_version, '')
  )`,
  `create table usage_record (
    at integer not null, id text not null, request_id text not null, attempt integer not null,
    series integer not null references usage_series (id),
    end_user text, reserved_nano integer,
    outcome text not null, measured_input text not null, measured_output text not null,
    input integer, cached_input integer, cache_write_input integer, audio_input integer, image_input integer,
    output integer, reasoning integer, audio_output integer,
    tool_calls text, tool_call_count integer not null,
    pricing text not null, cost_nano integer, unpriced text,
    qualifies integer not null, counts integer not null, detail text not null,
    primary key (at, id)
  ) strict, without rowid`,
  // Few records qualify for more than the plain count, so looking for their siblings costs little.
  `create index usage_record_flagged on usage_record (request_id) where qualifies > 1`,
  `create table usage_roll_up (
    quarter integer not null, series integer not null references usage_series (id), outcome text not null,
    requests integer not null, attempts integer not null,
    unpriced_requests integer not null, unknown_usage_requests integer not null,
    delivered_only_requests integer not null, estimated_requests integer not null,
    input integer not null, cached_input integer not null, cache_write_input integer not null,
    audio_input integer not null, image_input integer not null,
    output integer not null, reasoning integer not null, audio_output integer not null,
    tool_calls integer not null, priced_attempts integer not null, cost_nano integer not null,
    primary key (quarter, series, outcome)
  ) strict, without rowid`,
  `create table ledger_checkpoint (
    id integer primary key check (id = 1), instance text not null,
    shipped_segment integer not null, shipped_offset integer not null,
    low_segment integer not null, low_offset integer not null, settles integer not null
  ) strict`,
];

const adjustmentTables = [
  `create table ledger_journal (
    id integer primary key, instance text not null unique,
    shipped_segment integer not null, shipped_offset integer not null,
    low_segment integer not null, low_offset integer not null, settles integer not null
  ) strict`,
  `create table ledger_adjustment (
    id text primary key, kind text not null, at integer not null, booked_at integer not null,
    of_at integer, of_id text, qualifies integer, detail text not null, journal integer not null
  ) strict, without rowid`,
  `create index ledger_adjustment_of on ledger_adjustment (of_at, of_id) where of_id is not null`,
  `create index ledger_adjustment_at on ledger_adjustment (at)`,
  `create table ledger_posting (
    at integer not null, adjustment text not null, position integer not null,
    series integer not null references usage_series (id), outcome text not null,
    cost integer not null, list_cost integer not null, internal_cost integer not null, held integer not null,
    priced_attempts integer not null, list_priced_attempts integer not null, internal_priced_attempts integer not null,
    lines text not null, journal integer not null,
    primary key (at, adjustment, position)
  ) strict, without rowid`,
];

/** The first format's cost lines stood at the end of the detail; a quotation mark inside a string is escaped there. */
const firstLines = `',"costLines":'`;

// What the first format told: the list price of everything, or null where a line has none; see decode-record.ts.
const listPriceOfFirstFormat = `(
  select iif(count(*) filter (where layer = 'list') = count(distinct meter),
             sum(iif(layer = 'list', nano, 0)), null)
  from (select value ->> 0 as layer, value ->> 1 as meter, cast(value ->> 4 as integer) as nano from json_each(lines))
)`;

// What each line is part of, as `withStanding` has it: lines of the first format are list and contracted prices.
const linesOfSecondFormat = `(
  select json_group_array(json_array(
    line.value ->> 0, line.value ->> 1, line.value ->> 2, line.value ->> 3, line.value ->> 4,
    case
      when cost_nano is null then ${lineStanding.unpriced}
      when line.value ->> 0 = 'contracted' then ${lineStanding.cost | lineStanding.layer}
      else iif(line.value ->> 1 in (
             select value ->> 1 from json_each(lines) where value ->> 0 = 'contracted'), 0, ${lineStanding.cost})
           + iif(list_nano is null, 0, ${lineStanding.layer})
    end))
  from json_each(lines) as line
)`;

const recordsOfSecondFormat = [
  `alter table usage_record add column seconds integer`,
  `alter table usage_record add column characters integer`,
  `alter table usage_record add column images text`,
  `alter table usage_record add column image_count integer not null default 0`,
  `alter table usage_record add column list_nano integer`,
  `alter table usage_record add column internal_nano integer`,
  `alter table usage_record add column lines text not null default '[]'`,
  `alter table usage_record add column journal integer not null default 1`,
  `insert into ledger_journal select * from ledger_checkpoint`,
  `drop table ledger_checkpoint`,
  `update usage_record set
    seconds = iif(measured_input = 'unknown' and measured_output = 'unknown', null, 0),
    characters = iif(measured_input = 'unknown' and measured_output = 'unknown', null, 0),
    lines = substr(detail, instr(detail, ${firstLines}) + length(${firstLines}),
                   length(detail) - instr(detail, ${firstLines}) - length(${firstLines})),
    detail = substr(detail, 1, instr(detail, ${firstLines}) - 1) || '}'`,
  `update usage_record set list_nano = ifnull(${listPriceOfFirstFormat}, 0) where cost_nano is not null`,
  `update usage_record set list_nano = null
   where cost_nano is not null and lines <> '[]' and ${listPriceOfFirstFormat} is null`,
  `update usage_record set lines = ${linesOfSecondFormat} where lines <> '[]'`,
  // A page of what stands behind one cell of a report is read without reading anything else.
  `create index usage_record_cell on usage_record (series, outcome)`,
];

const waysToRecords = [
  // The attempts of a request are found by its id; ids grow with time, so that the index grows at its end.
  'drop index usage_record_flagged',
  'create index usage_record_request on usage_record (request_id)',
  'create index usage_record_end_user on usage_record (end_user) where end_user is not null',
  // What adjusts one cell of a report, as usage_record_cell for its records.
  'create index ledger_posting_cell on ledger_posting (series, outcome)',
];

const sumColumns = measures.map((one) => `${columnOf(one)} integer not null`).join(', ');

function rollUps(period: 'quarter' | 'day', periodMs: number): readonly string[] {
  return [
    `drop table if exists usage_${period}`,
    `create table usage_${period} (
      ${period} integer not null, series integer not null references usage_series (id), outcome text not null,
      ${sumColumns}, primary key (${period}, series, outcome)
    ) strict, without rowid`,
    `insert into usage_${period} ${freshSums(periodMs)}`,
  ];
}

/**
 * Roll-ups hold nothing that records and postings do not: when a measure is added they are made anew, by the latest
 * migration alone.
 */
const freshRollUps = [...rollUps('quarter', quarterHourMs), ...rollUps('day', dayMs)];

const lineTable = `create table usage_line (
  day integer not null, series integer not null references usage_series (id), outcome text not null,
  layer text not null, meter text not null, price_id text not null, standing integer not null,
  units integer not null, nano_usd integer not null,
  primary key (day, series, outcome, layer, meter, price_id, standing)
) strict, without rowid`;

export const ledgerMigrations: MigrationList = {
  component: 'ledger',
  migrations: [
    { name: '0001-usage', up: async (database) => await run(database, firstTables) },
    {
      name: '0002-adjustments-layers-days',
      async up(database) {
        await run(database, [
          ...adjustmentTables,
          ...recordsOfSecondFormat,
          'drop table usage_roll_up',
          lineTable,
          `insert into usage_line ${freshLines}`,
        ]);
      },
    },
    {
      name: '0003-requests-unknown-attempts',
      up: async (database) => await run(database, [...waysToRecords, ...freshRollUps]),
    },
  ],
};
