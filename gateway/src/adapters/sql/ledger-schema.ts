import type { CountMeasure, MoneyMeasure } from './figure-columns.ts';

/**
 * Tables of the ledger in every SQL store, as Kysely sees them. What the attempts of a caller at an endpoint have in common is stored
 * once, as a series (the word of time series databases), so that a record costs half as much to store and a
 * roll-up's key is short. Amounts of money are 64-bit integers: selected as text.
 */
export type LedgerTables = {
  usage_series: SeriesColumns & { id: number };
  usage_record: RecordColumns;
  usage_quarter: RollUpColumns & { quarter: number };
  usage_day: RollUpColumns & { day: number };
  usage_line: LineColumns;
  ledger_adjustment: AdjustmentColumns;
  ledger_posting: PostingColumns;
  ledger_journal: JournalColumns;
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

/** The columns of a record, in the order in which they are written. */
export const recordColumns = [
  'at',
  'id',
  'request_id',
  'attempt',
  'series',
  'end_user',
  'reserved_nano',
  'outcome',
  'measured_input',
  'measured_output',
  'input',
  'cached_input',
  'cache_write_input',
  'audio_input',
  'image_input',
  'output',
  'reasoning',
  'audio_output',
  'seconds',
  'characters',
  'tool_calls',
  'tool_call_count',
  'images',
  'image_count',
  'pricing',
  'cost_nano',
  'list_nano',
  'internal_nano',
  'unpriced',
  'lines',
  'detail',
  'qualifies',
  'counts',
  'journal',
] as const satisfies readonly (keyof RecordColumns)[];

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
  seconds: number | null;
  characters: number | null;
  /** JSON; null where no tool was called. */
  tool_calls: string | null;
  tool_call_count: number;
  /** JSON; null where no image was made. */
  images: string | null;
  image_count: number;
  pricing: string;
  cost_nano: bigint | null;
  list_nano: bigint | null;
  internal_nano: bigint | null;
  /** JSON; null where nothing is missing. */
  unpriced: string | null;
  /** JSON, as `ledgerLinesText` makes it. */
  lines: string;
  /** JSON: what is only shown, such as `finishedAt` and `httpStatus`; for SQLite's `->>`. */
  detail: string;
  /** `requestBits` that the record qualifies for (as corrected), and those that it carries. */
  qualifies: number;
  counts: number;
  /** The journal that shipped it. */
  journal: number;
}

type Snake<Text extends string> = Text extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${First}${Snake<Rest>}`
    : `_${Lowercase<First>}${Snake<Rest>}`
  : Text;

/** Sums over the records of one period (quarters or days since the epoch), series and outcome. */
type RollUpColumns = { series: number; outcome: string } & Record<Snake<CountMeasure>, number> &
  Record<Snake<MoneyMeasure>, bigint>;

/** Cost lines of one day since the epoch, added up. */
interface LineColumns {
  day: number;
  series: number;
  outcome: string;
  layer: string;
  meter: string;
  price_id: string;
  standing: number;
  units: number;
  nano_usd: bigint;
}

interface AdjustmentColumns {
  id: string;
  kind: string;
  at: number;
  booked_at: number;
  of_at: number | null;
  of_id: string | null;
  qualifies: number | null;
  detail: string;
  journal: number;
}

interface PostingColumns {
  at: number;
  adjustment: string;
  position: number;
  series: number;
  outcome: string;
  cost: bigint;
  list_cost: bigint;
  internal_cost: bigint;
  held: bigint;
  priced_attempts: number;
  list_priced_attempts: number;
  internal_priced_attempts: number;
  lines: string;
  journal: number;
}

/** A journal, and how far it has been followed. */
export interface JournalColumns {
  id: number;
  instance: string;
  shipped_segment: number;
  shipped_offset: number;
  low_segment: number;
  low_offset: number;
  settles: number;
}
