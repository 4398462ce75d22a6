import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BudgetTrack } from './account.ts';
import { clockErrorMs } from './windows.ts';
import { budgetOf, node, usd } from '../../../test/support/spending.ts';

const minute = 60_000;
const midnight = Date.UTC(2026, 11, 1);

describe('a window', () => {
  const cases = [
    { what: 'that began long after counting did is known without the ledger', countedFor: 60, fresh: true },
    { what: 'that began before counting did is read from the ledger', countedFor: -1, fresh: false },
    {
      what: 'that began shortly after counting did is read from the ledger: who counted before may have been ahead',
      countedFor: 5,
      fresh: false,
    },
    { what: 'is known from the moment on from which no clock can be so wrong', countedFor: 10, fresh: true },
  ] as const;
  for (const { what, countedFor, fresh } of cases)
    test(what, () => {
      assert.equal(clockErrorMs, 10 * minute);
      const track = new BudgetTrack(budgetOf(node('consumer', 'marketing'), usd), 1, 0);
      // A minute into the month.
      const now = midnight + minute;
      const account = track.accountAt(now, { now, monotonic: (countedFor + 1) * minute });
      assert.deepEqual([account.window.start, account.fresh], [midnight, fresh]);
    });

  test('that has another one before it again, because the clock was set back, is not taken for a new one', () => {
    const track = new BudgetTrack(budgetOf(node('consumer', 'marketing'), usd), 1, 0);
    const first = track.accountAt(midnight + minute, { now: midnight + minute, monotonic: 20 * minute });
    const back = midnight - 59 * minute;
    const before = track.accountAt(back, { now: back, monotonic: 20 * minute });
    assert.deepEqual([before.fresh, before.window.end], [false, midnight]);
    assert.equal(track.accountAt(midnight, { now: midnight, monotonic: 79 * minute }), first);
  });
});
