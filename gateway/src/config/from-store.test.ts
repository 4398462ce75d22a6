import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import type { ConfigSection } from '#kernel/config-section.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { FromStore } from './from-store.ts';
import { createConfigLoader, type LoadResult } from './load.ts';
import type { KeyValue, StoreFailure } from './ports.ts';
import { loadFrom } from './source.ts';

interface TestConfig {
  readonly name: string;
}
const keys = { name: z.string() };
const section: ConfigSection<typeof keys> = { name: 'test', summary: '', keys, references: [], check: () => [] };
const loader = createConfigLoader<TestConfig>([section]);

const holding = (value: string): readonly KeyValue[] => [{ key: 'tollgate', label: null, value, contentType: '' }];

class Unreachable extends Error {
  readonly waitMs: number;
  constructor(waitMs: number) {
    super('away');
    this.waitMs = waitMs;
  }
}

/** A store that a test fills, breaks and counts. */
function setUp(filled: readonly KeyValue[] = holding('name: first')) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const state = { keyValues: filled, version: 1, away: undefined as number | undefined, reads: 0, looks: 0 };
  const kept: { keyValues: readonly KeyValue[]; savedAt: number }[] = [];
  const guard = (): void => {
    if (state.away !== undefined) throw new Unreachable(state.away);
  };
  const store = new FromStore({
    store: {
      name: 'store',
      async read() {
        state.reads += 1;
        guard();
        const version = { pages: [[String(state.version)]], sentinel: null };
        return await Promise.resolve({ keyValues: state.keyValues, version });
      },
      async hasChanged({ pages }) {
        state.looks += 1;
        guard();
        return await Promise.resolve(pages[0]?.[0] !== String(state.version));
      },
      failureOf: (error): StoreFailure => ({
        problem: 'is away',
        fix: 'wait',
        mayPass: true,
        waitMs: error instanceof Unreachable ? error.waitMs : 0,
      }),
    },
    label: null,
    copy: {
      read: async () => await Promise.resolve(kept.at(-1)),
      async write(keyValues, savedAt) {
        kept.push({ keyValues, savedAt });
        await Promise.resolve();
      },
    },
    file: { path: '/nowhere/tollgate.yaml', isThere: false },
    clock,
    random: { next: () => 0.5 },
    log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
  });
  const load = async (): Promise<LoadResult<TestConfig>> => await Promise.resolve(loadFrom(loader, store.source(), {}));
  /** What a watcher does where the store has something else. */
  const take = async (): Promise<string> => {
    const result = await load();
    store.settled(result.ok);
    return result.ok ? result.loaded.config.name : 'refused';
  };
  const set = (value: string): void => {
    state.keyValues = holding(value);
    state.version += 1;
  };
  return { clock, lines, state, kept, store, load, take, set };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

suite('a configuration from a store', () => {
  test('is read whole once, and then asked for changes alone', async () => {
    const { store, load, state, set, take } = setUp();
    const first = await store.start(load);
    assert.ok(first.ok && first.loaded.config.name === 'first');
    for (let round = 0; round < 3; round += 1) assert.equal(await store.poll(), false);
    assert.deepEqual([state.reads, state.looks], [1, 3]);
    set('name: second');
    assert.equal(await store.poll(), true);
    assert.equal(await take(), 'second');
    assert.equal(state.reads, 2);
  });

  test('that is refused leaves the last good one to load, is not kept, and is read again each time', async () => {
    const { store, load, kept, set, take } = setUp();
    await store.start(load);
    set('nmae: second');
    assert.equal(await store.poll(), true);
    assert.equal(await take(), 'refused');
    assert.ok(store.isRefused);
    assert.equal(await take(), 'first', 'whoever loads for another reason has what is in force');
    assert.equal(await store.poll(), true, 'what it lacked may be there by now');
    assert.equal(kept.length, 1);
    set('name: third');
    await store.poll();
    assert.equal(await take(), 'third');
    assert.ok(!store.isRefused);
    assert.equal(kept.length, 2);
  });

  test('is polled at its time, and later where the store asks for it; that it is away is said once', async () => {
    const { store, load, clock, state, lines, set } = setUp();
    await store.start(load);
    let changes = 0;
    store.follow(
      () => 30_000,
      async () => {
        changes += 1;
        await Promise.resolve();
      },
    );
    state.away = 90_000;
    clock.advance(30_000);
    await settled();
    assert.ok(store.isFailing);
    clock.advance(60_000);
    await settled();
    assert.equal(state.looks, 1, 'it is left alone as long as it asks');
    clock.advance(30_000);
    await settled();
    assert.equal(state.looks, 2);
    state.away = undefined;
    set('name: second');
    clock.advance(90_000);
    await settled();
    assert.deepEqual([changes, store.isFailing], [1, false]);
    assert.equal(lines.filter((line) => line.includes('cannot be taken')).length, 1);
    assert.equal(lines.filter((line) => line.includes('can be asked again')).length, 1);
    store.close();
    clock.advance(600_000);
    await settled();
    assert.equal(state.looks + state.reads, 5, 'nothing after the end');
  });

  test('is asked three times when the gateway starts, with pauses, and then the copy serves', async () => {
    const { store, load, clock, state, kept, lines } = setUp();
    kept.push({ keyValues: holding('name: kept'), savedAt: Date.UTC(2026, 10, 24) });
    state.away = 0;
    const starting = store.start(load);
    for (const pause of [1_000, 2_000]) {
      await settled();
      clock.advance(pause);
    }
    const result = await starting;
    assert.ok(result.ok);
    assert.deepEqual(
      [state.reads, result.loaded.config.name, result.loaded.source, store.kind],
      [3, 'kept', 'store, the copy of 2026-11-24T00:00:00.000Z', 'last-good-copy'],
    );
    assert.equal(lines.filter((line) => line.includes('starts with an older one')).length, 1);
    state.away = undefined;
    assert.equal(await store.poll(), true);
  });

  test('is not taken over while somebody writes to it, and is once they are done', async () => {
    const { store, load, state, set, take, lines } = setUp();
    await store.start(load);
    set('name: half');
    const half = state.keyValues;
    state.keyValues = [...half, { key: 'tollgate:sentinel', label: 'prod', value: 'writing 1', contentType: '' }];
    for (let round = 0; round < 3; round += 1) assert.equal(await store.poll(), false);
    assert.ok(store.isFailing);
    assert.equal(lines.filter((line) => line.includes('config push')).length, 1);
    state.keyValues = [...half, { key: 'tollgate:sentinel', label: 'prod', value: '2', contentType: '' }];
    assert.equal(await store.poll(), true);
    assert.equal(await take(), 'half');
    assert.ok(!store.isFailing);
  });

  test('is not started with while somebody writes to it: the copy serves', async () => {
    const sentinel = { key: 'tollgate:sentinel', label: null, value: 'writing 1', contentType: '' };
    const { store, load, clock, kept } = setUp([...holding('name: half'), sentinel]);
    kept.push({ keyValues: holding('name: kept'), savedAt: 0 });
    const starting = store.start(load);
    for (const pause of [1_000, 2_000]) {
      await settled();
      clock.advance(pause);
    }
    const result = await starting;
    assert.ok(result.ok && result.loaded.config.name === 'kept');
  });

  test('that changes again while it is judged is judged again: what was not loaded is neither in force nor kept', async () => {
    const { store, load, kept, set, take } = setUp();
    await store.start(load);
    set('name: second');
    await store.poll();
    const second = await load();
    set('nmae: third');
    await store.poll();
    store.settled(second.ok);
    assert.deepEqual(kept.at(-1)?.keyValues, holding('name: second'));
    assert.equal(await take(), 'refused');
    assert.ok(store.isRefused);
    assert.equal(kept.length, 2);
  });

  test('with nothing good anywhere says all that is wrong, of the store and of the copy', async () => {
    const { store, load, kept } = setUp(holding('nmae: x'));
    kept.push({ keyValues: holding('name: [1]'), savedAt: 0 });
    const result = await store.start(load);
    assert.ok(!result.ok);
    const told = result.problems.map(({ file, message }) => `${file}: ${message}`).join('\n');
    assert.match(told, /there is no setting 'nmae' here/);
    assert.match(told, /store\/tollgate: .*expected/i);
  });
});
