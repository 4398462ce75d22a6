import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { budgetOf, ChangingBook, node, recordOf, TestLedger } from '../../../test/support/spending.ts';
import { turns } from '../../../test/support/unsteady-counters.ts';
import { Engine } from './engine.ts';
import { budgetInstruments } from './instruments.ts';
import type { Reservation } from './reservation.ts';

const leaseMs = 5000;
const never = async (): Promise<undefined> => await Promise.resolve(undefined);

test('tokens that nobody could count are held through the death of the process that held them', async () => {
  const clock = new ManualClock();
  const ledger = new TestLedger();
  const quota = budgetOf(node('consumer', 'marketing'), 1000n, { unit: 'tokens' });
  const book = new ChangingBook({ budgets: [quota] });
  const counters = new CounterSet({ clock, shared: { leaseMs } });
  const start = (): Engine =>
    new Engine({
      store: counters.connect('a'),
      ledger: ledger.seenBy('a'),
      clock,
      log: silentLog,
      instruments: budgetInstruments(new Metrics()),
      book: () => book,
      leaseMs,
      leasePercent: 20,
    });
  const reserve = async (engine: Engine, tokens: number): Promise<Reservation> =>
    await engine.begin(book.limits).reserve({ at: clock.now(), demand: { nano: 0n, tokens }, exact: never });
  const settle = (reservation: Reservation, id: string, tokens: number | null): void => {
    const nano = tokens === null ? null : 0n;
    const record = recordOf(id, { at: clock.now(), nano, reserved: null, ...(tokens === null ? {} : { tokens }) });
    ledger.settle('a', record);
    reservation.settle(record);
  };

  const dying = start();
  clock.advance(leaseMs + 1);
  settle(await reserve(dying, 100), 'known', 60);
  settle(await reserve(dying, 200), 'unknown', null);
  await reserve(dying, 300);
  // Its beat tells it; then it dies, and its journal says of the third that nobody knows.
  clock.advance(1001);
  await turns(3);
  ledger.settle('a', recordOf('lost', { at: clock.now(), nano: null, reserved: null }));

  for (const life of ['second', 'third']) {
    const engine = start();
    clock.advance(1);
    await turns(5);
    const one = await reserve(engine, 1);
    const [account] = engine.accounts();
    assert.ok(account !== undefined, life);
    assert.deepEqual(account.total, { spent: 60n, unknown: 500n, inFlight: 1n }, life);
    one.release();
    await assert.rejects(async () => await reserve(engine, 441), /exhausted/, life);
    const rest = await reserve(engine, 440);
    rest.release();
    await engine.close();
  }
});
