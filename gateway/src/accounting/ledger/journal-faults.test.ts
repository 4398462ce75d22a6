import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { journalInstruments } from './instruments.ts';
import { journalAudit } from './journal-audit.ts';
import { Journal } from './journal.ts';
import type { Checkpoint, StoredRecord } from './ports.ts';
import { SharedProgress } from './progress.ts';
import { fileEnd, journalStart, recoverJournal } from './recovery.ts';
import { SegmentAppender } from './segment-appender.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles, systemError } from '../../../test/support/memory-journal-files.ts';
import { correction, openedAttempt, storedRecord, usageRecord } from '../../../test/support/records.ts';

const beginning: Checkpoint = { instance: 'journal-1', shipped: journalStart, lowWater: journalStart, settles: 0 };

interface Life {
  readonly journal: Journal;
  readonly clock: ManualClock;
  readonly progress: SharedProgress;
}

/** A journal on these files, as a start opens it. */
function begin(
  files: MemoryJournalFiles,
  options: { durability?: 'process' | 'disk'; segmentBytes?: number } = {},
): Life {
  const clock = new ManualClock();
  const progress = new SharedProgress();
  const recovered = recoverJournal(files, beginning);
  const appender = new SegmentAppender({
    files,
    clock,
    instance: 'journal-1',
    segmentBytes: options.segmentBytes ?? 1_000_000,
    end: recovered.end,
  });
  const journal = new Journal({
    appender,
    files,
    clock,
    log: silentLog,
    instruments: journalInstruments(new Metrics(), progress),
    progress,
    durability: options.durability ?? 'process',
    settles: recovered.settles,
    openAttempts: recovered.lost,
    lowWater: journalStart,
    onWritten: () => undefined,
  });
  return { journal, clock, progress };
}

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
const isUnavailable = (error: unknown): boolean => error instanceof Failure && error.code === 'ledger_unavailable';

async function turns(clock: ManualClock): Promise<void> {
  for (let at = 0; at < 8; at += 1) {
    await turn();
    clock.advance(5_000);
  }
}

/** Every record that the files hold, as it went in. */
function settled(files: MemoryJournalFiles): StoredRecord[] {
  const end = fileEnd(files);
  const items = end === null ? [] : [...journalAudit(files).items(null, end)];
  return items.flatMap((item) => (item.kind === 'settle' ? [item.record] : []));
}
const settledIds = (files: MemoryJournalFiles): string[] => settled(files).map((one) => one.id);

// ── A disk that is full ──

for (const durability of ['process', 'disk'] as const)
  test(`${durability}: on a disk that fills up, whatever was admitted is settled, and calls are served again when there is room`, async () => {
    const files = new MemoryJournalFiles();
    files.capacity = 3_000_000;
    const { journal, clock } = begin(files, { durability, segmentBytes: 100_000 });
    const admitted: UsageRecord[] = [];
    const admit = async (id: string): Promise<void> => {
      const record = usageRecord(id);
      await journal.open(openedAttempt(record));
      admitted.push(record);
    };
    await assert.rejects(async () => {
      for (let at = 0; at < 5_000; at += 1) await admit(`before-${at}`);
    }, isUnavailable);
    assert.equal(admitted.length, 512, 'room is set aside for so many');
    files.capacity -= files.free();
    // Not a byte more is to be had, but what was set aside for them.
    const settles = Promise.all(admitted.map(async (record) => await journal.settle(record)));
    await turns(clock);
    await settles;
    assert.equal(journal.admitting, false);
    assert.ok(files.free() >= 0);
    files.capacity = 30_000_000;
    await turns(clock);
    assert.equal(journal.admitting, true);
    const after = usageRecord('after');
    await journal.open(openedAttempt(after));
    await journal.settle(after);
    await journal.close();
    assert.deepEqual(settledIds(files).toSorted(), [...admitted.map((one) => one.id), 'after'].toSorted());
    const { damage, missing, lost } = recoverJournal(files, beginning);
    assert.deepEqual({ damage, missing, lost }, { damage: [], missing: [], lost: [] });
  });

for (const [where, fault] of [
  ['a write', (files: MemoryJournalFiles, error: () => Error | undefined) => (files.onWrite = () => error())],
  [
    'the making of a segment',
    (files: MemoryJournalFiles, error: () => Error | undefined) =>
      (files.onCreate = () => {
        const thrown = error();
        if (thrown !== undefined) throw thrown;
      }),
  ],
  [
    'a sync',
    (files: MemoryJournalFiles, error: () => Error | undefined) =>
      (files.onSync = async () => {
        const thrown = error();
        await (thrown === undefined ? Promise.resolve() : Promise.reject(thrown));
      }),
  ],
] as const)
  for (const code of ['ENOSPC', 'EIO'])
    test(`${code} at ${where}: admission stops, nothing admitted is lost, nothing is there twice`, async () => {
      const files = new MemoryJournalFiles();
      // Small segments: nearly every group begins a new one.
      const { journal, clock } = begin(files, { durability: 'disk', segmentBytes: 1500 });
      const first = usageRecord('first');
      await journal.open(openedAttempt(first));
      let failing = true;
      fault(files, () => (failing ? systemError(code) : undefined));
      const settling = journal.settle(first);
      const refused = journal.open(openedAttempt(usageRecord('refused')));
      await assert.rejects(refused, isUnavailable);
      assert.equal(journal.admitting, false);
      await turns(clock);
      failing = false;
      await turns(clock);
      await settling;
      assert.equal(journal.admitting, true);
      const next = usageRecord('next');
      await journal.open(openedAttempt(next));
      await journal.settle(next);
      assert.deepEqual(settledIds(files), ['first', 'next']);
      const { damage, missing, lost } = recoverJournal(files, beginning);
      assert.deepEqual({ damage, missing, lost }, { damage: [], missing: [], lost: [] });
    });

test('whatever the disk refuses, and whenever: what was told to be settled is there once, what was refused is not', async () => {
  const faults = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constant('EIO' as const) },
      { weight: 1, arbitrary: fc.constant('ENOSPC' as const) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 900 }) },
    ),
    { minLength: 20, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(faults, faults, fc.integer({ min: 1200, max: 6000 }), async (writes, syncs, segmentBytes) => {
      const files = new MemoryJournalFiles();
      const { journal, clock } = begin(files, { durability: 'disk', segmentBytes });
      const [ofWrites, ofSyncs] = [[...writes], [...syncs]];
      files.onWrite = () => {
        const fault = ofWrites.shift();
        return typeof fault === 'string' ? systemError(fault) : fault;
      };
      files.onSync = async () => {
        const fault = ofSyncs.shift();
        await (typeof fault === 'string' ? Promise.reject(systemError(fault)) : Promise.resolve());
      };
      const told: string[] = [];
      const refused: string[] = [];
      const call = async (id: string): Promise<void> => {
        const record = usageRecord(id);
        try {
          await journal.open(openedAttempt(record));
        } catch {
          refused.push(id);
          return;
        }
        await journal.settle(record);
        told.push(id);
      };
      const calls: Promise<void>[] = [];
      for (let at = 0; at < 12; at += 1) {
        calls.push(call(`call-${at}`));
        await turn();
        clock.advance(1_000);
      }
      const over = Promise.all(calls);
      await turns(clock);
      ofWrites.length = 0;
      ofSyncs.length = 0;
      await turns(clock);
      await over;
      assert.deepEqual(settledIds(files).toSorted(), told.toSorted());
      assert.equal(told.length + refused.length, 12);
      const { damage, missing, lost } = recoverJournal(files, beginning);
      assert.deepEqual({ damage, missing, lost }, { damage: [], missing: [], lost: [] });
      // Syncs are what counts: the same stands on a disk that loses power now.
      assert.deepEqual(settledIds(files.afterPowerFailure()).toSorted(), told.toSorted());
    }),
    { numRuns: 150 },
  );
});

// ── A clock that is wrong ──

const hour = 3_600_000;

for (const jump of [-24 * hour, -1, 365 * 24 * hour])
  test(`a clock that jumps by ${jump} ms changes nothing of what is recorded`, async () => {
    const files = new MemoryJournalFiles();
    const { journal, clock, progress } = begin(files, { segmentBytes: 3000 });
    const ids: string[] = [];
    for (let at = 0; at < 12; at += 1) {
      if (at === 4) clock.jump(jump);
      if (at === 8) clock.jump(-jump);
      const record = usageRecord(`call-${at}`, { at: clock.now(), finishedAt: clock.now() + 10 });
      await journal.open(openedAttempt(record));
      clock.advance(1000);
      await journal.settle(record);
      ids.push(record.id);
    }
    assert.ok(files.segments.size > 3);
    assert.deepEqual(settledIds(files), ids);
    assert.deepEqual(progress.lowWater(), progress.written());
    const { damage, missing, lost, settles } = recoverJournal(files, beginning);
    assert.deepEqual({ damage, missing, lost, settles }, { damage: [], missing: [], lost: [], settles: 12 });
  });

test('a mending disk is tried again after the same time, whatever the clock says', async () => {
  const files = new MemoryJournalFiles();
  const { journal, clock } = begin(files);
  const record = usageRecord('a');
  await journal.open(openedAttempt(record));
  files.onWrite = () => systemError('EIO');
  const settling = journal.settle(record);
  await turn();
  clock.jump(-365 * 24 * hour);
  files.onWrite = () => undefined;
  clock.advance(5_000);
  await turn();
  await settling;
  assert.equal(journal.admitting, true);
});

// ── A segment that is cut, or whose bits have flipped ──

const [a, b, c] = [usageRecord('a'), usageRecord('b'), usageRecord('c')];
const whole = segment(1, open(a), settle(a), open(b), settle(b));
const lastRecord = frames(settle(b));

test('cut at every byte of its last record, the journal is mended and goes on; only that record is missed', async () => {
  for (let kept = 0; kept < lastRecord.length; kept += 1) {
    const files = new MemoryJournalFiles();
    files.segments.set(1, whole.subarray(0, whole.length - lastRecord.length + kept));
    const recovered = recoverJournal(files, beginning);
    assert.equal(recovered.tornTailBytes, kept);
    assert.deepEqual(
      [recovered.lost.map((one) => one.id), recovered.damage, recovered.settles],
      [['b'], [], 1],
      `${kept} bytes kept`,
    );
    const { journal } = begin(files);
    await Promise.all([journal.settle(b), journal.open(openedAttempt(c))]);
    await journal.settle(c);
    await journal.close();
    assert.deepEqual(settled(files), [a, b, c].map(storedRecord), `${kept} bytes kept`);
    assert.deepEqual(recoverJournal(files, beginning).damage, []);
  }
});

test('cut at every byte of the last record of a segment in the middle, every other record is recovered', () => {
  const next = segment(2, open(c), settle(c));
  for (let kept = 0; kept < lastRecord.length; kept += 1) {
    const files = new MemoryJournalFiles();
    files.segments.set(1, whole.subarray(0, whole.length - lastRecord.length + kept));
    files.segments.set(2, next);
    const { damage, lost, tornTailBytes } = recoverJournal(files, beginning);
    assert.deepEqual(
      damage.map((one) => [one.at.segment, one.at.offset, one.bytes]),
      kept === 0 ? [] : [[1, whole.length - lastRecord.length, kept]],
    );
    assert.deepEqual([lost.map((one) => one.id), tornTailBytes], [['b'], 0]);
    assert.deepEqual(settled(files), [a, c].map(storedRecord), `${kept} bytes kept`);
  }
});

test('each bit of a record, flipped: the record is told as damage and never read as another; all others are recovered', () => {
  const target = frames(settle(b));
  const content = segment(1, open(a), settle(a), open(b), settle(b), open(c), settle(c));
  const start = content.indexOf(target);
  const expected = [a, c].map(storedRecord);
  const files = new MemoryJournalFiles();
  for (let bit = 0; bit < target.length * 8; bit += 1) {
    const flipped = Buffer.from(content);
    const at = start + (bit >> 3);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
    files.segments.set(1, flipped);
    const { damage, lost } = recoverJournal(files, beginning);
    assert.equal(damage.length, 1, `bit ${bit}`);
    assert.equal(damage[0]?.at.offset, start, `bit ${bit}`);
    assert.deepEqual([lost.map((one) => one.id), settled(files)], [['b'], expected], `bit ${bit}`);
  }
});

// ── An entry that no reader would take for one ──

test('an adjustment that would be too long to be read is refused, and nothing is booked with it', async () => {
  const files = new MemoryJournalFiles();
  const { journal } = begin(files);
  const ordinary = correction(usageRecord('a'));
  const detail = JSON.stringify({ why: 'x'.repeat(16 * 1024 * 1024) });
  await assert.rejects(journal.book([ordinary, { ...ordinary, id: 'too long', detail }]), RangeError);
  await journal.book([{ ...ordinary, id: 'later' }]);
  await journal.close();
  const items = [...journalAudit(files).items(null, fileEnd(files) ?? journalStart)];
  assert.deepEqual(
    items.map((item) => (item.kind === 'adjustment' ? item.adjustment.id : item.kind)),
    ['segment', 'later'],
  );
});
