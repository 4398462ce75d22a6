import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { journalInstruments } from './instruments.ts';
import { journalAudit } from './journal-audit.ts';
import { Journal } from './journal.ts';
import { SharedProgress } from './progress.ts';
import { fileEnd, journalStart, recoverJournal } from './recovery.ts';
import { SegmentAppender } from './segment-appender.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles, systemError } from '../../../test/support/memory-journal-files.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';

interface Setup {
  readonly files: MemoryJournalFiles;
  readonly clock: ManualClock;
  readonly progress: SharedProgress;
  readonly metrics: Metrics;
  readonly journal: Journal;
  /** How often the store's side was told. */
  nudges: number;
}

function setUp(options: { durability?: 'process' | 'disk'; segmentBytes?: number } = {}): Setup {
  const files = new MemoryJournalFiles();
  const clock = new ManualClock();
  const progress = new SharedProgress();
  const metrics = new Metrics();
  const setup = { files, clock, progress, metrics, nudges: 0 };
  const segmentBytes = options.segmentBytes ?? 1_000_000;
  const appender = new SegmentAppender({ files, clock, instance: 'journal-1', segmentBytes, end: null });
  const journal = new Journal({
    appender,
    files,
    clock,
    log: silentLog,
    instruments: journalInstruments(metrics, progress),
    progress,
    durability: options.durability ?? 'process',
    settles: 0,
    openAttempts: [],
    lowWater: { segment: 1, offset: 0 },
    onWritten: () => {
      setup.nudges += 1;
    },
  });
  files.calls.length = 0;
  return Object.assign(setup, { journal });
}

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** What the journal holds before what counts: `open a`, `settle a`, `damage`. */
function contents(files: MemoryJournalFiles, until = fileEnd(files)): string[] {
  if (until === null) return [];
  return [...journalAudit(files).items(null, until)].flatMap((item) => {
    if (item.kind === 'segment') return [];
    if (item.kind === 'open') return [`open ${item.id}`];
    return item.kind === 'settle' ? [`settle ${item.record.id}`] : [item.kind];
  });
}

const records = (...ids: readonly string[]): UsageRecord[] => ids.map((id) => usageRecord(id));

async function opened(journal: Journal, ...ids: readonly string[]): Promise<UsageRecord[]> {
  const all = records(...ids);
  await Promise.all(all.map(async (one) => await journal.open(openedAttempt(one))));
  return all;
}

/** Whether a promise has settled by now, and how. */
function watch(promise: Promise<unknown>): { state: 'pending' | 'resolved' | 'rejected'; reason?: unknown } {
  const seen: { state: 'pending' | 'resolved' | 'rejected'; reason?: unknown } = { state: 'pending' };
  const follow = async (): Promise<void> => {
    try {
      await promise;
      seen.state = 'resolved';
    } catch (reason) {
      seen.state = 'rejected';
      seen.reason = reason;
    }
  };
  void follow();
  return seen;
}

const isUnavailable = (error: unknown): boolean => error instanceof Failure && error.code === 'ledger_unavailable';

test('entries of one turn are written with one call, opens before settles', async () => {
  const { files, journal } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  files.calls.length = 0;
  const all = [journal.settle(a), ...records('b', 'c').map(async (one) => await journal.open(openedAttempt(one)))];
  assert.deepEqual(files.calls, []);
  await Promise.all(all);
  assert.deepEqual(files.calls, ['write 1']);
  assert.deepEqual(contents(files), ['open a', 'open b', 'open c', 'settle a']);
});

test('an entry counts once it is written, not before', async () => {
  const { files, journal, progress } = setUp();
  const before = progress.written();
  const open = watch(journal.open(openedAttempt(usageRecord('a'))));
  await Promise.resolve();
  assert.equal(open.state, 'pending');
  assert.deepEqual(progress.written(), before);
  await turn();
  assert.equal(open.state, 'resolved');
  assert.deepEqual(progress.written(), fileEnd(files));
});

test('progress tells how many settles there are, what is open, and where the oldest open attempt stands', async () => {
  const { journal, progress } = setUp();
  const start = progress.written();
  const [a] = await opened(journal, 'a');
  const [b] = await opened(journal, 'b');
  const [c] = await opened(journal, 'c');
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.deepEqual(progress.lowWater(), start);
  assert.equal(progress.openAttempts(), 3);
  await journal.settle(b);
  assert.deepEqual([progress.settles(), progress.openAttempts(), progress.lowWater()], [1, 2, start]);
  const beforeLast = progress.lowWater();
  await journal.settle(a);
  assert.ok(progress.lowWater().offset > beforeLast.offset);
  assert.ok(progress.lowWater().offset < progress.written().offset);
  await journal.settle(c);
  assert.deepEqual(progress.lowWater(), progress.written());
});

test('an attempt stays open until its settle counts', async () => {
  const { files, journal, progress } = setUp({ durability: 'disk' });
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  const low = progress.lowWater();
  const syncs: PromiseWithResolvers<void>[] = [];
  files.onSync = async () => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    await sync.promise;
  };
  const settles = [watch(journal.settle(b))];
  await turn();
  settles.push(watch(journal.settle(a)));
  syncs[0]?.resolve();
  await turn();
  assert.deepEqual(
    settles.map((one) => one.state),
    ['resolved', 'pending'],
  );
  assert.deepEqual(progress.lowWater(), low);
  assert.equal(progress.openAttempts(), 1);
  syncs[1]?.resolve();
  await turn();
  assert.deepEqual(progress.lowWater(), progress.written());
});

test('the store is told once, until it looks', async () => {
  const setup = setUp();
  const [a] = await opened(setup.journal, 'a');
  assert.ok(a !== undefined);
  await setup.journal.settle(a);
  assert.equal(setup.nudges, 1);
  setup.progress.look();
  await opened(setup.journal, 'b');
  await opened(setup.journal, 'c');
  assert.equal(setup.nudges, 2);
});

test('an attempt is settled once, and only if it was opened', async () => {
  const { files, journal } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  const first = journal.settle(a);
  await assert.rejects(journal.settle(a), /only once/);
  await first;
  await assert.rejects(journal.settle(a), /only once/);
  await assert.rejects(journal.settle(usageRecord('never')), /not open/);
  await opened(journal, 'b');
  await assert.rejects(journal.open(openedAttempt(usageRecord('b'))), /open already/);
  assert.deepEqual(contents(files), ['open a', 'settle a', 'open b']);
});

test('a record that cannot be written as it is leaves the attempt open, and others untouched', async () => {
  const { files, journal } = setUp();
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  const good = journal.settle(b);
  await assert.rejects(journal.settle({ ...a, units: { ...a.units, input: Number.NaN } }), TypeError);
  await good;
  await journal.settle(a);
  assert.deepEqual(contents(files), ['open a', 'open b', 'settle b', 'settle a']);
});

test('a settle says what the record says, where that differs from the open', async () => {
  const { files, journal } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  await journal.settle({ ...a, servedBy: { ...a.servedBy, deployment: 'spilled-to' } });
  assert.match(files.text(1), /"kind":"settle"[^\n]*"deployment":"spilled-to"/);
});

test('a segment that is full is followed by another, which names it', async () => {
  const { files, journal, progress } = setUp({ segmentBytes: 3000 });
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await opened(journal, id);
  assert.ok(files.segments.size > 1);
  for (const { bytes } of files.list()) assert.ok(bytes <= 3000);
  assert.deepEqual(contents(files).length, 8);
  assert.match(files.text(2), /"kind":"header","segment":2,"follows":1,"instance":"journal-1"/);
  assert.equal(progress.written().segment, files.segments.size);
});

test('durability disk: an entry counts only once it is synced', async () => {
  const { files, journal, progress } = setUp({ durability: 'disk' });
  const syncs: PromiseWithResolvers<void>[] = [];
  files.onSync = async () => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    await sync.promise;
  };
  const before = progress.written();
  const open = watch(journal.open(openedAttempt(usageRecord('a'))));
  await turn();
  assert.deepEqual(files.calls, ['write 1', 'sync 1']);
  assert.equal(open.state, 'pending');
  assert.deepEqual(progress.written(), before);
  syncs[0]?.resolve();
  await turn();
  assert.equal(open.state, 'resolved');
  assert.ok(progress.written().offset > before.offset);
});

test('durability disk: while one group is synced the next gathers, and goes in one piece', async () => {
  const { files, journal } = setUp({ durability: 'disk' });
  await opened(journal, 'first');
  const sync = Promise.withResolvers<void>();
  files.onSync = async () => await sync.promise;
  files.calls.length = 0;
  const a = watch(journal.open(openedAttempt(usageRecord('a'))));
  await turn();
  const others = ['b', 'c'].map((id) => watch(journal.open(openedAttempt(usageRecord(id)))));
  await turn();
  await turn();
  assert.deepEqual(files.calls, ['write 1', 'sync 1']);
  files.onSync = async () => await Promise.resolve();
  sync.resolve();
  await turn();
  await turn();
  assert.deepEqual(
    [a, ...others].map((one) => one.state),
    ['resolved', 'resolved', 'resolved'],
  );
  assert.deepEqual(files.calls, ['write 1', 'sync 1', 'write 1', 'sync 1']);
});

test('durability disk: a new segment is synced with its folder', async () => {
  const { files, journal } = setUp({ durability: 'disk' });
  await opened(journal, 'a');
  await opened(journal, 'b');
  assert.deepEqual(files.calls, ['write 1', 'sync 1', 'folder', 'write 1', 'sync 1']);
});

test('durability disk: what counts survives a power failure', async () => {
  const { files, journal } = setUp({ durability: 'disk', segmentBytes: 4000 });
  for (const id of ['a', 'b', 'c', 'd']) {
    const [record] = await opened(journal, id);
    await journal.settle(record ?? assert.fail());
    for (const [segment, bytes] of files.synced) assert.equal(bytes, files.segments.get(segment)?.length);
  }
  assert.equal(files.synced.size, files.segments.size);
});

for (const durability of ['process', 'disk'] as const) {
  test(`${durability}: a write that fails refuses opens, keeps settles, and both go on when it can be written again`, async () => {
    const { files, journal, clock, progress, metrics } = setUp({ durability });
    const [a, b] = await opened(journal, 'a', 'b');
    assert.ok(a !== undefined && b !== undefined);
    const written = progress.written();
    files.onWrite = () => systemError('EIO');
    const settles = [watch(journal.settle(a))];
    const refused = journal.open(openedAttempt(usageRecord('refused')));
    await assert.rejects(refused, isUnavailable);
    assert.equal(journal.admitting, false);
    assert.match(metrics.render(), /tollgate_journal_admitting 0/);
    settles.push(watch(journal.settle(b)));
    await assert.rejects(journal.open(openedAttempt(usageRecord('refused-too'))), isUnavailable);
    for (let again = 0; again < 3; again += 1) {
      await turn();
      clock.advance(10_000);
    }
    assert.deepEqual(
      settles.map((one) => one.state),
      ['pending', 'pending'],
    );
    assert.deepEqual(progress.written(), written);
    files.onWrite = () => undefined;
    clock.advance(10_000);
    await turn();
    await turn();
    assert.deepEqual(
      settles.map((one) => one.state),
      ['resolved', 'resolved'],
    );
    assert.equal(journal.admitting, true);
    assert.match(metrics.render(), /tollgate_journal_admitting 1/);
    await opened(journal, 'c');
    assert.deepEqual(contents(files), ['open a', 'open b', 'settle a', 'settle b', 'open c']);
    assert.deepEqual(progress.written(), fileEnd(files));
  });

  test(`${durability}: a short write is gone on with, and cut back to the last whole group where it cannot be`, async () => {
    const { files, journal, clock } = setUp({ durability });
    const [a] = await opened(journal, 'a');
    assert.ok(a !== undefined);
    let faults: (number | Error | undefined)[] = [100, 50];
    files.onWrite = () => faults.shift();
    await opened(journal, 'b');
    assert.deepEqual(contents(files), ['open a', 'open b']);
    const whole = files.segments.get(1)?.length;
    faults = [100, systemError('EIO'), systemError('EIO')];
    const settle = watch(journal.settle(a));
    await turn();
    assert.equal(settle.state, 'pending');
    assert.equal(files.segments.get(1)?.length, whole);
    clock.advance(10_000);
    await turn();
    await turn();
    assert.equal(settle.state, 'resolved');
    assert.deepEqual(contents(files), ['open a', 'open b', 'settle a']);
  });
}

test('a sync that fails stops admission, and its group is written again to another segment', async () => {
  const { files, journal, clock, progress } = setUp({ durability: 'disk' });
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  const whole = files.segments.get(1)?.length;
  files.onSync = async () => await Promise.reject(systemError('EIO'));
  const settle = watch(journal.settle(a));
  const open = journal.open(openedAttempt(usageRecord('refused')));
  await assert.rejects(open, isUnavailable);
  assert.equal(journal.admitting, false);
  assert.equal(settle.state, 'pending');
  await assert.rejects(journal.open(openedAttempt(usageRecord('refused-too'))), isUnavailable);
  assert.equal(files.segments.get(1)?.length, whole, 'nothing of the doubtful group is left');
  assert.equal(progress.written().segment, 1);
  files.onSync = async () => await Promise.resolve();
  clock.advance(10_000);
  await turn();
  await turn();
  assert.equal(settle.state, 'resolved');
  assert.equal(journal.admitting, true);
  assert.ok(progress.written().segment > 1);
  assert.ok(files.calls.includes('folder'));
  assert.deepEqual(contents(files), ['open a', 'settle a']);
});

test('what gathered during a sync that fails is kept, too', async () => {
  const { files, journal, clock } = setUp({ durability: 'disk' });
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  const sync = Promise.withResolvers<void>();
  files.onSync = async () => await sync.promise;
  const settles = [watch(journal.settle(a))];
  await turn();
  settles.push(watch(journal.settle(b)));
  const open = journal.open(openedAttempt(usageRecord('refused')));
  sync.reject(systemError('EIO'));
  await assert.rejects(open, isUnavailable);
  await turn();
  files.onSync = async () => await Promise.resolve();
  clock.advance(10_000);
  await turn();
  await turn();
  assert.deepEqual(
    settles.map((one) => one.state),
    ['resolved', 'resolved'],
  );
  assert.deepEqual(contents(files), ['open a', 'open b', 'settle a', 'settle b']);
});

test('what waits for the disk is written once, though it fills more than a segment and the disk fails again', async () => {
  const { files, journal, clock } = setUp({ durability: 'disk', segmentBytes: 1500 });
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  const syncs: PromiseWithResolvers<void>[] = [];
  files.onSync = async () => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    await sync.promise;
  };
  const settles = [watch(journal.settle(a))];
  await turn();
  settles.push(watch(journal.settle(b)));
  for (let failures = 0; failures < 2; failures += 1) {
    syncs.at(-1)?.reject(systemError('EIO'));
    await turn();
    clock.advance(10_000);
    await turn();
  }
  syncs.at(-1)?.resolve();
  await turn();
  assert.deepEqual(
    settles.map((one) => one.state),
    ['resolved', 'resolved'],
  );
  assert.deepEqual(contents(files), ['open a', 'open b', 'settle a', 'settle b']);
});

test('waiting for the disk takes no more memory with every try', async () => {
  const { files, journal, clock } = setUp({ durability: 'disk' });
  const [a] = await opened(journal, 'a');
  files.onSync = async () => await Promise.reject(systemError('EIO'));
  const settle = watch(journal.settle(a ?? assert.fail()));
  await turn();
  const before = process.memoryUsage().arrayBuffers;
  for (let again = 0; again < 300; again += 1) {
    clock.advance(10_000);
    await turn();
  }
  assert.equal(settle.state, 'pending');
  assert.ok(files.count('create') > 300);
  assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
});

test('a disk whose syncs fail for hours is not filled with empty segments, and loses none when it is mended', async () => {
  const { files, journal, clock, progress } = setUp({ durability: 'disk' });
  const [a] = await opened(journal, 'a');
  files.onSync = async () => await Promise.reject(systemError('EIO'));
  const settle = watch(journal.settle(a ?? assert.fail()));
  for (let again = 0; again < 1000; again += 1) {
    await turn();
    clock.advance(10_000);
  }
  assert.ok(files.segments.size <= 2, `${files.segments.size} segments`);
  files.onSync = async () => await Promise.resolve();
  await turn();
  clock.advance(10_000);
  await turn();
  await turn();
  assert.equal(settle.state, 'resolved');
  assert.deepEqual(contents(files), ['open a', 'settle a']);
  assert.deepEqual(progress.written(), fileEnd(files));
  const beginning = { instance: 'journal-1', shipped: journalStart, lowWater: journalStart, settles: 0 };
  const { missing, damage, lost } = recoverJournal(files, beginning);
  assert.deepEqual({ missing, damage, lost }, { missing: [], damage: [], lost: [] });
});

test('nothing is written to a segment that cannot be cut back', async () => {
  const { files, journal, clock } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  const faults: (number | Error | undefined)[] = [60, systemError('EIO')];
  files.onWrite = () => faults.shift();
  files.onTruncate = () => {
    throw systemError('EIO');
  };
  const settle = watch(journal.settle(a));
  await turn();
  const writes = files.count('write');
  clock.advance(10_000);
  await turn();
  assert.equal(settle.state, 'pending');
  assert.equal(files.count('write'), writes);
  files.onTruncate = () => undefined;
  clock.advance(10_000);
  await turn();
  await turn();
  assert.equal(settle.state, 'resolved');
  assert.deepEqual(contents(files), ['open a', 'settle a']);
});

test('on a full disk the room that opens have reserved is given back for their settles', async () => {
  const { files, journal, clock } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  assert.ok(files.reserved >= 4096);
  files.onWrite = () => (files.reserved > 0 ? systemError('ENOSPC') : undefined);
  files.onSetAside = () => {
    throw systemError('ENOSPC');
  };
  const settle = watch(journal.settle(a));
  await turn();
  await turn();
  assert.equal(settle.state, 'resolved', 'without waiting for room');
  assert.equal(journal.admitting, false, 'until there is room for the settles to come');
  await assert.rejects(journal.open(openedAttempt(usageRecord('refused'))), isUnavailable);
  files.onSetAside = () => undefined;
  files.onWrite = () => undefined;
  clock.advance(10_000);
  await turn();
  assert.equal(journal.admitting, true);
  await opened(journal, 'b');
  assert.deepEqual(contents(files), ['open a', 'settle a', 'open b']);
});

test('settles go on being written while there is no room for new attempts', async () => {
  const { files, journal } = setUp();
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  files.onWrite = () => (files.reserved > 0 ? systemError('ENOSPC') : undefined);
  files.onSetAside = () => {
    throw systemError('ENOSPC');
  };
  await journal.settle(a);
  assert.equal(journal.admitting, false);
  await journal.settle(b);
  assert.deepEqual(contents(files), ['open a', 'open b', 'settle a', 'settle b']);
});

test('room is reserved for every open attempt, and an open without room is refused', async () => {
  const { files, journal } = setUp();
  const many = Array.from({ length: 600 }, (_, at) => `many-${at}`);
  await opened(journal, ...many.slice(0, 512));
  assert.equal(files.reserved, 512 * 4096);
  files.onSetAside = () => {
    throw systemError('ENOSPC');
  };
  await assert.rejects(journal.open(openedAttempt(usageRecord('refused'))), isUnavailable);
  files.onSetAside = () => undefined;
  await opened(journal, ...many.slice(512));
  assert.equal(files.reserved, 1024 * 4096);
});

test('closing writes what is waiting and refuses what comes after', async () => {
  const { files, journal } = setUp();
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  const settle = watch(journal.settle(a));
  const closing = journal.close();
  await assert.rejects(journal.open(openedAttempt(usageRecord('late'))), isUnavailable);
  await closing;
  assert.equal(settle.state, 'resolved');
  assert.deepEqual(contents(files), ['open a', 'settle a']);
});

test('closing tries once more what could not be written, and says so where it still cannot', async () => {
  for (const mended of [true, false]) {
    const { files, journal } = setUp();
    const [a] = await opened(journal, 'a');
    assert.ok(a !== undefined);
    files.onWrite = () => systemError('EIO');
    const settle = watch(journal.settle(a));
    await turn();
    if (mended) files.onWrite = () => undefined;
    await journal.close();
    assert.equal(settle.state, mended ? 'resolved' : 'rejected');
    if (!mended) assert.ok(isUnavailable(settle.reason));
    assert.deepEqual(contents(files), mended ? ['open a', 'settle a'] : ['open a']);
  }
});

test('durability disk: closing waits for the sync', async () => {
  const { files, journal } = setUp({ durability: 'disk' });
  const [a] = await opened(journal, 'a');
  assert.ok(a !== undefined);
  const settle = watch(journal.settle(a));
  await journal.close();
  assert.equal(settle.state, 'resolved');
  assert.equal(files.synced.get(1), files.segments.get(1)?.length);
});

test('durability disk: closing waits for what was settled while the disk was mended', async () => {
  const { files, journal, clock } = setUp({ durability: 'disk' });
  const [a, b] = await opened(journal, 'a', 'b');
  assert.ok(a !== undefined && b !== undefined);
  const syncs: PromiseWithResolvers<void>[] = [];
  files.onSync = async () => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    await sync.promise;
  };
  const settles = [watch(journal.settle(a))];
  await turn();
  syncs[0]?.reject(systemError('EIO'));
  await turn();
  clock.advance(10_000);
  await turn();
  const closing = watch(journal.close());
  settles.push(watch(journal.settle(b)));
  syncs[1]?.resolve();
  await turn();
  assert.equal(closing.state, 'pending');
  syncs[2]?.resolve();
  await turn();
  assert.equal(closing.state, 'resolved');
  assert.deepEqual(
    settles.map((one) => one.state),
    ['resolved', 'resolved'],
  );
});
