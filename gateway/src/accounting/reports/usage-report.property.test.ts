import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import {
  priceLayers,
  reportBuckets,
  reportDimensions,
  type ReportBucket,
  type UsageFigures,
  type UsageReport,
} from '@tollgate/contract/usage.ts';
import type { FigureFilter, Period } from '#model/figures.ts';
import type { Asked } from './asked.ts';
import { generatedMonth, generatedPeriod } from '../../../test/support/generated-month.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { addressOf, openPostgresLedger } from '../../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../../test/support/postgres-server.ts';
import { referenceRows, referenceTotal, type ReferenceSums } from '../../../test/support/reference-sums.ts';
import { plainSettings, reportBench, withSqliteBench, type ReportBench } from '../../../test/support/report-sources.ts';

const month = generatedMonth({ requests: 150 });

const zones = ['UTC', 'Europe/Amsterdam', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns'];
/** A month of quarter-hours is many pieces: of them, only days are asked. */
const longest: Partial<Record<ReportBucket, number>> = { 'quarter-hour': 2, hour: 8 };
const dayMs = 86_400_000;

const filters = fc.subarray<FigureFilter>(
  [
    { dimension: 'cost-centre', values: ['contoso/sales', 'contoso/r&d'], exact: false },
    { dimension: 'consumer', values: ['marketing', 'finance', 'r&d, "labs"', '=labs+1'], exact: false },
    { dimension: 'outcome', values: ['completed', 'allocated', 'gateway-lost', 'idle'], exact: false },
    { dimension: 'deployment-type', values: ['Standard', 'GlobalStandard', 'ProvisionedManaged'], exact: false },
    { dimension: 'end-user', values: ['', 'f00d'], exact: false },
  ],
  { maxLength: 2 },
);

const questions = fc.record({
  by: fc.subarray([...reportDimensions], { maxLength: 3 }),
  bucket: fc.option(fc.constantFrom(...reportBuckets)),
  timeZone: fc.constantFrom(...zones),
  layer: fc.constantFrom(...priceLayers),
  filter: filters,
  // Any instant; a quarter-hour of the clock as often.
  from: fc.tuple(fc.integer({ min: -2 * dayMs, max: 30 * dayMs }), fc.boolean()),
  days: fc.integer({ min: 1, max: 32 }),
  isOpen: fc.boolean(),
});

const cost = (sum: bigint, priced: bigint): string | null => (sum === 0n && priced === 0n ? null : String(sum));

/** What the raw sums have to look like in the report. */
function expected(sums: ReferenceSums): Omit<UsageFigures, 'amount'> {
  const knowsNothing = sums.attempts > 0n && sums.attempts === sums.unknownUsageAttempts;
  const units = (sum: bigint): number | null => (knowsNothing && sum === 0n ? null : Number(sum));
  return {
    requests: Number(sums.requests),
    attempts: Number(sums.attempts),
    inputTokens: units(sums.input),
    cachedInputTokens: units(sums.cachedInput),
    cacheWriteInputTokens: units(sums.cacheWriteInput),
    audioInputTokens: units(sums.audioInput),
    imageInputTokens: units(sums.imageInput),
    outputTokens: units(sums.output),
    reasoningTokens: units(sums.reasoning),
    audioOutputTokens: units(sums.audioOutput),
    seconds: units(sums.seconds),
    characters: units(sums.characters),
    images: units(sums.images),
    toolCalls: units(sums.toolCalls),
    costNanoUsd: cost(sums.cost, sums.pricedAttempts),
    pricedAttempts: Number(sums.pricedAttempts),
    listCostNanoUsd: cost(sums.listCost, sums.listPricedAttempts),
    listPricedAttempts: Number(sums.listPricedAttempts),
    internalCostNanoUsd: cost(sums.internalCost, sums.internalPricedAttempts),
    internalPricedAttempts: Number(sums.internalPricedAttempts),
    heldNanoUsd: String(sums.held),
    unpricedRequests: Number(sums.unpricedRequests),
    unknownUsageRequests: Number(sums.unknownUsageRequests),
    unknownUsageAttempts: Number(sums.unknownUsageAttempts),
    deliveredOnlyRequests: Number(sums.deliveredOnlyRequests),
    estimatedRequests: Number(sums.estimatedRequests),
  };
}

const figuresOf = ({ amount: _amount, ...figures }: UsageFigures): Omit<UsageFigures, 'amount'> => figures;

/** Every bucket has the rows that the raw records say, and the total is that of the whole period. */
function check(
  report: UsageReport,
  { by, filter, period }: { by: UsageReport['by']; filter: readonly FigureFilter[]; period: Period },
) {
  const buckets = Map.groupBy(report.rows, (row) => JSON.stringify(row.bucket));
  for (const [text, rows] of buckets) {
    const bucket = JSON.parse(text) as UsageReport['rows'][number]['bucket'];
    const within = bucket === null ? period : { from: Date.parse(bucket.from), to: Date.parse(bucket.to) };
    const shown = new Map(
      rows.map(({ key: _key, bucket: _bucket, keys, ...row }) => [Object.values(keys).join('\n'), figuresOf(row)]),
    );
    const raw = referenceRows(month, { by, filter, period: within });
    assert.deepEqual(shown, new Map([...raw].map(([name, sums]) => [name, expected(sums)])), text);
  }
  assert.deepEqual(figuresOf(report.total), expected(referenceTotal(month, { filter, period })));
}

/** The words of the admin API for what was drawn. */
function askedOf({
  by,
  bucket,
  timeZone,
  layer,
  filter,
}: Pick<QuestionDrawn, 'by' | 'bucket' | 'timeZone' | 'layer' | 'filter'>): Asked {
  return {
    ...(by.length === 0 && bucket === null ? { by: 'outcome' } : { by: by.join(',') }),
    ...(bucket === null ? {} : { bucket }),
    timeZone,
    layer,
    filter: filter.flatMap(({ dimension, values }) =>
      values.map((value) => `${dimension}${dimension === 'cost-centre' ? '=' : '=='}${value}`),
    ),
    waitMs: 0,
  };
}

type QuestionDrawn = typeof questions extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function periodOf({ from: [offset, isRound], days, bucket, isOpen }: QuestionDrawn): Period {
  const at = generatedPeriod.from + offset;
  const from = isRound ? Math.floor(at / 900_000) * 900_000 : at;
  const length = Math.min(days, (bucket === null ? undefined : longest[bucket]) ?? days) * dayMs;
  // Open where that is not too many pieces.
  return isOpen && (bucket === null || longest[bucket] === undefined)
    ? { from: null, to: from + length }
    : { from, to: from + length };
}

const instant = (at: number | null): string | undefined => (at === null ? undefined : new Date(at).toISOString());

async function answersRight(sources: ReportBench, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(questions, async (drawn) => {
      const period = periodOf(drawn);
      const { filter } = drawn;
      const asked = { ...askedOf(drawn), from: instant(period.from), to: instant(period.to) };
      const report = await sources.reports.query(asked, plainSettings);
      check(report, { by: report.by, filter, period });
      assert.equal(report.roundingDifference, '0');
    }),
    { numRuns },
  );
}

suite('whatever is asked of a month in which everything happens, the report is the sum of its raw records', () => {
  test('over SQLite', async () => {
    await withSqliteBench(month.entries, async (sources) => await answersRight(sources, 150));
  });

  test('over PostgreSQL', orSkip, async () => {
    const { url } = await (await postgresServer()).createDatabase();
    const opened = await openPostgresLedger(addressOf(url));
    try {
      await answersRight(await reportBench(month.entries, opened.store), 60);
    } finally {
      await opened.close();
    }
  });

  test('over the store without roll-ups', async () => {
    await answersRight(await reportBench(month.entries, new MemoryLedgerStore()), 20);
  });

  test('the dearest rows and the rest are all of it', async () => {
    await withSqliteBench(month.entries, async (sources) => {
      await fc.assert(
        fc.asyncProperty(questions, fc.integer({ min: 1, max: 6 }), async (drawn, top) => {
          const { filter } = drawn;
          const period = periodOf(drawn);
          const asked = {
            ...askedOf({ ...drawn, by: ['consumer', 'model'] }),
            from: instant(period.from),
            to: instant(period.to),
          };
          const report = await sources.reports.query({ ...asked, top }, plainSettings);
          assert.deepEqual(figuresOf(report.total), expected(referenceTotal(month, { filter, period })));
          const sum = [...report.rows, ...report.rest].reduce((total, one) => total + BigInt(one.costNanoUsd ?? 0), 0n);
          assert.equal(sum, BigInt(report.total.costNanoUsd ?? 0));
          for (const row of report.rest) {
            const named = new Set(
              report.rows
                .filter((one) => one.bucket?.label === row.bucket?.label)
                .map((one) => Object.values(one.keys).join('\n')),
            );
            assert.ok(named.size <= top);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
});
