import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Checkpoint, LedgerStore, PageQuery, RecordKey } from '../../src/accounting/ledger/ports.ts';
import {
  dayMs,
  seriesDimensions,
  type FigureFilter,
  type FiguresQuery,
  type FiguresRow,
} from '../../src/model/figures.ts';
import { adjusted, entriesOf, recordsArbitrary } from '../support/arbitrary-entries.ts';
import { MemoryLedgerStore } from '../support/memory-ledger-store.ts';
import { correction, march, posting, shippedRecord, usageRecord } from '../support/records.ts';

type WithStore = (run: (opened: { readonly store: LedgerStore }) => Promise<void>) => Promise<void>;

const start = { segment: 1, offset: 0 };
const checkpoint: Checkpoint = { instance: 'journal-1', shipped: start, lowWater: start, settles: 0 };
const everything = { from: null, to: null };

/** A record that does not know its cost. */
const begun = (id: string, at: number, operation: 'batches.create' | 'embeddings' = 'batches.create') =>
  usageRecord(id, { at: march + at, operation, cost: { nanoUsd: null, unpriced: ['usage unknown'] } });

/** Every page after the other, until one is not full. */
async function allPages<Item extends RecordKey>(
  read: (query: PageQuery) => Promise<readonly Item[]>,
  query: Omit<PageQuery, 'after'>,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  for (let after: RecordKey | null = null; ; after = all.at(-1) ?? null) {
    const page = await read({ ...query, after });
    all.push(...page);
    assert.ok(page.length <= query.limit);
    if (page.length < query.limit) return all;
  }
}

async function allRows(store: LedgerStore, query: FiguresQuery, limit: number): Promise<readonly FiguresRow[]> {
  const all: FiguresRow[] = [];
  for (;;) {
    const rows = await store.figures({ ...query, page: { after: all.at(-1) ?? null, limit } });
    all.push(...rows);
    assert.ok(rows.length <= limit);
    if (rows.length < limit) return all;
  }
}

const filterArbitrary: fc.Arbitrary<readonly FigureFilter[]> = fc.array(
  fc.constantFrom<FigureFilter>(
    { dimension: 'consumer', values: ['finance'] },
    { dimension: 'consumer', values: ['finance', 'marketing'] },
    { dimension: 'cost-centre', values: ['contoso'] },
    { dimension: 'cost-centre', values: ['contoso'], exact: true },
    { dimension: 'deployment', values: ['weu/mini', 'swc/large'] },
    { dimension: 'outcome', values: ['completed', 'gateway-lost'] },
    { dimension: 'end-user', values: ['f00d'] },
    { dimension: 'end-user', values: ['', 'cafe'] },
    { dimension: 'region', values: ['nowhere'] },
  ),
  { maxLength: 3 },
);

/** What every store of the ledger has to do where it is asked for a part of much. */
export function ledgerPagesContract(withStore: WithStore, runs: number): void {
  test('finds all attempts of a request, whenever they were admitted', async () => {
    await withStore(async ({ store }) => {
      const attempts = [2, 1, 3].map((attempt) =>
        usageRecord(`r-${attempt}`, { requestId: 'r', attempt, at: march + (attempt % 2) * 1000 }),
      );
      await store.append([...attempts, usageRecord('other')].map(shippedRecord), checkpoint);
      assert.deepEqual(
        (await store.attemptsOf('r')).map((one) => one.id),
        ['r-1', 'r-2', 'r-3'],
      );
      assert.deepEqual(await store.attemptsOf('missing'), []);
    });
  });

  test('knows the values that a dimension has had', async () => {
    await withStore(async ({ store }) => {
      assert.deepEqual(await store.values('consumer'), []);
      const records = ['web', 'Ärger', 'web', '😀', '\uFFFD'].map((consumer, at) =>
        usageRecord(`${at}`, { at: march + at, caller: { consumer, costCentrePath: `contoso/${consumer}` } }),
      );
      await store.append(records.map(shippedRecord), checkpoint);
      assert.deepEqual(await store.values('consumer'), ['web', 'Ärger', '\uFFFD', '😀']);
      assert.deepEqual(await store.values('deployment'), ['contoso-weu/gpt-5.4-mini']);
      assert.deepEqual((await store.values('cost-centre')).length, 4);
    });
  });

  test('finds what is of one operation, has no cost by itself, and was not ended by name', async () => {
    await withStore(async ({ store }) => {
      const ended = begun('ended', 4);
      const records = [
        begun('later', 3),
        begun('early', 1),
        begun('before', 0),
        begun('other', 3, 'embeddings'),
        usageRecord('known', { at: march + 3, operation: 'batches.create' }),
        ended,
      ];
      await store.append(records.map(shippedRecord), checkpoint);
      const ends = [correction(ended, { id: 'end/ended' }), correction(ended, { id: 'end/somebody' })];
      await store.append(ends.map(adjusted), checkpoint);
      const found = await store.unended({ operation: 'batches.create', from: march + 1, ends: 'end/' });
      assert.deepEqual(
        found.map(({ id }) => id),
        ['early', 'later'],
      );
      const [early] = await store.find([{ at: march + 1, id: 'early' }]);
      assert.deepEqual(found[0], early, 'whole records');
    });
  });

  test('tells a cost centre from what is below it where that is asked', async () => {
    await withStore(async ({ store }) => {
      const records = ['contoso', 'contoso/sales', 'contoso/sales/eu'].map((costCentrePath, at) =>
        usageRecord(`${at}`, { at: march + at, caller: { costCentrePath } }),
      );
      await store.append(records.map(shippedRecord), checkpoint);
      for (const [exact, ids] of [
        [true, ['1']],
        [false, ['1', '2']],
      ] as const) {
        const filter = [{ dimension: 'cost-centre' as const, values: ['contoso/sales'], exact }];
        const page = await store.page({ filter, period: everything, after: null, limit: 9 });
        assert.deepEqual(
          page.map((one) => one.id),
          ids,
        );
        const spans = [{ ...everything, source: 'days' as const, bucket: 0 }];
        const [row] = await store.figures({ by: [], filter, spans });
        assert.equal(row?.figures.attempts, BigInt(ids.length));
      }
    });
  });

  test('finds an adjustment by any of its postings, and those without any only where nothing is filtered', async () => {
    await withStore(async ({ store }) => {
      const [mine, yours] = ['marketing', 'finance'].map((consumer) => usageRecord(consumer, { caller: { consumer } }));
      assert.ok(mine !== undefined && yours !== undefined);
      const shared = correction(mine, { id: 'shared', postings: [posting(mine), posting(yours)] });
      const empty = correction(mine, { id: 'empty', kind: 'allocation', of: null, postings: [] });
      await store.append([mine, yours].map(shippedRecord), checkpoint);
      await store.append([shared, empty].map(adjusted), checkpoint);
      const found = async (filter: readonly FigureFilter[]): Promise<string[]> =>
        (await store.pageOfAdjustments({ filter, period: everything, after: null, limit: 9 })).map((one) => one.id);
      assert.deepEqual(await found([]), ['empty', 'shared']);
      assert.deepEqual(await found([{ dimension: 'consumer', values: ['finance'] }]), ['shared']);
      assert.deepEqual(await found([{ dimension: 'consumer', values: ['legal'] }]), []);
    });
  });

  test('rows of figures have an order, by bucket and then by keys as bytes', async () => {
    await withStore(async ({ store }) => {
      const consumers = ['😀', 'b', '\uFFFD', 'a', 'B', 'ä'];
      const records = consumers.flatMap((consumer, at) => [
        usageRecord(`${at}`, { at: march + at, caller: { consumer } }),
        usageRecord(`late-${at}`, { at: march + dayMs, caller: { consumer } }),
      ]);
      await store.append(records.map(shippedRecord), checkpoint);
      const spans = [0, 1].map((bucket) => ({
        source: 'days' as const,
        bucket,
        from: march + bucket * dayMs,
        to: march + (bucket + 1) * dayMs,
      }));
      const rows = await allRows(store, { by: ['consumer', 'region'], filter: [], spans }, 5);
      assert.deepEqual(
        rows.map((row) => `${row.bucket} ${row.keys.join(' ')}`),
        [0, 1].flatMap((bucket) =>
          ['B', 'a', 'b', 'ä', '\uFFFD', '😀'].map((consumer) => `${bucket} ${consumer} westeurope`),
        ),
      );
      const [total, ...others] = await store.figures({
        by: [],
        filter: [],
        spans,
        page: { after: { bucket: 0, keys: [] }, limit: 9 },
      });
      assert.deepEqual([total?.bucket, total?.keys, total?.figures.attempts, others], [1, [], 6n, []]);
    });
  });

  test('pages of records, adjustments and rows are those of the raw records, whatever is filtered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          records: recordsArbitrary,
          filter: filterArbitrary,
          limit: fc.integer({ min: 1, max: 7 }),
          minutes: fc.option(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 3000 }))),
          by: fc.subarray([...seriesDimensions], { maxLength: 3 }),
        }),
        async ({ records, filter, limit, minutes, by }) => {
          const [first, last] = minutes?.toSorted((one, other) => one - other) ?? [];
          const period = {
            from: first === undefined ? null : march + first * 60_000,
            to: last === undefined ? null : march + last * 60_000,
          };
          const reference = new MemoryLedgerStore();
          await reference.append(entriesOf(records), checkpoint);
          await withStore(async ({ store }) => {
            await store.append(entriesOf(records), checkpoint);
            const query = { filter, period, limit };
            assert.deepEqual(
              await allPages((one) => store.page(one), query),
              await reference.page({ ...query, after: null, limit: 99 }),
            );
            assert.deepEqual(
              await allPages((one) => store.pageOfAdjustments(one), query),
              await reference.pageOfAdjustments({ ...query, after: null, limit: 99 }),
            );
            const spans = [{ ...period, source: 'records' as const, bucket: 0 }];
            assert.deepEqual(
              await allRows(store, { by, filter, spans }, limit),
              await reference.figures({ by, filter, spans, page: { after: null, limit: 99 } }),
            );
          });
        },
      ),
      { numRuns: runs },
    );
  });
}
