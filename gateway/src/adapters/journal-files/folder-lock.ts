import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface FolderLock {
  release(): void;
}

/** Another process has the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  constructor(folder: string, holder: string) {
    super(`The data folder ${folder} is in use by another gateway${holder}. Every gateway needs a folder of its own.`);
  }
}

const holderName = 'lock-holder';

/**
 * Takes the folder for this process, until it is released or the process ends, however it ends. Node has no locks of
 * its own, so the lock is the operating system's on an SQLite file that holds nothing: an exclusive transaction that
 * is never committed. Makes the folder where it is missing. Throws `FolderInUse`.
 */
export function lockFolder(folder: string): FolderLock {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new FolderInUse(folder, holderOf(folder));
    throw error;
  }
  fs.writeFileSync(join(folder, holderName), String(process.pid), { mode: 0o600 });
  return { release: () => database.close() };
}

function isBusy(error: unknown): boolean {
  const sqliteBusy = 5;
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}

/** For the message only: the file may be older than the lock. */
function holderOf(folder: string): string {
  try {
    const holder = fs.readFileSync(join(folder, holderName), 'utf8');
    return /^\d+$/.test(holder) ? ` (process ${holder})` : '';
  } catch {
    return '';
  }
}
