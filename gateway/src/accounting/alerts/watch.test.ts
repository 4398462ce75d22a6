import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '#accounting/budgets/engine.ts';
import { silentLog } from '#kernel/log.ts';
import { budgetOf, engineWith, node, recordOf, type TestEngine } from '../../../test/support/spending.ts';
import { turns } from '../../../test/support/unsteady-counters.ts';
import type { AddResult, Alert } from './ports.ts';
import { BudgetWatch } from './watch.ts';

const marketing = node('consumer', 'marketing');

interface Watched extends TestEngine {
  readonly told: Alert[];
  readonly watch: BudgetWatch;
  /** The next alert cannot be kept. */
  readonly failOnce: () => void;
  readonly spend: (nano: bigint | null, reserved?: bigint) => Promise<void>;
}

/** A watch whose store is a list; the id sees to it that nothing is in it twice. */
function watched(budget: Parameters<typeof budgetOf>[2] = {}, known = new Map<string, Alert>()): Watched {
  const set = engineWith({ budgets: [budgetOf(marketing, 1000n, { hard: false, warnAt: [50, 80, 100], ...budget })] });
  const told: Alert[] = [];
  let failing = false;
  let calls = 0;
  const keep = async (alert: Alert): Promise<AddResult> => {
    if (failing) {
      failing = false;
      throw new Error('the store is away');
    }
    if (known.has(alert.id)) return await Promise.resolve('known');
    known.set(alert.id, alert);
    told.push(alert);
    return 'added';
  };
  const watch = new BudgetWatch({ accounts: () => set.engine.accounts(), keep, clock: set.clock, log: silentLog });
  return {
    ...set,
    told,
    watch,
    failOnce: () => (failing = true),
    async spend(nano, reserved = nano ?? 0n) {
      const at = set.clock.now();
      const call = set.engine.begin(set.book.limits);
      const demand = { nano: reserved, tokens: 0 };
      const held = await call.reserve({ at, demand, exact: async () => await Promise.resolve(undefined) });
      const record = recordOf(`call-${(calls += 1)}`, { at, nano, reserved });
      set.ledger.settle('journal-1', record);
      held.settle(record);
      call.end();
      // A soft budget is read from the ledger by the way.
      await turns(3);
    },
  };
}

const thresholds = (told: readonly Alert[]): unknown[] =>
  told.map(({ type, body }) => (type === 'budget.exhausted' ? 'exhausted' : JSON.parse(body).data.threshold));

const accountsOf = (engine: Engine) => [...engine.accounts()];

test('tells each threshold once when what is debited reaches it, however many are passed at once', async () => {
  const { spend, watch, told } = watched();
  await spend(499n);
  await watch.look();
  assert.deepEqual(thresholds(told), []);
  await spend(1n);
  await watch.look();
  await watch.look();
  assert.deepEqual(thresholds(told), [50]);
  await spend(600n);
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80, 100]);
  assert.equal(new Set(told.map(({ id }) => id)).size, 3);
});

test('what calls that are over may have cost is debited, what calls under way hold is not', async () => {
  const { spend, watch, told, engine, book, clock } = watched();
  const call = engine.begin(book.limits);
  const demand = { nano: 900n, tokens: 0 };
  await call.reserve({ at: clock.now(), demand, exact: async () => await Promise.resolve(undefined) });
  await turns(3);
  await watch.look();
  assert.deepEqual(thresholds(told), []);
  await spend(null, 800n);
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80]);
  const { data } = JSON.parse(told[0]?.body ?? '');
  assert.deepEqual([data.spent, data.held, data.unknown, data.limit], ['0', '1700', '800', '1000']);
});

test('the event is the same for every gateway and after every restart, and another one in the next window', async () => {
  const known = new Map<string, Alert>();
  const [first, second] = [watched({}, known), watched({}, known)];
  await first.spend(500n);
  await first.watch.look();
  await second.spend(500n);
  await second.watch.look();
  assert.deepEqual([first.told.length, second.told.length], [1, 0]);
  second.clock.advance(31 * 86_400_000);
  await second.spend(500n);
  await second.watch.look();
  assert.deepEqual(thresholds(second.told), [50]);
});

test('says that a hard budget refuses, which may be before any threshold', async () => {
  const { spend, watch, told } = watched({ hard: true });
  await spend(450n);
  await assert.rejects(spend(600n), { code: 'budget_exhausted' });
  await assert.rejects(spend(600n), { code: 'budget_exhausted' });
  await watch.look();
  assert.deepEqual(thresholds(told), ['exhausted']);
});

test('a call that is larger than the whole budget exhausts nothing', async () => {
  const { spend, watch, told } = watched({ hard: true });
  await assert.rejects(spend(1001n), { code: 'budget_exhausted' });
  await watch.look();
  assert.deepEqual(told, []);
});

test('a limit that is raised makes no threshold come twice, and one that is lowered is reached at once', async () => {
  const { spend, watch, told, engine, book } = watched();
  const change = (amount: bigint): void => {
    const { budgets, version } = book.change({
      budgets: [budgetOf(marketing, amount, { hard: false, warnAt: [50, 80, 100] })],
    });
    engine.changed(budgets, version);
  };
  await spend(500n);
  await watch.look();
  change(10_000n);
  await watch.look();
  change(600n);
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80]);
  change(0n);
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80, 100]);
});

test('what could not be kept is decided again, and every second it is looked', async () => {
  const { spend, watch, told, failOnce, clock } = watched();
  await spend(800n);
  failOnce();
  clock.advance(1000);
  await watch.look();
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80]);
});

test('the last look is at the end', async () => {
  const { spend, watch, told } = watched();
  await spend(1000n);
  await watch.close();
  assert.deepEqual(thresholds(told), [50, 80, 100]);
});

test('a budget that has not been read from the ledger yet is not judged', async () => {
  const { spend, watch, told, ledger, clock, engine } = watched();
  ledger.settle('journal-1', recordOf('before', { at: clock.now(), nano: 700n, reserved: 700n }));
  ledger.failing = true;
  await spend(1n);
  assert.equal(accountsOf(engine)[0]?.ready, false);
  await watch.look();
  assert.deepEqual(told, []);
});

test('what was spent when a process was killed is told by the next one, although nobody calls', async () => {
  const { watch, told, ledger, clock, engine } = watched();
  ledger.settle('journal-1', recordOf('before', { at: clock.now(), nano: 700n, reserved: 700n }));
  await watch.look();
  assert.deepEqual(told, []);
  await engine.loadLately();
  await watch.look();
  assert.deepEqual(thresholds(told), [50]);
});

test('a ledger that cannot be read at the start leaves it to the calls to come', async () => {
  const { watch, told, ledger, clock, engine, spend } = watched();
  ledger.settle('journal-1', recordOf('before', { at: clock.now(), nano: 700n, reserved: 700n }));
  ledger.failing = true;
  await engine.loadLately();
  await watch.look();
  assert.deepEqual(told, []);
  ledger.failing = false;
  // What could not be read is read again after a while.
  clock.advance(5000);
  await spend(200n);
  await watch.look();
  assert.deepEqual(thresholds(told), [50, 80]);
});
