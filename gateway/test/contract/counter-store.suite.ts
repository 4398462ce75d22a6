import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  CountersFenced,
  slotsPerWindow,
  type AccountClaim,
  type Answer,
  type Ask,
  type CounterStore,
  type Exchange,
  type PermitClaim,
  type RateClaim,
} from '../../src/accounting/budgets/ports.ts';

/** Counters that several gateways share, under a clock that the test moves. */
export interface OpenCounters {
  /** `journal`: the id of a gateway's journal; connecting anew takes the place of the earlier connection. */
  readonly connect: (journal: string) => Promise<CounterStore>;
  readonly advance: (ms: number) => Promise<void>;
  /** Everything is lost, as when a server comes back empty. */
  readonly lose: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** How long a new set of counters grants nothing, ms: what the suite expects its counters to be made with. */
export const leaseMs = 5000;

const nothing = { spent: 0n, unknown: 0n, inFlight: 0n };
const dayMs = 86_400_000;
const endsAt = Date.UTC(2026, 11, 1);

function claimOf(key: string, changes: Partial<AccountClaim> = {}): AccountClaim {
  return { key, endsAt, own: nothing, kept: null, granted: 0n, limit: 100n, lease: 0n, fresh: true, ...changes };
}

function rateOf(key: string, changes: Partial<RateClaim> = {}): RateClaim {
  const amount = changes.amount ?? 10;
  return { key, shape: 'bucket', perMs: 60_000, heldMs: 0, returned: [], burst: amount, ...changes, amount };
}

const permitOf = (key: string, permits: number, held = 0): PermitClaim => ({ key, permits, held });

const askOf = (ask: Partial<Ask>): Ask => ({ needs: [], takes: [], permits: [], ...ask });
const need = (amount: bigint, account = 0): Ask => askOf({ needs: [{ account, amount }] });
const take = (amount: number, atMost = amount): Ask => askOf({ takes: [{ rate: 0, amount, atMost }] });

const ofBoth = (amount: bigint): Ask =>
  askOf({
    needs: [
      { account: 0, amount },
      { account: 1, amount },
    ],
  });
const ofAll = (amount: bigint, tokens: number): Ask => ({
  needs: [{ account: 0, amount }],
  takes: [{ rate: 0, amount: tokens, atMost: tokens }],
  permits: [0],
});

async function exchange(store: CounterStore, parts: Partial<Exchange>): Promise<Answer> {
  return await store.exchange({ accounts: [], rates: [], permits: [], asks: [], left: 0, ...parts });
}

/** Whether each ask was granted. */
const granted = ({ asks }: Answer): boolean[] => asks.map((one) => one.granted);
const grants = ({ accounts }: Answer): bigint[] => accounts.map((one) => one.granted);

/** What every store of counters has to do. */
export function counterStoreContract(
  name: string,
  open: () => Promise<OpenCounters>,
  skip: string | false = false,
): void {
  const withCounters = async (
    run: (counters: OpenCounters & { readonly first: CounterStore }) => Promise<void>,
  ): Promise<void> => {
    const counters = await open();
    try {
      // A set of counters that is new grants nothing until everybody has spoken.
      const first = await counters.connect('first');
      await exchange(first, {});
      await counters.advance(leaseMs + 1);
      await run({ ...counters, first });
    } finally {
      await counters.close();
    }
  };

  describe(`counter store: ${name}`, { skip }, () => {
    test('grants up to the limit and not beyond, whoever asks', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const first = await exchange(one, { accounts: [claimOf('k')], asks: [need(70n)] });
        assert.deepEqual([granted(first), grants(first)], [[true], [70n]]);
        const second = await exchange(other, { accounts: [claimOf('k')], asks: [need(31n)] });
        assert.deepEqual(second.asks, [{ granted: false, lacking: [{ kind: 'account', account: 0 }] }]);
        assert.deepEqual(second.accounts, [{ granted: 0n, kept: 0n, total: nothing, totalGranted: 70n, built: true }]);
        const third = await exchange(other, { accounts: [claimOf('k')], asks: [need(30n)] });
        assert.deepEqual([granted(third), grants(third)], [[true], [30n]]);
      });
    });

    test('is exact for amounts that no double holds', async () => {
      await withCounters(async ({ connect }) => {
        const limit = 9_000_000_000_000_000_001n;
        const [one, other] = [await connect('a'), await connect('b')];
        const claim = claimOf('k', { limit });
        assert.deepEqual(granted(await exchange(one, { accounts: [claim], asks: [need(limit - 1n)] })), [true]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claim], asks: [need(2n)] })), [false]);
        const last = await exchange(other, { accounts: [claim], asks: [need(1n)] });
        assert.deepEqual([granted(last), last.accounts[0]?.totalGranted], [[true], limit]);
      });
    });

    test('takes back what a gateway says it no longer needs', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        await exchange(one, { accounts: [claimOf('k')], asks: [need(100n)] });
        const own = { spent: 20n, unknown: 5n, inFlight: 15n };
        const back = await exchange(one, { accounts: [claimOf('k', { own, granted: 40n })] });
        assert.deepEqual(back.accounts, [{ granted: 40n, kept: 0n, total: own, totalGranted: 40n, built: true }]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claimOf('k')], asks: [need(61n)] })), [false]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claimOf('k')], asks: [need(60n)] })), [true]);
      });
    });

    test('counts what is stated again once, and what was asked again without an answer once', async () => {
      await withCounters(async ({ connect }) => {
        const store = await connect('a');
        const own = { spent: 20n, unknown: 0n, inFlight: 0n };
        const claim = claimOf('k', { own, granted: 20n });
        for (let time = 0; time < 3; time += 1) {
          const answer = await exchange(store, { accounts: [claim], asks: [need(50n)] });
          assert.deepEqual([granted(answer), grants(answer)], [[true], [70n]]);
          assert.deepEqual(answer.accounts[0]?.total, own);
        }
      });
    });

    test('never grants less than a gateway says it uses, even beyond the limit', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const own = { spent: 130n, unknown: 0n, inFlight: 0n };
        const told = await exchange(one, { accounts: [claimOf('k', { own, granted: 0n })] });
        assert.deepEqual(grants(told), [130n]);
        assert.deepEqual(granted(await exchange(one, { accounts: [claimOf('k', { own })], asks: [need(1n)] })), [
          false,
        ]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claimOf('k')], asks: [need(1n)] })), [false]);
        assert.deepEqual(
          granted(await exchange(other, { accounts: [claimOf('k', { limit: 131n })], asks: [need(1n)] })),
          [true],
        );
      });
    });

    test('takes amounts below 0, as corrections leave them', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const own = { spent: -30n, unknown: -10n, inFlight: 0n };
        const told = await exchange(one, { accounts: [claimOf('k', { own, granted: -40n })] });
        assert.deepEqual(told.accounts, [{ granted: -40n, kept: 0n, total: own, totalGranted: -40n, built: true }]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claimOf('k')], asks: [need(141n)] })), [false]);
        assert.deepEqual(granted(await exchange(other, { accounts: [claimOf('k')], asks: [need(140n)] })), [true]);
      });
    });

    test('judges asks one after the other, each whole or not at all', async () => {
      await withCounters(async ({ connect }) => {
        const store = await connect('a');
        const accounts = [claimOf('k'), claimOf('l', { limit: 50n })];
        const answer = await exchange(store, { accounts, asks: [ofBoth(30n), ofBoth(30n), need(70n), ofBoth(0n)] });
        assert.deepEqual(granted(answer), [true, false, true, true]);
        assert.deepEqual(answer.asks[1], { granted: false, lacking: [{ kind: 'account', account: 1 }] });
        assert.deepEqual(grants(answer), [100n, 30n]);
      });
    });

    test('gives a share of what is left beyond what is needed: at most the lease, less the more gateways there are', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        // `first`, `a` and `b` have been heard of, or are heard now.
        const claim = claimOf('k', { lease: 1000n });
        await exchange(other, {});
        const shared = await exchange(one, { accounts: [claim], asks: [need(40n)] });
        assert.equal(shared.gateways, 3);
        assert.deepEqual(grants(shared), [50n], '40 and 60 ÷ (2 × 3)');
        const small = await exchange(other, { accounts: [claimOf('k', { lease: 3n })], asks: [need(10n)] });
        assert.deepEqual(grants(small), [13n]);
      });
    });

    test('counts without granting or refusing where there is no limit', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const own = { spent: 7n, unknown: 1n, inFlight: 2n };
        await exchange(one, { accounts: [claimOf('k', { own, limit: null })] });
        const answer = await exchange(other, { accounts: [claimOf('k', { limit: null })], asks: [need(1_000n)] });
        assert.deepEqual(granted(answer), [true]);
        assert.deepEqual(answer.accounts[0]?.total, own);
      });
    });

    test('grants nothing in an account that is not built, and everything that is left once it is', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const own = { spent: 10n, unknown: 0n, inFlight: 0n };
        const claim = claimOf('k', { fresh: false });
        const before = await exchange(one, { accounts: [{ ...claim, own, granted: 10n }], asks: [need(1n)] });
        assert.deepEqual([granted(before), before.accounts[0]?.built], [[false], false]);
        // What `a` has said of itself is newer than what the ledger knows of it.
        const journals = new Map([
          ['a', { spent: 3n, unknown: 0n }],
          ['gone', { spent: 20n, unknown: 5n }],
        ]);
        await other.build('k', journals);
        await other.build('k', new Map([['gone', { spent: 90n, unknown: 0n }]]));
        const after = await exchange(other, { accounts: [claim], asks: [need(66n), need(65n)] });
        assert.deepEqual(granted(after), [false, true]);
        assert.deepEqual(after.accounts, [
          { granted: 65n, kept: 0n, total: { spent: 30n, unknown: 5n, inFlight: 0n }, totalGranted: 100n, built: true },
        ]);
        // The journal is back: what it says takes the place of what was read for it.
        const back = await exchange(await connect('gone'), {
          accounts: [{ ...claim, own: { ...own, spent: 21n }, granted: 21n }],
        });
        assert.deepEqual(back.accounts[0]?.total, { spent: 31n, unknown: 0n, inFlight: 0n });
      });
    });

    test('begins a new epoch when it has lost what it held, and grants nothing until everybody has had time to speak', async () => {
      await withCounters(async ({ first, connect, lose, advance }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const before = await exchange(one, { accounts: [claimOf('k')], asks: [need(40n)] });
        assert.equal(before.closedMs, 0);
        await lose();
        const own = { spent: 5n, unknown: 0n, inFlight: 30n };
        const told = await exchange(one, { accounts: [claimOf('k', { own, granted: 40n, fresh: false })] });
        assert.notEqual(told.epoch, before.epoch);
        assert.ok(told.closedMs > 0, String(told.closedMs));
        await other.build('k', new Map());
        const closed = await exchange(other, { accounts: [claimOf('k', { fresh: false })], asks: [need(1n)] });
        assert.deepEqual([granted(closed), closed.epoch], [[false], told.epoch]);
        const { closedMs } = await exchange(first, {});
        assert.ok(closedMs > 0 && closedMs <= leaseMs, String(closedMs));
        await advance(leaseMs + 1);
        const opened = await exchange(other, {
          accounts: [claimOf('k', { fresh: false })],
          asks: [need(61n), need(60n)],
        });
        assert.deepEqual([granted(opened), opened.accounts[0]?.total], [[false, true], own]);
      });
    });

    test('hears one process per journal: the one that connected last', async () => {
      await withCounters(async ({ connect }) => {
        const old = await connect('a');
        await exchange(old, { accounts: [claimOf('k')], asks: [need(40n)] });
        await exchange(old, { accounts: [claimOf('l')] });
        const next = await connect('a');
        assert.deepEqual(
          (await exchange(next, { left: 10 })).left.toSorted(),
          ['k', 'l'],
          'what the process before has left',
        );
        const answer = await exchange(next, { accounts: [claimOf('k')], left: 10 });
        assert.deepEqual(answer.left, ['l']);
        assert.deepEqual(answer.accounts[0]?.totalGranted, 0n, 'the grant of the process before is gone');
        await assert.rejects(async () => await exchange(old, {}), CountersFenced);
        assert.deepEqual(granted(await exchange(next, { accounts: [claimOf('k')], asks: [need(100n)] })), [true]);
      });
    });

    test('keeps what a process left unknown of what the ledger does not have, through processes and losses', async () => {
      await withCounters(async ({ connect, lose }) => {
        const own = { spent: 10n, unknown: 4n, inFlight: 6n };
        const tokens = claimOf('tokens', { own, kept: 0n, granted: 20n });
        const money = claimOf('money', { own, granted: 20n });
        const old = await exchange(await connect('a'), { accounts: [tokens, money] });
        assert.deepEqual(
          old.accounts.map(({ kept, total: { unknown } }) => [kept, unknown]),
          [
            [0n, 4n],
            [0n, 4n],
          ],
        );
        // What the ledger knows of it: 13 spent.
        const known = { spent: 13n, unknown: 0n, inFlight: 0n };
        const again = [tokens, money].map((claim) => ({ ...claim, own: known, granted: 13n }));
        const next = await connect('a');
        for (let time = 0; time < 2; time += 1) {
          const { accounts } = await exchange(next, { accounts: again });
          assert.deepEqual(
            accounts.map(({ kept, granted: grant, total: sums }) => [kept, grant, sums.unknown]),
            [
              [10n, 23n, 10n],
              [0n, 13n, 0n],
            ],
          );
        }
        const third = await exchange(await connect('a'), { accounts: again });
        assert.equal(third.accounts[0]?.kept, 10n, 'once, however many processes follow');
        await lose();
        const fourth = await connect('a');
        assert.equal(
          (await exchange(fourth, { accounts: [{ ...tokens, own: known, kept: 10n }] })).accounts[0]?.kept,
          10n,
        );
      });
    });

    test('gives others what a gateway was granted that is gone, but for what it has said, or the ledger has of it', async () => {
      await withCounters(async ({ connect, advance }) => {
        const [one, gone] = [await connect('a'), await connect('gone')];
        const own = { spent: 10n, unknown: 5n, inFlight: 15n };
        const accounts = [claimOf('k', { own, granted: 60n }), claimOf('l', { own, granted: 60n })];
        await exchange(gone, { accounts });
        assert.equal(await one.writeOff('gone', 'k', { spent: 0n, unknown: 0n }), false, 'it is there');
        assert.deepEqual(
          (await one.accountsOf('gone')).toSorted((left, right) => (left.key < right.key ? -1 : 1)),
          ['k', 'l'].map((key) => ({ key, granted: 60n, sums: own })),
        );
        await gone.close();
        await advance(3 * leaseMs + 1);
        await exchange(one, { accounts: [claimOf('k'), claimOf('l')] });
        const silent = (await one.gateways()).filter(({ isHeard }) => !isHeard).map(({ journal }) => journal);
        assert.ok(silent.includes('gone') && !silent.includes('a'), String(silent));
        for (let time = 0; time < 2; time += 1) {
          assert.equal(await one.writeOff('gone', 'k', { spent: 0n, unknown: 0n }), true);
          assert.equal(await one.writeOff('gone', 'l', { spent: 30n, unknown: 0n }), true);
        }
        assert.equal(await one.writeOff('nobody', 'k', { spent: 30n, unknown: 0n }), true);
        const answer = await exchange(one, {
          accounts: [claimOf('k'), claimOf('l')],
          asks: [need(86n, 0), need(85n, 0), need(71n, 1), need(70n, 1)],
        });
        assert.deepEqual(granted(answer), [false, true, false, true]);
        assert.deepEqual(
          answer.accounts.map(({ total }) => total),
          [
            { spent: 10n, unknown: 5n, inFlight: 0n },
            { spent: 30n, unknown: 0n, inFlight: 0n },
          ],
        );
        // It comes back all the same: what it says counts.
        const back = await exchange(await connect('gone'), { accounts: [claimOf('k', { own, granted: 30n })] });
        assert.deepEqual(back.accounts[0]?.total, own);
      });
    });

    test('tells the others what is recalled', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const heard: string[] = [];
        other.onRecall(async (keys) => {
          heard.push(...keys);
          await exchange(other, { accounts: [claimOf('k')] });
        });
        one.onRecall(() => assert.fail('nobody recalls from itself'));
        await exchange(other, { accounts: [claimOf('k')], asks: [need(100n)] });
        // It knows of all that are there, and waits for each.
        await exchange(one, {});
        await one.recall(['k']);
        assert.deepEqual(heard, ['k']);
        assert.deepEqual(granted(await exchange(one, { accounts: [claimOf('k')], asks: [need(100n)] })), [true]);
      });
    });

    test('a bucket holds its burst, is refilled evenly, and takes back what was not used', async () => {
      await withCounters(async ({ connect, advance }) => {
        const store = await connect('a');
        const rate = rateOf('r', { amount: 60, burst: 10 });
        const full = await exchange(store, { rates: [rate], asks: [take(10), take(1)] });
        assert.deepEqual(granted(full), [true, false]);
        assert.deepEqual(full.asks[1], { granted: false, lacking: [{ kind: 'rate', rate: 0, waitMs: 1000 }] });
        assert.deepEqual(full.rates, [{ available: 0, resetMs: 10_000 }]);
        await advance(2500);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(3), take(2)] })), [false, true]);
        const returned = [{ amount: 4, takenAt: full.time }];
        const given = await exchange(store, { rates: [{ ...rate, returned }], asks: [take(5), take(4)] });
        assert.deepEqual(granted(given), [false, true]);
        await advance(60_000);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(11), take(10)] })), [false, true]);
        const debt = [{ amount: -5, takenAt: full.time }];
        const owed = await exchange(store, { rates: [{ ...rate, returned: debt }] });
        assert.equal(owed.rates[0]?.available, -5);
        await advance(5999);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(1)] })), [false]);
        await advance(1);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(1)] })), [true]);
      });
    });

    test('a bucket of which gateways hold portions in advance is smaller by what they may hold', async () => {
      await withCounters(async ({ connect }) => {
        const store = await connect('a');
        const rate = rateOf('r', { amount: 60, burst: 60, heldMs: 1000 });
        const answer = await exchange(store, { rates: [rate], asks: [take(60), take(59)] });
        assert.deepEqual(granted(answer), [false, true]);
      });
    });

    test('what is taken in advance is a share of what is there', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        await exchange(other, {});
        const rate = rateOf('r', { amount: 60, burst: 60 });
        const answer = await exchange(one, { rates: [rate], asks: [take(1, 50), take(20, 50)] });
        assert.deepEqual(
          answer.asks,
          [
            { granted: true, taken: [10] },
            { granted: true, taken: [20] },
          ],
          '60 ÷ (2 × 3), and what is needed',
        );
      });
    });

    test('a sliding window forgets what was taken one period ago', async () => {
      await withCounters(async ({ connect, advance }) => {
        const store = await connect('a');
        const rate = rateOf('s', { shape: 'sliding', amount: 10, perMs: 60_000 });
        const first = await exchange(store, { rates: [rate], asks: [take(6)] });
        await advance(30_000);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(5), take(4)] })), [false, true]);
        await advance(29_999);
        const full = await exchange(store, { rates: [rate], asks: [take(1)] });
        assert.deepEqual(granted(full), [false]);
        await advance(2 * (60_000 / slotsPerWindow) + 1);
        assert.deepEqual(granted(await exchange(store, { rates: [rate], asks: [take(7), take(6)] })), [false, true]);
        // What is given back of a time that no longer counts changes nothing; of one that does, it does.
        const late = [{ amount: 6, takenAt: first.time }];
        assert.equal((await exchange(store, { rates: [{ ...rate, returned: late }] })).rates[0]?.available, 0);
        const recent = [{ amount: 2, takenAt: full.time + 2001 }];
        assert.equal((await exchange(store, { rates: [{ ...rate, returned: recent }] })).rates[0]?.available, 2);
      });
    });

    test('no period sees more than a sliding window allows, however it lies', async () => {
      await withCounters(async ({ connect, advance }) => {
        const store = await connect('a');
        let number = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 1, max: 4 })), { maxLength: 30 }),
            async (steps) => {
              number += 1;
              const rate = rateOf(`s${number}`, { shape: 'sliding', amount: 10, perMs: 10_000 });
              const taken: { at: number; amount: number }[] = [];
              for (const [ms, amount] of steps) {
                await advance(ms);
                const answer = await exchange(store, { rates: [rate], asks: [take(amount)] });
                if (answer.asks[0]?.granted !== true) continue;
                taken.push({ at: answer.time, amount });
                const inPeriod = taken.filter(({ at }) => at > answer.time - rate.perMs);
                assert.ok(inPeriod.reduce((sum, one) => sum + one.amount, 0) <= rate.amount);
              }
            },
          ),
          { numRuns: 15 },
        );
      });
    });

    test('gives as many permits as there are, over all gateways', async () => {
      await withCounters(async ({ connect }) => {
        const [one, other] = [await connect('a'), await connect('b')];
        const ask = askOf({ permits: [0] });
        const first = await exchange(one, { permits: [permitOf('p', 3)], asks: [ask, ask] });
        assert.deepEqual([granted(first), first.permits], [[true, true], [{ held: 2 }]]);
        const second = await exchange(other, { permits: [permitOf('p', 3)], asks: [ask, ask] });
        assert.deepEqual(second.asks, [
          { granted: true, taken: [] },
          { granted: false, lacking: [{ kind: 'permit', permit: 0 }] },
        ]);
        await exchange(one, { permits: [permitOf('p', 3, 1)] });
        assert.deepEqual(granted(await exchange(other, { permits: [permitOf('p', 3, 1)], asks: [ask] })), [true]);
      });
    });

    test('gives budgets, rates and permits together or none of them', async () => {
      await withCounters(async ({ connect }) => {
        const store = await connect('a');
        const parts = { accounts: [claimOf('k')], rates: [rateOf('r')], permits: [permitOf('p', 1)] };
        const refused = await exchange(store, { ...parts, asks: [ofAll(101n, 11), ofAll(100n, 11), ofAll(101n, 10)] });
        assert.deepEqual(
          refused.asks.map((one) => (one.granted ? [] : one.lacking.map(({ kind }) => kind))),
          [['account', 'rate'], ['rate'], ['account']],
        );
        const given = await exchange(store, { ...parts, asks: [ofAll(100n, 10), askOf({ permits: [0] })] });
        assert.deepEqual(granted(given), [true, false]);
      });
    });

    test('keeps accounts apart, and the windows of a budget', async () => {
      await withCounters(async ({ connect }) => {
        const store = await connect('a');
        const accounts = [claimOf('k@1-2'), claimOf('k@2-3', { endsAt: endsAt + dayMs }), claimOf('l@1-2')];
        const answer = await exchange(store, {
          accounts,
          asks: [need(100n, 0), need(100n, 1), need(100n, 2), need(1n, 0)],
        });
        assert.deepEqual(granted(answer), [true, true, true, false]);
      });
    });

    test('holds Σ grants ≤ limit for any gateways, in any order', async () => {
      await withCounters(async ({ connect }) => {
        const stores = [await connect('a'), await connect('b'), await connect('c')];
        let number = 0;
        const step = fc.record({
          gateway: fc.integer({ min: 0, max: 2 }),
          needed: fc.bigInt({ min: 0n, max: 60n }),
          uses: fc.integer({ min: 0, max: 100 }),
          keeps: fc.boolean(),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
            number += 1;
            const spent = [0n, 0n, 0n];
            const held = [0n, 0n, 0n];
            for (const { gateway, needed, uses, keeps } of steps) {
              const [store, used = 0n, grant = 0n] = [stores[gateway], spent[gateway], held[gateway]];
              assert.ok(store !== undefined);
              const claim = claimOf(`any-${number}`, {
                own: { spent: used, unknown: 0n, inFlight: 0n },
                granted: keeps ? grant : used,
                lease: 20n,
              });
              const answer = await exchange(store, { accounts: [claim], asks: [need(needed)] });
              const [state] = answer.accounts;
              assert.ok(state !== undefined);
              held[gateway] = state.granted;
              const sum = held.reduce((all, one) => all + one, 0n);
              assert.equal(state.totalGranted, sum);
              assert.ok(sum <= 100n);
              if (answer.asks[0]?.granted === true) assert.ok(state.granted >= used + needed);
              else assert.ok(sum - state.granted + used + needed > 100n, 'what fits is not refused');
              spent[gateway] = used + ((state.granted - used) * BigInt(uses)) / 100n;
            }
          }),
          { numRuns: 25 },
        );
      });
    });
  });
}
