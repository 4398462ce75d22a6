import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ExportKind } from '@tollgate/contract/admin-api/exports.ts';
import { createCsvReader } from '@tollgate/contract/csv.ts';
import { add, decimalText, parseDecimal, usdOfNano, zero, type Decimal } from '@tollgate/contract/decimal.ts';
import { createFocusChecker, type FocusCheck } from '@tollgate/contract/focus/check.ts';
import { focusHeader } from '@tollgate/contract/focus/schema.ts';
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import type { FigureFilter } from '../../src/model/figures.ts';
import { exported, exportRequest, restingSources, ship } from '../support/export-request.ts';
import { generatedMonth, generatedPeriod, type GeneratedMonth } from '../support/generated-month.ts';
import { referenceTotal, type ReferenceSums } from '../support/reference-sums.ts';
import type { ExportSources } from '../../src/accounting/exports/export.ts';
import type { ExportSummary } from '../../src/accounting/exports/request.ts';

type Rows = readonly Readonly<Record<string, string>>[];

function rowsOf(text: string): Rows {
  const reader = createCsvReader();
  const [header, ...rows] = [...reader.push(text), ...reader.end().rows];
  return rows.map((row) =>
    Object.fromEntries((header?.cells ?? []).map((name, index) => [name, row.cells[index] ?? ''])),
  );
}

function sum(rows: Rows, column: string): string {
  const total = rows.reduce<Decimal>((all, row) => {
    const cell = row[column] ?? '';
    if (cell === '') return all;
    const value = parseDecimal(cell);
    assert.ok(value !== undefined, `${column}: ${cell}`);
    return add(all, value);
  }, zero);
  return decimalText(total, 9);
}

function checked(text: string): FocusCheck {
  const reader = createCsvReader();
  const checker = createFocusChecker();
  const [header, ...rows] = [...reader.push(text), ...reader.end().rows];
  checker.header(header?.cells ?? [], 1);
  for (const row of rows) checker.row(row.cells, row.line);
  return checker.result();
}

const sums = ({ totals }: ExportSummary): readonly (bigint | null)[] => [totals.cost, totals.list, totals.internal];
const usd = (nano: bigint): string => decimalText(usdOfNano(nano), 9);
export const exportKindsOfTests: readonly ExportKind[] = ['focus', 'csv', 'json', 'statement-csv', 'statement-html'];

/** The generated month, and corrections in it of calls of the month before. */
function monthWithLateCorrections(): GeneratedMonth {
  const month = generatedMonth({ requests: 250 });
  const late = month.adjustments
    .filter(({ kind, at }) => kind === 'correction' && at >= generatedPeriod.from && at < generatedPeriod.to)
    .slice(0, 5)
    .map((one, index) => ({
      ...one,
      id: `late-${index}`,
      of: { id: `earlier-${index}`, at: generatedPeriod.from - 86_400_000 },
      qualifies: null,
    }));
  return {
    ...month,
    adjustments: [...month.adjustments, ...late],
    entries: [...month.entries, ...late.map((adjustment) => ({ kind: 'adjustment' as const, adjustment }))],
  };
}

const month = monthWithLateCorrections();

export interface OpenStore {
  readonly store: LedgerStore;
  close(): Promise<void>;
}

/** The month in a store, and whatever was exported from it. */
export async function filledSources(store: LedgerStore): Promise<ExportSources> {
  await ship(store, month.entries);
  return restingSources(store);
}

/** What every store has to be exported as. */
export function exportsContract(name: string, open: () => Promise<OpenStore>): void {
  suite(`exports of a month in which everything happens, from ${name}`, () => {
    let opened: OpenStore;
    let sources: ExportSources;
    before(async () => {
      opened = await open();
      sources = await filledSources(opened.store);
    });
    after(async () => await opened.close());

    const { from, to } = generatedPeriod;
    const expected = (filter: readonly FigureFilter[] = []): ReferenceSums =>
      referenceTotal(month, { period: { from, to }, filter });

    for (const filter of [
      [],
      [{ dimension: 'cost-centre', values: ['contoso/sales'] }],
      [
        { dimension: 'consumer', values: ['marketing', 'r&d, "labs"', '=labs+1'] },
        { dimension: 'deployment-type', values: ['GlobalStandard', 'ProvisionedManaged'] },
      ],
      [{ dimension: 'outcome', values: ['idle', 'client-left'] }],
    ] satisfies FigureFilter[][])
      test(`every kind comes to what the records say, to the nano-USD: ${JSON.stringify(filter)}`, async () => {
        const { cost, listCost, internalCost } = expected(filter);
        for (const kind of exportKindsOfTests) {
          const { summary } = await exported(sources, exportRequest({ kind, filter }));
          assert.deepEqual(sums(summary), [cost, listCost, internalCost], kind);
        }
      });

    test('the sums of the columns are those totals', async () => {
      const { cost, listCost, internalCost, held } = expected();
      const focus = rowsOf((await exported(sources, exportRequest())).text);
      assert.deepEqual(
        ['EffectiveCost', 'x_LedgerListCost', 'x_InternalCost', 'x_HeldCost'].map((column) => sum(focus, column)),
        [cost, listCost, internalCost, held].map(usd),
      );
      assert.equal(sum(focus, 'BilledCost'), '0.000000000');
      const csv = rowsOf((await exported(sources, exportRequest({ kind: 'csv' }))).text);
      const statement = rowsOf((await exported(sources, exportRequest({ kind: 'statement-csv' }))).text);
      for (const rows of [csv, statement])
        assert.deepEqual(
          ['costUsd', 'listUsd', 'internalUsd'].map((column) => sum(rows, column)),
          [cost, listCost, internalCost].map(usd),
        );
      const json = JSON.parse((await exported(sources, exportRequest({ kind: 'json' }))).text) as {
        charges: { costNanoUsd: string | null }[];
        totals: { costNanoUsd: string };
      };
      assert.equal(json.totals.costNanoUsd, String(cost));
      assert.equal(
        json.charges.reduce((total, one) => total + BigInt(one.costNanoUsd ?? 0), 0n),
        cost,
      );
    });

    test('the FOCUS file keeps every rule of FOCUS 1.4, under both profiles', async () => {
      for (const profile of ['provider', 'internal-invoice'] as const) {
        const { text, summary } = await exported(sources, exportRequest({ profile }));
        const { problems, rows } = checked(text);
        assert.deepEqual(problems, []);
        assert.equal(rows, summary.rows);
      }
    });

    test('what is billed internally is what is charged', async () => {
      const rows = rowsOf((await exported(sources, exportRequest({ profile: 'internal-invoice' }))).text);
      assert.equal(sum(rows, 'BilledCost'), sum(rows, 'EffectiveCost'));
      assert.ok(rows.every((row) => row['InvoiceIssuerName'] === 'Contoso' && row['InvoiceId'] !== ''));
    });

    test('the statement charges what FOCUS bills, also where an internal rate applies to a part of the calls', async () => {
      const focus = rowsOf((await exported(sources, exportRequest({ profile: 'internal-invoice' }))).text);
      const statement = rowsOf((await exported(sources, exportRequest({ kind: 'statement-csv' }))).text);
      const charged = sum(statement, 'chargedUsd');
      assert.equal(charged, sum(focus, 'BilledCost'));
      assert.notEqual(charged, sum(statement, 'internalUsd'));
      const { text } = await exported(sources, exportRequest({ kind: 'statement-html' }));
      const [whole = '', fraction = ''] = charged.split('.');
      const exact = `${whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',')}.${fraction.replace(/0{1,7}$/, '')}`;
      assert.ok(text.includes(`exactly ${exact}`), exact);
      assert.match(text, /calls without an internal rate: they are charged at cost/);
    });

    test('rows without a cost say why, and none of them says 0 for unknown', async () => {
      const rows = rowsOf((await exported(sources, exportRequest())).text);
      const marked = (column: string): Rows => rows.filter((row) => row[column] === 'true');
      for (const column of ['x_Unpriced', 'x_UsageUnknown']) {
        assert.ok(marked(column).length > 0, column);
        assert.equal(sum(marked(column), 'EffectiveCost'), '0.000000000');
      }
      for (const row of rows)
        if (row['SkuPriceId']?.startsWith('unpriced/') === true) assert.equal(row['x_Unpriced'], 'true');
      const unknown = rows.filter((row) => row['x_UsageUnknown'] === 'true');
      assert.equal(sum(unknown, 'ConsumedQuantity'), `${expected().unknownUsageAttempts}.000000000`);
    });

    test('the page shows the marks of the month as they are counted, and escapes what people named', async () => {
      const { text } = await exported(sources, exportRequest({ kind: 'statement-html' }));
      const counts = [...text.matchAll(/<strong>([\d,]+)<\/strong>/g)].map(([, count = '']) =>
        BigInt(count.replaceAll(',', '')),
      );
      const { unpricedRequests, unknownUsageRequests, deliveredOnlyRequests, estimatedRequests } = expected();
      assert.deepEqual(counts, [unpricedRequests, unknownUsageRequests, deliveredOnlyRequests, estimatedRequests]);
      assert.match(text, /r&amp;d, &quot;labs&quot;/);
      assert.doesNotMatch(text, /r&d, "labs"/);
    });

    test('corrections of earlier months are rows of their own', async () => {
      const rows = rowsOf((await exported(sources, exportRequest())).text);
      const corrections = rows.filter((row) => row['ChargeClass'] === 'Correction');
      assert.ok(corrections.length > 0);
      const late = month.adjustments.filter(
        ({ kind, at, of }) => kind !== 'allocation' && at >= from && at < to && of !== null && of.at < from,
      );
      const booked = late.flatMap((one) => one.postings).reduce((total, one) => total + one.change.cost, 0n);
      assert.equal(sum(corrections, 'EffectiveCost'), usd(booked));
    });

    test('two exports of one state are the same to the byte, whatever order the store answers in', async () => {
      const shuffled: ExportSources = {
        ...sources,
        store: {
          ...sources.store,
          lines: async (query) => (await sources.store.lines(query)).toReversed(),
          figures: async (query) => (await sources.store.figures(query)).toReversed(),
          pageOfAdjustments: async (query) => await sources.store.pageOfAdjustments(query),
        },
      };
      for (const kind of exportKindsOfTests) {
        const request = exportRequest({ kind });
        assert.equal((await exported(shuffled, request)).text, (await exported(sources, request)).text, kind);
      }
    });

    test('what no call has a cost for has no total of 0, in any kind of file', async () => {
      const cut: ExportSources = {
        ...sources,
        store: {
          ...sources.store,
          lines: async (query) => (await sources.store.lines(query)).filter(({ layer }) => layer === 'list'),
          figures: async (query) => await sources.store.figures(query),
          pageOfAdjustments: async () => await Promise.resolve([]),
        },
      };
      for (const kind of exportKindsOfTests)
        assert.equal((await exported(cut, exportRequest({ kind }))).summary.totals.internal, null, kind);
      const { text } = await exported(cut, exportRequest({ kind: 'json' }));
      assert.match(text, /"internalNanoUsd":null\}\}\n$/);
    });

    test('a period cut anywhere comes to the same in its parts', async () => {
      const cut = Date.parse('2026-11-17T13:37:42.123Z');
      const whole = (await exported(sources, exportRequest({ kind: 'csv' }))).summary;
      const first = (await exported(sources, exportRequest({ kind: 'csv', period: { from, to: cut } }))).summary;
      const second = (await exported(sources, exportRequest({ kind: 'csv', period: { from: cut, to } }))).summary;
      const both = (layer: 'cost' | 'list'): bigint => (first.totals[layer] ?? 0n) + (second.totals[layer] ?? 0n);
      assert.deepEqual([both('cost'), both('list')], [whole.totals.cost, whole.totals.list]);
    });

    test('a month without data is a file with its header alone', async () => {
      const period = { from: Date.parse('2020-01-01T00:00:00Z'), to: Date.parse('2020-02-01T00:00:00Z') };
      const focus = await exported(sources, exportRequest({ period }));
      assert.equal(focus.text, `${focusHeader.join(',')}\r\n`);
      assert.equal(focus.summary.rows, 0);
      assert.equal(rowsOf((await exported(sources, exportRequest({ kind: 'csv', period }))).text).length, 0);
      const json = JSON.parse((await exported(sources, exportRequest({ kind: 'json', period }))).text) as object;
      assert.deepEqual(json, {
        ...json,
        charges: [],
        totals: { costNanoUsd: null, listNanoUsd: null, internalNanoUsd: null },
      });
      const page = await exported(sources, exportRequest({ kind: 'statement-html', period }));
      assert.match(page.text, /Nothing was used in this month/);
    });

    test('calls that had not reached the store are told', async () => {
      const behind = { ...sources, progress: { ...sources.progress, shipped: () => 4 } } as ExportSources;
      assert.equal((await exported(behind, exportRequest())).summary.unsettled, 3);
      const page = await exported(behind, exportRequest({ kind: 'statement-html' }));
      assert.match(page.text, /3 settled calls had not reached the store/);
    });
  });
}
