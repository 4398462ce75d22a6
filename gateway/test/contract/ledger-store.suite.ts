import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  figureDimensions,
  quarterHourMs,
  type Checkpoint,
  type Figures,
  type FiguresQuery,
  type LedgerStore,
} from '../../src/accounting/ledger/ports.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import { MemoryLedgerStore } from '../support/memory-ledger-store.ts';
import { march, shippedRecord, storedRecord, usageRecord } from '../support/records.ts';

export interface OpenLedgerStore {
  readonly store: LedgerStore;
  /** Closes it and opens what it left, as a restart does. */
  reopen(): Promise<LedgerStore>;
  close(): Promise<void>;
}

const checkpointAt = (offset: number): Checkpoint => ({
  instance: 'journal-1',
  shipped: { segment: 2, offset },
  lowWater: { segment: 1, offset: 77 },
  settles: offset,
});
const everything = { from: null, to: null };

async function rows(store: LedgerStore, query: FiguresQuery): Promise<Map<string, Figures>> {
  return new Map(
    (await store.figures(query))
      .map((row) => [row.key, row.figures] as const)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

async function only(store: LedgerStore, by: FiguresQuery['by'] = 'consumer'): Promise<Figures> {
  const found = await rows(store, { source: 'roll-ups', by, period: everything });
  const [first, ...others] = found.values();
  assert.deepEqual(others, []);
  assert.ok(first !== undefined);
  return first;
}

const unpriced: Partial<UsageRecord['cost']> = { lines: [], nanoUsd: null, unpriced: ['output'] };

/** Records of few callers, endpoints, requests and quarter-hours, so that they meet in every way. */
const recordsArbitrary = fc
  .uniqueArray(
    fc.record({
      request: fc.integer({ min: 0, max: 5 }),
      attempt: fc.integer({ min: 1, max: 4 }),
      minutes: fc.integer({ min: 0, max: 3000 }),
      team: fc.constantFrom('marketing', 'finance'),
      deployment: fc.constantFrom('mini', 'large'),
      resource: fc.constantFrom('weu', 'swc'),
      outcome: fc.constantFrom('completed', 'client-left', 'gateway-lost', 'refused-by-upstream'),
      measuredInput: fc.constantFrom('reported', 'estimated', 'unknown'),
      measuredOutput: fc.constantFrom('reported', 'delivered', 'unknown', 'none'),
      input: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
      output: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
      searches: fc.integer({ min: 0, max: 2 }),
      cost: fc.option(fc.bigInt({ min: 0n, max: 2n ** 62n })),
      usageUnknown: fc.boolean(),
    }),
    { selector: (one) => `${one.request} ${one.attempt}`, maxLength: 16 },
  )
  .map((all) =>
    all.map((one) =>
      usageRecord(`${one.request}-${one.attempt}`, {
        requestId: `request-${one.request}`,
        attempt: one.attempt,
        at: march + one.minutes * 60_000,
        outcome: one.outcome as UsageRecord['outcome'],
        measuredInput: one.measuredInput as UsageRecord['measuredInput'],
        measuredOutput: one.measuredOutput as UsageRecord['measuredOutput'],
        caller: { consumer: one.team, costCentrePath: `contoso/${one.team}` },
        servedBy: { deployment: one.deployment, resource: one.resource, endpoint: `${one.resource}-${one.deployment}` },
        units: {
          input: one.input,
          output: one.output,
          toolCalls: one.searches === 0 ? {} : { web_search: one.searches },
        },
        cost:
          one.cost === null
            ? { lines: [], nanoUsd: null, unpriced: [one.usageUnknown ? 'usage unknown' : 'output'] }
            : { lines: [], nanoUsd: one.cost / 16n },
      }),
    ),
  );

/** What every store of the ledger has to do. */
export function ledgerStoreContract(name: string, open: () => Promise<OpenLedgerStore>): void {
  const withStore = async (run: (opened: OpenLedgerStore) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await run(opened);
    } finally {
      await opened.close();
    }
  };

  describe(`ledger store: ${name}`, () => {
    test('knows no checkpoint before anything was shipped', async () => {
      await withStore(async ({ store }) => {
        assert.equal(await store.checkpoint(), null);
        assert.deepEqual(await store.page(null, 10), []);
        assert.deepEqual(await store.figures({ source: 'roll-ups', by: 'day', period: everything }), []);
      });
    });

    test('gives records back as they were, and the checkpoint with them, after a restart too', async () => {
      await withStore(async (opened) => {
        const { store } = opened;
        const ordinary = usageRecord('a');
        const strange = usageRecord('b', {
          at: march + 1,
          stream: true,
          operation: 'responses',
          requestedModel: 'émoji 😀 "quoted" \\ \u0000',
          reservedNano: 9_223_372_036_854_775_807n,
          outcome: 'client-left',
          httpStatus: null,
          measuredInput: 'tokenized',
          measuredOutput: 'delivered',
          serviceTier: null,
          reportedModel: null,
          spilledFrom: 'ptu',
          upstreamRequestId: null,
          caller: { endUser: 'f00d' },
          servedBy: { modelVersion: null },
          units: {
            input: 9_007_199_254_740_991,
            cachedInput: null,
            reasoning: null,
            toolCalls: { web_search: 2, 'a"b': 1 },
          },
          timing: { queueMs: 0.1 + 0.2, firstByteMs: null, upstreamMs: 1e-7, totalMs: 3 },
          cost: { pricing: 'ptu', lines: [], nanoUsd: 9_007_199_254_740_993n, unpriced: [] },
        });
        const empty = usageRecord('c', { at: march + 2, units: { toolCalls: { file_search: 0 } }, cost: unpriced });
        assert.equal(await store.append([ordinary, strange, empty].map(shippedRecord), checkpointAt(3)), 3);
        const again = await opened.reopen();
        assert.deepEqual(await again.page(null, 10), [ordinary, strange, empty].map(storedRecord));
        assert.deepEqual(await again.checkpoint(), checkpointAt(3));
        assert.deepEqual(
          await again.find([
            { at: march + 2, id: 'c' },
            { at: march, id: 'missing' },
            { at: march, id: 'a' },
          ]),
          [storedRecord(empty), null, storedRecord(ordinary)],
        );
        assert.deepEqual(await again.find([]), []);
      });
    });

    test('pages through records in the order of their admission', async () => {
      await withStore(async ({ store }) => {
        const records = ['b', 'a', 'c'].map((id) => usageRecord(id, { at: march + (id === 'c' ? 0 : 5) }));
        await store.append(records.map(shippedRecord), checkpointAt(1));
        const first = await store.page(null, 2);
        assert.deepEqual(
          first.map((one) => one.id),
          ['c', 'a'],
        );
        const rest = await store.page({ at: march + 5, id: 'a' }, 2);
        assert.deepEqual(
          rest.map((one) => one.id),
          ['b'],
        );
      });
    });

    test('holds a record once, however often it is shipped, and only moves the checkpoint on', async () => {
      await withStore(async ({ store }) => {
        const record = usageRecord('a');
        assert.equal(await store.append([record, record].map(shippedRecord), checkpointAt(1)), 1);
        assert.equal(await store.append([shippedRecord(record)], checkpointAt(2)), 0);
        const figures = await only(store);
        assert.equal(figures.attempts, 1n);
        assert.equal(figures.requests, 1n);
        assert.equal(figures.input, 1000n);
        assert.equal(figures.cost, 260_000n);
        assert.equal((await store.checkpoint())?.settles, 2);
      });
    });

    test('moves the checkpoint without records', async () => {
      await withStore(async ({ store }) => {
        assert.equal(await store.append([], checkpointAt(9)), 0);
        assert.deepEqual(await store.checkpoint(), checkpointAt(9));
      });
    });

    test('adds unknown units and costs to nothing, and says how many costs are known', async () => {
      await withStore(async ({ store }) => {
        await store.append(
          [
            usageRecord('a', {
              units: { input: null, cachedInput: null, output: null, reasoning: null },
              cost: unpriced,
            }),
            usageRecord('b'),
          ].map(shippedRecord),
          checkpointAt(1),
        );
        const figures = await only(store);
        assert.equal(figures.input, 1000n);
        assert.equal(figures.output, 50n);
        assert.equal(figures.attempts, 2n);
        assert.equal(figures.pricedAttempts, 1n);
        assert.equal(figures.cost, 260_000n);
        assert.equal(figures.unpricedRequests, 1n);
      });
    });

    test('adds costs up exactly beyond 2^53 and beyond 2^63', async () => {
      await withStore(async ({ store }) => {
        const cost = 9_223_372_036_854_775_807n;
        await store.append(
          [0, 1, 2].map((day) =>
            shippedRecord(
              usageRecord(`big-${day}`, { at: march + day * 86_400_000, cost: { lines: [], nanoUsd: cost } }),
            ),
          ),
          checkpointAt(1),
        );
        assert.equal((await only(store)).cost, 3n * cost);
        const [records] = (await rows(store, { source: 'records', by: 'consumer', period: everything })).values();
        assert.equal(records?.cost, 3n * cost);
      });
    });

    for (const order of [
      ['first', 'second', 'third'],
      ['third', 'second', 'first'],
      ['second', 'third', 'first'],
    ])
      for (const batched of [true, false])
        test(`counts a retried request once, arriving as ${order.join(', ')} in ${batched ? 'one batch' : 'three'}`, async () => {
          await withStore(async ({ store }) => {
            const attempts: Record<string, UsageRecord> = {
              first: usageRecord('first', { requestId: 'r', attempt: 1, servedBy: { deployment: 'one' } }),
              second: usageRecord('second', {
                requestId: 'r',
                attempt: 2,
                at: march + quarterHourMs,
                servedBy: { deployment: 'two' },
                cost: unpriced,
                measuredOutput: 'delivered',
              }),
              third: usageRecord('third', {
                requestId: 'r',
                attempt: 3,
                at: march + 2 * quarterHourMs,
                servedBy: { deployment: 'three' },
                cost: unpriced,
                measuredInput: 'estimated',
                measuredOutput: 'unknown',
              }),
            };
            const records = order.flatMap((one) => attempts[one] ?? []).map(shippedRecord);
            if (batched) await store.append(records, checkpointAt(3));
            else for (const [at, one] of records.entries()) await store.append([one], checkpointAt(at + 1));
            for (const source of ['records', 'roll-ups'] as const) {
              const found = await rows(store, { source, by: 'deployment', period: everything });
              const seen = [...found].map(([key, figures]) => [
                key,
                Number(figures.requests),
                Number(figures.attempts),
                Number(figures.unpricedRequests),
                Number(figures.deliveredOnlyRequests),
                Number(figures.unknownUsageRequests),
                Number(figures.estimatedRequests),
              ]);
              assert.deepEqual(
                seen,
                [
                  ['contoso-weu/one', 1, 1, 0, 0, 0, 0],
                  ['contoso-weu/three', 0, 1, 0, 0, 1, 1],
                  ['contoso-weu/two', 0, 1, 1, 1, 0, 0],
                ],
                source,
              );
            }
            assert.equal(await store.wrongRollUps(), 0);
          });
        });

    test('limits figures to a period, its end excluded', async () => {
      await withStore(async ({ store }) => {
        const times = [0, quarterHourMs - 1, quarterHourMs, 2 * quarterHourMs];
        await store.append(
          times.map((time) => shippedRecord(usageRecord(`at-${time}`, { at: march + time }))),
          checkpointAt(4),
        );
        const count = async (source: FiguresQuery['source'], from: number | null, to: number | null) =>
          (await store.figures({ source, by: 'consumer', period: { from, to } }))[0]?.figures.attempts ?? 0n;
        for (const source of ['records', 'roll-ups'] as const) {
          assert.equal(await count(source, null, march + quarterHourMs), 2n);
          assert.equal(await count(source, march + quarterHourMs, null), 2n);
          assert.equal(await count(source, march + quarterHourMs, march + 2 * quarterHourMs), 1n);
          assert.equal(await count(source, march - quarterHourMs, march), 0n);
        }
        assert.equal(await count('records', march + 1, march + quarterHourMs), 1n);
        assert.equal(await count('records', march + 1, march + quarterHourMs + 1), 2n);
      });
    });

    test('agrees with sums over the raw records, whatever arrives in whatever order and batches', async () => {
      await fc.assert(
        fc.asyncProperty(
          recordsArbitrary.chain((records) =>
            fc.tuple(
              fc.constant(records),
              fc.shuffledSubarray(records, { minLength: records.length }),
              fc.integer({ min: 1, max: 5 }),
            ),
          ),
          async ([records, arriving, batch]) => {
            const reference = new MemoryLedgerStore();
            await reference.append(records.map(shippedRecord), checkpointAt(1));
            await withStore(async ({ store }) => {
              for (let at = 0; at < arriving.length; at += batch)
                await store.append(arriving.slice(at, at + batch).map(shippedRecord), checkpointAt(at));
              // Shipped a second time, as after a crash.
              await store.append(arriving.slice(0, batch).map(shippedRecord), checkpointAt(0));
              for (const by of figureDimensions)
                for (const source of ['records', 'roll-ups'] as const)
                  for (const period of [everything, { from: march + 36_000_000, to: march + 90_000_000 }])
                    assert.deepEqual(
                      await rows(store, { source, by, period }),
                      await rows(reference, { source: 'records', by, period }),
                      `${source} by ${by}`,
                    );
              assert.equal(await store.wrongRollUps(), 0);
            });
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}
