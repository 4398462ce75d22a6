import { sql } from 'kysely';
import type { MigrationList } from '../sql/migrations.ts';

/**
 * Tables of the ledger, as Kysely sees them. What the attempts of a caller at an endpoint have in common is stored
 * once, as a series (the word of time series databases), so that a record costs half as much to store and a
 * roll-up's key is short. Amounts of money are 64-bit integers: selected as text.
 */
export type LedgerTables = {
  usage_series: SeriesColumns & { id: number };
  usage_record: RecordColumns;
  usage_roll_up: RollUpColumns;
  ledger_checkpoint: CheckpointColumns;
};

/** The columns of a series but its id, in the order in which they are written and read. */
export const seriesColumns = [
  'subscription',
  'product',
  'consumer',
  'cost_centre',
  'endpoint',
  'resource',
  'region',
  'deployment',
  'deployment_type',
  'model',
  'model_version',
  'operation',
  'stream',
  'requested_model',
  'price_book',
] as const satisfies readonly (keyof SeriesColumns)[];

export interface SeriesColumns {
  subscription: string;
  product: string;
  consumer: string;
  cost_centre: string;
  endpoint: string;
  resource: string;
  region: string;
  deployment: string;
  deployment_type: string;
  model: string;
  model_version: string | null;
  operation: string;
  stream: number;
  requested_model: string;
  price_book: string;
}

export interface RecordColumns {
  /** UTC ms. */
  at: number;
  id: string;
  request_id: string;
  attempt: number;
  series: number;
  end_user: string | null;
  reserved_nano: bigint | null;
  outcome: string;
  measured_input: string;
  measured_output: string;
  input: number | null;
  cached_input: number | null;
  cache_write_input: number | null;
  audio_input: number | null;
  image_input: number | null;
  output: number | null;
  reasoning: number | null;
  audio_output: number | null;
  /** JSON; null where no tool was called. */
  tool_calls: string | null;
  tool_call_count: number;
  pricing: string;
  cost_nano: bigint | null;
  /** JSON; null where nothing is missing. */
  unpriced: string | null;
  /** `requestBits` that the record qualifies for, and those that it carries. */
  qualifies: number;
  counts: number;
  /** JSON: what is only shown, such as `finishedAt`, `httpStatus` and `costLines`; for SQLite's `->>`. */
  detail: string;
}

/** Sums over the records of one quarter-hour, series and outcome. */
export interface RollUpColumns {
  /** Quarter-hours since the epoch. */
  quarter: number;
  series: number;
  outcome: string;
  requests: number;
  attempts: number;
  unpriced_requests: number;
  unknown_usage_requests: number;
  delivered_only_requests: number;
  estimated_requests: number;
  input: number;
  cached_input: number;
  cache_write_input: number;
  audio_input: number;
  image_input: number;
  output: number;
  reasoning: number;
  audio_output: number;
  tool_calls: number;
  priced_attempts: number;
  cost_nano: bigint;
}

export interface CheckpointColumns {
  id: number;
  instance: string;
  shipped_segment: number;
  shipped_offset: number;
  low_segment: number;
  low_offset: number;
  settles: number;
}

// STRICT, because SQLite would otherwise turn an integer that overflows into a rounded real number.
export const ledgerMigrations: MigrationList = {
  component: 'ledger',
  migrations: [
    {
      name: '0001-usage',
      async up(database) {
        await sql`
          create table usage_series (
            id integer primary key,
            subscription text not null, product text not null, consumer text not null, cost_centre text not null,
            endpoint text not null, resource text not null, region text not null,
            deployment text not null, deployment_type text not null, model text not null, model_version text,
            operation text not null, stream integer not null, requested_model text not null, price_book text not null
          ) strict`.execute(database);
        await sql`
          create unique index usage_series_members on usage_series (
            subscription, endpoint, requested_model, operation, stream, price_book, product, consumer, cost_centre,
            resource, region, deployment, deployment_type, model, ifnull(model_version, '')
          )`.execute(database);
        await sql`
          create table usage_record (
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
          ) strict, without rowid`.execute(database);
        // Few records qualify for more than the plain count, so looking for their siblings costs little.
        await sql`
          create index usage_record_flagged on usage_record (request_id) where qualifies > 1`.execute(database);
        await sql`
          create table usage_roll_up (
            quarter integer not null, series integer not null references usage_series (id), outcome text not null,
            requests integer not null, attempts integer not null,
            unpriced_requests integer not null, unknown_usage_requests integer not null,
            delivered_only_requests integer not null, estimated_requests integer not null,
            input integer not null, cached_input integer not null, cache_write_input integer not null,
            audio_input integer not null, image_input integer not null,
            output integer not null, reasoning integer not null, audio_output integer not null,
            tool_calls integer not null, priced_attempts integer not null, cost_nano integer not null,
            primary key (quarter, series, outcome)
          ) strict, without rowid`.execute(database);
        await sql`
          create table ledger_checkpoint (
            id integer primary key check (id = 1), instance text not null,
            shipped_segment integer not null, shipped_offset integer not null,
            low_segment integer not null, low_offset integer not null, settles integer not null
          ) strict`.execute(database);
      },
    },
  ],
};
