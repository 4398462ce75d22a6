// A thousand parallel streams against one dollar, through three gateway processes, one Redis and one PostgreSQL.
import { describe, test, type TestContext } from 'node:test';
import { weather } from '../support/budget-storm.ts';
import { orSkip } from '../support/postgres-server.ts';
import { redisOrSkip } from '../support/redis-server.ts';

describe('a thousand parallel calls against one dollar', { ...orSkip, ...redisOrSkip }, () => {
  test('one process is killed, the counters restart with their data and empty: the dollar holds', async (context: TestContext) => {
    const result = await weather({ calls: 1000, budget: 1_000_000_000n });
    for (const [name, value] of Object.entries({ ...result, answers: [...result.answers].join(' ') }))
      context.diagnostic(`${name}: ${value}`);
  });
});
