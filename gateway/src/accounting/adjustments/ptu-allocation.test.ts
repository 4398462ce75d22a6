import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Adjustment, LedgerStore } from '#accounting/ledger/ports.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { ptuCalls, ptuDeployment, ptuPeriod, ship, type Call } from '../../../test/support/ptu-deployments.ts';
import { march } from '../../../test/support/records.ts';
import { PtuAllocation, type AllocationCursor, type AllocationRequest } from './ptu-allocation.ts';
import { hourMs } from './ptu-basis.ts';
import { parseAllocationDetail } from './ptu-detail.ts';

const hour = (count: number): number => march + count * hourMs;

const requestWith = (deployments: readonly PtuDeployment[], changes: Partial<AllocationRequest> = {}) => ({
  deployments: deployments.map((deployment) => ({ deployment, since: march })),
  closed: hour(3),
  lookFrom: null,
  cursor: null,
  callers: { organisation: 'contoso', known: [] },
  rates: [],
  bookedBy: 'gateway',
  now: hour(4),
  ...changes,
});

const adjusted = (adjustment: Adjustment) => ({ kind: 'adjustment' as const, adjustment });

/** Whole rounds of steps, each booked and shipped at once, as long as there are any. */
async function allocate(store: LedgerStore, request: AllocationRequest): Promise<readonly Adjustment[]> {
  const allocation = new PtuAllocation(store);
  const made: Adjustment[] = [];
  let cursor: AllocationCursor | null = null;
  do {
    const step = await allocation.step({ ...request, cursor });
    await ship(store, step.adjustments.map(adjusted));
    made.push(...step.adjustments);
    cursor = step.next;
  } while (cursor !== null);
  return made;
}

async function bill(store: LedgerStore): Promise<readonly string[]> {
  const rows = await store.figures({
    by: ['consumer', 'outcome'],
    filter: [{ dimension: 'outcome', values: ['allocated', 'idle'] }],
    spans: [{ source: 'records', from: null, to: null, bucket: 0 }],
  });
  return rows
    .map(({ keys, figures }) => `${keys.join(' ')} ${Number(figures.cost) / 1e9}`)
    .toSorted((one, other) => (one < other ? -1 : 1));
}

const twoTeams: readonly Call[] = [
  { hour: 0.1, consumer: 'finance', input: 100, output: 50 },
  { hour: 0.9, consumer: 'marketing', input: 100 },
  { hour: 2.5, consumer: 'marketing', input: 7 },
];

describe('hours of a provisioned deployment', () => {
  test('are allocated once they have closed, those without any use as idle', async () => {
    const store = new MemoryLedgerStore();
    await ship(store, ptuCalls(twoTeams));
    const made = await allocate(store, requestWith([ptuDeployment()]));
    assert.deepEqual(
      made.map(({ id, at, kind, of }) => [id, at, kind, of]),
      [
        ['allocation/ptu-weu/2026-03-01T00/0', hour(0), 'allocation', null],
        ['allocation/ptu-weu/2026-03-01T01/0', hour(1), 'allocation', null],
        ['allocation/ptu-weu/2026-03-01T02/0', hour(2), 'allocation', null],
      ],
    );
    // Hour 0: 300 to 100 weighed tokens.
    assert.deepEqual(await bill(store), [' idle 50', 'finance allocated 37.5', 'marketing allocated 62.5']);
    assert.deepEqual(
      made.map((one) => parseAllocationDetail(one).idle),
      ['not-told', 'no-use', 'not-told'],
    );
  });

  test('are allocated once: a second round finds nothing to do', async () => {
    const store = new MemoryLedgerStore();
    await ship(store, ptuCalls(twoTeams));
    await allocate(store, requestWith([ptuDeployment()]));
    assert.deepEqual(await allocate(store, requestWith([ptuDeployment()], { now: hour(5) })), []);
  });

  test('leave calls out that spilled over: those are paid by the token', async () => {
    const store = new MemoryLedgerStore();
    await ship(
      store,
      ptuCalls([
        { hour: 0.1, consumer: 'finance', input: 1 },
        { hour: 0.1, consumer: 'marketing', input: 1_000_000, spilled: true },
      ]),
    );
    await allocate(store, requestWith([ptuDeployment()], { closed: hour(1) }));
    assert.deepEqual(await bill(store), ['finance allocated 50']);
  });

  test('that become known otherwise are corrected, by the terms that they were booked by', async () => {
    const store = new MemoryLedgerStore();
    await ship(store, ptuCalls(twoTeams));
    await allocate(store, requestWith([ptuDeployment()]));
    await ship(store, ptuCalls([{ hour: 0.5, consumer: 'legal', input: 400 }], 'late'));
    const dearer = ptuDeployment({ periods: [ptuPeriod({ nanoUsdPerUnitHour: 9n })], rule: 'by-peak' });
    const [correction, ...others] = await allocate(store, requestWith([dearer], { now: hour(6) }));
    assert.deepEqual(others, []);
    assert.equal(correction?.id, 'allocation/ptu-weu/2026-03-01T00/1');
    assert.equal(correction.at, hour(0));
    assert.equal(
      correction.postings.reduce((sum, one) => sum + one.change.cost, 0n),
      0n,
    );
    assert.deepEqual(await bill(store), [
      ' idle 50',
      'finance allocated 18.75',
      'legal allocated 25',
      'marketing allocated 56.25',
    ]);
    assert.deepEqual(await allocate(store, requestWith([dearer], { now: hour(7) })), []);
  });

  test('of which only the tokens of nobody changed are booked as looked at, without a posting', async () => {
    const store = new MemoryLedgerStore();
    await allocate(store, requestWith([ptuDeployment()], { closed: hour(1) }));
    await ship(store, ptuCalls([{ hour: 0.5, consumer: 'legal', input: 0 }]));
    const [correction] = await allocate(store, requestWith([ptuDeployment()], { closed: hour(1) }));
    assert.deepEqual(correction?.postings, []);
    assert.deepEqual(await allocate(store, requestWith([ptuDeployment()], { closed: hour(1) })), []);
  });

  test('cost what held in each of their minutes', async () => {
    const store = new MemoryLedgerStore();
    const change = hour(1) + 20 * 60_000;
    const deployment = ptuDeployment({
      periods: [
        ptuPeriod({ from: hour(0) + 30 * 60_000, to: change }),
        ptuPeriod({ from: change, to: hour(2) + 60_000, units: 60, nanoUsdPerUnitHour: 2_000_000_000n }),
      ],
    });
    const made = await allocate(store, requestWith([deployment], { closed: hour(9) }));
    assert.deepEqual(
      made.map(({ postings }) => postings.map((one) => Number(one.change.cost) / 1e9)),
      [[25], [50 / 3 + 80].map((usd) => Math.round(usd * 1e9) / 1e9), [2]],
    );
  });

  test('whose price has no beginning are charged from the hour in which they were first seen', async () => {
    const store = new MemoryLedgerStore();
    const deployment = ptuDeployment({ periods: [ptuPeriod({ from: null })] });
    const seen = (since: number, closed: number) =>
      requestWith([], { deployments: [{ deployment, since }], closed, now: closed });
    const first = await allocate(store, seen(hour(5) + 600_000, hour(7)));
    assert.deepEqual(
      first.map((one) => one.at),
      [hour(5), hour(6)],
    );
    // After a restart: what closed while no gateway ran is not lost.
    const later = await allocate(store, seen(hour(9), hour(9)));
    assert.deepEqual(
      later.map((one) => one.at),
      [hour(7), hour(8)],
    );
  });

  test('of a deployment that is no longer paid cost nothing', async () => {
    const store = new MemoryLedgerStore();
    const deployment = ptuDeployment({ periods: [ptuPeriod({ to: hour(1) })] });
    assert.equal((await allocate(store, requestWith([deployment]))).length, 1);
  });

  test('are looked at again only as far back as is asked', async () => {
    const store = new MemoryLedgerStore();
    await allocate(store, requestWith([ptuDeployment()]));
    await ship(store, ptuCalls(twoTeams));
    const made = await allocate(store, requestWith([ptuDeployment()], { lookFrom: hour(2) }));
    assert.deepEqual(
      made.map((one) => one.id),
      ['allocation/ptu-weu/2026-03-01T02/1'],
    );
  });

  test('reserved by somebody whom the directory knows are charged to his cost centre, else to the organisation', async () => {
    const store = new MemoryLedgerStore();
    const caller = { subscription: '', product: '', consumer: 'finance', costCentrePath: 'contoso/sales/finance' };
    const deployment = ptuDeployment({
      rule: 'by-reserved-share',
      reserved: [
        { by: 'consumer', name: 'finance', units: 20 },
        { by: 'consumer', name: 'ghost', units: 30 },
      ],
    });
    const callers = { organisation: 'contoso', known: [{ by: 'consumer' as const, name: 'finance', caller }] };
    const [one] = await allocate(store, requestWith([deployment], { callers, closed: hour(1) }));
    assert.deepEqual(
      one?.postings.map(({ series, change }) => [series.caller.consumer, series.caller.costCentrePath, change.cost]),
      [
        ['finance', 'contoso/sales/finance', 20_000_000_000n],
        ['ghost', 'contoso', 30_000_000_000n],
      ],
    );
  });
});

const longHours = 60;

test('a round that is broken off anywhere, and taken up again, books what an unbroken one does', async () => {
  const deployments = [
    ptuDeployment(),
    ptuDeployment({ servedBy: { ...ptuDeployment().servedBy, endpoint: 'other', deployment: 'other' } }),
  ];
  const calls = ptuCalls(
    Array.from({ length: 20 }, (_one, at) => ({
      hour: (at * 37) % longHours,
      consumer: ['finance', 'marketing'][at % 2] ?? '',
      input: 1 + ((at * 7) % 11),
    })),
  );
  const whole = new MemoryLedgerStore();
  await ship(whole, calls);
  const request = requestWith(deployments, { closed: hour(longHours), now: hour(longHours) });
  const expected = await allocate(whole, request);
  assert.equal(expected.length, 2 * longHours);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), async (shipped) => {
      const store = new MemoryLedgerStore();
      await ship(store, calls);
      const allocation = new PtuAllocation(store);
      for (const isShipped of shipped) {
        const step = await allocation.step(request);
        // Where it is not, the process ended before it was booked.
        if (isShipped) await ship(store, step.adjustments.map(adjusted));
      }
      await allocate(store, request);
      const ids = expected.map((one) => one.id);
      assert.deepEqual(await store.findAdjustments(ids), expected);
    }),
    { numRuns: 5 },
  );
});
