import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { adoptFolder, folderDone, replicaFolders, replicaRoot } from './replica-folders.ts';
import { leaseIn, takeFolder } from './folder-lease.ts';

const lapsesAfterMs = 60_000;

function setUp(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-lease-'));
  context.after(() => rmSync(root, { recursive: true }));
  const clock = new ManualClock();
  const lost: string[] = [];
  const folder = join(root, 'one');
  const options = { folder, lapsesAfterMs, clock, onLost: () => void lost.push('lost') };
  return { root, clock, folder, options, lost };
}

/** Lets the renewal that the clock has begun come to its end: until the lease says something else. */
async function renewed(folder: string, before: string): Promise<void> {
  while ((await leaseIn(folder)) === before);
}

test('a lease is written anew every two seconds, so that others see that somebody lives', async (context) => {
  const { clock, folder, options } = setUp(context);
  const lease = await takeFolder(options);
  const first = await leaseIn(folder);
  assert.notEqual(first, '');
  clock.advance(2_000);
  await renewed(folder, first);
  assert.equal(lease.held, true);
  await lease.release();
  assert.equal(await leaseIn(folder), '');
});

test('whoever stood still for half of the time holds nothing any more, before others take it', async (context) => {
  const { clock, options } = setUp(context);
  const lease = await takeFolder(options);
  clock.advance(29_999);
  assert.equal(lease.held, true);
  clock.advance(1);
  assert.equal(lease.held, false);
  await lease.release();
});

test('whoever finds the folder taken by another is told once, and leaves the other’s lease alone', async (context) => {
  const { clock, folder, options, lost } = setUp(context);
  const lease = await takeFolder(options);
  writeFileSync(join(folder, 'lease'), 'somebody-else 1\n');
  clock.advance(2_000);
  while (lost.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(lease.held, false);
  await lease.release();
  assert.equal(readFileSync(join(folder, 'lease'), 'utf8'), 'somebody-else 1\n');
  clock.advance(10_000);
  assert.deepEqual(lost, ['lost']);
});

test('whoever finds the folder gone has lost it, and does not make it again', async (context) => {
  const { root, clock, folder, options, lost } = setUp(context);
  const lease = await takeFolder(options);
  renameSync(folder, join(root, 'elsewhere'));
  clock.advance(2_000);
  while (lost.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([lease.held, await replicaFolders(root)], [false, ['elsewhere']]);
  await lease.release();
});

test('a lease that was left behind is watched first: one that is renewed belongs to somebody', async (context) => {
  const { clock, folder, options } = setUp(context);
  for (const [what, write, outcome] of [
    ['nobody', () => undefined, 'taken'],
    ['somebody', () => writeFileSync(join(folder, 'lease'), 'b 2\n'), 'FolderInUse'],
  ] as const) {
    rmSync(folder, { recursive: true, force: true });
    const first = await takeFolder(options);
    await first.release();
    writeFileSync(join(folder, 'lease'), 'b 1\n');
    const watching = Promise.withResolvers<void>();
    const telling = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after(ms: number, run: () => void) {
        watching.resolve();
        return clock.after(ms, run);
      },
    };
    const taking = takeFolder({ ...options, clock: telling }).then(
      () => 'taken',
      (error: unknown) => (error instanceof Error ? error.name : ''),
    );
    // Its watching begins once the lease has been read.
    await watching.promise;
    write();
    clock.advance(5_000);
    assert.equal(await taking, outcome, what);
  }
});

test('of several that want a folder one gets it, and what is done with is looked at no more', async (context) => {
  const { root, options } = setUp(context);
  const lease = await takeFolder(options);
  await lease.release();
  const taken = await Promise.all(['a', 'b', 'c'].map(async (id) => await adoptFolder(root, 'one', id)));
  const [winner, ...others] = taken.filter((one) => one !== undefined);
  assert.deepEqual(others, []);
  assert.match(winner ?? '', /^one~[abc]$/);
  assert.equal(await adoptFolder(root, winner ?? '', 'd'), 'one~d', 'the mark of a dead adopter is replaced');
  await folderDone(root, 'one~d', 'journal-1');
  assert.deepEqual(await replicaFolders(root), []);
});

test('a journal of a gateway that was alone on the volume is not left unseen', (context) => {
  const { root } = setUp(context);
  assert.equal(replicaRoot(root), join(root, 'journal'));
  mkdirSync(join(root, 'journal'));
  writeFileSync(join(root, 'journal', '00000001.journal'), '');
  assert.throws(() => replicaRoot(root), /was alone on this volume/);
});
