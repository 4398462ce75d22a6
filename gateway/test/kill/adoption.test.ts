// Journals of gateways that are gone, on a volume that several share: taken over by those that live.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { faketimeOrSkip, shiftedClock } from '../support/shifted-clock.ts';
import { assertAllOnce, end, foldersIn, kill, until, sharedVolume } from './replicas.ts';

const minute = 60_000;

describe('journals of gateways that are gone', orSkip, () => {
  test('gateways that are killed and never started again leave nothing behind that is not in the store', async (context) => {
    const shared = await sharedVolume(context);
    const survivor = await shared.start('survivor');
    const doomed = await Promise.all(['one', 'two', 'three'].map(async (name) => await shared.start(name)));
    await Promise.all(doomed.map(async (one) => await one.hasSettled(200)));
    await Promise.all(doomed.map(kill));
    await until(shared, (folders) => folders.join() === 'survivor');
    await survivor.hasSettled(10);
    await end(survivor);
    assert.deepEqual(foldersIn(shared.folder), [], 'one that ends puts its own journal away');
    await assertAllOnce(shared);
  });

  test('while one generation replaces another, whoever lives adopts whoever died, and nobody adopts the living', async (context) => {
    const shared = await sharedVolume(context);
    const old = await Promise.all(['old-1', 'old-2', 'old-3'].map(async (name) => await shared.start(name)));
    const [killed, ended, stays] = old;
    assert.ok(killed !== undefined && ended !== undefined && stays !== undefined);
    await killed.hasSettled(100);
    const [first, second] = await Promise.all(['new-1', 'new-2'].map(async (name) => await shared.start(name)));
    assert.ok(first !== undefined && second !== undefined);
    await Promise.all([kill(killed), end(ended)]);
    await first.hasSettled(100);
    // It may have been adopting at this moment: then what it had taken is taken from it.
    await kill(first);
    await until(shared, (folders) => folders.toSorted().join() === 'new-2,old-3');
    assert.deepEqual([stays.refused.size, second.refused.size], [0, 0]);
    await Promise.all([stays.hasSettled(50), second.hasSettled(50)]);
    await Promise.all([end(stays), end(second)]);
    await assertAllOnce(shared);
  });

  test(
    'gateways whose clocks differ and are set leave the living alone and adopt the dead',
    faketimeOrSkip,
    async (context) => {
      const shared = await sharedVolume(context);
      const [early, late] = [shiftedClock(context, 5 * minute), shiftedClock(context, -5 * minute)];
      const survivor = await shared.start('survivor', early.environment);
      const doomed = await shared.start('doomed', late.environment);
      await Promise.all([survivor.hasSettled(50), doomed.hasSettled(50)]);
      for (const shift of [60 * minute, -60 * minute]) {
        early.set(shift);
        late.set(-shift);
        await Promise.all([survivor.hasSettled(50), doomed.hasSettled(50)]);
      }
      assert.deepEqual([survivor.refused.size, doomed.refused.size], [0, 0]);
      await kill(doomed);
      await until(shared, (folders) => folders.join() === 'survivor');
      await survivor.hasSettled(10);
      await end(survivor);
      await assertAllOnce(shared);
    },
  );

  test('a second gateway of the same name does not start, and the first one goes on', async (context) => {
    const shared = await sharedVolume(context);
    const first = await shared.start('same');
    await assert.rejects(async () => await shared.start('same'), /did not start: [^]*in use by another gateway/);
    await first.hasSettled(20);
    assert.equal(first.refused.size, 0);
    await end(first);
    await assertAllOnce(shared);
  });

  test('a container that is started anew in its place goes on with its journal', async (context) => {
    const shared = await sharedVolume(context);
    const before = await shared.start('same');
    await before.hasSettled(50);
    await kill(before);
    const again = await shared.start('same');
    await again.hasSettled(20);
    await end(again);
    await assertAllOnce(shared);
  });
});
