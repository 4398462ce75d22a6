import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { silentLog } from '#kernel/log.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { until } from '../../test/support/until.ts';
import { followFiles, signsOf, type FileSigns } from './follow-files.ts';

interface Followed {
  /** Lets the time come at which files are looked at, and resolves when `changed` was called. */
  looked(): Promise<void>;
  /** As often as files are looked at, without anything being told. */
  quiet(): Promise<void>;
  changes(): number;
}

/** Follows files as if nothing were ever heard: they are not there yet, or only looked at. */
function followed(
  context: TestContext,
  { heard = [], lookedAt = [], seen }: { heard?: string[]; lookedAt?: string[]; seen?: FileSigns },
): Followed {
  const clock = new ManualClock();
  let changes = 0;
  let asked = 0;
  const following = followFiles({
    files() {
      asked += 1;
      return { heard, lookedAt };
    },
    ...(seen === undefined ? {} : { seen }),
    changed() {
      changes += 1;
    },
    clock,
    log: silentLog,
  });
  context.after(() => following.close());
  const look = async (): Promise<void> => {
    const before = asked;
    // The next look is set up when the one before it is done.
    await until(() => {
      clock.advance(10_000);
      return asked > before;
    }, 'a look');
  };
  return {
    async looked() {
      const before = changes;
      await until(() => {
        clock.advance(10_000);
        return changes > before;
      }, 'a change that is noticed');
    },
    async quiet() {
      const before = changes;
      for (let times = 0; times < 3; times += 1) await look();
      assert.equal(changes, before);
    },
    changes: () => changes,
  };
}

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-follow-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

suite('a file that nothing is heard of is looked at', () => {
  test('a secret that is written anew, and one that is put in its place with the same size and time', async (context) => {
    const secret = path.join(folderFor(context), 'secret');
    writeFileSync(secret, 'first');
    const it = followed(context, { lookedAt: [secret] });
    await it.quiet();
    writeFileSync(secret, 'second one');
    await it.looked();
    await it.quiet();
    const when = new Date('2026-11-23T00:00:00Z');
    utimesSync(secret, when, when);
    await it.looked();
    writeFileSync(`${secret}.new`, 'third  one');
    utimesSync(`${secret}.new`, when, when);
    renameSync(`${secret}.new`, secret);
    await it.looked();
  });

  test('a link that leads elsewhere further up', async (context) => {
    const folder = folderFor(context);
    for (const version of ['v1', 'v2']) {
      mkdirSync(path.join(folder, 'releases', version), { recursive: true });
      writeFileSync(path.join(folder, 'releases', version, 'tollgate.yaml'), `name: ${version}\n`);
    }
    symlinkSync('v1', path.join(folder, 'releases', 'current'));
    mkdirSync(path.join(folder, 'etc'));
    const file = path.join(folder, 'etc', 'tollgate.yaml');
    symlinkSync('../releases/current/tollgate.yaml', file);
    const it = followed(context, { heard: [file] });
    await it.quiet();
    symlinkSync('v2', path.join(folder, 'releases', 'next'));
    renameSync(path.join(folder, 'releases', 'next'), path.join(folder, 'releases', 'current'));
    await it.looked();
  });

  test('a folder that is deleted and made anew, and what is written there later is heard', async (context) => {
    const folder = path.join(folderFor(context), 'mounted');
    const file = path.join(folder, 'tollgate.yaml');
    const write = (text: string): void => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, text);
    };
    write('first');
    const it = followed(context, { heard: [file] });
    await it.quiet();
    rmSync(folder, { recursive: true });
    await it.looked();
    write('second');
    await it.looked();
    await it.quiet();
    const before = it.changes();
    writeFileSync(file, 'third');
    await until(() => it.changes() > before, 'what the system tells');
  });

  test('what has changed since it was read, although it was read before anybody followed it', async (context) => {
    const file = path.join(folderFor(context), 'tollgate.yaml');
    writeFileSync(file, 'first');
    const seen = await signsOf([file]);
    writeFileSync(file, 'the second');
    const it = followed(context, { lookedAt: [file], seen });
    await until(() => it.changes() === 1, 'the change');
  });
});

test('many files are looked at, and those that are not there have no sign', async (context) => {
  const folder = folderFor(context);
  const files = Array.from({ length: 200 }, (_one, at) => path.join(folder, String(at)));
  for (const [at, file] of files.entries()) if (at % 2 === 0) writeFileSync(file, String(at));
  const signs = await signsOf(files);
  assert.deepEqual(
    files.map((file) => signs.get(file) === ''),
    files.map((_file, at) => at % 2 === 1),
  );
});
