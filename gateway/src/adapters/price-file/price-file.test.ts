import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { priceFiles } from './price-file.ts';

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'price-file-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

suite('a price file on disk', () => {
  test('that does not exist is none; one that cannot be read is an error', (context) => {
    const folder = folderFor(context);
    assert.equal(priceFiles.read(path.join(folder, 'prices.json')), null);
    assert.throws(() => priceFiles.read(folder), /EISDIR/);
  });

  test('is replaced as a whole, and nothing is left beside it', (context) => {
    const folder = folderFor(context);
    const file = path.join(folder, 'prices.json');
    priceFiles.replace(file, 'first');
    priceFiles.replace(file, 'second');
    assert.equal(priceFiles.read(file), 'second');
    assert.deepEqual(readdirSync(folder), ['prices.json']);
  });

  test('is gone where it is to be none again', (context) => {
    const file = path.join(folderFor(context), 'prices.json');
    priceFiles.replace(file, 'first');
    priceFiles.replace(file, null);
    priceFiles.replace(file, null);
    assert.equal(priceFiles.read(file), null);
  });

  test('stays as it was where the new one cannot be put in its place', (context) => {
    const folder = folderFor(context);
    assert.throws(() => priceFiles.replace(path.join(folder, 'none', 'prices.json'), 'new'), /ENOENT/);
    // A folder cannot be replaced by a file: the new one was written beside it, and is taken away.
    const occupied = path.join(folder, 'occupied');
    mkdirSync(occupied);
    writeFileSync(path.join(occupied, 'inside'), 'old');
    assert.throws(() => priceFiles.replace(occupied, 'new'), /EISDIR|ENOTEMPTY|EEXIST/);
    assert.deepEqual(readdirSync(folder), ['occupied']);
    assert.equal(readFileSync(path.join(occupied, 'inside'), 'utf8'), 'old');
  });

  test('what was left by a write that was cut off does no harm', (context) => {
    const folder = folderFor(context);
    const file = path.join(folder, 'prices.json');
    priceFiles.replace(file, 'old');
    writeFileSync(`${file}.new-${process.pid}`, 'half of a n');
    assert.equal(priceFiles.read(file), 'old');
    priceFiles.replace(file, 'new');
    assert.deepEqual([readdirSync(folder), priceFiles.read(file)], [['prices.json'], 'new']);
  });
});
