import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WriteOffRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { unknownUnits } from '#model/usage-record.ts';
import { adjusted } from '../../../test/support/arbitrary-entries.ts';
import { ship } from '../../../test/support/ptu-deployments.ts';
import { correction, march, posting, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { heldAttempts, writeOffs } from './held-attempts.ts';

const ids = ulidSource();
const dayMs = 86_400_000;

function lost(afterMs: number, changes: Partial<UsageRecord> = {}): UsageRecord {
  return usageRecord(ids(march + afterMs), {
    at: march + afterMs,
    outcome: 'gateway-lost',
    units: unknownUnits,
    measuredInput: 'unknown',
    measuredOutput: 'unknown',
    reservedNano: 70n,
    cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['usage unknown'] },
    ...(changes as object),
  });
}

const booking = { bookedBy: 'admin-token', now: march + 100 * dayMs };
const asked = (request: Partial<WriteOffRequest>): WriteOffRequest => ({
  reason: 'a test',
  dryRun: false,
  ...request,
});

async function writeOff(store: LedgerStore, request: Partial<WriteOffRequest>) {
  const made = await writeOffs(store, asked(request), booking);
  await ship(
    store,
    made.adjustments.map((adjustment) => ({ kind: 'adjustment' as const, adjustment })),
  );
  return made;
}

const held = async (store: LedgerStore): Promise<readonly string[]> =>
  (await heldAttempts(store, { limit: 1000 })).attempts.map((one) => one.id);

const total = async (store: LedgerStore): Promise<bigint | undefined> =>
  (await store.figures({ by: [], filter: [], spans: [{ source: 'days', from: null, to: null, bucket: 0 }] }))[0]
    ?.figures.held;

const four = [
  lost(0),
  lost(dayMs + 1, { outcome: 'filtered-prompt', reservedNano: null }),
  lost(dayMs + 2),
  lost(40 * dayMs, { reservedNano: 2n ** 62n }),
] as const;

const emptyStore = async (): Promise<LedgerStore> =>
  await createSqliteLedgerStore(openSqlite({ path: ':memory:', durability: 'process' }));

async function storeWith(records: readonly UsageRecord[]): Promise<LedgerStore> {
  const store = await emptyStore();
  await ship(store, [...records, usageRecord('known', { at: march + dayMs + 3 })].map(shippedRecord));
  return store;
}

describe('what is held', () => {
  test('of a lower bound is the rest of its reservation, and that is what is written off', async () => {
    const lowerBound = usageRecord(ids(march + 5), {
      at: march + 5,
      measuredOutput: 'delivered',
      reservedNano: 260_007n,
    });
    const store = await storeWith([lowerBound]);
    assert.deepEqual(await held(store), [lowerBound.id]);
    assert.equal(await total(store), 7n);
    await writeOff(store, { attempts: [lowerBound.id] });
    assert.equal(await total(store), 0n);
    assert.deepEqual(await held(store), []);
  });

  test('is what corrections have left of it: an attempt that got its price since cannot be written off', async () => {
    const unpriced = { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] };
    const made = (at: number, reservedNano: bigint) =>
      usageRecord(ids(march + at), { at: march + at, reservedNano, cost: unpriced });
    const [priced, lessHeld] = [made(5, 100n), made(6, 100n)];
    const store = await storeWith([priced, lessHeld]);
    assert.equal(await total(store), 200n);
    await ship(store, [
      adjusted(correction(priced, { postings: [posting(priced, { cost: 5n, pricedAttempts: 1, held: -100n })] })),
      adjusted(correction(lessHeld, { postings: [posting(lessHeld, { held: -30n })] })),
    ]);
    assert.equal(await total(store), 70n);
    assert.deepEqual(await held(store), [lessHeld.id]);
    await assert.rejects(writeOff(store, { attempts: [priced.id] }), /usage of '.*' is known/);
    await writeOff(store, { attempts: [lessHeld.id] });
    assert.equal(await total(store), 0n);
    assert.equal((await writeOff(store, { attempts: [lessHeld.id] })).reply.already, 1);
  });

  test('are the attempts of unknown usage, in the order of their admission, page by page', async () => {
    const store = await storeWith(four);
    const first = await heldAttempts(store, { limit: 3 });
    assert.deepEqual(
      first.attempts.map((one) => [one.id, one.at, one.outcome, one.reservedNanoUsd]),
      [
        [four[0].id, '2026-03-01T00:00:00.000Z', 'gateway-lost', '70'],
        [four[1].id, '2026-03-02T00:00:00.001Z', 'filtered-prompt', null],
        [four[2].id, '2026-03-02T00:00:00.002Z', 'gateway-lost', '70'],
      ],
    );
    assert.ok(first.next !== null);
    const second = await heldAttempts(store, { limit: 3, after: first.next });
    assert.deepEqual([second.attempts.map((one) => one.id), second.next], [[four[3].id], null]);
  });

  test('can be narrowed to a period and to how they ended', async () => {
    const store = await storeWith(four);
    const found = await heldAttempts(store, {
      from: '2026-03-01T00:00:00.001Z',
      to: '2026-04-10T00:00:00Z',
      outcome: 'gateway-lost',
      limit: 9,
    });
    assert.deepEqual(
      found.attempts.map((one) => one.id),
      [four[2].id],
    );
  });

  test('is nothing in an empty ledger', async () => {
    assert.deepEqual(await heldAttempts(await emptyStore(), { limit: 9 }), { attempts: [], next: null });
  });

  test('a cursor that is none, and an empty period, are refused', async () => {
    const store = await storeWith(four);
    await assert.rejects(heldAttempts(store, { limit: 9, after: 'x' }), { code: 'admin_invalid' });
    const backwards = { from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' };
    await assert.rejects(heldAttempts(store, { limit: 9, ...backwards }), { code: 'admin_invalid' });
  });
});

describe('a write-off', () => {
  test('takes back what the attempt holds, and leaves its usage unknown', async () => {
    const store = await storeWith(four);
    assert.equal(await total(store), 140n + 2n ** 62n);
    const { adjustments, reply } = await writeOff(store, { attempts: [four[0].id, four[1].id, four[0].id] });
    assert.deepEqual(
      reply.attempts.map((one) => one.id),
      [four[0].id, four[1].id],
    );
    assert.deepEqual(JSON.parse(adjustments[0]?.detail ?? ''), {
      bookedBy: 'admin-token',
      reason: 'a test',
      requestId: four[0].requestId,
      held: '70',
    });
    assert.equal(await total(store), 70n + 2n ** 62n);
    assert.deepEqual(await held(store), [four[2].id, four[3].id]);
    const [figures] = await store.figures({
      by: [],
      filter: [],
      spans: [{ source: 'days', from: null, to: null, bucket: 0 }],
    });
    assert.equal(figures?.figures.unknownUsageRequests, 4n);
  });

  test('of what was written off before books nothing', async () => {
    const store = await storeWith(four);
    await writeOff(store, { attempts: [four[0].id] });
    const { adjustments, reply } = await writeOff(store, { attempts: [four[0].id, four[2].id] });
    assert.equal(adjustments.length, 1);
    assert.equal(reply.already, 1);
  });

  test('of attempts that cannot be written off refuses all, and says why of each', async () => {
    const store = await storeWith(four);
    const known = usageRecord(ids(march + 7), { at: march + 7 });
    await ship(store, [shippedRecord(known)]);
    const missing = ids(march);
    await assert.rejects(writeOff(store, { attempts: [four[0].id, known.id, missing, 'nonsense'] }), {
      code: 'admin_invalid',
      message:
        `Nothing is written off: the usage of '${known.id}' is known; no settled attempt has the id '${missing}'; ` +
        `no settled attempt has the id 'nonsense'.`,
    });
    assert.equal((await held(store)).length, 4);
  });

  test('of a period takes those that ended so, and those alone', async () => {
    const store = await storeWith(four);
    const period = { from: '2026-03-01T00:00:00Z', to: '2026-03-03T00:00:00Z', outcome: 'gateway-lost' as const };
    const { reply } = await writeOff(store, period);
    assert.deepEqual([reply.attempts.length, reply.next], [2, null]);
    assert.deepEqual(await held(store), [four[1].id, four[3].id]);
    assert.deepEqual((await writeOff(store, period)).reply.attempts, []);
  });

  test('of many is done 500 at a time, and goes on behind them', async () => {
    const many = Array.from({ length: 501 }, (_one, at) => lost(at));
    const store = await storeWith(many);
    const first = await writeOff(store, { from: '2026-03-01T00:00:00Z', outcome: 'gateway-lost' });
    assert.equal(first.adjustments.length, 500);
    const second = await writeOff(store, {
      from: '2026-03-01T00:00:00Z',
      outcome: 'gateway-lost',
      after: first.reply.next ?? assert.fail(),
    });
    assert.deepEqual([second.adjustments.length, second.reply.next], [1, null]);
    assert.deepEqual(await held(store), []);
  });

  test('as a dry run books nothing', async () => {
    const store = await storeWith(four);
    const { adjustments, reply } = await writeOff(store, { attempts: [four[0].id], dryRun: true });
    assert.deepEqual([adjustments, reply.attempts.length, reply.dryRun], [[], 1, true]);
  });
});
