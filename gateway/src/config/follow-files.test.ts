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
  /** Looks once: it notices a change. */
  looked(): Promise<void>;
  /** What it follows has become more. */
  meet(): Promise<void>;
  /** Looks several times, and notices none. */
  quiet(): Promise<void>;
  changes(): number;
}

/** Tells when a look is over: it is then that the time of the next one is set. */
class LookClock extends ManualClock {
  isSet = false;

  override after(ms: number, run: () => void): { cancel(): void } {
    this.isSet = true;
    return super.after(ms, run);
  }
}

/** Follows files; it is looked at them when a test says so, and what is done between two looks is seen by the second. */
function followed(
  context: TestContext,
  { heard = [], lookedAt = [], seen }: { heard?: string[]; lookedAt?: string[]; seen?: FileSigns },
): Followed {
  const clock = new LookClock();
  let changes = 0;
  const following = followFiles({
    files: () => ({ heard, lookedAt }),
    ...(seen === undefined ? {} : { seen }),
    changed() {
      changes += 1;
    },
    clock,
    log: silentLog,
  });
  context.after(() => following.close());
  const over = async (): Promise<void> => await until(() => clock.isSet, 'the end of a look');
  const look = async (): Promise<void> => {
    await over();
    clock.isSet = false;
    clock.advance(10_000);
    await over();
  };
  return {
    meet: async () => await following.meet(),
    async looked() {
      const before = changes;
      await look();
      assert.ok(changes > before);
    },
    async quiet() {
      await over();
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

test('a file that is named while others are followed counts from then on, not from the next look', async (context) => {
  const folder = folderFor(context);
  const lookedAt: string[] = [];
  const it = followed(context, { lookedAt });
  await it.quiet();
  const file = path.join(folder, 'secret');
  writeFileSync(file, 'first');
  lookedAt.push(file);
  await it.meet();
  writeFileSync(file, 'the second');
  await it.looked();
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
