import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { reportDimensions, usageReportSchema } from '@tollgate/contract/usage.ts';
import { quarterHourMs, type JournalProgress, type LedgerStore, type Shipping } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { reportedFigures } from './figures.ts';
import { usageReport } from './usage-report.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { march, shippedRecord, usageRecord } from '../../../test/support/records.ts';

const position = { segment: 1, offset: 0 };
const checkpoint = { instance: 'j', shipped: position, lowWater: position, settles: 0 };
const progress: JournalProgress = {
  written: () => position,
  lowWater: () => position,
  settles: () => 12,
  openAttempts: () => 3,
  shipped: () => 7,
};

interface Sources {
  readonly store: LedgerStore;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
  readonly waited: number[];
}

async function sourcesOf(
  records: readonly UsageRecord[],
  store: LedgerStore = new MemoryLedgerStore(),
): Promise<Sources> {
  await store.append(records.map(shippedRecord), checkpoint);
  const waited: number[] = [];
  const shipping: Shipping = {
    async caughtUp(timeoutMs) {
      waited.push(timeoutMs);
      return await Promise.resolve(false);
    },
    hold: async (work) => await work(position),
  };
  return { store, progress, shipping, waited };
}

test('a report fits the contract, states the lag, and waits as long as it is told', async () => {
  const sources = await sourcesOf([usageRecord('a')]);
  const report = await usageReport(sources, { by: 'consumer', waitMs: 1234 });
  usageReportSchema.parse(report);
  assert.deepEqual(report, {
    by: 'consumer',
    from: null,
    to: null,
    rows: [
      {
        key: 'marketing',
        requests: 1,
        attempts: 1,
        inputTokens: 1000,
        cachedInputTokens: 400,
        outputTokens: 50,
        reasoningTokens: 10,
        costNanoUsd: '260000',
        unpricedRequests: 0,
        unknownUsageRequests: 0,
        deliveredOnlyRequests: 0,
        estimatedRequests: 0,
      },
    ],
    total: {
      requests: 1,
      attempts: 1,
      inputTokens: 1000,
      cachedInputTokens: 400,
      outputTokens: 50,
      reasoningTokens: 10,
      costNanoUsd: '260000',
      unpricedRequests: 0,
      unknownUsageRequests: 0,
      deliveredOnlyRequests: 0,
      estimatedRequests: 0,
    },
    lag: { records: 5, openAttempts: 3 },
  });
  assert.deepEqual(sources.waited, [1234]);
});

test('a report is read in one statement, so that nothing is shipped between its parts', async () => {
  const sources = await sourcesOf([usageRecord('a')]);
  let asked = 0;
  const store: Sources['store'] = new Proxy(sources.store, {
    get(target, name: keyof LedgerStore) {
      if (name === 'figures') asked += 1;
      return target[name].bind(target);
    },
  });
  for (const by of ['day', 'consumer'] as const) {
    asked = 0;
    await usageReport(
      { ...sources, store },
      { by, waitMs: 0, from: '2026-02-28T23:50:00Z', to: '2026-03-04T02:20:05Z' },
    );
    assert.equal(asked, 1, by);
  }
});

test('every dimension has its keys', async () => {
  const sources = await sourcesOf([
    usageRecord('a'),
    usageRecord('b', {
      at: march + 86_400_000,
      outcome: 'client-left',
      caller: { consumer: 'finance', costCentrePath: 'contoso/finance', product: 'large', subscription: 'copilot' },
      servedBy: {
        resource: 'contoso-swc',
        region: 'swedencentral',
        deployment: 'large',
        deploymentType: 'Standard',
        model: 'gpt-5.4',
      },
    }),
  ]);
  const keys: Record<string, string[]> = {};
  for (const by of reportDimensions)
    keys[by] = (await usageReport(sources, { by, waitMs: 0 })).rows.map((row) => row.key);
  assert.deepEqual(keys, {
    consumer: ['finance', 'marketing'],
    'cost-centre': ['contoso/finance', 'contoso/marketing'],
    product: ['large', 'standard'],
    subscription: ['copilot', 'marketing-web'],
    model: ['gpt-5.4', 'gpt-5.4-mini'],
    deployment: ['contoso-swc/large', 'contoso-weu/gpt-5.4-mini'],
    'deployment-type': ['GlobalStandard', 'Standard'],
    region: ['swedencentral', 'westeurope'],
    outcome: ['client-left', 'completed'],
    day: ['2026-03-01', '2026-03-02'],
  });
});

test('a cost of nothing priced is null, not zero; a known cost of zero is zero', async () => {
  const unpriced = { lines: [], nanoUsd: null, unpriced: ['output'] };
  const sources = await sourcesOf([
    usageRecord('a', { caller: { consumer: 'unpriced' }, cost: unpriced }),
    usageRecord('b', { caller: { consumer: 'free' }, cost: { lines: [], nanoUsd: 0n } }),
    usageRecord('c', { caller: { consumer: 'both' } }),
    usageRecord('d', { caller: { consumer: 'both' }, cost: unpriced }),
  ]);
  const report = await usageReport(sources, { by: 'consumer', waitMs: 0 });
  assert.deepEqual(
    report.rows.map((row) => [row.key, row.costNanoUsd, row.unpricedRequests]),
    [
      ['both', '260000', 1],
      ['free', '0', 0],
      ['unpriced', null, 1],
    ],
  );
  assert.equal(report.total.costNanoUsd, '260000');
});

test('an empty report has no rows and a total of nothing', async () => {
  const report = await usageReport(await sourcesOf([]), { by: 'day', waitMs: 0 });
  assert.deepEqual(report.rows, []);
  assert.equal(report.total.requests, 0);
  assert.equal(report.total.costNanoUsd, null);
});

test('the ends of a period are instants; a fraction of a millisecond is not dropped', async () => {
  const sources = await sourcesOf([usageRecord('a', { at: march + 1 })]);
  const attempts = async (from: string, to: string): Promise<number> =>
    (await usageReport(sources, { by: 'day', waitMs: 0, from, to })).total.attempts;
  assert.equal(await attempts('2026-03-01T00:00:00.001Z', '2026-03-01T00:00:00.002Z'), 1);
  assert.equal(await attempts('2026-03-01T00:00:00.0010001Z', '2026-03-01T00:00:00.002Z'), 0);
  assert.equal(await attempts('2026-03-01T00:00:00Z', '2026-03-01T00:00:00.0010001Z'), 1);
  assert.equal(await attempts('2026-03-01T00:00:00Z', '2026-03-01T00:00:00.001000Z'), 0);
  assert.equal(await attempts('2026-03-02T00:00:00Z', '2026-03-01T00:00:00Z'), 0);
});

test('a sum beyond what JSON holds is an error, never rounded', async () => {
  const sources = await sourcesOf(['a', 'b'].map((id) => usageRecord(id, { units: { input: 2 ** 53 - 1 } })));
  await assert.rejects(usageReport(sources, { by: 'day', waitMs: 0 }), RangeError);
});

const text = (time: number | null): string | undefined =>
  time === null ? undefined : new Date(march + time).toISOString();

test('whatever the period and the dimension, SQLite reports what the raw records say, and rows add up to the total', async () => {
  const sequence = fc.array(
    fc.record({
      request: fc.integer({ min: 0, max: 8 }),
      attempt: fc.integer({ min: 1, max: 3 }),
      at: fc.integer({ min: 0, max: 4 * quarterHourMs }),
      consumer: fc.constantFrom('marketing', 'finance'),
      known: fc.boolean(),
    }),
    { maxLength: 20 },
  );
  const instant = fc.option(fc.integer({ min: -10, max: 4 * quarterHourMs + 10 }));
  await fc.assert(
    fc.asyncProperty(sequence, instant, instant, async (all, from, to) => {
      const records = new Map(
        all.map((one) => {
          const id = `${one.request}-${one.attempt}`;
          const cost = one.known ? {} : { lines: [], nanoUsd: null, unpriced: ['output'] };
          const { attempt, consumer } = one;
          return [
            id,
            usageRecord(id, { requestId: `r${one.request}`, attempt, at: march + one.at, caller: { consumer }, cost }),
          ];
        }),
      );
      const database = openSqlite({ path: ':memory:', durability: 'process' });
      try {
        const sqlite = await sourcesOf([...records.values()], await createSqliteLedgerStore(database));
        const memory = await sourcesOf([...records.values()]);
        const query = {
          ...(from === null ? {} : { from: text(from) }),
          ...(to === null ? {} : { to: text(to) }),
        };
        for (const by of ['consumer', 'day', 'outcome'] as const) {
          const report = await usageReport(sqlite, { by, waitMs: 0, ...query });
          const period = { from: from === null ? null : march + from, to: to === null ? null : march + to };
          const expected =
            by === 'day'
              ? (await usageReport(memory, { by, waitMs: 0, ...query })).rows.map((row) => ({ keys: [row.key], row }))
              : (
                  await memory.store.figures({
                    by: [by],
                    filter: [],
                    spans: [{ ...period, source: 'records', bucket: 0 }],
                  })
                ).map(({ keys, figures }) => ({ keys, row: reportedFigures(figures) }));
          assert.deepEqual(
            new Map(
              report.rows.map((row) => [row.key, [row.requests, row.attempts, row.costNanoUsd, row.unpricedRequests]]),
            ),
            new Map(
              expected.map(({ keys, row }) => [
                keys[0],
                [row.requests, row.attempts, row.costNanoUsd, row.unpricedRequests],
              ]),
            ),
          );
          for (const field of ['requests', 'attempts', 'inputTokens', 'unpricedRequests'] as const)
            assert.equal(
              report.rows.reduce((sum, row) => sum + row[field], 0),
              report.total[field],
            );
        }
      } finally {
        await database.close();
      }
    }),
    { numRuns: 60 },
  );
});
