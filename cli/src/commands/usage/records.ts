import { Option, type Command } from 'commander';
import {
  usageRecordsSchema,
  type LedgerAdjustment,
  type LedgerRecord,
  type UsageRecords,
} from '@tollgate/contract/admin-api/usage.ts';
import { adminClient, type Reply } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { csv, type Cell } from '#output/csv.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { prettyJson } from '#output/json.ts';
import { decimalsFor, grouped, usdFromNano } from '#output/money.ts';
import { fitted, table, type Column } from '#output/table.ts';
import { lagNote } from './fetch-usage.ts';
import { subjectQuery, waitMsOf, type Query, type SubjectOptions } from '#subject.ts';
import { withReportSubject } from './question.ts';

type Entry = UsageRecords['entries'][number];

interface RecordsOptions extends SubjectOptions, FormatOptions {
  readonly limit?: string;
  readonly after?: string;
}

const patienceMs = 60_000;

async function fetchRecords(context: Context, query: Query): Promise<Reply<UsageRecords>> {
  return await adminClient(context.settings).ask({
    path: 'usage/records',
    schema: usageRecordsSchema,
    query,
    timeoutMs: Number(query['waitMs'] ?? 0) + patienceMs,
  });
}

/** A column of both kinds of entries. */
interface Shown {
  readonly ofRecord: (record: LedgerRecord) => Cell;
  readonly ofAdjustment: (adjustment: LedgerAdjustment) => Cell;
}

const valueOf =
  ({ ofRecord, ofAdjustment }: Shown) =>
  (entry: Entry): Cell =>
    entry.kind === 'record' ? ofRecord(entry.record) : ofAdjustment(entry.adjustment);

const nothing = (): null => null;

const sum = (
  adjustment: LedgerAdjustment,
  name: 'costNanoUsd' | 'listCostNanoUsd' | 'internalCostNanoUsd' | 'heldNanoUsd',
): string => String(adjustment.postings.reduce((total, one) => total + BigInt(one[name]), 0n));

/** The one value that all postings have; several are no value. */
function common(adjustment: LedgerAdjustment, name: 'consumer' | 'model' | 'outcome'): string | null {
  const [first, ...others] = new Set(adjustment.postings.map((one) => one[name]));
  return others.length > 0 ? `(${others.length + 1})` : (first ?? null);
}

const tokens = (value: number | null): string => (value === null ? 'unknown' : grouped(value));
const second = (at: string): string => at.replace('T', ' ').slice(0, 19);

const column = (title: string, shown: Shown, more: Partial<Column<Entry>> = {}): Column<Entry> => ({
  title,
  name: title,
  value: valueOf(shown),
  ...more,
});

const right = 'right';

const costOf = (entry: Entry): string | null =>
  entry.kind === 'record' ? entry.record.costNanoUsd : sum(entry.adjustment, 'costNanoUsd');

/** What an adjustment adds has its sign. */
function costColumn(entries: readonly Entry[]): Column<Entry> {
  const decimals = decimalsFor(entries.map(costOf));
  return {
    title: 'cost in USD',
    name: 'cost',
    align: right,
    value: costOf,
    text(entry) {
      const nano = costOf(entry);
      const text = nano === null ? 'unknown' : usdFromNano(nano, decimals);
      return entry.kind === 'record' || text.startsWith('-') ? text : `+${text}`;
    },
  };
}

const tableOf = (entries: readonly Entry[]): readonly Column<Entry>[] => [
  column('admitted (UTC)', { ofRecord: (one) => second(one.at), ofAdjustment: (one) => second(one.at) }),
  column('team', { ofRecord: (one) => one.consumer, ofAdjustment: (one) => common(one, 'consumer') }, { leaveOut: 2 }),
  column('model', { ofRecord: (one) => one.model, ofAdjustment: (one) => common(one, 'model') }, { leaveOut: 3 }),
  column('outcome', {
    ofRecord: (one) => one.outcome,
    ofAdjustment: (one) => (one.kind === 'allocation' ? common(one, 'outcome') : one.kind),
  }),
  column(
    'input',
    { ofRecord: (one) => tokens(one.units.inputTokens), ofAdjustment: nothing },
    { align: right, leaveOut: 1 },
  ),
  column(
    'output',
    { ofRecord: (one) => tokens(one.units.outputTokens), ofAdjustment: nothing },
    { align: right, leaveOut: 1 },
  ),
  costColumn(entries),
  column('request', {
    ofRecord: (one) => one.requestId,
    ofAdjustment: (one) => (one.of === null ? '' : `of ${one.of.id}`),
  }),
];

const places = [
  'consumer',
  'costCentre',
  'product',
  'subscription',
  'model',
  'modelVersion',
  'endpoint',
  'resource',
  'deployment',
  'deploymentType',
  'region',
  'operation',
  'outcome',
] as const;

const onlyOf = (adjustment: LedgerAdjustment, name: (typeof places)[number]): string | null => {
  const [first, ...others] = new Set(adjustment.postings.map((one) => one[name]));
  return others.length > 0 ? null : (first ?? null);
};

const units = [
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteInputTokens',
  'audioInputTokens',
  'imageInputTokens',
  'outputTokens',
  'reasoningTokens',
  'audioOutputTokens',
  'seconds',
  'characters',
] as const;

const ofRecords = [
  'requestId',
  'attempt',
  'finishedAt',
  'endUser',
  'stream',
  'requestedModel',
  'reportedModel',
  'serviceTier',
  'spilledFrom',
  'upstreamRequestId',
  'httpStatus',
  'measuredInput',
  'measuredOutput',
  'pricing',
  'priceBook',
  'reservedNanoUsd',
] as const;

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0);

/** For machines: everything that fits a cell, lists as JSON. */
const csvOf: readonly Column<Entry>[] = [
  column('kind', { ofRecord: () => 'record', ofAdjustment: (one) => one.kind }),
  column('id', { ofRecord: (one) => one.id, ofAdjustment: (one) => one.id }),
  column('at', { ofRecord: (one) => one.at, ofAdjustment: (one) => one.at }),
  column('bookedAt', { ofRecord: nothing, ofAdjustment: (one) => one.bookedAt }),
  column('of', { ofRecord: nothing, ofAdjustment: (one) => one.of?.id ?? null }),
  ...places.map((name) => column(name, { ofRecord: (one) => one[name], ofAdjustment: (one) => onlyOf(one, name) })),
  ...ofRecords.map((name) => column(name, { ofRecord: (one) => one[name], ofAdjustment: nothing })),
  ...units.map((name) => column(name, { ofRecord: (one) => one.units[name], ofAdjustment: nothing })),
  column('images', { ofRecord: (one) => total(one.units.images), ofAdjustment: nothing }),
  column('toolCalls', { ofRecord: (one) => total(one.units.toolCalls), ofAdjustment: nothing }),
  ...(['costNanoUsd', 'listCostNanoUsd', 'internalCostNanoUsd'] as const).map((name) =>
    column(name, { ofRecord: (one) => one[name], ofAdjustment: (one) => sum(one, name) }),
  ),
  column('heldNanoUsd', { ofRecord: (one) => one.heldNanoUsd, ofAdjustment: (one) => sum(one, 'heldNanoUsd') }),
  column('unpriced', { ofRecord: (one) => one.unpriced.join(' '), ofAdjustment: nothing }),
  column('lines', {
    ofRecord: (one) => JSON.stringify(one.lines),
    ofAdjustment: (one) => JSON.stringify(one.postings.flatMap((posting) => posting.lines)),
  }),
];

async function asCsv(context: Context, query: Query): Promise<UsageRecords['lag']> {
  const lines = (rows: readonly Entry[]) => rows.map((row) => csvOf.map((one) => one.value(row)));
  context.out.write(
    csv(
      csvOf.map((one) => one.name),
      [],
    ),
  );
  let page = await fetchRecords(context, { ...query, limit: query['limit'] ?? '1000' });
  const { lag } = page.value;
  for (;;) {
    const text = csv([''], lines(page.value.entries));
    context.out.write(text.slice(text.indexOf('\r\n') + 2));
    if (page.value.next === null) return lag;
    page = await fetchRecords(context, { ...query, limit: '1000', waitMs: '0', after: page.value.next });
  }
}

async function report(context: Context, options: RecordsOptions): Promise<void> {
  const { out, err } = context;
  const query: Query = {
    ...subjectQuery(options, context.clock.now()),
    limit: options.limit,
    after: options.after,
  };
  const format = formatOf(options);
  if (format === 'csv') {
    err.write(lagNote(await asCsv(context, query), waitMsOf(options)));
    return;
  }
  const { value, raw } = await fetchRecords(context, { ...query, limit: options.limit ?? '50' });
  if (format === 'json') out.write(prettyJson(raw));
  else {
    const { columns } = fitted(tableOf(value.entries), value.entries, out.columns);
    out.write(table(out, { columns, rows: value.entries, empty: 'No call is counted there.' }));
    if (value.next !== null)
      err.write(`note: there is more: the same with --after ${value.next}, or --format csv for all.\n`);
  }
  err.write(lagNote(value.lag, waitMsOf(options)));
}

export function addUsageRecords(parent: Command, context: Context): void {
  const command = parent
    .command('records')
    .description('The calls behind a figure of a report, and the adjustments that count there: they add up to it.')
    .addOption(new Option('--limit <entries>', 'how many at once, 1 to 1000 (default: 50; CSV has all)'))
    .addOption(new Option('--after <cursor>', 'go on where the page before ended'))
    .action(async (options: RecordsOptions) => await report(context, options));
  withExamples(withFormat(withReportSubject(command)), [
    { line: 'usage records --month 2026-11 --filter consumer=marketing', says: "a team's calls of November" },
    {
      line: 'usage records --filter cost-centre==contoso/sales --filter outcome=client-left',
      says: 'one cost centre, without those below it',
    },
    {
      line: 'usage records --from today --filter model=gpt-5.4 --format csv',
      says: 'every call of today, for a spreadsheet',
    },
  ]);
}
