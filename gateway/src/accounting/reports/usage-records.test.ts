import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { usageRecordsSchema, usageRequestSchema, type UsageRecords } from '@tollgate/contract/admin-api/usage.ts';
import type { Adjustment, ShippedEntry } from '#accounting/ledger/ports.ts';
import type { Asked } from './asked.ts';
import { adjusted } from '../../../test/support/arbitrary-entries.ts';
import { generatedMonth, generatedPeriod } from '../../../test/support/generated-month.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { correction, march, posting, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import {
  plainSettings,
  problemsOf,
  reportBench,
  withSqliteBench,
  type ReportBench,
} from '../../../test/support/report-sources.ts';

const bench = async (...entries: readonly ShippedEntry[]) => await reportBench(entries, new MemoryLedgerStore());

async function records({ reports }: ReportBench, asked: Asked = {}): Promise<UsageRecords> {
  return usageRecordsSchema.parse(await reports.records({ waitMs: 0, ...asked }, plainSettings));
}

const ids = ({ entries }: UsageRecords): string[] =>
  entries.map((one) => (one.kind === 'record' ? one.record.id : one.adjustment.id));

test('a record has everything that the ledger knows of it', async () => {
  const record = usageRecord('a', {
    reservedNano: 77n,
    spilledFrom: 'ptu',
    caller: { endUser: 'f00d' },
    units: { output: null, toolCalls: { web_search: 2 }, images: { 'high/1024x1024': 1 } },
    measuredOutput: 'unknown',
    cost: { internalNanoUsd: 5n, unpriced: ['usage unknown'], nanoUsd: null },
  });
  const [entry] = (await records(await bench(shippedRecord(record)))).entries;
  assert.deepEqual(entry, {
    kind: 'record',
    record: {
      id: 'a',
      requestId: 'request-of-a',
      attempt: 1,
      at: '2026-03-01T00:00:00.000Z',
      finishedAt: '2026-03-01T00:00:01.200Z',
      consumer: 'marketing',
      costCentre: 'contoso/marketing',
      product: 'standard',
      subscription: 'marketing-web',
      model: 'gpt-5.4-mini',
      modelVersion: '2026-03-05',
      endpoint: 'weu',
      resource: 'contoso-weu',
      deployment: 'gpt-5.4-mini',
      deploymentType: 'GlobalStandard',
      region: 'westeurope',
      operation: 'chat.completions',
      endUser: 'f00d',
      stream: false,
      requestedModel: 'gpt-5.4-mini',
      reportedModel: 'gpt-5.4-mini-2026-03-05',
      serviceTier: 'default',
      spilledFrom: 'ptu',
      upstreamRequestId: 'b6c2a6f0-7d1c-4c4f-9d0e-0d6f1c2b3a4d',
      outcome: 'completed',
      httpStatus: 200,
      measuredInput: 'reported',
      measuredOutput: 'unknown',
      units: {
        inputTokens: 1000,
        cachedInputTokens: 400,
        cacheWriteInputTokens: 0,
        audioInputTokens: 0,
        imageInputTokens: 0,
        outputTokens: null,
        reasoningTokens: 10,
        audioOutputTokens: 0,
        seconds: 0,
        characters: 0,
        toolCalls: { web_search: 2 },
        images: { 'high/1024x1024': 1 },
      },
      timing: { queueMs: 0.25, firstByteMs: 310.125, upstreamMs: 1180, totalMs: 1200.5 },
      reservedNanoUsd: '77',
      heldNanoUsd: '77',
      pricing: 'token',
      priceBook: 'book-1',
      costNanoUsd: null,
      listCostNanoUsd: '260000',
      internalCostNanoUsd: '5',
      unpriced: ['usage unknown'],
      lines: [
        { layer: 'list', meter: 'input', units: 600, priceId: 'p-input', nanoUsd: '150000', inCost: false },
        { layer: 'list', meter: 'cachedInput', units: 400, priceId: 'p-cached', nanoUsd: '10000', inCost: false },
        { layer: 'list', meter: 'output', units: 50, priceId: 'p-output', nanoUsd: '100000', inCost: false },
      ],
      adjustments: [],
    },
  });
});

test('an adjustment stands where it counts, with the postings that fit; and beside its record, whole', async () => {
  const mine = usageRecord('mine');
  const yours = usageRecord('yours', { caller: { consumer: 'finance' } });
  const moved: Adjustment = correction(mine, {
    id: 'moved',
    at: march + 9,
    detail: '{"who":"finance","why":["wrong team"]}',
    postings: [posting(mine, { cost: -5n, pricedAttempts: -1 }), posting(yours, { cost: 5n })],
  });
  const sources = await bench(shippedRecord(mine), shippedRecord(yours), adjusted(moved));
  const { entries } = await records(sources, { filter: 'consumer=finance' });
  const [record, adjustment] = entries;
  assert.ok(record?.kind === 'record' && adjustment?.kind === 'adjustment');
  assert.deepEqual([record.record.id, record.record.adjustments], ['yours', []]);
  assert.deepEqual(
    adjustment.adjustment.postings.map((one) => [one.consumer, one.costNanoUsd]),
    [['finance', '5']],
  );
  assert.deepEqual(adjustment.adjustment.detail, { who: 'finance', why: ['wrong team'] });
  assert.deepEqual(adjustment.adjustment.of, { id: 'mine', at: '2026-03-01T00:00:00.000Z' });
  const [own] = (await records(sources, { filter: 'consumer=marketing', to: '2026-03-01T00:00:00.005Z' })).entries;
  assert.ok(own?.kind === 'record');
  assert.deepEqual(
    own.record.adjustments.map((one) => [one.id, one.postings.length]),
    [['moved', 2]],
  );
});

test('a cost centre that is asked for by its name has the postings that its path has', async () => {
  const record = usageRecord('mine');
  const moved = correction(record, { id: 'moved', at: march + 9, postings: [posting(record, { cost: 5n })] });
  const sources = await bench(shippedRecord(record), adjusted(moved));
  for (const centre of ['marketing', 'contoso', 'contoso/marketing']) {
    const { entries } = await records(sources, { filter: `cost-centre=${centre}` });
    const found = entries.flatMap((one) => (one.kind === 'adjustment' ? one.adjustment.postings : []));
    assert.deepEqual(
      found.map((one) => one.costCentre),
      ['contoso/marketing'],
      centre,
    );
  }
});

test('a request is found with all of its attempts, each with its own adjustments', async () => {
  const attempts = [1, 2].map((attempt) =>
    usageRecord(`a${attempt}`, { requestId: 'r', attempt, at: march + attempt }),
  );
  const [first] = attempts;
  assert.ok(first !== undefined);
  const { reports, waited } = await bench(...attempts.map(shippedRecord), adjusted(correction(first)));
  const found = usageRequestSchema.parse(await reports.request('r'));
  assert.deepEqual(
    found.attempts.map((one) => [one.attempt, one.adjustments.length]),
    [
      [1, 1],
      [2, 0],
    ],
  );
  assert.deepEqual(await reports.request('nobody’s'), { requestId: 'nobody’s', attempts: [] });
  assert.deepEqual(waited, [5000, 5000], 'a call that has just ended may still be on its way into the store');
});

test('everything that is wrong with a question is told at once', async () => {
  const sources = await bench(shippedRecord(usageRecord('a')));
  const asked = { limit: '1001', after: 'x', filter: 'modl=x', by: 'model', to: 'never', waitMs: 'long' };
  assert.deepEqual(
    (await problemsOf(records(sources, asked))).map((one) => one.split(':')[0]),
    ['by', 'to', 'filter', 'limit', 'waitMs', 'after'],
  );
  assert.match((await problemsOf(records(sources, { filter: 'model=gpt' }))).join(), /nothing was ever used by 'gpt'/);
});

/** Every page of them, and what they cost. */
async function costBehind(
  sources: ReportBench,
  asked: Asked,
): Promise<{ cost: bigint; held: bigint; records: number }> {
  const sum = { cost: 0n, held: 0n, records: 0 };
  for (let after: string | null | undefined; after !== null;) {
    const page: UsageRecords = await records(sources, {
      ...asked,
      limit: 7,
      ...(after === undefined ? {} : { after }),
    });
    for (const entry of page.entries) {
      if (entry.kind === 'record') {
        const { record } = entry;
        sum.cost += BigInt(record.costNanoUsd ?? 0);
        sum.held += BigInt(record.heldNanoUsd);
        sum.records += 1;
        continue;
      }
      for (const one of entry.adjustment.postings) {
        sum.cost += BigInt(one.costNanoUsd);
        sum.held += BigInt(one.heldNanoUsd);
      }
    }
    after = page.next;
  }
  return sum;
}

suite('the calls behind a cell of a report', () => {
  const month = generatedMonth({ requests: 250 });
  const { from, to, timeZone } = generatedPeriod;
  const dimensions = ['cost-centre', 'consumer', 'model', 'outcome', 'end-user'] as const;

  for (const dimension of dimensions)
    test(`add up to it, page by page: ${dimension} and week`, async () => {
      await withSqliteBench(month.entries, async (sources) => {
        const period = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
        const report = await sources.reports.query(
          { by: dimension, bucket: 'week', timeZone, waitMs: 0, ...period },
          plainSettings,
        );
        assert.ok(report.rows.length > 9);
        for (const row of report.rows) {
          const asked = {
            filter: `${dimension}==${row.keys[dimension] ?? ''}`,
            from: row.bucket?.from,
            to: row.bucket?.to,
          };
          assert.deepEqual(
            await costBehind(sources, asked),
            { cost: BigInt(row.costNanoUsd ?? 0), held: BigInt(row.heldNanoUsd), records: row.attempts },
            JSON.stringify(asked),
          );
        }
      });
    });

  test('come in the order of admission, each once, whatever the size of a page', async () => {
    const sources = await bench(...month.entries);
    const whole = ids(await records(sources, { limit: 1000 }));
    assert.equal(whole.length, month.records.length + month.adjustments.length);
    const paged: string[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page = await records(sources, { limit: 99, ...(after === undefined ? {} : { after }) });
      paged.push(...ids(page));
      after = page.next;
    }
    assert.deepEqual(paged, whole);
    assert.equal(new Set(whole).size, whole.length);
  });
});
