import { sql } from 'kysely';
import { measures } from '#model/figures.ts';
import { leaseTable } from './leases.ts';
import type { MigrationList } from '../sql/migrations.ts';
import { columnOf, isMoney } from '../sql/figure-columns.ts';

const sums = measures.map((one) => `${columnOf(one)} ${isMoney(one) ? 'numeric' : 'bigint'} not null`).join(', ');

/**
 * Texts compare byte by byte, as they do everywhere else: pages are in the order of ids. Amounts of one record are
 * bigint; sums of money are NUMERIC, which no amount overflows. What refers to a series is written with its id in hand,
 * so foreign keys would cost a look-up a record and find nothing.
 */
const firstTables = [
  `create table usage_series (
    id integer generated always as identity primary key,
    key text collate "C" not null unique,
    subscription text not null, product text not null, consumer text not null, cost_centre text not null,
    endpoint text not null, resource text not null, region text not null,
    deployment text not null, deployment_type text not null, model text not null, model_version text,
    operation text not null, stream smallint not null, requested_model text not null, price_book text not null
  )`,
  `create table usage_record (
    at bigint not null, id text collate "C" not null, request_id text collate "C" not null, attempt integer not null,
    series integer not null, end_user text collate "C", reserved_nano bigint,
    outcome text collate "C" not null, measured_input text not null, measured_output text not null,
    input bigint, cached_input bigint, cache_write_input bigint, audio_input bigint, image_input bigint,
    output bigint, reasoning bigint, audio_output bigint, seconds bigint, characters bigint,
    tool_calls text, tool_call_count bigint not null, images text, image_count bigint not null,
    pricing text not null, cost_nano bigint, list_nano bigint, internal_nano bigint, unpriced text,
    lines text not null, detail text not null,
    qualifies smallint not null, counts smallint not null, journal integer not null,
    primary key (at, id)
  ) partition by range (at)`,
  // The attempts of a request are found by its id; ids grow with time, so that the index grows at its end.
  `create index usage_record_request on usage_record (request_id)`,
  `create index usage_record_end_user on usage_record (end_user, at, id) where end_user is not null`,
  // A page of what stands behind one cell of a report is read without reading anything else.
  `create index usage_record_cell on usage_record (series, outcome, at, id)`,
  `create table usage_quarter (
    quarter bigint not null, series integer not null, outcome text collate "C" not null, ${sums},
    primary key (quarter, series, outcome)
  ) partition by range (quarter)`,
  `create table usage_day (
    day bigint not null, series integer not null, outcome text collate "C" not null, ${sums},
    primary key (day, series, outcome)
  ) with (fillfactor = 75)`,
  // On which day a cell of a report begins.
  `create index usage_day_cell on usage_day (series, outcome, day)`,
  `create table usage_line (
    day bigint not null, series integer not null, outcome text collate "C" not null,
    layer text collate "C" not null, meter text collate "C" not null, price_id text collate "C" not null,
    standing smallint not null, units bigint not null, nano_usd numeric not null,
    primary key (day, series, outcome, layer, meter, price_id, standing)
  ) with (fillfactor = 75)`,
  `create table ledger_adjustment (
    id text collate "C" primary key, kind text not null, at bigint not null, booked_at bigint not null,
    of_at bigint, of_id text collate "C", qualifies smallint, detail text not null, journal integer not null
  )`,
  `create index ledger_adjustment_of on ledger_adjustment (of_at, of_id) where of_id is not null`,
  `create index ledger_adjustment_at on ledger_adjustment (at, id)`,
  `create table ledger_posting (
    at bigint not null, adjustment text collate "C" not null, position integer not null,
    series integer not null, outcome text collate "C" not null,
    cost bigint not null, list_cost bigint not null, internal_cost bigint not null, held bigint not null,
    priced_attempts bigint not null, list_priced_attempts bigint not null, internal_priced_attempts bigint not null,
    lines text not null, journal integer not null,
    primary key (at, adjustment, position)
  )`,
  `create index ledger_posting_cell on ledger_posting (series, outcome, at, adjustment)`,
  `create table ledger_journal (
    id integer generated always as identity primary key, instance text not null unique,
    shipped_segment bigint not null, shipped_offset bigint not null,
    low_segment bigint not null, low_offset bigint not null, settles bigint not null
  ) with (fillfactor = 50)`,
];

export const ledgerMigrations: MigrationList = {
  component: 'ledger',
  migrations: [
    {
      name: '0001-ledger',
      async up(database) {
        for (const one of firstTables) await sql.raw(one).execute(database);
      },
    },
    {
      name: '0002-leases',
      async up(database) {
        await sql.raw(leaseTable).execute(database);
      },
    },
  ],
};
