// Several gateway processes, one Redis, one PostgreSQL, and a budget that holds for all of them together.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scriptsRun, startStorm, weather } from '../support/budget-storm.ts';
import { orSkip } from '../support/postgres-server.ts';
import { redisOrSkip } from '../support/redis-server.ts';

describe('several gateway processes with one budget', { ...orSkip, ...redisOrSkip }, () => {
  // The whole of it is in shared-budgets.long.test.ts.
  test('neither pass it nor leave what one more call may cost, whatever dies meanwhile', async () => {
    await weather({ calls: 150, budget: 150_000_000n });
  });

  test('ask the counters for few calls only', async () => {
    const storm = await startStorm({ processes: 2, budget: 1_500_000_000n, latency: 'none' });
    try {
      // Counters that are new grant nothing at first: these wait.
      await storm.run(2);
      const before = await scriptsRun(storm.redis);
      await storm.run(200, 10);
      const exchanges = (await scriptsRun(storm.redis)) - before;
      const { answers } = await storm.conclude();
      assert.equal(answers.get('served'), 202);
      assert.ok(exchanges > 0 && exchanges < 100, `${exchanges} exchanges for 200 calls`);
    } finally {
      await storm.close();
    }
  });
});
