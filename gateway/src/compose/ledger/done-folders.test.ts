import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { keepDoneJournals } from './done-folders.ts';
import { folderDone } from '#adapters/journal-files/replica-folders.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { silentLog } from '#kernel/log.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 10, 23);

/** A volume with one journal that was put away, last written to `daysAgo`. */
async function volume(
  context: TestContext,
  daysAgo: number,
): Promise<{ readonly root: string; readonly path: string }> {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-done-'));
  context.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'replica-a'));
  const file = join(root, 'replica-a', '00000001.journal');
  writeFileSync(file, 'entries');
  const at = new Date(now - daysAgo * day);
  utimesSync(file, at, at);
  utimesSync(join(root, 'replica-a'), at, at);
  await folderDone(root, 'replica-a', 'JOURNAL');
  return { root, path: join(root, 'done', 'replica-a~JOURNAL') };
}

/** Minute by minute, with a moment for the disk after each. */
async function hours(clock: ManualClock, count: number): Promise<void> {
  for (let at = 0; at < count * 60; at += 1) {
    clock.advance(60_000);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('journals that are done with', () => {
  const cases = [
    { keepFor: 10 * day, daysAgo: 12, kept: false, name: 'are removed when archives of that age are' },
    {
      keepFor: 10 * day,
      daysAgo: 10.5,
      kept: true,
      name: 'are kept as long as archives, from when they would be archived',
    },
    { keepFor: null, daysAgo: 5000, kept: true, name: 'are kept for ever where archives are' },
  ] as const;
  for (const { keepFor, daysAgo, kept, name } of cases)
    test(name, async (context) => {
      const { root, path } = await volume(context, daysAgo);
      const clock = new ManualClock(now);
      const journals = keepDoneJournals({ replicas: { root }, rules: { after: day, keepFor }, clock, log: silentLog });
      assert.deepEqual(await journals.list(), ['JOURNAL']);
      journals.start();
      await hours(clock, 2);
      await journals.close();
      assert.equal(existsSync(path), kept || keepFor === null);
    });

  test('are not removed by a clock that was set wrong by a year, and set right again', async (context) => {
    const { root, path } = await volume(context, 0);
    const clock = new ManualClock(now);
    const rules = { after: day, keepFor: 10 * day };
    const journals = keepDoneJournals({ replicas: { root }, rules, clock, log: silentLog });
    journals.start();
    await hours(clock, 2);
    clock.jump(365 * day);
    await hours(clock, 0.5);
    clock.jump(-365 * day);
    await hours(clock, 3);
    assert.ok(existsSync(path));
    await journals.close();
  });

  test('are none where a gateway is alone in its folder', async () => {
    const journals = keepDoneJournals({
      replicas: undefined,
      rules: undefined,
      clock: new ManualClock(),
      log: silentLog,
    });
    journals.start();
    assert.deepEqual(await journals.list(), []);
    await journals.close();
  });
});
