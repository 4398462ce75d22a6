import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { z } from 'zod';
import { systemClock, type Clock } from '#kernel/clock.ts';
import type { ConfigSection } from '#kernel/config-section.ts';
import { silentLog } from '#kernel/log.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { until } from '../../test/support/until.ts';
import { createConfigLoader, type LoadedConfig } from './load.ts';
import { watchConfig, type ConfigWatcher } from './watch.ts';

const keys = { name: z.string() };
const section: ConfigSection<typeof keys> = { name: 'test', summary: '', keys, references: [], check: () => [] };
interface TestConfig {
  readonly name: string;
}
const loader = createConfigLoader<TestConfig>([section]);

interface Watched {
  readonly folder: string;
  readonly path: string;
  readonly watcher: ConfigWatcher<TestConfig>;
  /** The next time that something is said of the configuration. */
  heard(): Promise<string>;
  /** What `apply` throws next. */
  failNext(message: string): void;
  /** It has not been called since. */
  isToFail(): boolean;
  readonly applied: LoadedConfig<TestConfig>[];
  loads(): number;
}

/** A configuration in a real folder, watched by the real file system; `lay` may lay the files out otherwise. */
function watched(
  t: TestContext,
  { lay, clock = systemClock }: { lay?: (folder: string) => string; clock?: Clock } = {},
): Watched {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-watch-'));
  const path = lay?.(folder) ?? join(folder, 'tollgate.yaml');
  if (lay === undefined) writeFileSync(path, 'name: first\n');
  const initial = loader.load(path, {});
  assert.ok(initial.ok);
  const waiting: ((message: string) => void)[] = [];
  const say = (_fields: object, message: string): void => waiting.shift()?.(message);
  const applied: LoadedConfig<TestConfig>[] = [];
  let failure: string | undefined;
  let loads = 0;
  const watcher = watchConfig<TestConfig>({
    initial: initial.loaded,
    load() {
      loads += 1;
      return loader.load(path, {});
    },
    files: () => ({ heard: [path], lookedAt: [] }),
    again: true,
    async apply(loaded) {
      await Promise.resolve();
      const message = failure;
      failure = undefined;
      if (message !== undefined) throw new Error(message);
      applied.push(loaded);
    },
    clock,
    log: { ...silentLog, info: say, error: say },
    debounceMs: 20,
  });
  // Neither a watched folder nor a timer of the gateway keeps a process alive; the test has to.
  const alive = setInterval(() => undefined, 60_000);
  t.after(() => {
    clearInterval(alive);
    watcher.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    path,
    watcher,
    applied,
    loads: () => loads,
    heard: () => new Promise((resolve) => waiting.push(resolve)),
    failNext(message) {
      failure = message;
    },
    isToFail: () => failure !== undefined,
  };
}

const nameInForce = ({ watcher }: Watched): string => watcher.current().config.name;

suite('the file is followed while running', () => {
  test('when it is written', async (t) => {
    const it = watched(t);
    const heard = it.heard();
    writeFileSync(it.path, 'name: second\n');
    assert.equal(await heard, 'the configuration was reloaded');
    assert.equal(nameInForce(it), 'second');
    assert.deepEqual(
      it.applied.map((one) => one.config.name),
      ['second'],
    );
  });

  test('when it is replaced, as editors do, and again after that', async (t) => {
    const it = watched(t);
    for (const name of ['second', 'third']) {
      const heard = it.heard();
      writeFileSync(join(it.folder, '.tmp'), `name: ${name}\n`);
      renameSync(join(it.folder, '.tmp'), it.path);
      await heard;
      assert.equal(nameInForce(it), name);
    }
  });

  test('when a mounted volume swaps the folder behind it', async (t) => {
    const it = watched(t, {
      lay(folder) {
        for (const version of ['v1', 'v2']) mkdirSync(join(folder, `..${version}`));
        writeFileSync(join(folder, '..v1', 'tollgate.yaml'), 'name: first\n');
        writeFileSync(join(folder, '..v2', 'tollgate.yaml'), 'name: second\n');
        symlinkSync('..v1', join(folder, '..data'));
        symlinkSync('..data/tollgate.yaml', join(folder, 'tollgate.yaml'));
        return join(folder, 'tollgate.yaml');
      },
    });
    const heard = it.heard();
    symlinkSync('..v2', join(it.folder, '..data_tmp'));
    renameSync(join(it.folder, '..data_tmp'), join(it.folder, '..data'));
    await heard;
    assert.equal(nameInForce(it), 'second');
  });
});

suite('a file in the middle of being written', () => {
  test('that an editor empties and then writes comes into force as it is in the end', async (t) => {
    const it = watched(t);
    writeFileSync(it.path, '');
    const emptied = await it.watcher.reload();
    assert.equal(emptied.ok, false, 'an empty file is no configuration');
    assert.equal(nameInForce(it), 'first');
    const heard = it.heard();
    writeFileSync(it.path, 'name: second\n');
    assert.equal(await heard, 'the configuration was reloaded');
    assert.equal(nameInForce(it), 'second');
  });

  test('a hundred times, by writing and by renaming, ends with what was written last', async (t) => {
    const it = watched(t);
    for (let change = 1; change <= 100; change += 1) {
      const text = `name: change-${change}\n`;
      if (change % 2 === 0) writeFileSync(it.path, text);
      else {
        writeFileSync(join(it.folder, '.tmp'), text);
        renameSync(join(it.folder, '.tmp'), it.path);
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    while (nameInForce(it) !== 'change-100') await it.heard();
    const names = it.applied.map(({ config }) => Number(config.name.slice('change-'.length)));
    assert.deepEqual(
      names,
      names.toSorted((a, b) => a - b),
      'never an older one after a newer one',
    );
  });

  test('without ever being quiet, it is read all the same after a while', async (t) => {
    const clock = new ManualClock();
    const it = watched(t, { clock });
    const over = new AbortController();
    const heard = it.heard().finally(() => over.abort());
    for (let change = 1; !over.signal.aborted; change += 1) {
      writeFileSync(it.path, `name: change-${change}\n`);
      // Less than what it would have to be quiet for.
      clock.advance(10);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    assert.equal(await heard, 'the configuration was reloaded');
  });
});

suite('reloads one after the other', () => {
  test('that are asked for while one is under way are one, and it comes after', async (t) => {
    const it = watched(t);
    writeFileSync(it.path, 'name: second\n');
    const first = it.watcher.reload();
    await Promise.resolve();
    const more = [it.watcher.reload(), it.watcher.look(), it.watcher.reload()];
    assert.equal((await first).changed, true);
    await Promise.all(more);
    assert.equal(it.loads(), 2);
  });
});

test('a reload that is under way when everything is closed puts nothing in force, and no other one begins', async (t) => {
  const it = watched(t);
  writeFileSync(it.path, 'name: second\n');
  const [first, second] = [it.watcher.reload(), it.watcher.look().then(() => it.watcher.reload())];
  await Promise.resolve();
  assert.equal(it.loads(), 1);
  it.watcher.close();
  for (const outcome of [await first, await second]) {
    assert.equal(outcome.ok, false);
    assert.match(outcome.problems.join(), /the gateway is going down/);
  }
  assert.deepEqual([it.applied, it.loads()], [[], 1]);
});

suite('a reload that fails', () => {
  test('keeps the old configuration and says what is wrong, where', async (t) => {
    const it = watched(t);
    const before = it.watcher.inForce();
    const heard = it.heard();
    writeFileSync(it.path, 'name: second\nnmae: x\n');
    assert.match(await heard, /was not reloaded; the old one stays in force/);
    const { config, loadedAt, lastReload } = it.watcher.inForce();
    assert.deepEqual(config, { name: 'first' });
    assert.equal(loadedAt, before.loadedAt);
    assert.equal(lastReload?.ok, false);
    assert.deepEqual(lastReload.problems, [
      `${it.path}:2:1 nmae: there is no setting 'nmae' here. Did you mean 'name'?`,
    ]);
    assert.deepEqual(it.applied, []);
  });

  test('is over when the file is mended, even to what it was', async (t) => {
    const it = watched(t);
    writeFileSync(it.path, 'name: [\n');
    assert.equal((await it.watcher.reload()).ok, false);
    writeFileSync(it.path, 'name: first\n');
    assert.deepEqual(await it.watcher.reload(), { ok: true, changed: false, problems: [] });
    assert.equal(it.watcher.inForce().lastReload?.ok, true);
    assert.deepEqual(it.applied, []);
  });

  test('because it cannot be put in force keeps the old one too', async (t) => {
    const it = watched(t);
    writeFileSync(it.path, 'name: second\n');
    it.failNext('two prices are equally specific');
    assert.deepEqual(await it.watcher.reload(), {
      ok: false,
      changed: false,
      problems: [`${it.path} two prices are equally specific`],
    });
    assert.equal(nameInForce(it), 'first');
    assert.equal((await it.watcher.reload()).changed, true, 'and the next attempt may succeed');
    assert.equal(nameInForce(it), 'second');
  });

  test('for something that comes later is done again by and by, later each time, and told when it is in force', async (t) => {
    const clock = new ManualClock();
    const it = watched(t, { clock });
    writeFileSync(it.path, 'name: second\n');
    it.failNext('a file is not there yet');
    assert.equal((await it.watcher.reload()).ok, false);
    // Of what was written is heard once or twice: not so often.
    for (let time = 0; time < 8; time += 1) {
      it.failNext('a file is not there yet');
      await until(() => {
        if (it.isToFail()) clock.advance(15_000);
        return !it.isToFail();
      }, 'another refusal');
      assert.equal(nameInForce(it), 'first');
    }
    const heard = it.heard();
    await until(() => {
      clock.advance(15_000);
      return it.applied.length > 0;
    }, 'a reload');
    assert.equal(await heard, 'the configuration was reloaded');
    assert.equal(nameInForce(it), 'second');
  });

  test('because the file is gone keeps the old one', async (t) => {
    const it = watched(t);
    rmSync(it.path);
    const outcome = await it.watcher.reload();
    assert.equal(outcome.ok, false);
    assert.match(outcome.problems.join(), /there is no file/);
    assert.equal(nameInForce(it), 'first');
  });
});

test('a reload on demand of an unchanged file changes nothing and says so', async (t) => {
  const it = watched(t);
  assert.deepEqual(await it.watcher.reload(), { ok: true, changed: false, problems: [] });
  assert.deepEqual(it.applied, []);
  const { source, lastReload } = it.watcher.inForce();
  assert.equal(source, it.path);
  assert.equal(lastReload?.ok, true);
});

test('before any reload there is none to tell of', (t) => {
  assert.equal(watched(t).watcher.inForce().lastReload, null);
});
