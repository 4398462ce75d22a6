import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BreakEvenQuery } from '@tollgate/contract/admin-api/ptu.ts';
import type { ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { unknownUnits } from '#model/usage-record.ts';
import { adjusted } from '../../../test/support/arbitrary-entries.ts';
import { bookOf, pricesOf } from '../../../test/support/price-books.ts';
import { ptuCall, ptuCalls, ptuDeployment, ptuServedBy, ship } from '../../../test/support/ptu-deployments.ts';
import { march, shippedRecord } from '../../../test/support/records.ts';
import { PtuAllocation } from './ptu-allocation.ts';
import { hourMs } from './ptu-basis.ts';
import { breakEven } from './ptu-break-even.ts';

/** A regional deployment spills over to `Standard`: 1 USD for a million tokens of input, 4 of output; list twice that. */
const standard = { type: 'Standard' } as const;
const prices = bookOf([
  ...pricesOf({ input: 2_000_000_000n, output: 8_000_000_000n }, 'list', standard),
  ...pricesOf({ input: 1_000_000_000n, output: 4_000_000_000n }, 'contracted', standard),
]);

/** Two hours of 50 units at 1 USD; 50 × 100 × 60 = 300,000 weighed tokens an hour, of which an output token is four. */
async function ledgerOf(tokensPerMinute: number | null = 100): Promise<LedgerStore> {
  const store = await createSqliteLedgerStore(openSqlite({ path: ':memory:', durability: 'process' }));
  const lost = ptuCall('lost', { hour: 1.4, consumer: 'finance', input: 0 });
  await ship(store, [
    ...ptuCalls([
      { hour: 0.1, consumer: 'finance', input: 100_000, output: 10_000 },
      { hour: 1.2, consumer: 'marketing', input: 10_000 },
      { hour: 1.3, consumer: 'marketing', input: 600, spilled: true },
      // Not closed yet.
      { hour: 2.1, consumer: 'marketing', input: 77 },
    ]),
    shippedRecord({ ...lost, units: unknownUnits, measuredInput: 'unknown', measuredOutput: 'unknown' }),
  ]);
  const step = await new PtuAllocation(store).step({
    deployments: [{ deployment: ptuDeployment({ tokensPerMinute }), since: march }],
    closed: march + 2 * hourMs,
    lookFrom: null,
    cursor: null,
    callers: { organisation: 'contoso', known: [] },
    rates: [],
    bookedBy: 'gateway',
    now: march + 3 * hourMs,
  });
  await ship(store, step.adjustments.map(adjusted));
  return store;
}

const day = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z', byHour: false };

async function rowsOf(store: LedgerStore, query: Partial<BreakEvenQuery> = {}, book: ListedPriceBook = prices) {
  const { rows } = await breakEven(store, { ...day, ...query }, { book, deployments: [ptuServedBy] });
  return rows;
}

describe('where a provisioned deployment breaks even', () => {
  test('is what its hours cost, by what the same calls would have cost by the token', async () => {
    assert.deepEqual(await rowsOf(await ledgerOf()), [
      {
        endpoint: 'ptu-weu',
        deployment: 'contoso-weu/mini-ptu',
        model: 'gpt-5.4-mini',
        deploymentType: 'ProvisionedManaged',
        from: '2026-03-01T00:00:00.000Z',
        hours: 2,
        paidNanoUsd: '100000000000',
        // 160,000 and 290,000 of 300,000 tokens.
        idleNanoUsd: String(26_666_666_667n + 48_333_333_333n),
        attempts: 3,
        unknownAttempts: 1,
        inputTokens: 110_000,
        cachedInputTokens: 0,
        outputTokens: 10_000,
        utilization: '25.00',
        // 110,000 at 1 USD and 10,000 at 4 USD a million
        payAsYouGoNanoUsd: '150000000',
        payAsYouGoListNanoUsd: '300000000',
        missingPrices: [],
        // 100 USD by 0.15 USD
        breakEvenFactor: '666.666',
        breakEvenUtilization: '16666.66',
        spilledAttempts: 1,
        spilledNanoUsd: '260000',
      },
    ]);
  });

  test('can be told hour by hour, of booked hours alone', async () => {
    const rows = await rowsOf(await ledgerOf(), { byHour: true });
    assert.deepEqual(
      rows.map((row) => [
        row.from,
        row.hours,
        row.attempts,
        row.utilization,
        row.payAsYouGoNanoUsd,
        row.spilledAttempts,
      ]),
      [
        ['2026-03-01T00:00:00.000Z', 1, 1, '46.66', '140000000', 0],
        ['2026-03-01T01:00:00.000Z', 1, 2, '3.33', '10000000', 1],
      ],
    );
  });

  test('is not known where a price is missing, and which is said', async () => {
    const noOutput = bookOf(pricesOf({ input: 2_000_000_000n }, 'list', standard));
    const [row] = await rowsOf(await ledgerOf(), {}, noOutput);
    assert.deepEqual(
      [row?.payAsYouGoNanoUsd, row?.payAsYouGoListNanoUsd, row?.missingPrices, row?.breakEvenFactor],
      [null, null, ['output'], null],
    );
    assert.equal(row?.breakEvenUtilization, null);
  });

  test('has no utilization where the capacity is not told', async () => {
    const [row] = await rowsOf(await ledgerOf(null));
    assert.deepEqual([row?.utilization, row?.breakEvenUtilization, row?.breakEvenFactor], [null, null, '666.666']);
  });

  test('is told of a period without a booked hour, too', async () => {
    const [row] = await rowsOf(await ledgerOf(), { from: '2026-05-01T00:00:00Z', to: '2026-05-02T00:00:00Z' });
    assert.deepEqual([row?.hours, row?.paidNanoUsd, row?.attempts, row?.breakEvenFactor], [0, '0', 0, null]);
  });

  test('is refused for no whole hour, for more than a year, and for an endpoint that has no hours', async () => {
    const store = await ledgerOf();
    await assert.rejects(rowsOf(store, { from: '2026-03-01T00:10:00Z', to: '2026-03-01T01:50:00Z' }), {
      code: 'admin_invalid',
    });
    await assert.rejects(rowsOf(store, { from: '2020-03-01T00:00:00Z' }), { code: 'admin_invalid' });
    await assert.rejects(rowsOf(store, { endpoint: 'payg-weu' }), { code: 'admin_not_found' });
  });
});
