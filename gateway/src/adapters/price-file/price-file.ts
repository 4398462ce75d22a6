import fs from 'node:fs';
import { dirname } from 'node:path';
import type { PriceFileStore } from '#accounting/retail/ports.ts';

/** Price files on disk. */
export const priceFiles: PriceFileStore = {
  read(path) {
    try {
      return fs.readFileSync(path, 'utf8');
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
      throw thrown;
    }
  },
  replace(path, text) {
    if (text === null) {
      fs.rmSync(path, { force: true });
      return;
    }
    // Beside it, because only within one file system a rename is one step.
    const beside = `${path}.new-${process.pid}`;
    try {
      writeWhole(beside, text);
      fs.renameSync(beside, path);
    } catch (thrown) {
      fs.rmSync(beside, { force: true });
      throw thrown;
    }
    syncFolder(dirname(path));
  },
};

function writeWhole(path: string, text: string): void {
  const handle = fs.openSync(path, 'w', 0o644);
  try {
    fs.writeFileSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** So that the rename outlives a power cut, where the file system can do that for folders: shares often cannot. */
function syncFolder(folder: string): void {
  try {
    const handle = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    // The file itself is whole and in its place.
  }
}
