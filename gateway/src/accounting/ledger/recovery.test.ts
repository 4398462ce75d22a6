import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LaterVersion } from './decode-entry.ts';
import { instanceOf, recoverFrom, recoverJournal, usableCheckpoint } from './recovery.ts';
import type { Checkpoint } from './ports.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';

const [a, b, c] = [usageRecord('a'), usageRecord('b'), usageRecord('c')];
const beginning: Checkpoint = {
  instance: 'journal-1',
  shipped: { segment: 1, offset: 0 },
  lowWater: { segment: 1, offset: 0 },
  settles: 0,
};

function filesOf(...segments: readonly Buffer[]): MemoryJournalFiles {
  const files = new MemoryJournalFiles();
  for (const [at, content] of segments.entries()) files.segments.set(at + 1, content);
  return files;
}

test('an empty folder is an empty journal', () => {
  const recovered = recoverJournal(filesOf(), beginning);
  assert.deepEqual(recovered, {
    checkpoint: beginning,
    end: null,
    settles: 0,
    lost: [],
    tornTailBytes: 0,
    damage: [],
    missing: [],
  });
});

test('attempts without a settle are lost, whichever segment they stand in', () => {
  const files = filesOf(segment(1, open(a), open(b)), segment(2, settle(b), open(c)));
  const recovered = recoverJournal(files, beginning);
  assert.deepEqual(recovered.lost, [openedAttempt(a), openedAttempt(c)]);
  assert.equal(recovered.settles, 1);
  assert.deepEqual(recovered.end, { segment: 2, offset: segment(2, settle(b), open(c)).length });
});

test('a torn end is cut off: the record that it began never counted', () => {
  const whole = segment(1, open(a));
  const recovered = recoverJournal(filesOf(Buffer.concat([whole, frames(settle(a)).subarray(0, -1)])), beginning);
  assert.deepEqual(recovered.end, { segment: 1, offset: whole.length });
  assert.equal(recovered.tornTailBytes, frames(settle(a)).length - 1);
  assert.deepEqual(recovered.lost, [openedAttempt(a)]);
  assert.deepEqual(recovered.damage, []);
});

test('damage is told by position, and everything behind it is recovered', () => {
  const head = segment(1, open(a));
  const damaged = frames(settle(b));
  damaged[30] = 0x58;
  const recovered = recoverJournal(
    filesOf(Buffer.concat([head, damaged, frames(settle(a))]), segment(2, open(c))),
    beginning,
  );
  assert.deepEqual(recovered.damage, [
    { kind: 'damage', at: { segment: 1, offset: head.length }, bytes: damaged.length },
  ]);
  assert.deepEqual(recovered.lost, [openedAttempt(c)]);
  assert.equal(recovered.settles, 1);
});

test('a whole record that is no entry is damage', () => {
  const head = segment(1);
  const recovered = recoverJournal(
    filesOf(Buffer.concat([head, frames('{"v":1,"kind":"settle"}', open(a))])),
    beginning,
  );
  assert.deepEqual(recovered.damage, [
    { kind: 'damage', at: { segment: 1, offset: head.length }, bytes: frames('{"v":1,"kind":"settle"}').length },
  ]);
  assert.deepEqual(recovered.lost, [openedAttempt(a)]);
});

test('a torn segment that is not the last is damage', () => {
  const head = segment(1, open(a));
  const recovered = recoverJournal(filesOf(head.subarray(0, -1), segment(2)), beginning);
  assert.equal(recovered.damage.length, 1);
  assert.equal(recovered.tornTailBytes, 0);
});

test('a segment that is gone from the middle is told; what stands behind it is recovered', () => {
  const files = filesOf(segment(1, open(a)), segment(2, settle(a)), segment(3, open(b)));
  assert.deepEqual(recoverJournal(files, beginning).missing, []);
  files.segments.delete(2);
  const recovered = recoverJournal(files, beginning);
  assert.deepEqual(recovered.missing, [2]);
  assert.deepEqual(recovered.lost, [openedAttempt(a), openedAttempt(b)]);
  assert.deepEqual(recoverJournal(files, { ...beginning, lowWater: { segment: 3, offset: 0 } }).missing, [2]);
});

test('a beginning that is gone is told by what is left of the journal', () => {
  const files = filesOf(segment(1, open(a)), segment(2, settle(a)));
  files.segments.delete(1);
  assert.deepEqual(recoverFrom(null, files, 'journal-1').missing, [1]);
});

test('segments that were exchanged for each other are told; what stands in them is recovered', () => {
  const recovered = recoverJournal(filesOf(segment(2, settle(a)), segment(1, open(a)), segment(3)), beginning);
  assert.deepEqual(recovered.missing, [1, 2]);
  assert.equal(recovered.settles, 1);
});

test('reading begins where neither a record nor an open attempt can have been overlooked', () => {
  const first = segment(1, open(a));
  const shipped = { segment: 1, offset: Buffer.concat([first, frames(open(b), settle(b))]).length };
  const files = filesOf(Buffer.concat([first, frames(open(b), settle(b), settle(c))]));
  const early = { segment: 1, offset: segment(1).length };
  const late = { segment: 1, offset: shipped.offset + frames(settle(c)).length };
  const from = (checkpoint: Partial<Checkpoint>) => recoverJournal(files, { ...beginning, settles: 7, ...checkpoint });
  assert.deepEqual(from({ shipped, lowWater: early }).lost, [openedAttempt(a)]);
  assert.equal(from({ shipped, lowWater: early }).settles, 8);
  assert.deepEqual(from({ shipped, lowWater: late }).lost, []);
  assert.equal(from({ shipped, lowWater: late }).settles, 8);
});

test('what a later version has written stops the start', () => {
  assert.throws(() => recoverJournal(filesOf(segment(1, '{"v":3,"kind":"open","id":"a"}')), beginning), LaterVersion);
});

test("the journal's id is that of the newest header that can be read", () => {
  assert.equal(instanceOf(filesOf()), null);
  assert.equal(instanceOf(filesOf(segment(1), segment(2))), 'journal-1');
  assert.equal(instanceOf(filesOf(segment(1), Buffer.from('rubbish\n'))), 'journal-1');
});

test('a checkpoint is believed only if the journal reaches it and is the one it was made for', () => {
  const files = filesOf(segment(1, open(a)), segment(2));
  const inside: Checkpoint = { ...beginning, shipped: { segment: 2, offset: 5 }, settles: 9 };
  assert.equal(usableCheckpoint(inside, files, 'journal-1'), inside);
  const unusable: [string, Checkpoint | null, string][] = [
    ['none', null, 'journal-1'],
    ['another journal', inside, 'journal-2'],
    ['beyond the end', { ...inside, shipped: { segment: 2, offset: 5000 } }, 'journal-1'],
    ['a segment that is gone', { ...inside, lowWater: { segment: 7, offset: 0 } }, 'journal-1'],
  ];
  for (const [what, checkpoint, instance] of unusable)
    assert.deepEqual(usableCheckpoint(checkpoint, files, instance), { ...beginning, instance }, what);
});

test('a store that had followed beyond what is whole of the journal is not believed', () => {
  const whole = segment(1, open(a), settle(a), open(b));
  const torn = frames(settle(b)).subarray(0, -1);
  const files = filesOf(Buffer.concat([whole, torn]));
  const end = { segment: 1, offset: whole.length + torn.length };
  const stored: Checkpoint = { instance: 'journal-1', shipped: end, lowWater: beginning.lowWater, settles: 2 };
  const recovered = recoverFrom(stored, files, 'journal-1');
  assert.deepEqual(recovered.checkpoint, { ...beginning, instance: 'journal-1' });
  assert.equal(recovered.settles, 1);
  assert.deepEqual(
    recovered.lost.map((one) => one.id),
    ['b'],
  );
  const fits = { ...stored, shipped: { segment: 1, offset: whole.length }, settles: 1 };
  assert.equal(recoverFrom(fits, files, 'journal-1').checkpoint, fits);
});

test('an attempt whose settle was lost with the power is found, however far the low water had got', () => {
  const before = segment(1, open(a), open(b), settle(b));
  // A file that a loss of power leaves as long as it was: what had not been written yet is zeros.
  const files = filesOf(Buffer.concat([before, Buffer.alloc(frames(settle(a)).length)]));
  const end = { segment: 1, offset: before.length + frames(settle(a)).length };
  const shipped = { segment: 1, offset: before.length };
  const recovered = recoverFrom({ instance: 'journal-1', shipped, lowWater: end, settles: 1 }, files, 'journal-1');
  assert.deepEqual(recovered.lost, [openedAttempt(a)]);
  assert.equal(recovered.settles, 1);
});
