import { existsSync, globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { skipWithout } from './required-programs.ts';

const [library] = [process.env['TOLLGATE_TEST_FAKETIME'] ?? [], globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')]
  .flat()
  .filter((file) => existsSync(file));

/** For `test` and `describe` that show other processes a time of day that is wrong. */
export const faketimeOrSkip = skipWithout(
  'faketime',
  library === undefined
    ? 'no libfaketime is installed (apt-get install libfaketime, or set TOLLGATE_TEST_FAKETIME to libfaketimeMT.so.1)'
    : undefined,
);

/** The time of day that a process sees, which may be set while it runs, as by NTP. Its monotonic clock goes on as ever. */
export interface ShiftedClock {
  /** For the process. */
  readonly environment: Readonly<Record<string, string>>;
  /** So far from the right time from now on, ms. */
  set(shiftMs: number): void;
}

export function shiftedClock(context: Pick<TestContext, 'after'>, shiftMs: number): ShiftedClock {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-clock-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'shift');
  const set = (ms: number): void => {
    writeFileSync(`${file}.new`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}`);
    // In one step: it is read at any moment.
    renameSync(`${file}.new`, file);
  };
  set(shiftMs);
  return {
    environment: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  };
}
