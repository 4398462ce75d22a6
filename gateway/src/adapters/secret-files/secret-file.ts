import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '#kernel/log.ts';

/**
 * The content of a file that is made on first use, for its owner alone (mode 0600), and stays. Two processes that make it
 * at once agree on one. Warns where others of the machine may read it. Rejects where it can be neither read nor made.
 */
export async function secretFile(path: string, make: () => string, log: Log): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const content = (await existing(path)) ?? (await create(path, make()));
  await warnIfOthersMayRead(path, log);
  return content;
}

async function existing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written whole under another name and then linked: nobody ever reads half of it, and the first one stays. */
async function create(path: string, content: string): Promise<string> {
  const written = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(written, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(written, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(written);
  }
  return await readFile(path, 'utf8');
}

async function warnIfOthersMayRead(path: string, log: Log): Promise<void> {
  // Windows keeps access lists, which a mode does not show.
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    log.warn(
      { path, mode: (mode & 0o777).toString(8) },
      'a secret can be read by other users of this machine; chmod it to 600, or replace it',
    );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
