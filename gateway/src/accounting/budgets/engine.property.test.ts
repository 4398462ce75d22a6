import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '#kernel/errors.ts';
import { heldOf } from '#model/held.ts';
import type { Budget } from '#model/limits.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { budgetOf, countsAt, engineWith, node, recordOf, type TestEngine } from '../../../test/support/spending.ts';
import type { CallSpending } from './call.ts';
import type { Reservation } from './reservation.ts';

// One gateway against the simplest thing that could be right: sums over a list of what is known to have happened.

const centres = ['sales', 'marketing', 'legal', 'emea'] as const;

/** A tree of cost centres, as the parent of each (by place, always an earlier one), and callers in it. */
const worldArbitrary = fc.record({
  parents: fc.tuple(
    fc.constant(-1),
    fc.integer({ min: -1, max: 0 }),
    fc.integer({ min: -1, max: 1 }),
    fc.integer({ min: -1, max: 2 }),
  ),
  limits: fc.array(
    fc.record({ at: fc.integer({ min: 0, max: 5 }), amount: fc.bigInt({ min: 0n, max: 300n }), hard: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
});

const stepArbitrary = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      caller: fc.integer({ min: 0, max: 3 }),
      needed: fc.bigInt({ min: 0n, max: 120n }),
      counted: fc.integer({ min: 0, max: 100 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('again' as const),
      call: fc.nat(),
      needed: fc.bigInt({ min: 0n, max: 120n }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      call: fc.nat(),
      outcome: fc.constantFrom('known', 'nothing', 'unknown', 'lower-bound', 'unpriced'),
      share: fc.integer({ min: 0, max: 100 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), call: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), hours: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      at: fc.nat(),
      amount: fc.bigInt({ min: 0n, max: 300n }),
    }),
  },
);

type World = typeof worldArbitrary extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

interface Attempt {
  readonly call: CallSpending;
  readonly caller: UsageRecord['caller'];
  readonly reservation: Reservation;
  readonly reserved: bigint;
  readonly at: number;
  readonly id: string;
}

const dayOf = (at: number): number => Math.floor(at / 86_400_000);

/** Everything by the book: no leases, no windows that are kept, no order. */
class Reference {
  readonly settled: UsageRecord[] = [];
  readonly underWay = new Set<Attempt>();

  sums(
    { node: on }: Budget,
    at: number,
  ): { readonly spent: bigint; readonly unknown: bigint; readonly inFlight: bigint } {
    let [spent, unknown, inFlight] = [0n, 0n, 0n];
    for (const record of this.settled) {
      if (dayOf(record.at) !== dayOf(at) || !countsAt(on, record.caller)) continue;
      spent += record.cost.nanoUsd ?? 0n;
      unknown += heldOf({ ...record, costNano: record.cost.nanoUsd });
    }
    for (const attempt of this.underWay)
      if (dayOf(attempt.at) === dayOf(at) && countsAt(on, attempt.caller)) inFlight += attempt.reserved;
    return { spent, unknown, inFlight };
  }

  /** What the call has to be told; undefined where it is let through. */
  verdict(budgets: readonly Budget[], needed: bigint, at: number): 'budget_exhausted' | 'budget_held' | undefined {
    let held = false;
    for (const budget of budgets) {
      const { spent, unknown, inFlight } = this.sums(budget, at);
      if (!budget.hard || needed === 0n || spent + unknown + inFlight + needed <= budget.amount) continue;
      if (needed > budget.amount || spent + unknown + needed > budget.amount) return 'budget_exhausted';
      held = true;
    }
    return held ? 'budget_held' : undefined;
  }
}

class Run {
  readonly engine: TestEngine;
  readonly reference = new Reference();
  readonly callers: readonly UsageRecord['caller'][];
  letThrough = 0;
  refused = 0;

  constructor({ parents, limits }: World) {
    const pathOf = (at: number): string => (at < 0 ? 'contoso' : `${pathOf(parents[at] ?? -1)}/${centres[at]}`);
    const nodes = [
      ...centres.map((name) => node('cost-centre', name)),
      node('organisation', 'contoso'),
      node('product', 'standard'),
    ];
    this.engine = engineWith({
      budgets: limits.flatMap(({ at, amount, hard }, number) => {
        const on = nodes[at];
        if (on === undefined) return [];
        const calendar = { every: 'day' as const, timeZone: 'UTC', fiscalYearStart: { month: 1, day: 1 } };
        return [budgetOf(on, amount, { id: `budget-${number}`, hard, calendar })];
      }),
    });
    this.callers = centres.map((name, at) => ({
      subscription: name,
      product: 'standard',
      consumer: name,
      costCentrePath: pathOf(at),
      endUser: null,
    }));
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'begin') {
      const caller = this.callers[step.caller];
      assert.ok(caller !== undefined);
      const call = this.engine.engine.begin(this.engine.book.of(caller));
      // The count of the input may come to less than its bound.
      await this.#reserve(call, caller, { needed: step.needed, counted: (step.needed * BigInt(step.counted)) / 100n });
    } else if (step.kind === 'again') {
      const attempt = this.#pick(step.call);
      if (attempt !== undefined)
        await this.#reserve(attempt.call, attempt.caller, { needed: step.needed, counted: step.needed });
    } else if (step.kind === 'settle') this.#settle(step);
    else if (step.kind === 'release') {
      const attempt = this.#pick(step.call);
      attempt?.reservation.release();
      if (attempt !== undefined) this.reference.underWay.delete(attempt);
    } else if (step.kind === 'advance') this.engine.clock.advance(step.hours * 3_600_000);
    else {
      const { budgets } = this.engine.book.limits;
      const changed = budgets.map((one, at) =>
        at === step.at % budgets.length ? { ...one, amount: step.amount } : one,
      );
      this.engine.engine.changed(changed, this.engine.book.change({ budgets: changed }).version);
    }
  }

  /** Every account says what the reference does. */
  async check(): Promise<void> {
    for (const account of this.engine.engine.accounts()) {
      // A soft one is read by the way.
      if (!account.ready) await this.engine.engine.load(account);
      assert.deepEqual(account.total, this.reference.sums(account.budget, account.window.start), account.key);
    }
  }

  async #reserve(
    call: CallSpending,
    caller: UsageRecord['caller'],
    demand: { readonly needed: bigint; readonly counted: bigint },
  ): Promise<void> {
    const at = this.engine.clock.now();
    // A call keeps the limits that it began with; their amounts are those of now.
    const ids = new Set(call.path.budgets.map(({ budget }) => budget.id));
    const budgets = this.engine.book.limits.budgets.filter(({ id }) => ids.has(id));
    const { needed, counted } = demand;
    const atFirst = this.reference.verdict(budgets, needed, at);
    const exact = atFirst === undefined ? needed : counted;
    const expected = atFirst === undefined ? undefined : this.reference.verdict(budgets, counted, at);
    try {
      const reservation = await call.reserve({
        at,
        demand: { nano: needed, tokens: Number(needed) },
        exact: async () => await Promise.resolve({ nano: counted, tokens: Number(counted) }),
      });
      assert.equal(expected, undefined, 'it was let through');
      assert.equal(reservation.nano, budgets.length === 0 ? null : exact);
      this.letThrough += 1;
      this.reference.underWay.add({ call, caller, reservation, reserved: exact, at, id: `a${this.letThrough}` });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.refused += 1;
      assert.equal(error.code, expected);
    }
  }

  #settle({ call, outcome, share }: Extract<Step, { kind: 'settle' }>): void {
    const attempt = this.#pick(call);
    if (attempt === undefined) return;
    const { reserved, at, id, caller } = attempt;
    const cost = (reserved * BigInt(share)) / 100n;
    const record = recordOf(id, {
      at,
      caller,
      reserved,
      nano: { known: cost, nothing: 0n, unknown: null, 'lower-bound': cost, unpriced: null }[outcome],
      measured: ({ 'lower-bound': 'delivered', unknown: 'unknown' } as const)[outcome as 'unknown'] ?? 'reported',
    });
    this.engine.ledger.settle('journal-1', record);
    this.reference.settled.push(record);
    this.reference.underWay.delete(attempt);
    attempt.reservation.settle(record);
  }

  #pick(place: number): Attempt | undefined {
    return [...this.reference.underWay][place % Math.max(1, this.reference.underWay.size)];
  }
}

test('one gateway decides and counts as sums over the whole history do: any tree, prices, outcomes, retries, windows, changes', async () => {
  let [letThrough, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      worldArbitrary,
      fc.array(stepArbitrary, { minLength: 5, maxLength: 60, size: '+1' }),
      async (world, steps) => {
        const run = new Run(world);
        for (const step of steps) {
          await run.step(step);
          await run.check();
        }
        letThrough += run.letThrough;
        refused += run.refused;
        // With nothing under way, nothing is held but what nobody knows.
        for (const attempt of run.reference.underWay) attempt.reservation.release();
        run.reference.underWay.clear();
        await run.check();
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(letThrough > 1000 && refused > 1000, 'a gateway that refuses everything, or nothing, passes no test');
});
