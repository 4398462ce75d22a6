import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { assertAllOnce, end, until, sharedVolume } from './replicas.ts';

describe('a gateway that is not gone, only frozen', orSkip, () => {
  test('a gateway that stood still admits nothing more when it wakes, and no call is told to count that does not', async (context) => {
    const shared = await sharedVolume(context);
    const frozen = await shared.start('frozen');
    await frozen.hasSettled(100);
    frozen.process.kill('SIGSTOP');
    const other = await shared.start('other');
    await until(shared, (folders) => folders.join() === 'other');
    frozen.process.kill('SIGCONT');
    await frozen.ended;
    assert.ok(frozen.refused.size > 0);
    await end(other);
    await assertAllOnce(shared);
  });
});
