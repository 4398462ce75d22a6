import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { DepartedGateways } from './departed.ts';
import type { CountingGateway, GatewayAccount } from '#accounting/budgets/gateways.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { silentLog } from '#kernel/log.ts';

const account: GatewayAccount = {
  key: 'budget',
  granted: 100n,
  sums: { spent: 40n, unknown: 0n, inFlight: 10n },
  outstanding: 60n,
};

/** Gateways that count together, of which this one looks for those that are gone. */
class Scene {
  readonly clock = new ManualClock();
  readonly writtenOff: string[] = [];
  done: string[] = [];
  known: CountingGateway[] = [];
  lists = 0;
  away = false;

  constructor(context: TestContext) {
    const departed = new DepartedGateways({
      gateways: {
        list: async () => {
          this.lists += 1;
          if (this.away) throw new Error('The counters are away.');
          return await Promise.resolve(this.known);
        },
        writeOff: async (journal) => {
          this.writtenOff.push(journal);
          return await Promise.resolve([account]);
        },
      },
      done: async () => await Promise.resolve(this.done),
      clock: this.clock,
      log: silentLog,
    });
    context.after(async () => await departed.close());
  }

  counts(journal: string, how: Partial<CountingGateway> = {}): void {
    this.known.push({ journal, isOwn: false, isHeard: false, silentMs: 90_000, accounts: [account], ...how });
  }

  async looks(times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      await setImmediate();
      this.clock.advance(30_000);
      await setImmediate();
    }
  }
}

describe('what gateways that are gone were granted', () => {
  test('is for others again once their journal is in the store, and once', async (context) => {
    const scene = new Scene(context);
    scene.counts('gone');
    scene.counts('killed, and not adopted yet');
    await scene.looks();
    assert.deepEqual(scene.writtenOff, []);
    scene.done = ['gone'];
    await scene.looks(3);
    assert.deepEqual(scene.writtenOff, ['gone']);
  });

  test('stays set aside for this gateway, and for one that is heard, until it is not heard any more', async (context) => {
    const scene = new Scene(context);
    scene.done = ['own', 'heard'];
    scene.counts('own', { isOwn: true });
    scene.counts('heard', { isHeard: true });
    await scene.looks(2);
    assert.deepEqual(scene.writtenOff, []);
    scene.known = [];
    scene.counts('heard');
    await scene.looks();
    assert.deepEqual(scene.writtenOff, ['heard']);
  });

  test('is looked at again where the counters could not be asked', async (context) => {
    const scene = new Scene(context);
    scene.done = ['gone'];
    scene.counts('gone');
    scene.away = true;
    await scene.looks(2);
    assert.deepEqual(scene.writtenOff, []);
    scene.away = false;
    await scene.looks();
    assert.deepEqual(scene.writtenOff, ['gone']);
  });

  test('is not asked for where no journal is waiting for it', async (context) => {
    const scene = new Scene(context);
    scene.done = ['gone without a grant'];
    await scene.looks(4);
    assert.equal(scene.lists, 1);
  });
});
