import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import type { CallerLimits } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import type { LedgerSums } from '#accounting/budgets/ports.ts';
import type { StoredRecord } from '#accounting/ledger/ports.ts';
import { shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { budgetOf, ChangingBook, concurrencyOf, node, rateOf } from '../../../test/support/spending.ts';
import type { ReplayResult } from './ports.ts';
import { Replay } from './replay.ts';

const start = Date.UTC(2026, 2, 10);
const second = 1000;
const day = 86_400_000;
const marketing = node('consumer', 'marketing');

interface Call {
  /** ms after the start. */
  readonly at: number;
  readonly ms?: number;
  readonly nano: bigint | null;
  readonly reserved?: bigint | null;
  readonly tokens?: number;
  readonly request?: string;
  readonly attempt?: number;
  readonly caller?: Partial<ChargedTo>;
}

function recordOf(call: Call, index: number): StoredRecord {
  const { at, ms = 100, nano, reserved = nano, tokens = 0, attempt = 1, caller = {} } = call;
  const measured = nano === null ? 'unknown' : 'reported';
  return shippedRecord(
    usageRecord(`call-${String(index).padStart(4, '0')}`, {
      requestId: call.request ?? `request-${index}`,
      attempt,
      at: start + at,
      finishedAt: start + at + ms,
      caller: { consumer: 'marketing', ...caller },
      reservedNano: reserved,
      measuredInput: measured,
      measuredOutput: measured,
      units: { input: nano === null ? null : tokens, output: nano === null ? null : 0 },
      cost: { lines: [], nanoUsd: nano, listNanoUsd: nano, internalNanoUsd: nano },
    }),
  ).record;
}

const nothing: LedgerSums = { cost: 0n, listCost: 0n, internalCost: 0n, held: 0n, tokens: 0n, requests: 0n };

async function replay(
  calls: readonly Call[],
  limits: Partial<CallerLimits>,
  before: (from: number, to: number) => bigint = () => 0n,
): Promise<ReplayResult> {
  const records = calls.map(recordOf);
  const one = new Replay({
    traffic: {
      page: async (after, limit) => {
        const first = after === null ? 0 : records.findIndex(({ id }) => id === after.id) + 1;
        return await Promise.resolve(records.slice(first, first + limit));
      },
      before: async ({ from, to }) => await Promise.resolve({ ...nothing, cost: before(from, to) }),
    },
    book: new ChangingBook(limits),
    counters: (clock) => new CounterSet({ clock }).connect('replay'),
    from: start,
    mostAttempts: 1_000_000,
  });
  return await one.run();
}

/** How many calls of those, one a second, each of 10 nano-USD unless it says otherwise. */
const everySecond = (count: number, change: Partial<Call> = {}): Call[] =>
  Array.from({ length: count }, (_one, at) => ({ at: at * second, nano: 10n, ...change }));

const served = ({ requests, refusedRequests }: ReplayResult): number => requests - refusedRequests;

describe('what is replayed is let through as far as the limits reach', () => {
  test('a hard budget, to the last call that fits; a soft one refuses nothing', async () => {
    const hard = await replay(everySecond(10), { budgets: [budgetOf(marketing, 55n)] });
    assert.deepEqual([served(hard), hard.refusedCost, hard.cost], [5, 50n, 100n]);
    assert.deepEqual(
      hard.rows.map(({ consumer, limit, code, requests, cost, firstAt, lastAt }) => [
        consumer,
        limit,
        code,
        requests,
        cost,
        firstAt - start,
        lastAt - start,
      ]),
      [['marketing', 'consumer/marketing/month', 'budget_exhausted', 5, 50n, 5 * second, 9 * second]],
    );
    const soft = await replay(everySecond(10), { budgets: [budgetOf(marketing, 55n, { hard: false })] });
    assert.equal(served(soft), 10);
  });

  test('reservations, which are given back at the end of a call', async () => {
    const together = everySecond(10, { at: 0, reserved: 30n, ms: 5 * second });
    const result = await replay(together, { budgets: [budgetOf(marketing, 100n)] });
    assert.equal(served(result), 3, 'three of 30 fit at once');
    assert.equal(result.rows[0]?.code, 'budget_held');
    const apart = everySecond(10, { reserved: 30n });
    assert.equal(served(await replay(apart, { budgets: [budgetOf(marketing, 100n)] })), 8, '7 × 10 + 30 ≤ 100');
  });

  test('what was spent before the replay began counts in its window, and windows end', async () => {
    const calls = [...everySecond(3), { at: 30 * day, nano: 10n }];
    const asked: (readonly [number, number])[] = [];
    const result = await replay(calls, { budgets: [budgetOf(marketing, 100n)] }, (from, to) => {
      asked.push([from, to]);
      return 85n;
    });
    assert.deepEqual([served(result), result.refused.map(({ at }) => at - start)], [2, [second, 2 * second]]);
    assert.deepEqual(asked, [[Date.UTC(2026, 2, 1), start]], 'once, and nothing of the window after');
  });

  test('windows that are left are read again with what was let through in them', async () => {
    // Longer apart than accounts are kept idle.
    const calls = Array.from({ length: 10 }, (_one, hour) => ({ at: hour * 3_600_000, nano: 10n }));
    assert.equal(served(await replay(calls, { budgets: [budgetOf(marketing, 55n)] })), 5);
  });

  test('what a window leaves is carried over, as it was let through', async () => {
    const budget = budgetOf(marketing, 20n, {
      calendar: { every: 'day', timeZone: 'UTC', fiscalYearStart: { month: 1, day: 1 } },
      carryOver: { since: start, atMost: null },
    });
    const calls = [...everySecond(1), ...everySecond(5, {}).map((one) => ({ ...one, at: one.at + day }))];
    assert.equal(served(await replay(calls, { budgets: [budget] })), 1 + 3, '20 + 10 carried over');
  });

  test('unknown usage stays held', async () => {
    const calls = [
      { at: 0, nano: null, reserved: 60n },
      ...everySecond(6).map((one) => ({ ...one, at: one.at + second })),
    ];
    const result = await replay(calls, { budgets: [budgetOf(marketing, 100n)] });
    assert.deepEqual([served(result), result.rows[0]?.code], [5, 'budget_exhausted']);
  });

  test('rates and concurrency', async () => {
    const rates = [rateOf(marketing, { amount: 60, burst: 2 })];
    const rate = await replay(everySecond(6, { at: 0 }), { rates });
    assert.deepEqual([served(rate), rate.rows[0]?.code], [2, 'rate_limit_exceeded']);
    assert.equal(served(await replay(everySecond(6), { rates })), 6, 'one a second is refilled');
    const concurrency = [concurrencyOf(marketing, 1)];
    const permits = await replay(everySecond(4, { ms: 1500 }), { concurrency });
    assert.deepEqual([served(permits), permits.rows[0]?.code], [2, 'concurrency_limit_exceeded']);
  });

  test('a quota of requests counts a request once, whatever its attempts; what is refused has no retries', async () => {
    const quota = budgetOf(marketing, 2n, { unit: 'requests', id: 'quota' });
    const calls = [
      { at: 0, nano: 0n, request: 'one' },
      { at: second, nano: 10n, request: 'one', attempt: 2 },
      { at: 2 * second, nano: 10n, request: 'two' },
      { at: 3 * second, nano: 0n, request: 'three' },
      { at: 4 * second, nano: 10n, request: 'three', attempt: 2 },
    ];
    const result = await replay(calls, { budgets: [quota] });
    assert.deepEqual(
      [result.requests, result.refusedRequests, result.refusedAttempts, result.refusedCost],
      [3, 1, 2, 10n],
    );
  });

  test('each caller by its own limits', async () => {
    const finance = { consumer: 'finance', subscription: 'finance-copilot' };
    const calls = everySecond(6).map((one, at) => (at % 2 === 0 ? one : { ...one, caller: finance }));
    const result = await replay(calls, { budgets: [budgetOf(marketing, 10n)] });
    assert.deepEqual(
      result.rows.map(({ consumer, requests }) => [consumer, requests]),
      [['marketing', 2]],
    );
  });

  test('calls without a reservation are replayed at what they cost, and counted', async () => {
    const result = await replay(everySecond(3, { reserved: null }), { budgets: [budgetOf(marketing, 25n)] });
    assert.deepEqual([served(result), result.reservedAtCost], [2, 3]);
  });
});

test('more calls than may be replayed at once are refused', async () => {
  const one = new Replay({
    traffic: {
      page: async (after) => await Promise.resolve(after === null ? everySecond(5).map(recordOf) : []),
      before: async () => await Promise.resolve(nothing),
    },
    book: new ChangingBook({}),
    counters: (clock) => new CounterSet({ clock }).connect('replay'),
    from: start,
    mostAttempts: 4,
  });
  await assert.rejects(one.run(), { code: 'admin_invalid' });
});
