import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Config } from '#config-sections.ts';
import { mergeLimits } from '#compose/limits/limit-book.ts';
import { costCentrePath } from '#snapshot.ts';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { VirtualClock } from '#kernel/virtual-clock.ts';
import type { LimitBook } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import { realLoader } from '../../../test/golden/config/config-cases.ts';
import { recordOf, TestLedger } from '../../../test/support/spending.ts';
import type { CallSpending } from './call.ts';
import { Engine } from './engine.ts';
import { budgetInstruments } from './instruments.ts';
import type { Reservation } from './reservation.ts';

/** One thing that happens at an instant; amounts in USD. */
type Step =
  /** A call that costs so much; `refused`: until when. */
  | readonly [at: string, spend: number, refusedUntil?: string]
  | readonly [at: string, 'begin' | 'end', call: string, spend: number]
  /** The configuration is changed, and reloaded. */
  | readonly [at: string, 'config', yaml: string]
  /** What is debited in the window that is current, by budget; nothing where nobody counts. */
  | readonly [at: string, 'spent', expected: Readonly<Record<string, number>>];

interface Case {
  readonly what: string;
  readonly config: string;
  readonly steps: readonly Step[];
}

const nanoPerUsd = 1_000_000_000;
const nano = (dollars: number): bigint => BigInt(Math.round(dollars * nanoPerUsd));

/** The subscription `web` of a configuration; everything else of it stands in `more`. */
const by = (more: string, centre = 'sales', consumer = 'team'): string => `
organisation: contoso
products: { standard: { models: [m] } }
models: { m: { tiers: [[e]] } }
endpoints: { e: { resource: 'https://x.openai.azure.com', region: westeurope, deployment: d, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TWIN_KEY}' } } }
subscriptions: { web: { product: standard, consumer: ${consumer}, costCentre: ${centre} } }
${/costCentres:/.test(more) ? '' : 'costCentres: { sales: {}, legal: {} }'}
${more}
`;
const team = (budget: string, more = ''): string =>
  by(`consumers: { team: { budget: { hard: true, ${budget} } } }\n${more}`);

class World {
  readonly clock: VirtualClock;
  readonly #start: number;
  readonly #ledger = new TestLedger();
  readonly #engine: Engine;
  readonly #calls = new Map<
    string,
    { readonly call: CallSpending; readonly held: Reservation; readonly at: number; readonly caller: ChargedTo }
  >();
  #version = 1;
  #book: LimitBook;
  #caller: ChargedTo | undefined;

  constructor(yaml: string, start: number) {
    this.#start = start;
    this.clock = new VirtualClock(start);
    this.#book = { version: 0, of: () => assert.fail('no book') };
    this.#caller = undefined;
    const { clock } = this;
    this.#engine = new Engine({
      store: new CounterSet({ clock }).connect('journal-1'),
      ledger: this.#ledger.seenBy('journal-1'),
      clock,
      log: silentLog,
      instruments: budgetInstruments(new Metrics()),
      book: () => this.#book,
      leaseMs: 5000,
      leasePercent: 5,
    });
    this.reload(yaml);
  }

  moveTo(at: string): void {
    this.clock.runUntil(Date.parse(at) - this.#start);
  }

  reload(yaml: string): void {
    const result = realLoader().loadText(yaml, 'case.yaml', { TWIN_KEY: 'key' });
    assert.ok(result.ok, JSON.stringify(result));
    const { config } = result.loaded;
    const { book } = mergeLimits(config, { limits: [], topUps: [] }, (this.#version += 1));
    this.#book = book;
    this.#caller = callerOf(config);
    this.#engine.changed(book.budgets, book.version);
  }

  async begin(name: string, cost: bigint): Promise<void> {
    const caller = this.#caller;
    assert.ok(caller !== undefined, 'nobody calls');
    const at = this.clock.now();
    const call = this.#engine.begin(this.#book.of(caller));
    const demand = { nano: cost, tokens: 0 };
    const held = await call.reserve({ at, demand, exact: async () => await Promise.resolve(undefined) });
    this.#calls.set(name, { call, held, at, caller });
  }

  end(name: string, cost: bigint): void {
    const found = this.#calls.get(name);
    assert.ok(found !== undefined);
    const { call, held, at, caller } = found;
    const record = recordOf(`${name}-${at}`, { at, nano: cost, reserved: cost, caller });
    this.#ledger.settle('journal-1', record);
    held.settle(record);
    call.end();
  }

  /** Debited, by budget, in the windows of this instant. */
  async spent(): Promise<Readonly<Record<string, number>>> {
    const result: Record<string, number> = {};
    for (const budget of 'budgets' in this.#book && Array.isArray(this.#book.budgets) ? this.#book.budgets : []) {
      const account = this.#engine.accountOf(budget, this.#version);
      await this.#engine.load(account);
      const { spent, unknown } = account.total;
      if (spent + unknown > 0n) result[budget.id] = Number(spent + unknown) / nanoPerUsd;
    }
    return result;
  }
}

function callerOf(config: Config): ChargedTo | undefined {
  const found = config.subscriptions['web'];
  if (found === undefined) return undefined;
  const { product, consumer, costCentre } = found;
  return { subscription: 'web', product, consumer, costCentrePath: costCentrePath(config, costCentre), endUser: null };
}

async function happens(world: World, step: Step): Promise<void> {
  const [at, what] = step;
  world.moveTo(at);
  if (what === 'config') return world.reload(step[2]);
  if (what === 'begin') return await world.begin(step[2], nano(step[3]));
  if (what === 'end') return world.end(step[2], nano(step[3]));
  if (what === 'spent') return assert.deepEqual(await world.spent(), step[2], at);
  const [, , refusedUntil] = step;
  const failure = await world.begin('now', nano(what)).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusedUntil === undefined) {
    assert.equal(failure, undefined, `${at}: ${String(failure)}`);
    world.end('now', nano(what));
    return;
  }
  assert.ok(failure instanceof Failure, `${at}: it was not refused`);
  assert.equal(failure.code, 'budget_exhausted', at);
  assert.match(failure.message, new RegExp(`reset at ${refusedUntil.replace('.', '[.]')}`), at);
}

const amsterdam = 'timeZone: Europe/Amsterdam';

const cases: readonly Case[] = [
  {
    what: 'the day on which clocks go forward is of 23 hours',
    config: team(`amount: 10 USD, every: day, ${amsterdam}`),
    steps: [
      ['2026-03-28T23:59:59.999+01:00', 10],
      ['2026-03-28T23:59:59.999+01:00', 1, '2026-03-28T23:00:00.000Z'],
      ['2026-03-29T00:00:00+01:00', 6],
      ['2026-03-29T01:59:59+01:00', 5, '2026-03-29T22:00:00.000Z'],
      ['2026-03-29T03:00:00+02:00', 4],
      ['2026-03-29T23:59:59.999+02:00', 1, '2026-03-29T22:00:00.000Z'],
      ['2026-03-30T00:00:00+02:00', 10],
    ],
  },
  {
    what: 'the day on which clocks go back is of 25 hours, and its repeated hour counts once',
    config: team(`amount: 10 USD, every: day, ${amsterdam}`),
    steps: [
      ['2026-10-25T00:00:00+02:00', 4],
      ['2026-10-25T02:30:00+02:00', 3],
      ['2026-10-25T02:30:00+01:00', 3],
      ['2026-10-25T23:59:59.999+01:00', 1, '2026-10-25T23:00:00.000Z'],
      ['2026-10-26T00:00:00+01:00', 10],
    ],
  },
  {
    what: 'a day whose midnight does not exist begins with its first valid instant',
    config: team('amount: 10 USD, every: day, timeZone: America/Santiago'),
    steps: [
      ['2026-09-05T23:59:59.999-04:00', 10],
      ['2026-09-05T23:59:59.999-04:00', 1, '2026-09-06T04:00:00.000Z'],
      ['2026-09-06T01:00:00-03:00', 10],
      ['2026-09-06T12:00:00-03:00', 1, '2026-09-07T03:00:00.000Z'],
    ],
  },
  {
    what: 'a week runs from Monday to Monday over a change of clocks',
    config: team(`amount: 10 USD, every: week, ${amsterdam}`),
    steps: [
      ['2026-03-23T00:00:00+01:00', 9],
      ['2026-03-29T23:59:59.999+02:00', 2, '2026-03-29T22:00:00.000Z'],
      ['2026-03-30T00:00:00+02:00', 10],
    ],
  },
  {
    what: 'months end where their last day ends in their time zone',
    config: team('amount: 10 USD, every: month, timeZone: Pacific/Kiritimati'),
    steps: [
      ['2026-01-31T23:59:59.999+14:00', 10],
      ['2026-01-31T23:59:59.999+14:00', 1, '2026-01-31T10:00:00.000Z'],
      ['2026-01-31T10:00:00Z', 10],
      ['2026-02-28T09:59:59.999Z', 1, '2026-02-28T10:00:00.000Z'],
      ['2026-02-28T10:00:00Z', 10],
    ],
  },
  {
    what: 'a leap day is a day, of February, of its quarter and of its year',
    config: by(`consumers: { team: { budgets: {
      day: { amount: 10 USD, every: day }, month: { amount: 100 USD, every: month },
      quarter: { amount: 200 USD, every: quarter }, year: { amount: 1000 USD, every: year } } } }`),
    steps: [
      ['2028-02-28T23:59:59Z', 1],
      ['2028-02-29T00:00:00Z', 2],
      [
        '2028-02-29T23:59:59.999Z',
        'spent',
        {
          'consumer/team/day': 2,
          'consumer/team/month': 3,
          'consumer/team/quarter': 3,
          'consumer/team/year': 3,
        },
      ],
      ['2028-03-01T00:00:00Z', 'spent', { 'consumer/team/quarter': 3, 'consumer/team/year': 3 }],
    ],
  },
  {
    what: 'a February without a leap day ends on the 28th',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2027-02-28T23:59:59.999Z', 10],
      ['2027-02-28T23:59:59.999Z', 1, '2027-03-01T00:00:00.000Z'],
      ['2027-03-01T00:00:00Z', 10],
    ],
  },
  {
    what: 'fiscal years and their quarters begin where the file says, leap year or not',
    config: by(`fiscalYearStart: 04-06
consumers: { team: { budgets: { year: { amount: 10 USD, every: year, hard: true }, quarter: { amount: 9 USD, every: quarter } } } }`),
    steps: [
      ['2028-04-05T23:59:59.999Z', 10],
      ['2028-04-05T23:59:59.999Z', 1, '2028-04-06T00:00:00.000Z'],
      ['2028-04-06T00:00:00Z', 4],
      ['2028-07-05T23:59:59.999Z', 'spent', { 'consumer/team/year': 4, 'consumer/team/quarter': 4 }],
      ['2028-07-06T00:00:00Z', 'spent', { 'consumer/team/year': 4 }],
      ['2029-04-05T23:59:59Z', 7, '2029-04-06T00:00:00.000Z'],
    ],
  },
  {
    what: 'a call counts in the window in which it was admitted, whenever it ends',
    config: team(`amount: 10 USD, every: day, ${amsterdam}`),
    steps: [
      ['2026-10-24T23:59:59+02:00', 'begin', 'long', 8],
      ['2026-10-25T00:00:01+02:00', 10],
      ['2026-10-25T02:30:00+01:00', 'end', 'long', 8],
      ['2026-10-25T02:30:01+01:00', 'spent', { 'consumer/team/day': 10 }],
      ['2026-10-25T03:00:00+01:00', 1, '2026-10-25T23:00:00.000Z'],
    ],
  },
  {
    what: 'an amount that is raised or lowered in mid-window keeps what is spent',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2026-05-10T00:00:00Z', 10],
      ['2026-05-10T00:00:00Z', 1, '2026-06-01T00:00:00.000Z'],
      ['2026-05-11T00:00:00Z', 'config', team('amount: 15 USD, every: month')],
      ['2026-05-11T00:00:01Z', 5],
      ['2026-05-12T00:00:00Z', 'config', team('amount: 2 USD, every: month')],
      ['2026-05-12T00:00:01Z', 1, '2026-06-01T00:00:00.000Z'],
      ['2026-06-01T00:00:00Z', 2],
    ],
  },
  {
    what: 'a budget that is lowered while calls are under way cancels none of them',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2026-05-10T00:00:00Z', 'begin', 'long', 8],
      ['2026-05-10T00:00:01Z', 'config', team('amount: 3 USD, every: month')],
      ['2026-05-10T00:00:02Z', 'end', 'long', 8],
      ['2026-05-10T00:00:03Z', 'spent', { 'consumer/team/month': 8 }],
      ['2026-05-10T00:00:04Z', 1, '2026-06-01T00:00:00.000Z'],
    ],
  },
  {
    what: 'a budget that becomes soft lets through, goes on counting, and refuses again when it is hard again',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2026-05-10T00:00:00Z', 10],
      ['2026-05-11T00:00:00Z', 'config', by('consumers: { team: { budget: { amount: 10 USD, every: month } } }')],
      ['2026-05-11T00:00:01Z', 3],
      ['2026-05-12T00:00:00Z', 'config', team('amount: 15 USD, every: month')],
      ['2026-05-12T00:00:01Z', 3, '2026-06-01T00:00:00.000Z'],
      ['2026-05-12T00:00:02Z', 2],
    ],
  },
  {
    what: 'a window that becomes shorter, or of another zone, holds what the ledger has of it',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2026-05-09T23:30:00Z', 4],
      ['2026-05-10T10:00:00Z', 3],
      ['2026-05-10T11:00:00Z', 'config', team('amount: 10 USD, every: day')],
      ['2026-05-10T11:00:01Z', 'spent', { 'consumer/team/day': 3 }],
      // 23:30 in UTC is the tenth of May in Amsterdam.
      ['2026-05-10T12:00:00Z', 'config', team(`amount: 10 USD, every: day, ${amsterdam}`)],
      ['2026-05-10T12:00:01Z', 'spent', { 'consumer/team/day': 7 }],
      ['2026-05-10T12:00:02Z', 4, '2026-05-10T22:00:00.000Z'],
    ],
  },
  {
    what: 'a budget that is taken away and put back has not forgotten what was spent meanwhile',
    config: team('amount: 10 USD, every: month'),
    steps: [
      ['2026-05-10T00:00:00Z', 4],
      ['2026-05-11T00:00:00Z', 'config', by('')],
      ['2026-05-11T00:00:01Z', 5],
      ['2026-05-12T00:00:00Z', 'config', team('amount: 10 USD, every: month')],
      ['2026-05-12T00:00:01Z', 2, '2026-06-01T00:00:00.000Z'],
      ['2026-05-12T00:00:02Z', 1],
    ],
  },
  {
    what: 'a consumer that moves to another cost centre leaves there what it spent, and takes its own budget along',
    config: by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }'), 'sales'),
    steps: [
      ['2026-05-10T00:00:00Z', 6],
      ['2026-05-10T01:00:00Z', 'begin', 'long', 1],
      ['2026-05-11T00:00:00Z', 'config', by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }'), 'legal')],
      ['2026-05-11T00:00:01Z', 5],
      ['2026-05-11T00:00:02Z', 'end', 'long', 1],
      [
        '2026-05-11T00:00:03Z',
        'spent',
        {
          'organisation/contoso/month': 12,
          'cost-centre/sales/month': 7,
          'cost-centre/legal/month': 5,
          'consumer/team/month': 12,
        },
      ],
      // 13 of the consumer's own 20 would fit; of the new cost centre's 8 there are 3 left.
      ['2026-05-12T00:00:00Z', 4, '2026-06-01T00:00:00.000Z'],
      ['2026-05-13T00:00:00Z', 'config', by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }'), 'sales')],
      ['2026-05-13T00:00:01Z', 1],
      ['2026-05-13T00:00:02Z', 1, '2026-06-01T00:00:00.000Z'],
    ],
  },
  {
    what: 'a cost centre that moves under another one counts there from then on',
    config: by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL, web: { parent: sales } }'), 'web'),
    steps: [
      ['2026-05-10T00:00:00Z', 6],
      [
        '2026-05-11T00:00:00Z',
        'config',
        by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL, web: { parent: legal } }'), 'web'),
      ],
      ['2026-05-11T00:00:01Z', 5],
      [
        '2026-05-11T00:00:02Z',
        'spent',
        {
          'organisation/contoso/month': 11,
          'cost-centre/sales/month': 6,
          'cost-centre/legal/month': 5,
          'consumer/team/month': 11,
        },
      ],
    ],
  },
  {
    what: 'a consumer that is archived in mid-window: its last calls count, and what it spent stays where it was',
    config: by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }'), 'sales'),
    steps: [
      ['2026-05-10T00:00:00Z', 5],
      ['2026-05-10T01:00:00Z', 'begin', 'last', 2],
      [
        '2026-05-11T00:00:00Z',
        'config',
        by(
          budgetsOf('costCentres: { sales: SALES, legal: LEGAL }').replace('team:', 'nobody:'),
          'sales',
          'other',
        ).replace('subscriptions: { web:', 'subscriptions: { other-web:'),
      ],
      ['2026-05-11T00:00:01Z', 'end', 'last', 2],
      ['2026-05-11T00:00:02Z', 'spent', { 'organisation/contoso/month': 7, 'cost-centre/sales/month': 7 }],
      // Another one of the cost centre finds what is left.
      [
        '2026-05-12T00:00:00Z',
        'config',
        by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }').replace('team:', 'nobody:'), 'sales', 'other'),
      ],
      ['2026-05-12T00:00:01Z', 2, '2026-06-01T00:00:00.000Z'],
      ['2026-05-12T00:00:02Z', 1],
      // Who comes back has spent what it had.
      ['2026-05-13T00:00:00Z', 'config', by(budgetsOf('costCentres: { sales: SALES, legal: LEGAL }'), 'legal')],
      [
        '2026-05-13T00:00:01Z',
        'spent',
        { 'organisation/contoso/month': 8, 'cost-centre/sales/month': 8, 'consumer/team/month': 7 },
      ],
    ],
  },
  {
    what: 'what a month leaves is carried into the next one, over its short and long months',
    config: team('amount: 10 USD, every: month, carryOver: { since: 2026-01-01, atMost: 12 USD }'),
    steps: [
      ['2026-01-31T23:59:59.999Z', 4],
      ['2026-02-28T23:59:59.999Z', 16],
      ['2026-02-28T23:59:59.999Z', 1, '2026-03-01T00:00:00.000Z'],
      ['2026-03-01T00:00:00Z', 10],
      ['2026-03-01T00:00:00Z', 1, '2026-04-01T00:00:00.000Z'],
      // April leaves 10, May 12 of 20, and no more is ever carried.
      ['2026-06-15T00:00:00Z', 22],
      ['2026-06-15T00:00:00Z', 1, '2026-07-01T00:00:00.000Z'],
    ],
  },
];

/** Budgets of everybody on the way: 100 USD of the organisation, 8 of each cost centre, 20 of the consumer. */
function budgetsOf(centres: string): string {
  const centre = '{ budget: { amount: 8 USD, every: month, hard: true } }';
  return `budget: { amount: 100 USD, every: month, hard: true }
${centres.replace('SALES', centre).replace('LEGAL', centre)}
consumers: { team: { budget: { amount: 20 USD, every: month, hard: true } } }`;
}

suite('budgets over days, months and changes, on a virtual clock', () => {
  for (const { what, config, steps } of cases) {
    test(what, async () => {
      const [first] = steps;
      assert.ok(first !== undefined);
      const world = new World(config, Date.parse(first[0]));
      for (const step of steps) await happens(world, step);
    });
  }
});
