import { existsSync, realpathSync, watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/** Signs of files: what tells one version of a file from another without reading it. */
export type FileSigns = ReadonlyMap<string, string>;

/** Files that something depends on. Another configuration may name others. */
export interface FollowedFiles {
  /** Changes of them are heard at once. */
  readonly heard: readonly string[];
  /** There may be thousands of them; they are looked at from time to time. */
  readonly lookedAt: readonly string[];
}

export interface FileFollower {
  /** Others may be named by now: changes of those that are new count from here on. Never rejects. */
  meet(): Promise<void>;
  close(): void;
}

export interface FollowOptions {
  /** Asked for anew each time that they are looked at. */
  readonly files: () => FollowedFiles;
  /** What they were like when they were read; of those that are missing, whatever is found first. */
  readonly seen?: FileSigns;
  /** One of them may be another by now; called for nothing at times, and several times for one change. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often files are looked at, ms. */
const lookEveryMs = 10_000;
const atOnce = 64;

/**
 * Hears of changes at once where the operating system tells of them, and looks by itself from time to time: of a share that
 * another machine writes to, of a folder that was deleted and made anew, and of a link that leads elsewhere by now, nothing
 * is heard.
 */
export function followFiles(options: FollowOptions): FileFollower {
  const { clock } = options;
  const watched = new Map<string, readonly FSWatcher[]>();
  const seen = new Map(options.seen);
  let closed = false;
  let timer: Timer | undefined;

  async function look(): Promise<void> {
    const { heard, lookedAt } = options.files();
    const found = await signsOf([...heard, ...lookedAt]);
    if (closed) return;
    const isOther = [...found].some(([file, sign]) => (seen.get(file) ?? sign) !== sign);
    for (const [file, sign] of found) seen.set(file, sign);
    // What was heard of may be a folder that is not there any more.
    for (const [file, watchers] of watched) if (isOther || !heard.includes(file)) end(file, watchers);
    listen(heard);
    if (isOther) options.changed();
    timer = clock.after(lookEveryMs, () => void look());
  }

  function listen(files: readonly string[]): void {
    for (const file of files) if (!watched.has(file)) watched.set(file, watchFolders(file, options));
  }

  function end(file: string, watchers: readonly FSWatcher[]): void {
    for (const watcher of watchers) watcher.close();
    watched.delete(file);
  }

  listen(options.files().heard);
  void look();
  return {
    async meet() {
      const { heard, lookedAt } = options.files();
      if (!closed) listen(heard);
      const signs = await signsOf([...heard, ...lookedAt].filter((file) => !seen.has(file)));
      for (const [file, sign] of signs) if (!seen.has(file)) seen.set(file, sign);
    },
    close() {
      closed = true;
      timer?.cancel();
      for (const [file, watchers] of watched) end(file, watchers);
    },
  };
}

/** Never rejects: what cannot be looked at has an empty sign. */
export async function signsOf(files: readonly string[]): Promise<FileSigns> {
  const signs = new Map<string, string>();
  for (let from = 0; from < files.length; from += atOnce) {
    const some = files.slice(from, from + atOnce);
    const found = await Promise.all(some.map(signOf));
    for (const [at, file] of some.entries()) signs.set(file, found[at] ?? '');
  }
  return signs;
}

async function signOf(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return '';
  }
}

/**
 * The file's folder, and that of what it links to: a mounted volume swaps the target, not the link. Not the file: editors
 * and volumes replace it, and a watched file that was replaced is never heard of again.
 */
function watchFolders(file: string, { changed, log }: FollowOptions): readonly FSWatcher[] {
  const watchers: FSWatcher[] = [];
  const failed = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(
      { reason, file },
      `changes of the file are not heard; it is looked at every ${lookEveryMs / 1000} seconds`,
    );
  };
  try {
    const files = existsSync(file) ? [file, realpathSync(file)] : [file];
    const names = new Set(files.map((one) => basename(one)));
    const heard = (_event: string, name: string | null): void => {
      // `..data` is what Kubernetes swaps when it updates a mounted file.
      if (name === null || names.has(name) || name.startsWith('..')) changed();
    };
    for (const folder of new Set(files.map((one) => dirname(one)))) {
      const watcher = watch(folder, { persistent: false }, heard);
      watcher.on('error', failed);
      watchers.push(watcher);
    }
  } catch (thrown) {
    failed(thrown);
  }
  return watchers;
}
