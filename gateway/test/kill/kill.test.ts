import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { startCampaign } from './campaign.ts';
import { killPoints } from './victim-points.ts';
import { seededSequence } from './seed.ts';
import { postgresUnderKills, sqliteUnderKills, type StoreUnderKills } from './stores.ts';

const seed = Number(process.env['TOLLGATE_TEST_SEED'] ?? Date.now() % 1_000_000);

function kills(open: () => Promise<StoreUnderKills>, moments: number): void {
  test('killed at every named point, the ledger holds each fully received reply once and marks every other attempt', async (context) => {
    const campaign = await startCampaign(await open());
    context.after(() => campaign.close());
    for (const point of killPoints) await campaign.kill({ point, count: 7 });
    await campaign.kill({ afterEvents: 40 });
    const { whole, lost } = await campaign.conclude();
    assert.ok(whole > 0, 'some replies were fully received');
    assert.ok(lost > 0, 'some attempts were lost');
  });

  test(`killed at ${moments} random moments under load, nothing is lost or doubled (TOLLGATE_TEST_SEED=${seed})`, async (context) => {
    const campaign = await startCampaign(await open());
    context.after(() => campaign.close());
    const next = seededSequence(seed);
    for (let killed = 0; killed < moments; killed += 1)
      await campaign.kill({ afterEvents: 1 + Math.floor(next() * 400) });
    const { whole, attempts } = await campaign.conclude();
    context.diagnostic(`${whole} replies fully received, ${attempts} attempts`);
    assert.ok(whole > 0);
  });
}

describe('SQLite', () => kills(async () => await Promise.resolve(sqliteUnderKills), 10));
describe('PostgreSQL', orSkip, () => kills(postgresUnderKills, 3));
