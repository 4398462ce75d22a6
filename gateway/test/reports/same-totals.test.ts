// One filter, one total: to the nano-USD the same on every way to it, over a month in which everything happens. Whoever
// adds a way adds it to `ways`.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { usageRecordsSchema } from '@tollgate/contract/admin-api/usage.ts';
import { parseDecimal, zero } from '@tollgate/contract/decimal.ts';
import { usageReportSchema } from '@tollgate/contract/usage.ts';
import type { ExportSources } from '#accounting/exports/export.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { FigureFilter } from '#model/figures.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { runCli } from '../../../cli/test/support/run-cli.ts';
import { exported, exportRequest, restingSources } from '../support/export-request.ts';
import { generatedMonth, generatedPeriod } from '../support/generated-month.ts';
import { addressOf, openPostgresLedger } from '../support/postgres-database.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { referenceTotal } from '../support/reference-sums.ts';
import { plainSettings, reportBench } from '../support/report-sources.ts';
import { adminTestToken, startAdmin, type RunningAdmin } from '../support/start-admin.ts';

/** 10^-9 USD on each layer. */
interface Totals {
  readonly contracted: bigint;
  readonly list: bigint;
  readonly internal: bigint;
}

interface Stage {
  readonly exports: ExportSources;
  readonly admin: RunningAdmin;
  readonly environment: Readonly<Record<string, string>>;
}

const month = generatedMonth();
const settings = { ...plainSettings, timeZone: generatedPeriod.timeZone };

const columns = { contracted: 'costNanoUsd', list: 'listCostNanoUsd', internal: 'internalCostNanoUsd' } as const;

/** Sums over rows whose members are decimal strings, empty where nothing is known. */
function sumOf(
  rows: readonly Readonly<Partial<Record<(typeof columns)[keyof typeof columns], string | null>>>[],
): Totals {
  const sum = (name: (typeof columns)[keyof typeof columns]): bigint =>
    rows.reduce((total, row) => total + BigInt(row[name] ?? '0'), 0n);
  return { contracted: sum(columns.contracted), list: sum(columns.list), internal: sum(columns.internal) };
}

/** RFC 4180, as a spreadsheet reads it. */
function readCsv(text: string): readonly Record<string, string>[] {
  const rows = text
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    );
  const [header = [], ...body] = rows;
  return body.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at] ?? ''])));
}

const textOf = ({ dimension, values, exact }: FigureFilter): readonly string[] =>
  values.map((value) => `${dimension}${exact === true ? '==' : '='}${value}`);

const query = (filter: readonly FigureFilter[], more: Readonly<Record<string, string>> = {}): string =>
  new URLSearchParams([
    ['month', generatedPeriod.month],
    ...filter.flatMap(textOf).map((one) => ['filter', one]),
    ...Object.entries(more),
  ]).toString();

async function cli(
  { environment }: Stage,
  filter: readonly FigureFilter[],
  ...more: readonly string[]
): Promise<string> {
  const filters = filter.flatMap(textOf).flatMap((one) => ['--filter', one]);
  const [noun = '', ...rest] = more;
  const verb = rest[0] === 'records' ? ['records'] : [];
  const options = rest.slice(verb.length);
  const ran = await runCli([noun, ...verb, '--month', generatedPeriod.month, ...filters, ...options], environment);
  assert.equal(ran.status, 0, ran.err);
  return ran.out;
}

type Way = (stage: Stage, filter: readonly FigureFilter[]) => Promise<Totals>;

const byWhat = ['consumer,model', 'cost-centre,outcome,week', 'day', 'end-user'] as const;

const ways: Record<string, Way> = {
  async 'the admin API, its total'({ admin }, filter) {
    const { body } = await admin.call('GET', `/admin/v1/usage?${query(filter)}`);
    return sumOf([usageReportSchema.parse(body).total]);
  },
  ...Object.fromEntries(
    byWhat.map((by): [string, Way] => [
      `the admin API, its rows by ${by}`,
      async ({ admin }, filter) => {
        const { body } = await admin.call('GET', `/admin/v1/usage?${query(filter, { by })}`);
        return sumOf(usageReportSchema.parse(body).rows);
      },
    ]),
  ),
  async 'the admin API, the dearest and the rest'({ admin }, filter) {
    const { body } = await admin.call('GET', `/admin/v1/usage?${query(filter, { by: 'consumer,model', top: '3' })}`);
    const { rows, rest } = usageReportSchema.parse(body);
    return sumOf([...rows, ...rest]);
  },
  async 'the admin API, page by page'({ admin }, filter) {
    const rows = [];
    for (let next: string | null = ''; next !== null;) {
      const more: Record<string, string> = {
        by: 'consumer,model,day',
        limit: '50',
        ...(next === '' ? {} : { after: next }),
      };
      const page = usageReportSchema.parse((await admin.call('GET', `/admin/v1/usage?${query(filter, more)}`)).body);
      rows.push(...page.rows);
      next = page.next;
    }
    return sumOf(rows);
  },
  async 'the calls behind it'({ admin }, filter) {
    const rows: Parameters<typeof sumOf>[0][number][] = [];
    for (let next: string | null = ''; next !== null;) {
      const more: Record<string, string> = { limit: '300', ...(next === '' ? {} : { after: next }) };
      const { body } = await admin.call('GET', `/admin/v1/usage/records?${query(filter, more)}`);
      const page = usageRecordsSchema.parse(body);
      for (const entry of page.entries)
        rows.push(...(entry.kind === 'record' ? [entry.record] : entry.adjustment.postings));
      next = page.next;
    }
    return sumOf(rows);
  },
  'the command, JSON': async (stage, filter) =>
    sumOf([usageReportSchema.parse(JSON.parse(await cli(stage, filter, 'usage', '--by', 'model', '--json'))).total]),
  'the command, CSV': async (stage, filter) =>
    sumOf(readCsv(await cli(stage, filter, 'usage', '--by', 'consumer,region,day', '--format', 'csv'))),
  'the command, CSV of the calls behind it': async (stage, filter) =>
    sumOf(readCsv(await cli(stage, filter, 'usage', 'records', '--format', 'csv'))),
  async 'the command, its table'(stage, filter) {
    const shown = async (layer: string): Promise<bigint> => {
      const table = await cli(stage, filter, 'usage', '--by', 'operation', '--layer', layer);
      const total = table.split('\n').find((line) => line.startsWith('total')) ?? '';
      // `~ 1,234.567891234 + unpriced, unknown`: the only number with a point.
      const [, whole = '0', fraction = ''] = /(-?[\d,]+)\.(\d+)/.exec(total) ?? [];
      return BigInt(whole.replaceAll(',', '') + fraction.padEnd(9, '0'));
    };
    return { contracted: await shown('contracted'), list: await shown('list'), internal: await shown('internal') };
  },
};

/** 10^-9 USD of a decimal number of USD; an empty cell is what is not known. */
function nanoOf(usd: string): string {
  if (usd === '') return '0';
  const { digits, scale } = parseDecimal(usd) ?? zero;
  assert.ok(scale <= 9 || digits === 0n, usd);
  return String(digits * 10n ** BigInt(9 - Math.min(scale, 9)));
}

/** What the files for finance say, by the names of their columns. */
const files = {
  focus: ['EffectiveCost', 'x_LedgerListCost', 'x_InternalCost'],
  csv: ['costUsd', 'listUsd', 'internalUsd'],
  'statement-csv': ['costUsd', 'listUsd', 'internalUsd'],
} as const;

for (const [kind, [cost, list, internal]] of Object.entries(files))
  ways[`the export ${kind}`] = async ({ exports }, filter) => {
    const { text } = await exported(exports, exportRequest({ kind: kind as keyof typeof files, filter }));
    return sumOf(
      readCsv(text).map((row) => ({
        costNanoUsd: nanoOf(row[cost] ?? ''),
        listCostNanoUsd: nanoOf(row[list] ?? ''),
        internalCostNanoUsd: nanoOf(row[internal] ?? ''),
      })),
    );
  };

ways['the export json'] = async ({ exports }, filter) => {
  const { text } = await exported(exports, exportRequest({ kind: 'json', filter }));
  const { totals } = JSON.parse(text) as { totals: Record<'costNanoUsd' | 'listNanoUsd' | 'internalNanoUsd', string> };
  const { costNanoUsd, listNanoUsd, internalNanoUsd } = totals;
  return sumOf([{ costNanoUsd, listCostNanoUsd: listNanoUsd, internalCostNanoUsd: internalNanoUsd }]);
};

const filters: Readonly<Record<string, readonly FigureFilter[]>> = {
  everything: [],
  'a cost centre and all below it': [{ dimension: 'cost-centre', values: ['contoso/sales'] }],
  'a cost centre alone': [{ dimension: 'cost-centre', values: ['contoso/sales'], exact: true }],
  'two teams with strange names, one model': [
    { dimension: 'consumer', values: ['r&d, "labs"', 'zürich%_'] },
    { dimension: 'model', values: ['gpt-5.4-mini', 'gpt-5.4'] },
  ],
  'what was broken off or lost': [
    { dimension: 'outcome', values: ['client-left', 'upstream-broke', 'timed-out', 'gateway-lost', 'hedge-lost'] },
  ],
  'hours of provisioned deployments': [{ dimension: 'outcome', values: ['allocated', 'idle'] }],
};

interface OpenStore {
  readonly store: LedgerStore;
  close(): Promise<void>;
}

async function openSqliteStore(): Promise<OpenStore> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  return { store: await createSqliteLedgerStore(database), close: async () => await database.close() };
}

async function openPostgresStore(): Promise<OpenStore> {
  const { url } = await (await postgresServer()).createDatabase();
  return await openPostgresLedger(addressOf(url));
}

function sameTotals(open: () => Promise<OpenStore>): void {
  let opened: OpenStore;
  let stage: Stage;
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'tollgate-same-totals-'));

  before(async () => {
    opened = await open();
    const { reports, store } = await reportBench(month.entries, opened.store);
    const admin = await startAdmin({
      overrides: {
        reports: {
          query: (asked) => reports.query(asked, settings),
          records: (asked) => reports.records(asked, settings),
          request: (id) => reports.request(id),
        },
      },
    });
    writeFileSync(path.join(dataFolder, 'admin-token'), adminTestToken);
    stage = {
      exports: restingSources(store),
      admin,
      environment: { TOLLGATE_DATA: dataFolder, TOLLGATE_ADMIN_PORT: String(admin.port) },
    };
  });
  after(async () => {
    await stage.admin.close();
    await opened.close();
    rmSync(dataFolder, { recursive: true });
  });

  for (const [what, filter] of Object.entries(filters)) {
    const { cost, listCost, internalCost } = referenceTotal(month, { filter, period: generatedPeriod });
    const expected: Totals = { contracted: cost, list: listCost, internal: internalCost };
    for (const [name, way] of Object.entries(ways))
      test(`${what}: ${name}`, async () => {
        assert.ok(cost > 0n, 'there is something to compare');
        assert.deepEqual(await way(stage, filter), expected);
      });
  }
}

suite('the same filter gives the same total on every way to it, over SQLite', () => sameTotals(openSqliteStore));
suite('the same over PostgreSQL', orSkip, () => sameTotals(openPostgresStore));
