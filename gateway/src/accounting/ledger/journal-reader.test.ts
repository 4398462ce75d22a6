import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameBuffer } from './framing.ts';
import { isOpen, JournalReader, type Scanned } from './journal-reader.ts';
import { fileEnd } from './recovery.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';

const framed = (...texts: readonly string[]): Buffer => {
  const frames = new FrameBuffer(16);
  for (const text of texts) frames.add(text);
  return Buffer.from(frames.bytes);
};

function filesOf(...segments: readonly Buffer[]): MemoryJournalFiles {
  const files = new MemoryJournalFiles();
  for (const [at, content] of segments.entries()) files.segments.set(at + 1, content);
  return files;
}

type Told = string | { readonly kind: string; readonly at: string; readonly bytes: number };
const tell = (scanned: Scanned): Told =>
  scanned.kind === 'record'
    ? scanned.json.toString('utf8')
    : { kind: scanned.kind, at: `${scanned.at.segment}:${scanned.at.offset}`, bytes: scanned.bytes };

function readAll(files: MemoryJournalFiles, from = { segment: 1, offset: 0 }): Told[] {
  const reader = new JournalReader(files, from);
  const end = fileEnd(files) ?? from;
  const told: Told[] = [];
  for (let one = reader.next(end); one !== undefined; one = reader.next(end)) told.push(tell(one));
  assert.deepEqual(reader.position, end);
  return told;
}

test('a record is framed as documented', () => {
  assert.equal(framed('{"a":1}').toString('latin1'), '\u001e561bacaf {"a":1}\n');
});

test('records are read in order over several segments, in UTF-8', () => {
  assert.deepEqual(readAll(filesOf(framed('"a"', '"é😀"'), framed(), framed('"c"'))), ['"a"', '"é😀"', '"c"']);
});

test('records longer than a read, and many reads long, come whole', () => {
  const texts = [300_000, 10, 2_000_000, 262_144, 5].map((length) => JSON.stringify('x'.repeat(length)));
  assert.deepEqual(readAll(filesOf(framed(...texts))), texts);
});

test('reading ends where the writer says, in the middle of a segment too', () => {
  const files = filesOf(framed('1', '2', '3'));
  const reader = new JournalReader(files, { segment: 1, offset: 0 });
  const two = { segment: 1, offset: framed('1', '2').length };
  assert.deepEqual(
    [reader.next(two), reader.next(two)].map((one) => one && tell(one)),
    ['1', '2'],
  );
  assert.equal(reader.next(two), undefined);
  const three = { segment: 1, offset: framed('1', '2', '3').length };
  assert.deepEqual(tell(reader.next(three) ?? assert.fail()), '3');
});

test('reading begins at a position', () => {
  assert.deepEqual(readAll(filesOf(framed('1'), framed('2', '3')), { segment: 2, offset: framed('2').length }), ['3']);
});

test('a torn end is told as such, with its length', () => {
  const torn = framed('"third"').subarray(0, 12);
  assert.deepEqual(readAll(filesOf(Buffer.concat([framed('1', '2'), torn]))), [
    '1',
    '2',
    { kind: 'torn', at: `1:${framed('1', '2').length}`, bytes: 12 },
  ]);
});

test('zeros at the end, as a power failure leaves them, are a torn end', () => {
  assert.deepEqual(readAll(filesOf(Buffer.concat([framed('1'), Buffer.alloc(5000)]))), [
    '1',
    { kind: 'torn', at: `1:${framed('1').length}`, bytes: 5000 },
  ]);
});

test('damage that reaches into several records is told once; what follows is read', () => {
  const [one, two, three, four] = ['"one"', '"two"', '"three"', '"four"'].map((text) => framed(text)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  two[two.length - 3] = 0x58;
  three[0] = 0x58;
  assert.deepEqual(readAll(filesOf(Buffer.concat([one, two, three, four]))), [
    '"one"',
    { kind: 'damage', at: `1:${one.length}`, bytes: two.length + three.length },
    '"four"',
  ]);
});

test('a record whose line feed is lost does not take the next one with it', () => {
  const [one, two] = [framed('"one"'), framed('"two"')];
  one[one.length - 1] = 0x58;
  assert.deepEqual(readAll(filesOf(Buffer.concat([one, two]))), [
    { kind: 'damage', at: '1:0', bytes: one.length },
    '"two"',
  ]);
});

test('damage before a torn end is told apart from it', () => {
  const damaged = framed('"damaged"');
  damaged[14] = 0x58;
  const told = readAll(filesOf(Buffer.concat([damaged, framed('"torn"').subarray(0, -1)])));
  assert.deepEqual(
    told.map((one) => (typeof one === 'string' ? one : one.kind)),
    ['damage', 'torn'],
  );
});

test('a torn end in the middle of the journal does not hide the next segment', () => {
  assert.deepEqual(readAll(filesOf(framed('1').subarray(0, 5), framed('2'))), [
    { kind: 'torn', at: '1:0', bytes: 5 },
    '2',
  ]);
});

test('megabytes of rubbish without a line feed are told and passed over', () => {
  const told = readAll(filesOf(Buffer.concat([framed('1'), Buffer.alloc(40 * 1024 * 1024, 0x58), framed('2')])));
  assert.deepEqual(told, ['1', { kind: 'damage', at: `1:${framed('1').length}`, bytes: 40 * 1024 * 1024 }, '2']);
});

test('any one flipped bit costs one record or a neighbour of its end, and is told; all others are read', () => {
  const texts = Array.from({ length: 6 }, (_, at) => JSON.stringify(`record ${at} `.repeat(at + 1)));
  const whole = framed(...texts);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length * 8 - 1 }), (bit) => {
      const content = Buffer.from(whole);
      content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const told = readAll(filesOf(content));
      const read = told.filter((one) => typeof one === 'string');
      const lost = told.reduce((sum, one) => sum + (typeof one === 'string' ? 0 : one.bytes), 0);
      assert.ok(read.every((one) => texts.includes(one)));
      assert.equal(read.length, texts.length - 1);
      assert.equal(lost + framed(...read).length, whole.length);
    }),
    { numRuns: 1000 },
  );
});

test('opens are recognised without parsing', () => {
  for (const version of [1, 2]) assert.equal(isOpen(Buffer.from(`{"v":${version},"kind":"open","id":"a"}`)), true);
  for (const other of ['{"v":1,"kind":"settle","id":"a"}', '{"v":3,"kind":"open","id":"a"}', '{}', ''])
    assert.equal(isOpen(Buffer.from(other)), false, other);
});
