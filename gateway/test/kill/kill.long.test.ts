import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { startCampaign } from './campaign.ts';
import { seededSequence } from './seed.ts';
import { postgresUnderKills, sqliteUnderKills, type StoreUnderKills } from './stores.ts';
import { killPoints } from './victim-points.ts';

const seed = Number(process.env['TOLLGATE_TEST_SEED'] ?? Date.now() % 1_000_000);

function kills(open: () => Promise<StoreUnderKills>): void {
  test(`killed 200 times under load, at random moments and named points, nothing is lost or doubled (TOLLGATE_TEST_SEED=${seed})`, async (context) => {
    const campaign = await startCampaign(await open());
    context.after(() => campaign.close());
    const next = seededSequence(seed);
    for (let killed = 0; killed < 200; killed += 1) {
      const point = killPoints[Math.floor(next() * killPoints.length * 4)];
      await campaign.kill(
        point === undefined
          ? { afterEvents: 1 + Math.floor(next() * 600) }
          : { point, count: 1 + Math.floor(next() * 20) },
      );
    }
    const { whole, lost, attempts } = await campaign.conclude();
    context.diagnostic(`${whole} replies fully received, ${attempts} attempts, ${lost} lost`);
    assert.ok(whole > 0);
  });
}

describe('SQLite', () => kills(async () => await Promise.resolve(sqliteUnderKills)));
describe('PostgreSQL', orSkip, () => kills(postgresUnderKills));
