import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { Backlog } from './backlog.ts';
import { journalInstruments } from './instruments.ts';
import { Journal } from './journal.ts';
import { Outbox } from './outbox.ts';
import type { JournalFiles, LedgerStore } from './ports.ts';
import { SharedProgress } from './progress.ts';
import { journalStart } from './recovery.ts';
import { SegmentAppender } from './segment-appender.ts';
import { StoreFaults, withStoreFaults } from '../../../test/support/faulty-ledger-store.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { march, openedAttempt, usageRecord } from '../../../test/support/records.ts';

interface Ledger {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly backlog: Backlog;
  readonly clock: ManualClock;
  readonly progress: SharedProgress;
  readonly faults: StoreFaults;
  /** Behind the faults. */
  readonly store: LedgerStore;
  call(id: string): Promise<void>;
}

/** Journal, outbox and a real store, with a clock that the test moves. */
async function withLedger(files: JournalFiles, run: (ledger: Ledger) => Promise<void>): Promise<void> {
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  const store = await createSqliteLedgerStore(database);
  const faults = new StoreFaults();
  const clock = new ManualClock(march);
  const progress = new SharedProgress();
  const metrics = new Metrics();
  const log = silentLog;
  const appender = new SegmentAppender({ files, clock, instance: 'journal-1', segmentBytes: 4_000_000, end: null });
  const outbox = new Outbox({ files, store: withStoreFaults(store, faults), progress, clock, log });
  const budget = { bytes: 1_000_000_000, whenSpent: 'refuse' } as const;
  const backlog = new Backlog({ sink: 'store', budget, progress, segments: files.list(), clock, log, metrics });
  const journal = new Journal({
    appender,
    files,
    clock,
    log,
    instruments: journalInstruments(metrics, progress),
    progress: {
      publish(state) {
        progress.publish(state);
        backlog.written(state.written);
      },
      nudge: () => progress.nudge(),
    },
    durability: 'process',
    settles: 0,
    openAttempts: [],
    lowWater: journalStart,
    onWritten: () => outbox.nudge(),
  });
  await outbox.start('journal-1');
  await turns();
  try {
    await run({
      journal,
      outbox,
      backlog,
      clock,
      progress,
      faults,
      store,
      async call(id) {
        const record = usageRecord(id, { at: clock.now(), finishedAt: clock.now() });
        await journal.open(openedAttempt(record));
        await journal.settle(record);
      },
    });
  } finally {
    await journal.close();
    await outbox.close();
    await database.close();
  }
}

const turns = async (count = 20): Promise<void> => {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Lets time pass until everything is in the store. */
async function untilShipped({ clock, progress }: Ledger): Promise<void> {
  for (let at = 0; progress.shipped() < progress.settles(); at += 1) {
    assert.ok(at < 2_000, 'the store follows some time');
    clock.advance(30_000);
    await turns();
  }
}

async function stored(store: LedgerStore): Promise<{ attempts: number; rollUpAttempts: number; wrong: number }> {
  const of = async (source: 'records' | 'days'): Promise<number> => {
    const rows = await store.figures({ by: [], filter: [], spans: [{ source, from: null, to: null, bucket: 0 }] });
    return Number(rows[0]?.figures.attempts ?? 0n);
  };
  return { attempts: await of('records'), rollUpAttempts: await of('days'), wrong: await store.wrongRollUps() };
}

test('a store that is down for an hour under load: nothing is lost or doubled, and memory does not grow', async (context) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-outage-'));
  const files = openJournalFiles(folder);
  try {
    await withLedger(files, async (ledger) => {
      const { clock, faults, store, outbox, backlog } = ledger;
      const callsPerSecond = 10;
      faults.down = true;
      let calls = 0;
      const memory: number[] = [];
      for (let second = 1; second <= 3600; second += 1) {
        const batch = Array.from({ length: callsPerSecond }, async () => await ledger.call(`call-${(calls += 1)}`));
        await Promise.all(batch);
        clock.advance(1000);
        await turns(1);
        if (second % 600 === 0) memory.push(used());
      }
      const tries = faults.batches.length;
      assert.ok(tries > 50 && tries < 200, `${tries} tries in an hour`);
      assert.ok(faults.batches.every((entries) => entries <= 1000));
      const [first = 0] = memory;
      for (const one of memory) assert.ok(one - first < 4_000_000, `${one - first} bytes more than after ten minutes`);
      context.diagnostic(`${calls} calls, ${Math.round(backlog.bytes / 1e6)} MB waiting, memory ${memory.join(' ')}`);
      assert.ok(backlog.bytes > calls * 1000);
      assert.ok(backlog.ageSeconds > 3500 && backlog.ageSeconds <= 3600);
      // Whoever asks meanwhile is told that the store lacks something, and not kept waiting.
      assert.equal(await outbox.caughtUp(0), false);
      assert.equal((await stored(store)).attempts, 0);
      faults.down = false;
      await untilShipped(ledger);
      assert.deepEqual(await stored(store), { attempts: calls, rollUpAttempts: calls, wrong: 0 });
      assert.deepEqual([backlog.bytes, backlog.ageSeconds], [0, 0]);
    });
  } finally {
    files.close();
    await rm(folder, { recursive: true });
  }
});

test('a store that answers slowly holds up neither calls nor what else is asked of it', async () => {
  await withLedger(new MemoryJournalFiles(), async (ledger) => {
    const { clock, faults, store, outbox, progress } = ledger;
    faults.hold();
    await ledger.call('first');
    clock.advance(50);
    await turns();
    await Promise.all(Array.from({ length: 2500 }, async (_, at) => await ledger.call(`meanwhile-${at}`)));
    clock.advance(600_000);
    await turns();
    assert.deepEqual(faults.batches, [1], 'it is asked once, not again and again');
    assert.equal(progress.settles(), 2501);
    const waiting = outbox.caughtUp(1000);
    clock.advance(1000);
    assert.equal(await waiting, false);
    assert.equal((await stored(store)).attempts, 0);
    faults.release();
    await turns();
    clock.advance(50);
    await turns(60);
    assert.deepEqual(faults.batches, [1, 1000, 1000, 500]);
    assert.deepEqual(await stored(store), { attempts: 2501, rollUpAttempts: 2501, wrong: 0 });
  });
});

test('a store that commits and then drops the connection is told again, and adds nothing twice', async () => {
  await withLedger(new MemoryJournalFiles(), async (ledger) => {
    const { clock, faults, store, progress } = ledger;
    faults.lostAnswers = 3;
    for (let at = 0; at < 20; at += 1) await ledger.call(`call-${at}`);
    clock.advance(50);
    await turns();
    assert.equal(progress.shipped(), 0, 'what was not answered does not count as stored');
    // More has been written by the time it is told again: the batch grows.
    for (let at = 20; at < 30; at += 1) await ledger.call(`call-${at}`);
    await untilShipped(ledger);
    assert.deepEqual(faults.batches, [20, 30, 30, 30]);
    assert.deepEqual(await stored(store), { attempts: 30, rollUpAttempts: 30, wrong: 0 });
    assert.equal((await store.checkpoint('journal-1'))?.settles, 30);
  });
});

test('whatever a store does with each batch, in the end it holds everything once', async () => {
  const outcomes = fc.array(fc.constantFrom('ok', 'down', 'lost'), { minLength: 5, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(outcomes, fc.integer({ min: 1, max: 4 }), async (plan, callsBetween) => {
      await withLedger(new MemoryJournalFiles(), async (ledger) => {
        const { clock, faults, store } = ledger;
        let calls = 0;
        for (const outcome of plan) {
          faults.down = outcome === 'down';
          faults.lostAnswers = outcome === 'lost' ? 1 : 0;
          for (let at = 0; at < callsBetween; at += 1) await ledger.call(`call-${(calls += 1)}`);
          clock.advance(300);
          await turns(3);
        }
        faults.down = false;
        faults.lostAnswers = 0;
        await untilShipped(ledger);
        assert.deepEqual(await stored(store), { attempts: calls, rollUpAttempts: calls, wrong: 0 });
      });
    }),
    { numRuns: 25 },
  );
});

test('a clock that jumps while the store is down delays nothing and loses nothing', async () => {
  await withLedger(new MemoryJournalFiles(), async (ledger) => {
    const { clock, faults, store, backlog } = ledger;
    faults.down = true;
    await ledger.call('before');
    clock.advance(1000);
    await turns();
    clock.jump(-24 * 3_600_000);
    await ledger.call('yesterday');
    clock.jump(366 * 24 * 3_600_000);
    await ledger.call('next-year');
    clock.advance(1000);
    await turns();
    assert.ok(backlog.ageSeconds <= 2, `${backlog.ageSeconds}`);
    faults.down = false;
    clock.advance(30_000);
    await turns();
    assert.deepEqual(await stored(store), { attempts: 3, rollUpAttempts: 3, wrong: 0 });
  });
});
