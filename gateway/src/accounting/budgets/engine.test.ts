import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import type { CallSpending } from './call.ts';
import type { Reservation } from './reservation.ts';
import type { Demand } from './reservation.ts';
import { correction, posting } from '../../../test/support/records.ts';
import {
  budgetOf,
  concurrencyOf,
  engineWith,
  node,
  rateOf,
  recordOf,
  usd,
  type TestEngine,
} from '../../../test/support/spending.ts';
import { until } from '../../../test/support/until.ts';

const team = node('consumer', 'marketing');
const centre = node('cost-centre', 'marketing');
const whole = node('organisation', 'contoso');

const money = (nano: bigint): Demand => ({ nano, tokens: 1000 });
const tokens = (count: number): Demand => ({ nano: 0n, tokens: count });
const never = async (): Promise<undefined> => await Promise.resolve(undefined);

async function reserve(call: CallSpending, at: number, demand: Demand): Promise<Reservation> {
  return await call.reserve({ at, demand, exact: never });
}

async function refusal(work: () => Promise<unknown>): Promise<Failure> {
  const failure: unknown = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Failure, `It was not refused: ${String(failure)}`);
  return failure;
}

/** Reserves, and settles at a cost; what the request then is worth to the ledger is told it, too. */
async function spend(alone: TestEngine, cost: bigint, reserved = cost): Promise<void> {
  const { engine, book, clock, ledger } = alone;
  const call = engine.begin(book.limits);
  const reservation = await reserve(call, clock.now(), money(reserved));
  const record = recordOf(`r${ledger.all().length}`, { at: clock.now(), nano: cost, reserved });
  ledger.settle('journal-1', record);
  reservation.settle(record);
  call.end();
}

const only = ({ engine }: TestEngine) => {
  const [account, ...others] = engine.accounts();
  assert.ok(account !== undefined && others.length === 0);
  return account;
};

describe('budgets of one gateway', () => {
  test('let through what fits to the last nano-dollar, and refuse what does not', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    await spend(alone, 400_000_000n);
    await spend(alone, 600_000_000n);
    const failure = await refusal(async () => await spend(alone, 1n));
    assert.equal(failure.code, 'budget_exhausted');
    assert.equal(failure.status, 403);
    assert.match(
      failure.message,
      /The budget 'month' of consumer\/marketing is exhausted: 1\.00 USD spent and 0\.00 USD held of 1\.00 USD/,
    );
    assert.match(failure.message, /It is reset at 2026-12-01T00:00:00\.000Z/);
  });

  test('hold the most that a call may cost until its cost is known', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(900_000_000n));
    assert.equal(only(alone).total.inFlight, 900_000_000n);
    const failure = await refusal(async () => await spend(alone, 200_000_000n));
    assert.equal(failure.code, 'budget_held');
    assert.equal(failure.status, 429);
    assert.equal(failure.options.retryAfterSeconds, 1);
    held.settle(recordOf('a', { at: clock.now(), nano: 100_000_000n, reserved: 900_000_000n }));
    assert.deepEqual(only(alone).total, { spent: 100_000_000n, unknown: 0n, inFlight: 0n });
    await spend(alone, 200_000_000n);
  });

  test('keep what nobody knows at its reservation, and say so rather than to try again', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(900_000_000n));
    held.settle(recordOf('a', { at: clock.now(), nano: null, reserved: 900_000_000n }));
    assert.deepEqual(only(alone).total, { spent: 0n, unknown: 900_000_000n, inFlight: 0n });
    const failure = await refusal(async () => await spend(alone, 200_000_000n));
    assert.equal(failure.code, 'budget_exhausted');
    assert.match(failure.message, /0\.00 USD spent and 0\.90 USD held/);
  });

  test('keep the rest of the reservation of a call whose cost is only a lower bound', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(900_000_000n));
    held.settle(recordOf('a', { at: clock.now(), nano: 300n, reserved: 900_000_000n, measured: 'delivered' }));
    assert.deepEqual(only(alone).total, { spent: 300n, unknown: 899_999_700n, inFlight: 0n });
  });

  test('give back what an attempt held that was never sent', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(900_000_000n));
    held.release();
    await spend(alone, 1n * usd);
  });

  test('hold in every node or in none', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 5n * usd), budgetOf(centre, 5n * usd), budgetOf(whole, 1n)] });
    const failure = await refusal(async () => await spend(alone, 1n * usd));
    assert.match(failure.message, /organisation\/contoso/);
    for (const account of alone.engine.accounts())
      assert.deepEqual(account.total, { spent: 0n, unknown: 0n, inFlight: 0n });
  });

  test('say at once that a call is larger than the whole budget', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 5n)] });
    const failure = await refusal(async () => await spend(alone, 7n));
    assert.equal(failure.status, 403);
    assert.match(failure.message, /more than the whole of the budget/);
  });

  test('that are soft count everything and refuse nothing', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 5n, { hard: false })] });
    await spend(alone, 1n * usd);
    assert.equal(only(alone).total.spent, 1n * usd);
  });

  test('a zero budget refuses everything', async () => {
    const failure = await refusal(async () => await spend(engineWith({ budgets: [budgetOf(team, 0n)] }), 1n));
    assert.equal(failure.code, 'budget_exhausted');
  });

  test('need nobody to be waited for once the account is known', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 1n * usd)] });
    await spend(alone, 1n);
    const { engine, book, clock } = alone;
    assert.ok(
      !(engine.begin(book.limits).reserve({ at: clock.now(), demand: money(5n), exact: never }) instanceof Promise),
    );
  });
});

describe('the input is counted', () => {
  test('only when its bound by bytes does not fit, and then the call is made if what was counted fits', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 100n)] });
    const { engine, book, clock } = alone;
    let counted = 0;
    const exact = async (): Promise<Demand> => {
      counted += 1;
      return await Promise.resolve({ nano: 60n, tokens: 6 });
    };
    const first = await engine.begin(book.limits).reserve({ at: clock.now(), demand: money(100n), exact });
    assert.equal(counted, 0);
    first.release();
    await spend(alone, 40n);
    const second = await engine.begin(book.limits).reserve({ at: clock.now(), demand: money(100n), exact });
    assert.equal(counted, 1);
    assert.equal(second.nano, 60n);
    await refusal(async () => await engine.begin(book.limits).reserve({ at: clock.now(), demand: money(100n), exact }));
  });
});

describe('changes in mid-window', () => {
  test('a limit that is lowered below what is spent refuses at once and cancels nothing', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 10n * usd)] });
    const { engine, book, clock } = alone;
    await spend(alone, 3n * usd);
    const held = await reserve(engine.begin(book.limits), clock.now(), money(1n * usd));
    book.change({ budgets: [budgetOf(team, 2n * usd)] });
    const failure = await refusal(async () => await spend(alone, 1n));
    assert.match(failure.message, /3\.00 USD spent and 1\.00 USD held of 2\.00 USD/);
    held.settle(recordOf('a', { at: clock.now(), nano: 1n * usd, reserved: 1n * usd }));
    assert.equal(only(alone).total.spent, 4n * usd);
    book.change({ budgets: [budgetOf(team, 5n * usd)] });
    await spend(alone, 1n * usd);
    assert.equal((await refusal(async () => await spend(alone, 1n))).code, 'budget_exhausted');
  });

  test('a call that began before the change keeps the limits that it began with, and counts in the new ones', async () => {
    const alone = engineWith({ budgets: [] });
    const { engine, book, clock, ledger } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(9n));
    book.change({ budgets: [budgetOf(team, 10n)] });
    await spend(alone, 1n);
    const record = recordOf('before', { at: clock.now(), nano: 9n, reserved: null });
    ledger.settle('journal-1', record);
    held.settle(record);
    assert.equal(only(alone).total.spent, 10n);
    assert.equal((await refusal(async () => await spend(alone, 1n))).code, 'budget_exhausted');
  });

  test('a budget that is new begins with what the ledger holds of the window', async () => {
    const alone = engineWith({ budgets: [] });
    const { book, ledger, clock } = alone;
    await spend(alone, 7n);
    ledger.settle(
      'journal-1',
      recordOf('other-team', { at: clock.now(), nano: 100n, reserved: null, caller: { consumer: 'finance' } }),
    );
    ledger.settle(
      'journal-1',
      recordOf('last-month', { at: clock.now() - 40 * 86_400_000, nano: 100n, reserved: null }),
    );
    ledger.settle('journal-of-before', recordOf('before', { at: clock.now() - 1, nano: 2n, reserved: null }));
    ledger.ship('journal-of-before');
    book.change({ budgets: [budgetOf(team, 10n)] });
    await spend(alone, 1n);
    assert.equal((await refusal(async () => await spend(alone, 1n))).code, 'budget_exhausted');
    assert.deepEqual(only(alone).total, { spent: 10n, unknown: 0n, inFlight: 0n });
  });

  test('a top-up raises the window that it is for, and no other', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 5n)] });
    await spend(alone, 5n);
    await refusal(async () => await spend(alone, 1n));
    alone.book.change({ budgets: [budgetOf(team, 5n, { topUps: new Map([['2026-11-01/P1M', 3n]]) })] });
    await spend(alone, 3n);
    await refusal(async () => await spend(alone, 1n));
    alone.clock.advance(30 * 86_400_000);
    await spend(alone, 5n);
    await refusal(async () => await spend(alone, 1n));
  });

  test('a consumer that is moved is charged where it stands when an attempt is admitted', async () => {
    const before = budgetOf(node('cost-centre', 'sales'), 10n);
    const after = budgetOf(node('cost-centre', 'legal'), 10n);
    const alone = engineWith({ budgets: [before] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(6n));
    book.change({ budgets: [after] });
    await spend(alone, 5n);
    const caller = { costCentrePath: 'contoso/sales' };
    held.settle(recordOf('a', { at: clock.now(), nano: 6n, reserved: 6n, caller }));
    const spent = Object.fromEntries([...engine.accounts()].map(({ budget, total }) => [budget.id, total.spent]));
    assert.deepEqual(spent, { 'cost-centre/sales/month': 6n, 'cost-centre/legal/month': 5n });
  });
});

describe('rates, quotas and concurrency of one gateway', () => {
  test('a request counts once, whatever its attempts, and a refused one not at all', async () => {
    const { engine, book, clock } = engineWith({
      rates: [rateOf(team, { amount: 2 })],
      budgets: [budgetOf(team, 2n, { id: 'quota', unit: 'requests' })],
    });
    const call = engine.begin(book.limits);
    for (const attempt of [1, 2, 3]) {
      const held = await reserve(call, clock.now(), money(0n));
      held.settle(recordOf(`a#${attempt}`, { at: clock.now(), nano: 0n, reserved: null, attempt }));
    }
    const [account] = engine.accounts();
    assert.deepEqual(account?.total, { spent: 1n, unknown: 0n, inFlight: 0n });
    await reserve(engine.begin(book.limits), clock.now(), money(0n));
    const failure = await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), money(0n)));
    assert.equal(failure.code, 'quota_held');
    assert.deepEqual(account?.total, { spent: 1n, unknown: 0n, inFlight: 1n });
  });

  test('tokens are charged as they were used: what was not is given back, what is not known is not', async () => {
    const { engine, book, clock } = engineWith({ rates: [rateOf(team, { unit: 'tokens', amount: 1000 })] });
    const first = await reserve(engine.begin(book.limits), clock.now(), tokens(900));
    assert.equal(
      (await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), tokens(200)))).code,
      'rate_limit_exceeded',
    );
    first.settle(recordOf('a', { at: clock.now(), nano: 0n, reserved: null, tokens: 100 }));
    const second = await reserve(engine.begin(book.limits), clock.now(), tokens(900));
    second.settle(recordOf('b', { at: clock.now(), nano: null, reserved: null }));
    const failure = await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), tokens(200)));
    assert.equal(failure.options.retryAfterSeconds, 12, '200 of 1,000 a minute');
    clock.advance(12_000);
    await reserve(engine.begin(book.limits), clock.now(), tokens(200));
  });

  test('a call that may use more than a bucket ever holds waits for a full one, and what it used is charged', async () => {
    const { engine, book, clock } = engineWith({ rates: [rateOf(team, { unit: 'tokens', amount: 1000 })] });
    const held = await reserve(engine.begin(book.limits), clock.now(), tokens(128_000));
    held.settle(recordOf('a', { at: clock.now(), nano: 0n, reserved: null, tokens: 3000 }));
    const failure = await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), tokens(10)));
    assert.equal(failure.options.retryAfterSeconds, 121, '2,000 too many and 10, at 1,000 a minute');
  });

  test('a token quota keeps what nobody could count at its reservation', async () => {
    const { engine, book, clock } = engineWith({ budgets: [budgetOf(team, 1000n, { unit: 'tokens' })] });
    const held = await reserve(engine.begin(book.limits), clock.now(), tokens(600));
    held.settle(recordOf('a', { at: clock.now(), nano: null, reserved: null }));
    const failure = await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), tokens(500)));
    assert.equal(failure.code, 'quota_exhausted');
    assert.match(failure.message, /0 tokens spent and 600 tokens held of 1,000 tokens/);
  });

  test('as many requests are under way as a node may have, each until it has ended', async () => {
    const { engine, book, clock } = engineWith({ concurrency: [concurrencyOf(team, 1), concurrencyOf(whole, 5)] });
    const first = engine.begin(book.limits);
    const held = await reserve(first, clock.now(), money(0n));
    held.settle(recordOf('a', { at: clock.now(), nano: 0n, reserved: null }));
    await reserve(first, clock.now(), money(0n));
    const failure = await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), money(0n)));
    assert.equal(failure.code, 'concurrency_limit_exceeded');
    first.end();
    first.end();
    const second = engine.begin(book.limits);
    await reserve(second, clock.now(), money(0n));
    await refusal(async () => await reserve(engine.begin(book.limits), clock.now(), money(0n)));
    second.end();
  });

  test('what was taken for a call that another limit refuses is given back', async () => {
    const alone = engineWith({
      rates: [rateOf(team, { amount: 1 })],
      concurrency: [concurrencyOf(team, 1)],
      budgets: [budgetOf(team, 5n)],
    });
    const { engine, book, clock } = alone;
    const refused = engine.begin(book.limits);
    assert.equal((await refusal(async () => await reserve(refused, clock.now(), money(6n)))).code, 'budget_exhausted');
    refused.end();
    await spend(alone, 5n);
  });
});

describe('the ledger behind the budgets of one gateway', () => {
  test('is asked once for a window, and not at all for one that began meanwhile', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 10n)] });
    const { clock, ledger } = alone;
    await Promise.all([spend(alone, 1n), spend(alone, 1n), spend(alone, 1n)]);
    assert.equal(ledger.reads, 1);
    clock.advance(10 * 86_400_000);
    await spend(alone, 10n);
    assert.equal(ledger.reads, 1);
  });

  test('that cannot be read refuses under a hard budget, and lets through under a soft one, which is read again', async () => {
    const hard = engineWith({ budgets: [budgetOf(team, 10n)] });
    hard.ledger.failing = true;
    const failure = await refusal(async () => await spend(hard, 1n));
    assert.deepEqual([failure.code, failure.status], ['counters_unavailable', 503]);
    hard.ledger.failing = false;
    await spend(hard, 1n);

    const soft = engineWith({ budgets: [budgetOf(team, 10n, { hard: false })] });
    soft.ledger.settle('journal-1', recordOf('before', { at: soft.clock.now(), nano: 4n, reserved: null }));
    soft.ledger.failing = true;
    await spend(soft, 1n);
    soft.ledger.failing = false;
    soft.clock.advance(6000);
    await spend(soft, 1n);
    await until(() => only(soft).total.spent === 6n, 'the sum that was read again');
  });

  test('says what earlier windows have left, each up to what may be carried', async () => {
    const carryOver = { since: Date.UTC(2026, 7, 20), atMost: 7n };
    const alone = engineWith({ budgets: [budgetOf(team, 10n, { carryOver })] });
    const spent = (month: number, nano: bigint): void =>
      alone.ledger.settle('journal-1', recordOf(`m${month}`, { at: Date.UTC(2026, month, 5), nano, reserved: null }));
    spent(6, 0n);
    spent(7, 9n); // August leaves 1
    spent(8, 8n); // September leaves 10 + 1 − 8 = 3
    spent(9, 1n); // October would leave 12: 7
    await spend(alone, 17n);
    await refusal(async () => await spend(alone, 1n));
    assert.equal(only(alone).limit, 17n);
    alone.clock.advance(10 * 86_400_000);
    await spend(alone, 10n);
    await refusal(async () => await spend(alone, 1n));
  });

  test('counts what is booked beside usage in budgets that are in use, too', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 10n)] });
    const { engine, book, clock } = alone;
    const held = await reserve(engine.begin(book.limits), clock.now(), money(9n));
    const lost = recordOf('a', { at: clock.now(), nano: null, reserved: 9n });
    held.settle(lost);
    await refusal(async () => await spend(alone, 5n));
    engine.adjusted([correction(lost, { kind: 'write-off', postings: [posting(lost, { held: -9n })] })]);
    engine.adjusted([correction(lost, { postings: [{ ...posting(lost, { cost: 5n }), outcome: 'allocated' }] })]);
    await spend(alone, 10n);
    assert.deepEqual(only(alone).total, { spent: 10n, unknown: 0n, inFlight: 0n });
  });

  test('is read again for callers that have not come for long', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 10n)] });
    await spend(alone, 4n);
    alone.clock.advance(20 * 60_000);
    assert.deepEqual([...alone.engine.accounts()], []);
    await spend(alone, 6n);
    await refusal(async () => await spend(alone, 1n));
    assert.equal(alone.ledger.reads, 2);
  });

  test('is read where a clock that was wrong made a window look new', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, 10n)] });
    const { clock, ledger, engine, book } = alone;
    ledger.settle('journal-1', recordOf('before', { at: clock.now(), nano: 10n, reserved: null }));
    // The machine starts in 1970, counts the budget then, and is set right a minute later.
    clock.jump(-clock.now() + 1000);
    await reserve(engine.begin(book.limits), clock.now(), money(1n));
    clock.advance(60_000);
    clock.jump(clock.start + 120_000 - clock.now());
    assert.equal((await refusal(async () => await spend(alone, 1n))).code, 'budget_exhausted');
  });
});
