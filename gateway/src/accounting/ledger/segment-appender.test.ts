import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SegmentAppender } from './segment-appender.ts';
import { recoverJournal } from './recovery.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles, systemError } from '../../../test/support/memory-journal-files.ts';
import { usageRecord } from '../../../test/support/records.ts';

const record = usageRecord('a');
const beginning = {
  instance: 'journal-1',
  shipped: { segment: 1, offset: 0 },
  lowWater: { segment: 1, offset: 0 },
  settles: 0,
};

function appenderAt(files: MemoryJournalFiles): SegmentAppender {
  const { end } = recoverJournal(files, beginning);
  return new SegmentAppender({ files, clock: new ManualClock(), instance: 'journal-1', segmentBytes: 1_000_000, end });
}

test('an empty folder gets its first segment', () => {
  const files = new MemoryJournalFiles();
  const appender = appenderAt(files);
  assert.match(files.text(1), /"kind":"header","segment":1,"follows":null/);
  assert.deepEqual(appender.confirmed, { segment: 1, offset: files.text(1).length });
});

test('a torn end is cut off before anything is written, however long it is', () => {
  const files = new MemoryJournalFiles();
  const whole = segment(1, open(record));
  files.segments.set(1, Buffer.concat([whole, Buffer.alloc(100_000)]));
  const appender = appenderAt(files);
  assert.equal(files.segments.get(1)?.length, whole.length);
  appender.append(frames(settle(record)));
  assert.deepEqual(files.segments.get(1), Buffer.concat([whole, frames(settle(record))]));
});

test('a segment without one whole record is given up, its number not used again', () => {
  const files = new MemoryJournalFiles();
  files.segments.set(1, segment(1, open(record)));
  files.segments.set(2, segment(2).subarray(0, 20));
  appenderAt(files);
  assert.deepEqual([...files.segments.keys()], [1, 3]);
  assert.match(files.text(3), /"segment":3,"follows":1/);
});

test('a segment that cannot be begun leaves nothing behind, and the next try has another number', () => {
  const files = new MemoryJournalFiles();
  const appender = appenderAt(files);
  files.onWrite = () => systemError('ENOSPC');
  assert.throws(() => appender.replace(), /ENOSPC/);
  assert.throws(() => appender.append(frames(open(record))), /no segment/);
  files.onWrite = () => undefined;
  appender.replace();
  appender.append(frames(open(record)));
  assert.deepEqual([...files.segments.keys()], [1, 3]);
  assert.match(files.text(3), /"segment":3,"follows":1/);
});

test('what was not confirmed is cut off when the segment is replaced', () => {
  const files = new MemoryJournalFiles();
  const appender = appenderAt(files);
  appender.append(frames(open(record)));
  appender.confirm();
  const whole = files.segments.get(1)?.length;
  appender.append(frames(settle(record)));
  appender.replace();
  assert.equal(files.segments.get(1)?.length, whole);
  assert.equal(appender.confirmed.segment, 2);
});

test('a segment in which nothing ever counted goes when it is replaced; the one that was begun with stays', () => {
  const files = new MemoryJournalFiles();
  const appender = appenderAt(files);
  for (let again = 0; again < 5; again += 1) {
    appender.append(frames(open(record)));
    appender.replace();
  }
  assert.deepEqual([...files.segments.keys()], [1, 6]);
  assert.match(files.text(6), /"segment":6,"follows":1/);
});

test('a segment that cannot be removed stays, and the next one follows it', () => {
  const files = new MemoryJournalFiles();
  const appender = appenderAt(files);
  appender.replace();
  files.onRemove = () => {
    throw systemError('EIO');
  };
  appender.replace();
  assert.deepEqual([...files.segments.keys()], [1, 2, 3]);
  assert.deepEqual(recoverJournal(files, beginning).missing, []);
});
