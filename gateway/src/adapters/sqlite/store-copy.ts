import fs from 'node:fs';
import { backup } from 'node:sqlite';
import type { StoreCopy } from '#accounting/reports/ports.ts';
import type { SqliteDatabase } from './open.ts';

/** So many pages at a time, between which the store is written and read as ever. */
const pagesPerStep = 256;
const pageBytes = 8192;

/**
 * SQLite's own online backup, over the connection that writes: what is written meanwhile is in the copy, too, and does
 * not make it begin again.
 */
export function sqliteStoreCopy(database: SqliteDatabase, path: string): StoreCopy {
  return {
    kind: 'sqlite',
    bytes: () => fs.statSync(path).size,
    async copyTo(target, onBytes) {
      // Made before SQLite does, so that only its owner may read it.
      fs.closeSync(fs.openSync(target, 'wx', 0o600));
      await backup(database.connection, target, {
        rate: pagesPerStep,
        progress: ({ totalPages, remainingPages }) => onBytes((totalPages - remainingPages) * pageBytes),
      });
    },
  };
}
