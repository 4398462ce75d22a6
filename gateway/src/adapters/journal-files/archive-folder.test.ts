import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { ArchiveFolder } from '#accounting/ledger/archive/ports.ts';
import { JournalReader } from '#accounting/ledger/journal-reader.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { archivePath, openArchiveFolder } from './archive-folder.ts';
import { openJournalFiles } from './journal-files.ts';
import { frames, segment, settle } from '../../../test/support/journal-content.ts';
import { usageRecord } from '../../../test/support/records.ts';

async function withFolder(run: (folder: string, archive: ArchiveFolder) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'tollgate-archive-'));
  const folder = join(parent, 'journal');
  mkdirSync(folder);
  try {
    await run(folder, openArchiveFolder(folder));
  } finally {
    await rm(parent, { recursive: true });
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A segment of several frames, every record of it a kilobyte and different. */
const long = segment(
  1,
  ...Array.from({ length: 3000 }, (_, at) => settle(usageRecord(`record-${at}`, { at: 1_700_000_000_000 + at * 7 }))),
);

async function archived(folder: string, archive: ArchiveFolder, content = long): Promise<void> {
  writeFileSync(join(folder, '00000001.journal'), content);
  await archive.compress(1);
  await archive.keep(1);
  await archive.removeSegment(1);
}

interface Read {
  readonly records: number;
  readonly lostBytes: number;
}

function readAll(folder: string): Read {
  const files = openJournalFiles(folder);
  const end = fileEnd(files) ?? { segment: 1, offset: 0 };
  const reader = new JournalReader(files, { segment: 1, offset: 0 });
  let records = 0;
  let lostBytes = 0;
  for (let one = reader.next(end); one !== undefined; one = reader.next(end)) {
    if (one.kind === 'record') records += 1;
    else lostBytes += one.bytes;
  }
  files.close();
  return { records, lostBytes };
}

test('a segment is compressed to a tenth, told with its digests, and any Zstandard reader turns it back', async () => {
  await withFolder(async (folder, archive) => {
    writeFileSync(join(folder, '00000001.journal'), long);
    const made = await archive.compress(1);
    assert.deepEqual(archive.list(), [], 'before it is kept it is none');
    await archive.keep(1);
    assert.deepEqual(archive.list(), [1]);
    const file = readFileSync(archivePath(folder, 1));
    assert.deepEqual(made, {
      bytes: file.length,
      sha256: sha256(file),
      contentBytes: long.length,
      contentSha256: sha256(long),
    });
    assert.equal(await archive.digest(1), made.sha256);
    assert.ok(file.length * 10 < long.length, `${file.length} of ${long.length}`);
    assert.deepEqual(zstdDecompressSync(file), long);
    assert.equal(statSync(archivePath(folder, 1)).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'archive')).mode & 0o777, 0o700);
  });
});

test('an archived segment is listed with its own size and read at any place, as before', async () => {
  await withFolder(async (folder, archive) => {
    await archived(folder, archive);
    const second = segment(2, settle(usageRecord('second')));
    writeFileSync(join(folder, '00000002.journal'), second);
    const files = openJournalFiles(folder);
    assert.deepEqual(files.list(), [
      { segment: 1, bytes: long.length, archived: true },
      { segment: 2, bytes: second.length, archived: false },
    ]);
    const into = Buffer.alloc(5000);
    for (const offset of [0, 1, 1024 * 1024 - 2000, 1024 * 1024, long.length - 10]) {
      let read = 0;
      for (let count = -1; count !== 0 && read < into.length; read += count)
        count = files.read({ segment: 1, offset: offset + read }, into.subarray(read));
      assert.deepEqual(into.subarray(0, read), long.subarray(offset, offset + read), `at ${offset}`);
      assert.equal(read, Math.min(into.length, long.length - offset));
    }
    assert.equal(files.read({ segment: 1, offset: long.length }, into), 0);
    files.close();
    assert.deepEqual(readAll(folder), { records: 3003, lostBytes: 0 });
  });
});

test("the segment's own file is read as long as it is there, and its archive in the moment it is not", async () => {
  await withFolder(async (folder, archive) => {
    writeFileSync(join(folder, '00000001.journal'), long);
    await archive.compress(1);
    await archive.keep(1);
    const files = openJournalFiles(folder);
    assert.deepEqual(files.list(), [{ segment: 1, bytes: long.length, archived: false }]);
    const before = Buffer.alloc(100);
    files.read({ segment: 1, offset: 0 }, before);
    await archive.removeSegment(1);
    const after = Buffer.alloc(100);
    files.read({ segment: 1, offset: 100 }, after);
    assert.deepEqual(Buffer.concat([before, after]), long.subarray(0, 200));
    assert.deepEqual(files.list(), [{ segment: 1, bytes: long.length, archived: true }]);
    files.close();
  });
});

test('a flipped bit costs the frame that it is in, and is told by place; every other record is read', async () => {
  await withFolder(async (folder, archive) => {
    await archived(folder, archive);
    const file = readFileSync(archivePath(folder, 1));
    const table = file.length - 17 - 8 * Math.ceil(long.length / (1024 * 1024));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: table * 8 - 1 }), (bit) => {
        const content = Buffer.from(file);
        content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(archivePath(folder, 1), content);
        const { records, lostBytes } = readAll(folder);
        // A bit that the format does not use may be flipped without any loss.
        if (lostBytes === 0) assert.equal(records, 3001);
        else assert.ok(records >= 1500 && records < 3001, `${records} records`);
      }),
      { numRuns: 40 },
    );
  });
});

test('of an archive that is cut off, or whose table is damaged, every whole frame is read', async () => {
  await withFolder(async (folder, archive) => {
    await archived(folder, archive);
    const path = archivePath(folder, 1);
    const file = readFileSync(path);
    // Four frames of a mebibyte and a rest; the table of five entries is the end of the file.
    const table = file.length - 17 - 8 * Math.ceil(long.length / (1024 * 1024));
    for (const cut of [file.length - 1, table]) {
      writeFileSync(path, file.subarray(0, cut));
      assert.deepEqual(readAll(folder), { records: 3001, lostBytes: 0 });
    }
    writeFileSync(path, Buffer.concat([file.subarray(0, -1), Buffer.from('x')]));
    assert.deepEqual(readAll(folder), { records: 3001, lostBytes: 0 });
    for (let kept = table - 1; kept > 0; kept -= 997) {
      writeFileSync(path, file.subarray(0, kept));
      const files = openJournalFiles(folder);
      const bytes = files.list()[0]?.bytes ?? 0;
      files.close();
      assert.equal(bytes % (1024 * 1024), 0);
      const { records } = readAll(folder);
      assert.ok(bytes === 0 ? records === 0 : records > 0);
    }
  });
});

for (const [what, damage] of [
  ['cut off in its first frame', (path: string) => truncateSync(path, 1000)],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['something else', (path: string) => writeFileSync(path, 'no archive at all, but long enough to be one')],
] as const)
  test(`an archive that is ${what} is listed as empty, so that it is missed`, async () => {
    await withFolder(async (folder, archive) => {
      await archived(folder, archive);
      damage(archivePath(folder, 1));
      const files = openJournalFiles(folder);
      assert.deepEqual(files.list(), [{ segment: 1, bytes: 0, archived: true }]);
      files.close();
    });
  });

test('what a killed process left of an archive is nobody’s archive, and written over', async () => {
  await withFolder(async (folder, archive) => {
    mkdirSync(join(folder, 'archive'));
    writeFileSync(join(folder, 'archive', 'unfinished'), Buffer.alloc(5_000_000));
    assert.deepEqual(archive.list(), []);
    await archived(folder, archive, segment(1, settle(usageRecord('a'))));
    assert.deepEqual(readAll(folder), { records: 2, lostBytes: 0 });
    assert.equal(existsSync(join(folder, 'archive', 'unfinished')), false);
  });
});

test('a segment that cannot be read leaves nothing behind', async () => {
  await withFolder(async (folder, archive) => {
    await assert.rejects(archive.compress(7), { code: 'ENOENT' });
    mkdirSync(join(folder, '00000008.journal'));
    await assert.rejects(archive.compress(8), { code: 'EISDIR' });
    assert.equal(existsSync(join(folder, 'archive', 'unfinished')), false);
  });
});

test('an empty segment is archived, too', async () => {
  await withFolder(async (folder, archive) => {
    await archived(folder, archive, Buffer.alloc(0));
    assert.deepEqual(readAll(folder), { records: 0, lostBytes: 0 });
  });
});

test('the manifest is there whole or not at all, and archives can be removed', async () => {
  await withFolder(async (folder, archive) => {
    assert.equal(archive.readManifest(), null);
    await archived(folder, archive, frames('{}'));
    await archive.writeManifest('{"one":1}');
    await archive.writeManifest('{"two":2}');
    assert.equal(archive.readManifest(), '{"two":2}');
    assert.equal(statSync(join(folder, 'archive', 'manifest.json')).mode & 0o777, 0o600);
    await archive.removeArchive(1);
    await archive.removeArchive(1);
    assert.deepEqual([archive.list(), archive.segments()], [[], []]);
    assert.equal(await archive.digest(1), null);
    rmSync(join(folder, 'archive'), { recursive: true });
    assert.deepEqual(archive.list(), []);
  });
});
