import { CounterSet } from '../../src/adapters/memory-counters/counter-set.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { counterStoreContract, leaseMs } from './counter-store.suite.ts';

counterStoreContract('memory', async () => {
  const clock = new ManualClock();
  const counters = new CounterSet({ clock, shared: { leaseMs } });
  return await Promise.resolve({
    connect: async (journal: string) => await Promise.resolve(counters.connect(journal)),
    async advance(ms: number) {
      clock.advance(ms);
      await Promise.resolve();
    },
    async lose() {
      counters.lose();
      await Promise.resolve();
    },
    async close() {
      await Promise.resolve();
    },
  });
});
