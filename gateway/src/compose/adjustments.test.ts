import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openLedger, type OpenLedger } from '#compose/ledger/ledger.ts';
import type { StoreChoice } from '#compose/ledger/stores.ts';
import { allocationId } from '#accounting/adjustments/ptu-hours.ts';
import { PtuAllocator } from '#accounting/adjustments/ptu-allocator.ts';
import { hourMs } from '#accounting/adjustments/ptu-basis.ts';
import type { ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import { ulidSource } from '#kernel/ids.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { unknownUnits, type UsageRecord } from '#model/usage-record.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { addressOf, openPostgresLedger } from '../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../test/support/postgres-server.ts';
import { ptuCall, ptuDeployment, type Call } from '../../test/support/ptu-deployments.ts';
import { bookOf, pricesOf, settledWith } from '../../test/support/price-books.ts';
import { march, openedAttempt, usageRecord } from '../../test/support/records.ts';
import { plainSettings } from '../../test/support/report-sources.ts';

const hours = 30;
const deployments = [ptuDeployment()];

interface Gateway {
  readonly ledger: OpenLedger;
  readonly allocator: PtuAllocator;
  record(id: string, call: Call): Promise<void>;
}

async function startGateway(context: TestContext, clock: ManualClock, store: StoreChoice): Promise<Gateway> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tollgate-two-'));
  const ledger = await openLedger({
    dataFolder,
    store,
    durability: 'process',
    segmentBytes: 1024 * 1024,
    clock,
    log: silentLog,
    metrics: new Metrics(),
  });
  context.after(async () => {
    await ledger.close();
    await rm(dataFolder, { recursive: true });
  });
  const allocator = new PtuAllocator({
    clock,
    log: silentLog,
    deployments: () => deployments,
    callers: () => ({ organisation: 'contoso', known: [] }),
    rates: () => [],
    step: async (request) => await ledger.adjustments.allocate(request),
    book: async (adjustments) => await ledger.book(adjustments),
    openSince: () => ledger.openSince(),
  });
  return {
    ledger,
    allocator,
    async record(id, call) {
      const record = ptuCall(id, call);
      await ledger.ledger.open(openedAttempt(record));
      await ledger.ledger.settle(record);
    },
  };
}

const shipped = async ({ ledger }: Gateway): Promise<void> =>
  void (await ledger.reports.query({ by: 'outcome', waitMs: 30_000 }, plainSettings));

/** Costs by consumer in USD, and how many hours are booked, with their corrections. */
async function booked(store: LedgerStore): Promise<readonly [string, number]> {
  const rows = await store.figures({
    by: ['consumer'],
    filter: [],
    spans: [{ source: 'days', from: null, to: null, bucket: 0 }],
  });
  const costs = rows
    .map(({ keys, figures }) => `${keys[0] ?? ''} ${Number(figures.cost) / 1e9}`)
    .toSorted((one, other) => (one < other ? -1 : 1));
  const all = await store.pageOfAdjustments({
    filter: [],
    period: { from: null, to: null },
    after: null,
    limit: 1000,
  });
  return [costs.join(', '), all.length];
}

describe('two gateways on one PostgreSQL', orSkip, () => {
  test('book each hour of a provisioned deployment once, whoever comes first, and correct what the other ships late', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const address = addressOf(url);
    const choice: StoreChoice = { kind: 'postgres', address, connections: 3, statementTimeoutMs: 30_000 };
    const clock = new ManualClock(march + hours * hourMs);
    const [one, other] = [await startGateway(context, clock, choice), await startGateway(context, clock, choice)];
    const watching = await openPostgresLedger(address);
    context.after(async () => await watching.close());
    const { store } = watching;
    await one.record('one', { hour: 1.5, consumer: 'finance', input: 300 });
    await other.record('other', { hour: 1.6, consumer: 'marketing', input: 100 });
    await Promise.all([shipped(one), shipped(other)]);

    clock.advance(5 * 60_000);
    await Promise.all([one.allocator.look(), other.allocator.look()]);
    await Promise.all([shipped(one), shipped(other)]);
    assert.deepEqual(await booked(store), [' 1450, finance 37.5, marketing 12.5', hours]);

    // Whoever held the lease is gone; the other one finds everything done.
    for (const { instance } of await journals(watching)) await store.lease('allocations', instance, 0);
    await Promise.all([one.allocator.look(), other.allocator.look()]);
    assert.deepEqual(await booked(store), [' 1450, finance 37.5, marketing 12.5', hours]);

    for (const { instance } of await journals(watching)) await store.lease('allocations', instance, 0);
    await one.record('late', { hour: 1.7, consumer: 'legal', input: 400 });
    await shipped(one);
    clock.advance(hourMs);
    await other.allocator.look();
    await shipped(other);
    assert.deepEqual(await booked(store), [' 1500, finance 18.75, legal 25, marketing 6.25', hours + 2]);
    const [correction] = await store.findAdjustments([allocationId('ptu-weu', march + hourMs, 1)]);
    assert.equal(correction?.kind, 'allocation');
    assert.equal(await store.wrongRollUps(), 0);
  });

  test('correct one at a time: re-rating there and back again, and a write-off', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const address = addressOf(url);
    const choice: StoreChoice = { kind: 'postgres', address, connections: 3, statementTimeoutMs: 30_000 };
    const clock = new ManualClock(march + hours * hourMs);
    const [one, other] = [await startGateway(context, clock, choice), await startGateway(context, clock, choice)];
    const watching = await openPostgresLedger(address);
    context.after(async () => await watching.close());
    const { store } = watching;
    const books = [5n, 7n].map((output) =>
      bookOf(pricesOf({ input: 1n, cachedInput: 1n, output: output * 1_000_000n })),
    );
    const [cheap, dear] = books;
    assert.ok(cheap !== undefined && dear !== undefined);
    const lost = ulidSource()(march);
    await settle(one, settledWith(cheap, usageRecord('priced')));
    await settle(one, usageRecord(lost, { ...unknownUsage, reservedNano: 70n }));
    await shipped(one);
    const sums = async () => {
      const spans = [{ source: 'days' as const, from: null, to: null, bucket: 0 }];
      const [row] = await store.figures({ by: [], filter: [], spans });
      return [row?.figures.cost, row?.figures.held, row?.figures.pricedAttempts];
    };
    const before = await sums();

    const rerate = async ({ ledger }: Gateway, book: ListedPriceBook) => {
      await ledger.adjustments.learnPrices({
        id: book.id,
        entries: book.entries,
        rates: book.rates,
        zones: book.zones,
      });
      const request = { from: '2026-01-01T00:00:00Z', filter: [], reason: 'a test', dryRun: false };
      const booking = { bookedBy: 'admin-token', now: clock.now(), priceBook: book.id };
      const step = await ledger.adjustments.rerate(request, booking);
      assert.ok(step !== null);
      await ledger.book(step.adjustments);
      await shipped(one);
      return step.reply.changed;
    };
    assert.equal(await rerate(one, dear), 1);
    assert.deepEqual(await sums(), [(before[0] ?? 0n) + 50n * 2n, 70n, 1n]);
    await assert.rejects(rerate(other, cheap), { code: 'admin_unready' });
    assert.equal(await rerate(one, dear), 0);
    assert.equal(await rerate(one, cheap), 1);
    assert.deepEqual(await sums(), before);

    const { attempts } = await one.ledger.adjustments.held({ limit: 10 });
    assert.deepEqual(
      attempts.map((held) => held.id),
      [lost],
    );
    const request = { attempts: [lost], reason: 'a test', dryRun: false };
    const { adjustments } = await one.ledger.adjustments.writeOff(request, { bookedBy: 'x', now: clock.now() });
    await one.ledger.book(adjustments);
    await shipped(one);
    assert.deepEqual(await sums(), [before[0], 0n, 1n]);
    assert.equal(await store.wrongRollUps(), 0);
    assert.deepEqual((await one.ledger.verify()).problems, []);
  });
});

const unknownUsage = {
  measuredInput: 'unknown',
  measuredOutput: 'unknown',
  units: unknownUnits,
  cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['usage unknown'] },
} as const;

async function settle({ ledger }: Gateway, record: UsageRecord): Promise<void> {
  await ledger.ledger.open(openedAttempt(record));
  await ledger.ledger.settle(record);
}

async function journals({ database }: Awaited<ReturnType<typeof openPostgresLedger>>) {
  return await database.kysely
    .$extendTables<{ ledger_journal: { instance: string } }>()
    .selectFrom('ledger_journal')
    .select('instance')
    .execute();
}
