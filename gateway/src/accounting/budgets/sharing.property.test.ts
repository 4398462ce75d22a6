import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { heldOf } from '#model/held.ts';
import type { Budget } from '#model/limits.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { budgetOf, ChangingBook, node, recordOf, TestLedger } from '../../../test/support/spending.ts';
import { turns, UnsteadyCounters, type Weather } from '../../../test/support/unsteady-counters.ts';
import type { CallSpending } from './call.ts';
import { Engine } from './engine.ts';
import { budgetInstruments } from './instruments.ts';
import type { Reservation } from './reservation.ts';

// Several gateways over one store of counters that forgets, behind a network that loses, with processes that die.

const leaseMs = 5000;
/** Of the team's budget at first; the organisation's is larger by a little. */
const first = 200n;
const kinds = ['consumer', 'organisation'] as const;
type Kind = (typeof kinds)[number];

/** Of each kind, where the team's is `limit`. */
const limitsAt = (limit: bigint): Readonly<Record<Kind, bigint>> => ({ consumer: limit, organisation: limit + 30n });

const budgetsAt = (limit: bigint): readonly Budget[] => [
  budgetOf(node('consumer', 'marketing'), limitsAt(limit).consumer),
  budgetOf(node('organisation', 'contoso'), limitsAt(limit).organisation),
];
const names = ['a', 'b', 'c'] as const;

const weatherArbitrary: fc.Arbitrary<Weather> = fc.record({
  before: fc.integer({ min: 0, max: 3 }),
  after: fc.integer({ min: 0, max: 3 }),
  lost: fc.oneof(
    { weight: 12, arbitrary: fc.constant('nothing' as const) },
    { weight: 1, arbitrary: fc.constantFrom('request' as const, 'answer' as const) },
  ),
});

const gateway = fc.integer({ min: 0, max: names.length - 1 });
const stepArbitrary = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      gateway,
      needed: fc.bigInt({ min: 1n, max: 60n }),
      waits: fc.boolean(),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      attempt: fc.nat(),
      outcome: fc.constantFrom(
        'known' as const,
        'known' as const,
        'known' as const,
        'unknown' as const,
        'lower-bound' as const,
      ),
      share: fc.integer({ min: 0, max: 100 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), attempt: fc.nat() }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 9000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ship' as const), gateway }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), gateway }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), gateway }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('change' as const), to: fc.bigInt({ min: 20n, max: 2n * first }) }),
  },
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

interface Attempt {
  readonly gateway: Gateway;
  readonly call: CallSpending;
  readonly reservation: Reservation;
  readonly reserved: bigint;
  readonly at: number;
  readonly id: string;
}

/** A call that waits, and the most that it may have met. */
interface Asking {
  readonly by: Gateway;
  readonly needed: bigint;
  /** In each budget. */
  readonly peaks: Record<Kind, bigint>;
  /** The lowest limit of the team's meanwhile. */
  lowest: bigint;
}

interface Gateway {
  readonly name: string;
  readonly store: UnsteadyCounters;
  readonly engine: Engine;
}

const heldIn = (record: UsageRecord): bigint => heldOf({ ...record, costNano: record.cost.nanoUsd });

class World {
  readonly clock = new ManualClock();
  readonly ledger = new TestLedger();
  readonly counters = new CounterSet({ clock: this.clock, shared: { leaseMs } });
  readonly book = new ChangingBook({ budgets: budgetsAt(first) });
  readonly gateways: Gateway[];
  readonly underWay = new Set<Attempt>();
  /** Of the team's budget, in force and at the most so far. */
  #limit = first;
  #highest = first;
  /** The stated bound: what may have been spent that nobody can know of. */
  overshoot = 0n;
  readonly #weathers: readonly Weather[];
  #weather = 0;
  /** No network is this steady. */
  steady = false;
  #made = 0;
  letThrough = 0;
  refused = 0;
  unavailable = 0;
  readonly waiting: Promise<void>[] = [];
  readonly #asking = new Set<Asking>();

  constructor(weathers: readonly Weather[]) {
    this.#weathers = weathers;
    this.gateways = names.map((name) => this.#start(name));
  }

  async step(step: Step): Promise<void> {
    this.#observe();
    if (step.kind === 'call') {
      const calling = this.#call(step.gateway, step.needed);
      // Told at the end, if not before.
      calling.catch(() => undefined);
      this.waiting.push(calling);
      if (step.waits) await calling;
    } else if (step.kind === 'settle') this.#settle(step);
    else if (step.kind === 'release') this.#release(step.attempt);
    else if (step.kind === 'advance') this.clock.advance(step.ms);
    else if (step.kind === 'ship') this.#ship(step.gateway);
    else if (step.kind === 'kill') this.#at(step.gateway).store.dead = true;
    else if (step.kind === 'restart') this.#restart(step.gateway);
    else if (step.kind === 'change') this.#change(step.to);
    else this.#lose();
    await turns(1);
    this.check();
  }

  /** Everything that was let through, at the most that it may have cost, is within the limit and the stated bound. */
  check(): void {
    this.#isWithin(this.#highest);
  }

  #isWithin(limit: bigint): void {
    assert.ok(this.committed() <= limit + this.overshoot, `${this.committed()} of ${limit} + ${this.overshoot}`);
  }

  committed(): bigint {
    return names.reduce((sum, name) => sum + this.#committedBy(name), 0n);
  }

  #committedBy(name: string): bigint {
    let sum = 0n;
    for (const record of this.ledger.records.get(name) ?? []) sum += (record.cost.nanoUsd ?? 0n) + heldIn(record);
    for (const attempt of this.underWay) if (attempt.gateway.name === name) sum += attempt.reserved;
    return sum;
  }

  /** Everybody is there, hears everything and has ended everything: what then is left can be had, from anybody. */
  async checkRest(): Promise<void> {
    await Promise.all(this.waiting);
    this.steady = true;
    for (const attempt of this.underWay)
      this.#end(attempt, recordOf(attempt.id, { at: attempt.at, nano: attempt.reserved, reserved: attempt.reserved }));
    this.gateways.forEach((one, at) => {
      if (one.store.dead) this.#restart(at);
    });
    for (const name of names) this.ledger.ship(name);
    for (let beat = 0; beat < 20; beat += 1) {
      this.clock.advance(1000);
      await turns(5);
    }
    const left = this.#limit - this.committed();
    const [one] = this.gateways;
    assert.ok(one !== undefined);
    // What died with the counters and has come back may have spent more than the limit.
    if (left > 0n) {
      await this.#call(0, left);
      assert.equal(this.underWay.size, 1, `${left} are left, and are refused`);
      const unknown = this.ledger.all().reduce((sum, record) => sum + heldIn(record), 0n);
      const [account] = one.engine.accounts();
      assert.deepEqual(account?.total, { spent: this.#limit - left - unknown, unknown, inFlight: left });
    } else {
      await this.#call(0, 1n);
      assert.equal(this.underWay.size, 0);
    }
  }

  #ship(place: number): void {
    const one = this.#at(place);
    if (!one.store.dead) this.ledger.ship(one.name);
  }

  #at(place: number): Gateway {
    const found = this.gateways[place];
    assert.ok(found !== undefined);
    return found;
  }

  #start(name: string, stored = new Map<string, bigint>()): Gateway {
    const store = new UnsteadyCounters(this.counters.connect(name), stored, () => this.#nextWeather());
    const engine = new Engine({
      store,
      ledger: this.ledger.seenBy(name),
      clock: this.clock,
      log: silentLog,
      instruments: budgetInstruments(new Metrics()),
      book: () => this.book,
      leaseMs,
      leasePercent: 20,
    });
    store.onExchanged = () => this.#observe();
    return { name, store, engine };
  }

  #nextWeather(): Weather {
    const weather = this.#weathers[this.#weather % Math.max(1, this.#weathers.length)];
    this.#weather += 1;
    return weather === undefined || this.steady ? { before: 0, after: 0, lost: 'nothing' } : weather;
  }

  async #call(place: number, needed: bigint): Promise<void> {
    const one = this.#at(place);
    if (one.store.dead) return;
    const call = one.engine.begin(this.book.limits);
    const at = this.clock.now();
    const asking: Asking = { by: one, needed, peaks: { consumer: 0n, organisation: 0n }, lowest: this.#limit };
    this.#asking.add(asking);
    this.#observe();
    try {
      const demand = { nano: needed, tokens: 1 };
      const reservation = await call.reserve({ at, demand, exact: async () => await Promise.resolve(undefined) });
      // A process that died meanwhile sends nothing.
      if (one.store.dead) return;
      this.#made += 1;
      this.letThrough += 1;
      this.underWay.add({ gateway: one, call, reservation, reserved: needed, at, id: `r${this.#made}` });
      // What was lowered below what is spent lets nothing more through.
      this.#isWithin(this.#limit);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.code === 'counters_unavailable') {
        this.unavailable += 1;
        return;
      }
      this.refused += 1;
      this.#observe();
      // What fits is refused only where others held what they did not use, and did not answer.
      const { peaks, lowest } = asking;
      const fits = kinds.every((kind) => peaks[kind] + needed <= limitsAt(lowest)[kind]);
      assert.ok(
        one.store.dead || !fits,
        `${needed} refused at ${kinds.map((kind) => peaks[kind]).join(' and ')} at most`,
      );
    } finally {
      this.#asking.delete(asking);
    }
  }

  /** What is used, what others hold without using it, and what other calls of the gateway are about to take. */
  #pressure(asking: Asking, kind: Kind): bigint {
    const { by } = asking;
    let sum = this.committed();
    for (const one of this.#asking) if (one !== asking && one.by === by) sum += one.needed;
    for (const one of this.gateways) {
      const known = [...one.engine.accounts()].find((account) => account.budget.node.kind === kind);
      const [stored = 0n] = [...one.store.stored].flatMap(([key, set]) => (key.startsWith(kind) ? [set] : []));
      const granted = known?.granted ?? 0n;
      const set = stored > granted ? stored : granted;
      const used = this.#committedBy(one.name);
      if (set > used && (one !== by || stored > granted)) sum += set - used;
    }
    return sum;
  }

  #observe(): void {
    for (const asking of this.#asking) {
      for (const kind of kinds) {
        const pressure = this.#pressure(asking, kind);
        if (pressure > asking.peaks[kind]) asking.peaks[kind] = pressure;
      }
    }
  }

  #settle({ attempt: place, outcome, share }: Extract<Step, { kind: 'settle' }>): void {
    const attempt = [...this.underWay][place % Math.max(1, this.underWay.size)];
    if (attempt === undefined || attempt.gateway.store.dead) return;
    const { id, at, reserved } = attempt;
    const nano = outcome === 'unknown' ? null : (reserved * BigInt(share)) / 100n;
    const measured = ({ known: 'reported', unknown: 'unknown', 'lower-bound': 'delivered' } as const)[outcome];
    this.#end(attempt, recordOf(id, { at, reserved, nano, measured }));
  }

  #end(attempt: Attempt, record: UsageRecord): void {
    this.#observe();
    this.ledger.settle(attempt.gateway.name, record);
    this.underWay.delete(attempt);
    if (!attempt.gateway.store.dead) {
      attempt.reservation.settle(record);
      attempt.call.end();
    }
  }

  #release(place: number): void {
    const attempt = [...this.underWay][place % Math.max(1, this.underWay.size)];
    if (attempt === undefined || attempt.gateway.store.dead) return;
    attempt.reservation.release();
    attempt.call.end();
    this.underWay.delete(attempt);
  }

  /** The journal is back: what nobody settled is lost, and may have cost all that was reserved. */
  #restart(place: number): void {
    const before = this.#at(place);
    if (!before.store.dead) return;
    for (const attempt of this.underWay) {
      if (attempt.gateway !== before) continue;
      const { id, at, reserved } = attempt;
      this.#end(attempt, recordOf(id, { at, reserved, nano: null }));
    }
    this.gateways[place] = this.#start(before.name, before.store.stored);
  }

  /** Every gateway that lives hears of it in the same turn; one that starts later begins with it. */
  #change(to: bigint): void {
    this.#limit = to;
    if (to > this.#highest) this.#highest = to;
    for (const asking of this.#asking) if (to < asking.lowest) asking.lowest = to;
    const { budgets, version } = this.book.change({ budgets: budgetsAt(to) });
    for (const { store, engine } of this.gateways) if (!store.dead) engine.changed(budgets, version);
  }

  /** Whoever has not spoken when the new set opens is not in it: what it was granted is the bound of what is missed. */
  #lose(): void {
    this.counters.lose();
    for (const one of this.gateways) one.store.stored.clear();
    const before = [...this.gateways];
    this.clock.after(leaseMs, () => {
      for (const one of before) {
        for (const account of one.engine.accounts())
          if (account.budget.node.kind === 'consumer' && !one.store.stored.has(account.key))
            this.overshoot += account.granted;
      }
    });
  }
}

test('several gateways keep a hard budget whatever is lost or changed, and what they leave can be had', async () => {
  let [letThrough, refused, unavailable] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(weatherArbitrary, { minLength: 1, maxLength: 30 }),
      fc.array(stepArbitrary, { minLength: 5, maxLength: 50, size: '+1' }),
      async (weathers, steps) => {
        const world = new World(weathers);
        // The set of counters is new: everybody has to speak first.
        world.clock.advance(leaseMs + 1);
        for (const step of steps) await world.step(step);
        await world.checkRest();
        letThrough += world.letThrough;
        refused += world.refused;
        unavailable += world.unavailable;
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(letThrough > 500 && refused > 100 && unavailable > 10, `${letThrough}, ${refused}, ${unavailable}`);
});
