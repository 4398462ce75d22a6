import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOfBatch } from './batch-config.ts';

const endpoint = (type: string, model = 'gpt-5.4-mini') => ({ type, model, resource: 'https://one' });
const endpoints = { call: endpoint('GlobalStandard'), jobs: endpoint('GlobalBatch'), zone: endpoint('DataZoneBatch') };
const tiers = (name: string) => [{ endpoints: [{ endpoint: name }] }];

test('batch deployments stand under batch, and nothing else does', () => {
  assert.deepEqual(findingsOfBatch(endpoints, { mini: { tiers: tiers('call'), batch: ['jobs', 'zone'] } }), []);
  const found = findingsOfBatch(endpoints, {
    mini: { tiers: tiers('jobs'), batch: ['call', 'zone', 'zone'] },
  });
  assert.deepEqual(
    found.map(({ path, message }) => [path.join('.'), message]),
    [
      ['models.mini.tiers.0', "'jobs' is a batch deployment, which answers no calls"],
      ['models.mini.batch.0', "'call' is of type GlobalStandard, which runs no batches"],
      ['models.mini.batch.2', "'zone' stands here already"],
    ],
  );
});

test('they serve the model of the tiers, of which the most that a line may use is known', () => {
  const found = findingsOfBatch(
    { call: endpoint('GlobalStandard'), other: endpoint('GlobalBatch', 'gpt-5-mini') },
    { mini: { tiers: tiers('call'), batch: ['other'] } },
  );
  assert.deepEqual(
    found.map(({ message }) => message),
    ["'other' serves gpt-5-mini, and the tiers serve gpt-5.4-mini"],
  );
});
