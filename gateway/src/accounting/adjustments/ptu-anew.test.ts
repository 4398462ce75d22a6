import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PtuAllocateRequest } from '@tollgate/contract/admin-api/ptu.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { adjusted } from '../../../test/support/arbitrary-entries.ts';
import { ptuCalls, ptuDeployment, ptuPeriod, ship } from '../../../test/support/ptu-deployments.ts';
import { march } from '../../../test/support/records.ts';
import { PtuAllocation } from './ptu-allocation.ts';
import { allocateAnew, type AnewStep } from './ptu-anew.ts';
import { hourMs } from './ptu-basis.ts';
import { parseAllocationDetail } from './ptu-detail.ts';

const surroundings = { callers: { organisation: 'contoso', known: [] }, rates: [], bookedBy: 'admin-token' };

/** Three booked hours of 50 units at 1 USD: used by one, by two, by nobody. */
async function ledger(hours = 3): Promise<LedgerStore> {
  const store = await createSqliteLedgerStore(openSqlite({ path: ':memory:', durability: 'process' }));
  await ship(
    store,
    ptuCalls([
      { hour: 0.1, consumer: 'finance', input: 100 },
      { hour: 1.1, consumer: 'finance', input: 300 },
      { hour: 1.2, consumer: 'marketing', input: 50 },
      { hour: 1.9, consumer: 'marketing', input: 50 },
    ]),
  );
  const allocation = new PtuAllocation(store);
  const request = {
    deployments: [{ deployment: ptuDeployment(), since: march }],
    closed: march + hours * hourMs,
    lookFrom: null,
    ...surroundings,
    now: march + hours * hourMs,
  };
  let step = await allocation.step({ ...request, cursor: null });
  await ship(store, step.adjustments.map(adjusted));
  while (step.next !== null) {
    step = await allocation.step({ ...request, cursor: step.next });
    await ship(store, step.adjustments.map(adjusted));
  }
  return store;
}

const period = { from: '2026-03-01T00:00:00Z', to: '2026-03-11T00:00:00Z' };

async function anew(
  store: LedgerStore,
  deployment: PtuDeployment,
  request: Partial<PtuAllocateRequest> = {},
): Promise<AnewStep> {
  const step = await allocateAnew(
    store,
    { ...period, reason: 'the price was wrong', dryRun: false, ...request },
    { ...surroundings, deployments: [deployment], now: march },
  );
  await ship(store, step.adjustments.map(adjusted));
  return step;
}

async function bill(store: LedgerStore): Promise<readonly string[]> {
  const spans = [{ source: 'days' as const, from: null, to: null, bucket: 0 }];
  const filter = [{ dimension: 'outcome' as const, values: ['allocated', 'idle'] }];
  const rows = await store.figures({ by: ['consumer'], filter, spans });
  return rows.map(({ keys, figures }) => `${keys.join('')} ${Number(figures.cost) / 1e9}`).toSorted();
}

describe('booked hours that are allocated anew', () => {
  test('cost what the configuration says now, and the difference is added', async () => {
    const store = await ledger();
    assert.deepEqual(await bill(store), [' 50', 'finance 87.5', 'marketing 12.5']);
    const half = ptuDeployment({ periods: [ptuPeriod({ nanoUsdPerUnitHour: 500_000_000n })], rule: 'by-peak' });
    const { reply, adjustments } = await anew(store, half);
    assert.deepEqual(reply, {
      dryRun: false,
      rows: [
        {
          endpoint: 'ptu-weu',
          hours: 3,
          changed: 3,
          paidBeforeNanoUsd: '150000000000',
          paidAfterNanoUsd: '75000000000',
        },
      ],
      next: '1772683200000-ptu-weu',
    });
    // By peak, marketing's two calls in different quarters count half: 300 to 50.
    assert.deepEqual(await bill(store), [' 25', 'finance 46.428571429', 'marketing 3.571428571']);
    const [first] = adjustments;
    assert.equal(first?.id, 'allocation/ptu-weu/2026-03-01T00/1');
    const { why, bookedBy, basis } = parseAllocationDetail(first);
    assert.deepEqual([why, bookedBy, basis.rule], ['the price was wrong', 'admin-token', 'by-peak']);
    assert.deepEqual((await anew(store, half)).adjustments, []);
    assert.equal(await store.wrongRollUps(), 0);
  });

  test('there and back again are as they were', async () => {
    const store = await ledger();
    const before = await bill(store);
    await anew(store, ptuDeployment({ periods: [ptuPeriod({ units: 7 })] }));
    await anew(store, ptuDeployment());
    assert.deepEqual(await bill(store), before);
  });

  test('cost nothing where the deployment was not paid, and are not booked where they were not', async () => {
    const store = await ledger();
    const { reply } = await anew(store, ptuDeployment({ periods: [ptuPeriod({ to: march + hourMs })] }));
    assert.equal(reply.rows[0]?.paidAfterNanoUsd, '50000000000');
    assert.deepEqual(await bill(store), [' 0', 'finance 50', 'marketing 0']);
    const later = { from: '2026-03-01T03:00:00Z', to: '2026-03-01T09:00:00Z' };
    assert.deepEqual((await anew(store, ptuDeployment({ periods: [ptuPeriod({ units: 7 })] }), later)).reply, {
      dryRun: false,
      rows: [],
      next: null,
    });
  });

  test('are looked at a hundred at a time, as a dry run without a booking', async () => {
    const store = await ledger(130);
    const dearer = ptuDeployment({ periods: [ptuPeriod({ nanoUsdPerUnitHour: 2_000_000_000n })] });
    const first = await anew(store, dearer, { dryRun: true });
    assert.deepEqual([first.reply.rows[0]?.changed, first.adjustments], [100, []]);
    const second = await anew(store, dearer, { dryRun: true, after: first.reply.next ?? assert.fail() });
    assert.equal(second.reply.rows[0]?.changed, 30);
    const last = await anew(store, dearer, { dryRun: true, after: second.reply.next ?? assert.fail() });
    assert.deepEqual([last.reply.rows, last.reply.next], [[], null]);
  });

  test('of an endpoint without hours, or without a whole hour, are refused', async () => {
    const store = await ledger();
    await assert.rejects(anew(store, ptuDeployment(), { endpoint: 'payg' }), { code: 'admin_not_found' });
    await assert.rejects(anew(store, ptuDeployment(), { to: '2026-03-01T00:59:00Z' }), { code: 'admin_invalid' });
  });
});
