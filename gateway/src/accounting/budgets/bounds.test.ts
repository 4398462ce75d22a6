import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { budgetOf, ChangingBook, engineWith, node, recordOf, TestLedger } from '../../../test/support/spending.ts';
import { turns } from '../../../test/support/unsteady-counters.ts';
import { Engine } from './engine.ts';
import { budgetInstruments } from './instruments.ts';
import type { Reservation } from './reservation.ts';

const leaseMs = 5000;
const limit = 100n;
const team = node('consumer', 'marketing');

/** Two gateways over one set of counters, which is past the time in which a new one grants nothing. */
function twoGateways(hard = true) {
  const clock = new ManualClock();
  const ledger = new TestLedger();
  const book = new ChangingBook({ budgets: [budgetOf(team, limit, { hard })] });
  const counters = new CounterSet({ clock, shared: { leaseMs } });
  const start = (journal: string): Engine =>
    new Engine({
      store: counters.connect(journal),
      ledger: ledger.seenBy(journal),
      clock,
      log: silentLog,
      instruments: budgetInstruments(new Metrics()),
      book: () => book,
      leaseMs,
      leasePercent: 100,
    });
  const engines = { a: start('a'), b: start('b') };
  clock.advance(leaseMs + 1);
  return { ...engines, clock, ledger, book, counters };
}

const never = async (): Promise<undefined> => await Promise.resolve(undefined);

async function reserve(
  engine: Engine,
  { clock, book }: { readonly clock: ManualClock; readonly book: ChangingBook },
  nano: bigint,
): Promise<Reservation> {
  const demand = { nano, tokens: 1 };
  return await engine.begin(book.limits).reserve({ at: clock.now(), demand, exact: never });
}

function accountOf(engine: Engine) {
  const [account] = engine.accounts();
  assert.ok(account !== undefined);
  return account;
}

describe('the bounds of a hard budget', () => {
  test('alone: no overshoot, and less than the largest call may be refused although it is left', async () => {
    const alone = engineWith({ budgets: [budgetOf(team, limit)] });
    await reserve(alone.engine, alone, 30n);
    await assert.rejects(async () => await reserve(alone.engine, alone, 90n), Failure);
    const account = accountOf(alone.engine);
    assert.deepEqual(alone.engine.boundsOf(account), {
      overshoot: 0n,
      overshootIfLost: 0n,
      stranded: 70n,
      largestCall: 90n,
    });
    await reserve(alone.engine, alone, 40n);
    await reserve(alone.engine, alone, 20n);
    assert.equal(alone.engine.boundsOf(account).stranded, 10n, 'no more than what is left');
  });

  test('with others: what they hold idle may be refused, and what they have outstanding is at stake', async () => {
    const world = twoGateways();
    const { a, b, ledger, clock } = world;
    const other = await reserve(b, world, 20n);
    const record = recordOf('other', { at: clock.now(), nano: 15n, reserved: 20n });
    ledger.settle('b', record);
    other.settle(record);
    // `b` was given a share of what is left beside the 20; what it has spent of that is told with its next beat.
    clock.advance(1001);
    await turns(3);
    await reserve(a, world, 10n);
    const account = accountOf(a);
    const { granted } = accountOf(b);
    assert.ok(granted > 15n, 'b holds more than it has spent');
    await a.load(account);
    const { overshoot, overshootIfLost, stranded } = a.boundsOf(account);
    assert.deepEqual([overshoot, overshootIfLost], [0n, granted - 15n]);
    assert.equal(stranded, granted - 15n + 10n - 1n);
  });

  test('after a loss: what others had outstanding may be missed, and all that is left is refused at first', async () => {
    const world = twoGateways();
    const { a, b, clock, counters } = world;
    await reserve(b, world, 20n);
    await reserve(a, world, 10n);
    const account = accountOf(a);
    await a.load(account);
    const outstanding = accountOf(b).granted;
    counters.lose();
    clock.advance(1001);
    await turns(3);
    const bounds = a.boundsOf(account);
    assert.equal(bounds.overshoot, outstanding);
    assert.equal(bounds.stranded, limit - account.total.spent - account.total.inFlight - account.free);
    clock.advance(leaseMs);
    await turns(3);
    await a.load(account);
    assert.ok(a.boundsOf(account).stranded < bounds.stranded, 'granted again');
    assert.equal(a.boundsOf(account).overshoot, outstanding, 'what was lost is not known by then either');
  });

  test('of a soft budget nothing is refused and nothing promised', async () => {
    const world = twoGateways(false);
    await reserve(world.a, world, 500n);
    const account = accountOf(world.a);
    assert.deepEqual(world.a.boundsOf(account), {
      overshoot: 0n,
      overshootIfLost: 0n,
      stranded: 0n,
      largestCall: 500n,
    });
  });
});
