import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import type { Checkpoint, LedgerStore, ShippedEntry } from '#accounting/ledger/ports.ts';
import { figureDimensions, seriesDimensions, type FigureDimension, type FigureSpan } from '#model/figures.ts';
import { entriesOf, recordsArbitrary } from '../../../test/support/arbitrary-entries.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { addressOf, openPostgresLedger } from '../../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../../test/support/postgres-server.ts';
import { march, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { PostgresError } from './postgres-error.ts';

const checkpointOf = (journal: number, settles = 1): Checkpoint => ({
  instance: `journal-${journal}`,
  shipped: { segment: 1, offset: settles },
  lowWater: { segment: 1, offset: 0 },
  settles,
});

async function openGateways(context: TestContext, count: number): Promise<readonly LedgerStore[]> {
  const { url } = await (await postgresServer()).createDatabase();
  const opened: Awaited<ReturnType<typeof openPostgresLedger>>[] = [];
  for (let at = 0; at < count; at += 1) opened.push(await openPostgresLedger(addressOf(url)));
  context.after(() => Promise.all(opened.map((one) => one.close())));
  return opened.map((one) => one.store);
}

async function sums(store: LedgerStore, source: FigureSpan['source'], by: FigureDimension): Promise<unknown> {
  const found = await store.figures({ by: [by], filter: [], spans: [{ from: null, to: null, source, bucket: 0 }] });
  return new Map(
    found
      .map((row) => [row.keys[0], row.figures] as const)
      .toSorted(([one], [other]) => ((one ?? '') < (other ?? '') ? -1 : 1)),
  );
}

/** Deals entries out, each to one gateway, in batches. */
async function shipAtOnce(
  stores: readonly LedgerStore[],
  entries: readonly ShippedEntry[],
  batch: number,
): Promise<void> {
  await Promise.all(
    stores.map(async (store, gateway) => {
      const own = entries.filter((_entry, index) => index % stores.length === gateway);
      for (let at = 0; at < own.length; at += batch)
        await store.append(own.slice(at, at + batch), checkpointOf(gateway, at + 1));
    }),
  );
}

describe('several gateways on one PostgreSQL', orSkip, () => {
  test('count right what they write at once, the same requests, corrections and roll-ups among it', async (context) => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, fc.integer({ min: 1, max: 4 }), async (records, batch) => {
        const entries = entriesOf(records);
        const reference = new MemoryLedgerStore();
        await reference.append(entries, checkpointOf(0));
        const stores = await openGateways(context, 3);
        await shipAtOnce(stores, entries, batch);
        const [store] = stores;
        assert.ok(store !== undefined);
        for (const by of figureDimensions)
          assert.deepEqual(await sums(store, 'records', by), await sums(reference, 'records', by), by);
        for (const by of seriesDimensions)
          assert.deepEqual(await sums(store, 'quarters', by), await sums(reference, 'records', by), by);
        assert.equal(await store.wrongRollUps(), 0);
      }),
      { numRuns: 5 },
    );
  });

  test('count a request once whose attempts they write at the same moment', async (context) => {
    const stores = await openGateways(context, 4);
    const requests = Array.from({ length: 10 }, (_one, request) => request);
    const unpriced = { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] };
    for (let round = 0; round < 5; round += 1)
      await Promise.all(
        stores.map((store, gateway) =>
          store.append(
            requests.map((request) =>
              shippedRecord(
                usageRecord(`${round}-${request}-${gateway}`, {
                  requestId: `${round}-${request}`,
                  attempt: gateway + 1,
                  at: march + gateway,
                  cost: unpriced,
                }),
              ),
            ),
            checkpointOf(gateway, round + 1),
          ),
        ),
      );
    const [store] = stores;
    const [row] =
      (await store?.figures({ by: [], filter: [], spans: [{ from: null, to: null, source: 'days', bucket: 0 }] })) ??
      [];
    assert.deepEqual([row?.figures.attempts, row?.figures.requests, row?.figures.unpricedRequests], [200n, 50n, 50n]);
    assert.equal(await store?.wrongRollUps(), 0);
  });

  test('neither wait for each other in a circle nor lose anything where all write to the same roll-ups', async (context) => {
    const stores = await openGateways(context, 4);
    const each = 25;
    await Promise.all(
      stores.map(async (store, gateway) => {
        for (let at = 0; at < each; at += 1) {
          const records = [0, 1, 2, 3, 4, 5].map((series) =>
            usageRecord(`${gateway}-${at}-${series}`, {
              at: march + ((at * 7 + series * 3) % 5) * 900_000,
              // Each gateway names them in another order.
              requestedModel: `model-${(series * (gateway + 1)) % 6}`,
            }),
          );
          await store.append(records.map(shippedRecord), checkpointOf(gateway, at + 1));
        }
      }),
    );
    const [store] = stores;
    const [row] =
      (await store?.figures({ by: [], filter: [], spans: [{ from: null, to: null, source: 'days', bucket: 0 }] })) ??
      [];
    assert.equal(row?.figures.attempts, BigInt(stores.length * each * 6));
    assert.equal(await store?.wrongRollUps(), 0);
    for (const [gateway] of stores.entries())
      assert.equal((await store?.checkpoint(`journal-${gateway}`))?.settles, each);
  });

  test('two that ship the same journal, as a worker and its successor may, store everything once', async (context) => {
    const stores = await openGateways(context, 2);
    const records = Array.from({ length: 60 }, (_one, at) => shippedRecord(usageRecord(`r-${at}`, { at: march + at })));
    const added = await Promise.all(
      stores.map(async (store) => {
        let sum = 0;
        for (let at = 0; at < records.length; at += 7)
          sum += await store.append(records.slice(at, at + 7), checkpointOf(0, at));
        return sum;
      }),
    );
    assert.equal((added[0] ?? 0) + (added[1] ?? 0), records.length);
    assert.equal(await stores[0]?.wrongRollUps(), 0);
  });
});

describe('the ledger in PostgreSQL', orSkip, () => {
  test('a batch that cannot be stored whole leaves nothing behind, and the next one counts right', async (context) => {
    const [store] = await openGateways(context, 1);
    assert.ok(store !== undefined);
    const [first, second] = [shippedRecord(usageRecord('a')), shippedRecord(usageRecord('b', { at: march + 1 }))];
    const refused = { ...second, record: { ...second.record, costNano: 2n ** 63n } };
    await assert.rejects(store.append([first, refused], checkpointOf(0)), PostgresError);
    assert.equal(await store.extent(), null);
    assert.equal(await store.checkpoint('journal-0'), null);
    assert.equal(await store.append([first, second], checkpointOf(0)), 2);
    assert.equal(await store.wrongRollUps(), 0);
  });

  test('a batch whose commit was made and whose answer was lost is stored once', async (context) => {
    const server = await postgresServer();
    const made = await server.createDatabase();
    const proxy = await startTcpProxy(server);
    const opened = await openPostgresLedger(addressOf(made.urlAt(proxy.port)));
    context.after(async () => {
      await opened.close();
      await proxy.close();
    });
    const { store } = opened;
    const before = shippedRecord(usageRecord('before'));
    await store.append([before], checkpointOf(0));
    // Of the same series, which is known by now: the next commit is that of the batch.
    const batch = ['a', 'b', 'c'].map((id) => ({ ...before, record: { ...before.record, id, requestId: id } }));
    const lost = proxy.loseReply({ request: 'commit', reply: 'COMMIT' });
    await assert.rejects(store.append(batch, checkpointOf(0, 2)), PostgresError);
    await lost;
    assert.equal((await store.checkpoint('journal-0'))?.settles, 2);
    assert.equal(await store.append(batch, checkpointOf(0, 2)), 0);
    const [row] = await store.figures({
      by: [],
      filter: [],
      spans: [{ from: null, to: null, source: 'quarters', bucket: 0 }],
    });
    assert.equal(row?.figures.attempts, 4n);
    assert.equal(await store.wrongRollUps(), 0);
  });

  test('sums of money beyond 64 bits are exact within one roll-up too', async (context) => {
    const [store] = await openGateways(context, 1);
    const nanoUsd = 2n ** 63n - 1n;
    await store?.append(
      ['a', 'b', 'c'].map((id) => shippedRecord(usageRecord(id, { cost: { lines: [], nanoUsd } }))),
      checkpointOf(0),
    );
    for (const source of ['records', 'quarters', 'days'] as const) {
      const found = await store?.figures({ by: [], filter: [], spans: [{ from: null, to: null, source, bucket: 0 }] });
      assert.equal(found?.[0]?.figures.cost, 3n * nanoUsd, source);
    }
  });

  test('roll-ups that somebody tampered with are told', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const opened = await openPostgresLedger(addressOf(url));
    const { store, database } = opened;
    context.after(() => opened.close());
    await store.append([shippedRecord(usageRecord('a'))], checkpointOf(0));
    for (const tampering of [
      sql`update usage_quarter set cost = cost + 1`,
      sql`update usage_day set input = input + 1`,
      sql`delete from usage_line where meter = 'output'`,
    ]) {
      const before = await store.wrongRollUps();
      await tampering.execute(database.kysely);
      assert.equal(await store.wrongRollUps(), before + 1);
    }
  });
});
