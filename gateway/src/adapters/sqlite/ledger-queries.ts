import { sql, type Kysely, type RawBuilder } from 'kysely';
import {
  quarterHourMs,
  requestBits,
  type FigureDimension,
  type Figures,
  type FiguresQuery,
  type FiguresRow,
  type Measure,
  type Period,
  type RecordKey,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { recordOf, type RecordRow } from './ledger-rows.ts';
import { seriesColumns, type LedgerTables } from './ledger-schema.ts';

type Database = Kysely<LedgerTables>;
type FigureColumns = Record<Exclude<Measure, 'cost'> | 'costDollars' | 'costRest', string>;

const nanoPerDollar = 1_000_000_000n;

const carried = (bit: number): string => `sum(counts & ${bit} <> 0)`;

const measureSums: Record<FiguresQuery['source'], Record<Exclude<Measure, 'cost'>, string>> = {
  records: {
    requests: carried(requestBits.request),
    attempts: 'count(*)',
    unpricedRequests: carried(requestBits.unpriced),
    unknownUsageRequests: carried(requestBits.unknownUsage),
    deliveredOnlyRequests: carried(requestBits.deliveredOnly),
    estimatedRequests: carried(requestBits.estimated),
    input: 'sum(input)',
    cachedInput: 'sum(cached_input)',
    cacheWriteInput: 'sum(cache_write_input)',
    audioInput: 'sum(audio_input)',
    imageInput: 'sum(image_input)',
    output: 'sum(output)',
    reasoning: 'sum(reasoning)',
    audioOutput: 'sum(audio_output)',
    toolCalls: 'sum(tool_call_count)',
    pricedAttempts: 'count(cost_nano)',
  },
  'roll-ups': {
    requests: 'sum(requests)',
    attempts: 'sum(attempts)',
    unpricedRequests: 'sum(unpriced_requests)',
    unknownUsageRequests: 'sum(unknown_usage_requests)',
    deliveredOnlyRequests: 'sum(delivered_only_requests)',
    estimatedRequests: 'sum(estimated_requests)',
    input: 'sum(input)',
    cachedInput: 'sum(cached_input)',
    cacheWriteInput: 'sum(cache_write_input)',
    audioInput: 'sum(audio_input)',
    imageInput: 'sum(image_input)',
    output: 'sum(output)',
    reasoning: 'sum(reasoning)',
    audioOutput: 'sum(audio_output)',
    toolCalls: 'sum(tool_calls)',
    pricedAttempts: 'sum(priced_attempts)',
  },
};

const seriesKeys: Record<Exclude<FigureDimension, 'day'>, string> = {
  consumer: 'consumer',
  'cost-centre': 'cost_centre',
  product: 'product',
  subscription: 'subscription',
  model: 'model',
  deployment: "resource || '/' || deployment",
  'deployment-type': 'deployment_type',
  region: 'region',
  outcome: 'outcome',
};

function keyOf({ by, source }: FiguresQuery): string {
  if (by !== 'day') return seriesKeys[by];
  const seconds = source === 'records' ? 'at / 1000' : `quarter * ${quarterHourMs / 1000}`;
  return `strftime('%Y-%m-%d', ${seconds}, 'unixepoch')`;
}

function during(period: Period, column: string, unit: number): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (period.from !== null) conditions.push(sql`${sql.raw(column)} >= ${Math.ceil(period.from / unit)}`);
  if (period.to !== null) conditions.push(sql`${sql.raw(column)} < ${Math.ceil(period.to / unit)}`);
  return sql.join(conditions, sql` and `);
}

/** Sums of money may exceed 64 bits: dollars and the rest are added up apart. */
function moneySums(): string {
  return `sum(cost_nano / ${nanoPerDollar}) as costDollars, sum(cost_nano % ${nanoPerDollar}) as costRest`;
}

function figuresOf(row: FigureColumns): Figures {
  return {
    requests: BigInt(row.requests),
    attempts: BigInt(row.attempts),
    unpricedRequests: BigInt(row.unpricedRequests),
    unknownUsageRequests: BigInt(row.unknownUsageRequests),
    deliveredOnlyRequests: BigInt(row.deliveredOnlyRequests),
    estimatedRequests: BigInt(row.estimatedRequests),
    input: BigInt(row.input),
    cachedInput: BigInt(row.cachedInput),
    cacheWriteInput: BigInt(row.cacheWriteInput),
    audioInput: BigInt(row.audioInput),
    imageInput: BigInt(row.imageInput),
    output: BigInt(row.output),
    reasoning: BigInt(row.reasoning),
    audioOutput: BigInt(row.audioOutput),
    toolCalls: BigInt(row.toolCalls),
    pricedAttempts: BigInt(row.pricedAttempts),
    cost: BigInt(row.costDollars) * nanoPerDollar + BigInt(row.costRest),
  };
}

export async function selectFigures(database: Database, query: FiguresQuery): Promise<readonly FiguresRow[]> {
  const { source, period } = query;
  const sums = Object.entries(measureSums[source]).map(([measure, sum]) => `${sum} as ${measure}`);
  const columns = [...Object.keys(measureSums[source]), 'costDollars', 'costRest'];
  const asText = columns.map((column) => `cast(ifnull(${column}, 0) as text) as ${column}`).join(', ');
  const table = source === 'records' ? 'usage_record' : 'usage_roll_up';
  const where = source === 'records' ? during(period, 'at', 1) : during(period, 'quarter', quarterHourMs);
  const { rows } = await sql<FigureColumns & { key: string }>`
    select key, ${sql.raw(asText)} from (
      select ${sql.raw(`${keyOf(query)} as key, ${sums.join(', ')}, ${moneySums()}`)}
      from ${sql.table(table)} join usage_series on usage_series.id = series
      where ${where} group by 1
    )`.execute(database);
  return rows.map((row) => ({ key: row.key, figures: figuresOf(row) }));
}

/** How many roll-ups differ from the sums of their records. */
export async function countWrongRollUps(database: Database): Promise<number> {
  const columns = `requests, attempts, unpriced_requests, unknown_usage_requests, delivered_only_requests,
    estimated_requests, input, cached_input, cache_write_input, audio_input, image_input, output, reasoning,
    audio_output, tool_calls, priced_attempts, cost_nano`;
  const { cost_nano, ...sums } = { ...measureSums.records, cost_nano: 'sum(cost_nano)' };
  const fresh = [...Object.values(sums), cost_nano].map((sum) => `ifnull(${sum}, 0)`).join(', ');
  const { rows } = await sql<{ wrong: number }>`
    with fresh (quarter, series, outcome, ${sql.raw(columns)}) as (
      select at / ${sql.raw(String(quarterHourMs))}, series, outcome, ${sql.raw(fresh)} from usage_record group by 1, 2, 3
    ), kept as (select quarter, series, outcome, ${sql.raw(columns)} from usage_roll_up)
    select count(*) as wrong from (
      select quarter, series, outcome from (select * from fresh except select * from kept)
      union
      select quarter, series, outcome from (select * from kept except select * from fresh)
    )`.execute(database);
  return rows[0]?.wrong ?? 0;
}

const recordQuery = (database: Database) =>
  database
    .selectFrom('usage_record')
    .innerJoin('usage_series', 'usage_series.id', 'usage_record.series')
    .select(seriesColumns)
    .select([
      'usage_record.at',
      'usage_record.id',
      'request_id',
      'attempt',
      'end_user',
      'outcome',
      'input',
      'cached_input',
      'cache_write_input',
      'audio_input',
      'image_input',
      'output',
      'reasoning',
      'audio_output',
      'tool_calls',
      'tool_call_count',
      'measured_input',
      'measured_output',
      'pricing',
      'unpriced',
      'detail',
    ])
    .select([
      sql<string | null>`cast(reserved_nano as text)`.as('reserved_nano'),
      sql<string | null>`cast(cost_nano as text)`.as('cost_nano'),
    ]);

const nameOf = (key: RecordKey): string => `${key.at} ${key.id}`;

export async function findRecords(
  database: Database,
  keys: readonly RecordKey[],
): Promise<readonly (StoredRecord | null)[]> {
  if (keys.length === 0) return [];
  const tuples = sql.join(keys.map((key) => sql`(${key.at}, ${key.id})`));
  const rows: RecordRow[] = await recordQuery(database)
    .where(sql<boolean>`(usage_record.at, usage_record.id) in (values ${tuples})`)
    .execute();
  const byName = new Map(rows.map((row) => [nameOf(row), recordOf(row)]));
  return keys.map((key) => byName.get(nameOf(key)) ?? null);
}

export async function pageOfRecords(
  database: Database,
  page: { readonly after: RecordKey | null; readonly limit: number },
): Promise<readonly StoredRecord[]> {
  const { after, limit } = page;
  const all = recordQuery(database).orderBy('usage_record.at').orderBy('usage_record.id').limit(limit);
  const rows: RecordRow[] = await (
    after === null ? all : all.where(sql<boolean>`(usage_record.at, usage_record.id) > (${after.at}, ${after.id})`)
  ).execute();
  return rows.map(recordOf);
}
