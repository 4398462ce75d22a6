import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { RerateRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { Adjustment, LedgerStore } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { unknownUnits, type UsageRecord } from '#model/usage-record.ts';
import type { ListedPriceBook } from '#accounting/cost/price-book.ts';
import { adjusted } from '../../../test/support/arbitrary-entries.ts';
import { bookOf, pricesOf, settledWith } from '../../../test/support/price-books.ts';
import { ship } from '../../../test/support/ptu-deployments.ts';
import { march, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { rerateRecords, type RerateStep } from './rerate-records.ts';
import { writeOffOf } from './write-off.ts';

const listed = { input: 750_000_000n, cachedInput: 75_000_000n, output: 4_500_000_000n };

/** Books that differ in every way: prices, layers, meters, tiers, dates, margins. */
const books = {
  list: bookOf(pricesOf(listed)),
  contract: bookOf([...pricesOf(listed), ...pricesOf({ input: 700_000_001n, output: 4_000_000_000n }, 'contracted')]),
  'no output': bookOf(pricesOf({ input: 750_000_000n, cachedInput: 75_000_000n })),
  nothing: bookOf([]),
  reasoning: bookOf(pricesOf({ ...listed, reasoning: 9_000_000_000n })),
  later: bookOf([
    ...pricesOf(listed),
    ...pricesOf({ output: 1_000_000_000n }, 'list', { effectiveFrom: '2026-03-02' }),
  ]),
  margin: bookOf(pricesOf(listed), [
    { id: 'internal/10%', effectiveFrom: 0, product: null, model: null, margin: 100_000n },
  ]),
  provisioned: bookOf([...pricesOf(listed), ...pricesOf({ output: 5n }, 'list', { type: 'Standard' })]),
} as const;
type BookName = keyof typeof books;
const bookNames = Object.keys(books) as BookName[];

const emptyStore = async (): Promise<LedgerStore> =>
  await createSqliteLedgerStore(openSqlite({ path: ':memory:', durability: 'process' }));

async function storeOf(records: readonly UsageRecord[], book: ListedPriceBook): Promise<LedgerStore> {
  const store = await emptyStore();
  await ship(
    store,
    records.map((one) => shippedRecord(settledWith(book, one))),
  );
  return store;
}

let now = march + 1_000_000;

async function step(
  store: LedgerStore,
  book: ListedPriceBook,
  request: Partial<RerateRequest> = {},
): Promise<RerateStep> {
  return await rerateRecords(
    store,
    { from: '2026-01-01T00:00:00Z', filter: [], reason: 'a test', dryRun: false, ...request },
    // The clock stands still: corrections of one record have an order all the same.
    { book, said: { bookedBy: 'admin-token', reason: 'a test' }, now },
  );
}

async function bookAll(store: LedgerStore, adjustments: readonly Adjustment[]): Promise<void> {
  await ship(store, adjustments.map(adjusted));
}

async function rerate(
  store: LedgerStore,
  prices: ListedPriceBook,
  request: Partial<RerateRequest> = {},
): Promise<RerateStep> {
  const made = await step(store, prices, request);
  await bookAll(store, made.adjustments);
  return made;
}

/** Everything that a report could say, from roll-ups and lines. */
async function saysOf(store: LedgerStore): Promise<unknown> {
  const spans = [{ source: 'days' as const, from: null, to: null, bucket: 0 }];
  const figures = [];
  for (const by of [['consumer'], ['deployment-type', 'outcome'], ['operation']] as const)
    figures.push((await store.figures({ by, filter: [], spans })).map((row) => [row.keys, row.figures] as const));
  const lines = await store.lines({ filter: [], spans });
  const sums = new Map<string, { units: bigint; nanoUsd: bigint }>();
  for (const { series, layer, meter, priceId, standing, units, nanoUsd } of lines) {
    if (units === 0n && nanoUsd === 0n) continue;
    const key = JSON.stringify([series.caller.consumer, layer, meter, priceId, standing]);
    const sum = sums.get(key) ?? { units: 0n, nanoUsd: 0n };
    sums.set(key, { units: sum.units + units, nanoUsd: sum.nanoUsd + nanoUsd });
  }
  return { figures, lines: [...sums].toSorted(([one], [other]) => (one < other ? -1 : 1)) };
}

const tokens = fc.integer({ min: 0, max: 300_000 });
const recordsArbitrary = fc
  .array(
    fc.record({
      request: fc.integer({ min: 0, max: 4 }),
      hours: fc.integer({ min: 0, max: 60 }),
      consumer: fc.constantFrom('finance', 'marketing'),
      type: fc.constantFrom('GlobalStandard', 'ProvisionedManaged'),
      spilled: fc.boolean(),
      unknown: fc.integer({ min: 0, max: 5 }),
      delivered: fc.boolean(),
      reserved: fc.option(fc.bigInt({ min: 0n, max: 10_000_000n })),
      fresh: tokens,
      cached: tokens,
      output: tokens,
      reasoning: tokens,
      searches: fc.integer({ min: 0, max: 1 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((all) =>
    all.map((one, at): UsageRecord => {
      const isUnknown = one.unknown === 0;
      const provisioned = one.type === 'ProvisionedManaged';
      return usageRecord(`record-${at}`, {
        requestId: `request-${one.request}`,
        attempt: at + 1,
        at: march + one.hours * 3_600_000,
        caller: { consumer: one.consumer },
        servedBy: { deploymentType: one.type },
        spilledFrom: provisioned && one.spilled ? 'ptu' : null,
        reservedNano: one.reserved,
        measuredInput: one.delivered ? 'delivered' : 'reported',
        measuredOutput: isUnknown ? 'unknown' : 'reported',
        units: isUnknown
          ? unknownUnits
          : {
              input: one.fresh + one.cached,
              cachedInput: one.cached,
              output: one.output + one.reasoning,
              reasoning: one.reasoning,
              toolCalls: one.searches === 0 ? {} : { web_search: one.searches },
            },
      });
    }),
  );

const bookArbitrary = fc.constantFrom(...bookNames);

const held = async (store: LedgerStore): Promise<bigint | undefined> => {
  const [row] = await store.figures({
    by: [],
    filter: [],
    spans: [{ source: 'days', from: null, to: null, bucket: 0 }],
  });
  return row?.figures.held;
};

describe('re-rating', () => {
  test('leaves a ledger as if every attempt had been settled with the new prices', async () => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, bookArbitrary, bookArbitrary, async (records, from, to) => {
        const store = await storeOf(records, books[from]);
        await rerate(store, books[to]);
        const [said, expected] = [await saysOf(store), await saysOf(await storeOf(records, books[to]))];
        // A price that merely goes by another id is no correction, so the ids are left out where amounts are the same.
        assert.deepEqual((said as { figures: unknown }).figures, (expected as { figures: unknown }).figures);
        assert.equal(await store.wrongRollUps(), 0);
      }),
      { numRuns: 60 },
    );
  });

  test('there and back again leaves every total as it was, and once more changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, bookArbitrary, bookArbitrary, async (records, from, to) => {
        const store = await storeOf(records, books[from]);
        const before = await saysOf(store);
        await rerate(store, books[to]);
        assert.deepEqual((await rerate(store, books[to])).adjustments, []);
        await rerate(store, books[from]);
        assert.deepEqual(await saysOf(store), before);
        assert.deepEqual((await rerate(store, books[from])).adjustments, []);
        assert.equal(await store.wrongRollUps(), 0);
      }),
      { numRuns: 60 },
    );
  });

  test('gives back what an attempt held because its price was not known, but not what was written off', async () => {
    const reserved = usageRecord('a', { reservedNano: 10_000_000n });
    const store = await storeOf([reserved], books.nothing);
    assert.equal(await held(store), 10_000_000n);
    await rerate(store, books.list);
    assert.equal(await held(store), 0n);
    const lowerBound = usageRecord('b', { reservedNano: 10_000_000n, measuredOutput: 'delivered' });
    const writtenOff = await storeOf([lowerBound], books.list);
    const [record = null] = await writtenOff.find([{ at: lowerBound.at, id: 'b' }]);
    const standing = { record: record ?? assert.fail(), held: (await held(writtenOff)) ?? 0n };
    await bookAll(writtenOff, [writeOffOf(standing, { bookedBy: 'admin-token', reason: 'a test' }, now)]);
    await rerate(writtenOff, books.contract);
    assert.equal(await held(writtenOff), 0n);
  });

  test('that is broken off anywhere and taken up again comes to what an unbroken one does', async () => {
    await fc.assert(
      fc.asyncProperty(
        recordsArbitrary,
        bookArbitrary,
        bookArbitrary,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (...[records, from, to, kept]) => {
          const [broken, whole] = [await storeOf(records, books[from]), await storeOf(records, books[from])];
          const { adjustments } = await step(broken, books[to]);
          await bookAll(
            broken,
            adjustments.filter((_one, at) => kept[at] === true),
          );
          await rerate(broken, books[to]);
          await rerate(whole, books[to]);
          assert.deepEqual(await saysOf(broken), await saysOf(whole));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('by two at once, each by other prices, counts once: the second correction of a state has the name of the first', async () => {
    const store = await storeOf([usageRecord('a')], books.list);
    const [one, other] = [await step(store, books.contract), await step(store, books.nothing)];
    assert.equal(one.adjustments[0]?.id, other.adjustments[0]?.id);
    await bookAll(store, [...one.adjustments, ...other.adjustments]);
    assert.deepEqual(
      ((await saysOf(store)) as { figures: unknown }).figures,
      ((await saysOf(await storeOf([usageRecord('a')], books.contract))) as { figures: unknown }).figures,
    );
  });
});

describe('what a re-rating says', () => {
  const priced = usageRecord('priced', {
    units: { input: 1_000_000, cachedInput: 0, output: 1_000_000, reasoning: 0 },
  });
  const withTool = usageRecord('tool', {
    at: march + 1,
    units: { input: 1_000_000, cachedInput: 0, output: 0, reasoning: 0, toolCalls: { web_search: 2 } },
  });
  const unknown = usageRecord('unknown', { at: march + 2, measuredOutput: 'unknown', units: unknownUnits });

  test('is how many attempts it looked at, and what changed, price by price', async () => {
    const store = await storeOf([priced, withTool, unknown], books.list);
    const prices = bookOf([
      ...pricesOf({ ...listed, output: 4_600_000_000n }),
      ...pricesOf({}, 'list', { nanoUsdPerCall: { web_search: 14_000_000n } }),
    ]);
    const { reply } = await step(store, prices, { dryRun: true });
    assert.deepEqual(reply, {
      dryRun: true,
      priceBook: prices.id,
      looked: 3,
      changed: 2,
      newlyPriced: 1,
      newlyUnpriced: 0,
      unknown: 1,
      delta: { cost: '878000000', listCost: '878000000', internalCost: '0' },
      rows: [
        {
          model: 'gpt-5.4-mini',
          deploymentType: 'GlobalStandard',
          layer: 'list',
          meter: 'output',
          priceBefore: 'list/gpt-5.4-mini/GlobalStandard/output/2026-01-01',
          priceAfter: 'list/gpt-5.4-mini/GlobalStandard/output/2026-01-01',
          records: 1,
          unitsBefore: 1_000_000,
          unitsAfter: 1_000_000,
          nanoUsdBefore: '4500000000',
          nanoUsdAfter: '4600000000',
        },
        {
          model: 'gpt-5.4-mini',
          deploymentType: 'GlobalStandard',
          layer: 'list',
          meter: 'toolCall:web_search',
          priceBefore: null,
          priceAfter: 'list/gpt-5.4-mini/GlobalStandard/toolCall:web_search/2026-01-01',
          records: 1,
          unitsBefore: 2,
          unitsAfter: 2,
          nanoUsdBefore: '0',
          nanoUsdAfter: '28000000',
        },
      ],
      reached: '2026-03-01T00:00:00.002Z',
      next: null,
    });
  });

  test('as a dry run is what it then books, with who, why and by which prices', async () => {
    const store = await storeOf([priced, withTool, unknown], books.list);
    const dry = await step(store, books.nothing, { dryRun: true });
    assert.deepEqual(dry.adjustments, []);
    now += 1;
    const done = await rerate(store, books.nothing);
    assert.deepEqual({ ...done.reply, dryRun: true }, dry.reply);
    assert.equal(done.reply.newlyUnpriced, 1);
    const [first] = done.adjustments;
    assert.deepEqual(
      [first?.id, first?.at, first?.of, first?.bookedAt, first?.qualifies],
      ['correction/priced/0', march, { at: march, id: 'priced' }, now, 3],
    );
    assert.deepEqual(JSON.parse(first?.detail ?? ''), {
      bookedBy: 'admin-token',
      reason: 'a test',
      requestId: 'request-of-priced',
      priceBook: books.nothing.id,
      before: { cost: '5250000000', listCost: '5250000000', internalCost: null },
      after: { cost: null, listCost: null, internalCost: null },
    });
  });

  test('is about the period and the filter that were asked for', async () => {
    const store = await storeOf(
      [priced, usageRecord('other', { at: march + 5, caller: { consumer: 'finance' } })],
      books.list,
    );
    const looked = async (request: Partial<RerateRequest>): Promise<number> =>
      (await step(store, books.nothing, request)).reply.looked;
    assert.equal(await looked({}), 2);
    assert.equal(await looked({ filter: ['consumer=finance'] }), 1);
    assert.equal(await looked({ filter: ['consumer=finance', 'consumer=marketing', 'model=gpt-5.4-mini'] }), 2);
    assert.equal(await looked({ filter: ['consumer=finance', 'region=nowhere'] }), 0);
    assert.equal(await looked({ from: '2026-03-01T00:00:00.001Z' }), 1);
    assert.equal(await looked({ to: '2026-03-01T00:00:00.001Z' }), 1);
  });

  test('is a refusal of what cannot be meant', async () => {
    const store = await storeOf([priced], books.list);
    for (const request of [
      { filter: ['consumer'] },
      { filter: ['outcome=complete'] },
      { filter: ['colour=red', 'x==y'] },
      { to: '2025-01-01T00:00:00Z' },
      { after: 'nonsense' },
    ])
      await assert.rejects(step(store, books.list, request), { code: 'admin_invalid' });
  });

  test('goes on where a page ended, by the same prices or not at all', async () => {
    const many = Array.from({ length: 1001 }, (_one, at) => usageRecord(`r-${String(at).padStart(4, '0')}`));
    const store = await storeOf(many, books.list);
    const first = await rerate(store, books.contract);
    assert.deepEqual([first.reply.looked, first.reply.changed], [1000, 1000]);
    const after = first.reply.next ?? assert.fail();
    await assert.rejects(step(store, books.nothing, { after }), { code: 'admin_conflict' });
    const second = await rerate(store, books.contract, { after });
    assert.deepEqual([second.reply.looked, second.reply.changed, second.reply.next], [1, 1, null]);
  });
});
