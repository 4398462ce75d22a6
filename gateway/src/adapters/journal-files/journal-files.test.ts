import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JournalFiles } from '#accounting/ledger/ports.ts';
import { openJournalFiles } from './journal-files.ts';

async function withFiles(run: (files: JournalFiles, folder: string) => Promise<void> | void): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'tollgate-journal-'));
  const folder = join(parent, 'journal');
  mkdirSync(folder);
  const files = openJournalFiles(folder);
  try {
    await run(files, folder);
  } finally {
    files.close();
    await rm(parent, { recursive: true });
  }
}

test('segments are listed in their order, and nothing else in the folder is', async () => {
  await withFiles((files, folder) => {
    for (const segment of [10, 2, 1]) files.create(segment).close();
    for (const name of ['lock.sqlite', 'reserve', '1.journal', '00000003.journal.bak', 'x00000003.journal'])
      writeFileSync(join(folder, name), '');
    writeFileSync(join(folder, '00000002.journal'), 'four');
    assert.deepEqual(files.list(), [
      { segment: 1, bytes: 0, archived: false },
      { segment: 2, bytes: 4, archived: false },
      { segment: 10, bytes: 0, archived: false },
    ]);
  });
});

test('what is written can be read, cut, synced and appended to', async () => {
  await withFiles(async (files, folder) => {
    const file = files.create(1);
    assert.equal(file.write(Buffer.from('hello world'), 0), 11);
    await file.sync();
    await files.syncFolder();
    file.truncate(5);
    file.close();
    const again = files.append(1);
    again.write(Buffer.from('!'), 5);
    again.close();
    assert.equal(readFileSync(join(folder, '00000001.journal'), 'utf8'), 'hello!');
    const into = Buffer.alloc(3);
    assert.equal(files.read({ segment: 1, offset: 4 }, into), 2);
    assert.equal(into.toString('latin1', 0, 2), 'o!');
    assert.equal(files.read({ segment: 1, offset: 6 }, into), 0);
    assert.equal(statSync(join(folder, '00000001.journal')).mode & 0o777, 0o600);
  });
});

test('a reader that goes on to the next segment and back reads the right one', async () => {
  await withFiles((files) => {
    for (const segment of [1, 2]) {
      const file = files.create(segment);
      file.write(Buffer.from(String(segment)), 0);
      file.close();
    }
    const read = (segment: number): string => {
      const into = Buffer.alloc(1);
      files.read({ segment, offset: 0 }, into);
      return into.toString('latin1');
    };
    assert.deepEqual([1, 2, 1].map(read), ['1', '2', '1']);
  });
});

test('no segment is made over another, none is appended to that is not there, and one can be removed', async () => {
  await withFiles((files) => {
    files.create(1).close();
    assert.throws(() => files.create(1), /EEXIST/);
    assert.throws(() => files.append(2), /ENOENT/);
    files.remove(1);
    assert.deepEqual(files.list(), []);
  });
});

test('room is set aside in blocks of its own, grows, is kept over restarts, and is given back', async () => {
  await withFiles((files, folder) => {
    const size = (): number => statSync(join(folder, 'reserve')).size;
    files.setAside(100_000);
    assert.equal(size(), 100_000);
    assert.ok(statSync(join(folder, 'reserve')).blocks * 512 >= 100_000);
    files.setAside(300_000);
    files.setAside(200_000);
    assert.equal(size(), 300_000);
    files.close();
    files.setAside(250_000);
    assert.equal(size(), 300_000);
    files.giveBack();
    assert.equal(size(), 0);
  });
});
